"""Values that travel between rooms: JSON-like, comparable, hashable by digest.

A value is text, a whole number, a fraction, a flag, nothing, a list or a mapping of such. Dates are text in ISO 8601
(`2026-11-22`), instants are text in RFC 3339 UTC (`2026-11-22T01:30:00Z`): one form, so that two equal values always have
equal bytes. This module never rounds, never guesses a type and never changes a value's meaning.
"""

from __future__ import annotations

import hashlib
import json
import marshal
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, TypeAlias

Value: TypeAlias = "str | int | float | bool | None | Sequence[Value] | Mapping[str, Value]"
"""What an attribute or a field can hold. Lists are compared in order."""

Values: TypeAlias = Mapping[str, Value]


# Made once: `json.dumps` makes one per call, which costs as much as a short text.
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical(value: Value) -> bytes:
    """Return the one JSON text of `value`: keys sorted, no blanks, UTF-8, lists and tuples alike."""
    return _ENCODER.encode(value).encode()


def digest(value: Value) -> bytes:
    """Return the 16-byte BLAKE2b digest of the canonical text of `value`."""
    return hashlib.blake2b(canonical(value), digest_size=16).digest()


def content_digest(values: Values, names: Sequence[str], more: Iterable[str] = ()) -> bytes:
    """Return a 16-byte digest of what `values` holds under `names`, in their order, and of `more`; what is absent counts as None.

    For `SourceRecord.digest`, where it is compared with the last one and no more: it costs a fifth of `digest`, but another
    version of Python may give other bytes (the documentation of `marshal` does not promise its format), which then looks like
    a change once. So it proves nothing, and lists differ from tuples.
    """
    # Version 2 of the format knows no back references, so equal values have equal bytes whoever shares what.
    return hashlib.blake2b(marshal.dumps([*map(values.get, names), *more], 2), digest_size=16).digest()


_SCALARS: Final = (str, int, float, type(None))
_NUMBERS: Final = (int, float)
"""A flag is an int, too."""


def frozen(value: Value) -> Value:
    """Return `value` with every list turned into a tuple, so that equality does not depend on who made it."""
    if isinstance(value, _SCALARS):  # asked first: nearly always so, and the other questions are dear
        return value
    if type(value) is dict or isinstance(value, Mapping):
        return {key: frozen(item) for key, item in value.items()}
    return tuple([frozen(item) for item in value])


def is_empty(value: Value) -> bool:
    """Tell whether a value says nothing: None, blank text, an empty list or mapping. Zero and False say something."""
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or (not isinstance(value, _NUMBERS) and len(value) == 0)


def instant(moment: datetime) -> str:
    """Return an aware datetime as RFC 3339 UTC text, to the microsecond only where there is one."""
    if moment.tzinfo is None:
        msg = "a naive datetime is not an instant"
        raise ValueError(msg)
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """Return the aware UTC datetime that `instant` wrote."""
    return datetime.fromisoformat(text).astimezone(UTC)
