"""What one read leaves for the next: until which moment of entry it saw everything, and what a later read is compared with.

A cursor that cannot be read, or is of another tenant, is none: everything is read then. It holds counts and no person.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

import msgspec

_VERSION: Final = 1
_SHORT: Final = 5
"""Bytes: of 100,000 workers a new one is taken for an old one once in ten million times, and a full read finds them then."""


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """Where a proven read ended."""

    version: int = _VERSION
    scope: str = ""
    """Of which tenant, and who makes a person there."""
    since: str = ""
    """The moment of entry that the read was pinned to, by Workday's clock, in RFC 3339."""
    total: int = 0
    """Worker records, by Workday's count."""
    shares: dict[str, float] = {}
    """In which part of the workers each section was found."""
    places: dict[str, int] = {}
    """Worker records in each large organization, by its WID."""
    units: tuple[str, ...] = ()
    """The units, each as a short digest of its id."""

    several: tuple[str, ...] = ()
    """People with several rows, each as a short digest of their id; of reports only."""
    there: str = ""
    """All workers as short digests, packed; of reports only, whose count is compared with them."""

    def written(self) -> str:
        return msgspec.json.encode(self).decode()


def parsed(text: str | None, *, scope: str) -> Cursor:
    """Return what a cursor says, an empty one where it says nothing of this tenant."""
    try:
        found = msgspec.json.decode(text or "", type=Cursor)
    except msgspec.DecodeError:
        return Cursor(scope=scope)
    return found if (found.version, found.scope) == (_VERSION, scope) else Cursor(scope=scope)


def mark(native_id: str) -> str:
    """Return a short digest of an id."""
    return blake2b(native_id.encode(), digest_size=8).hexdigest()


def unpacked(text: str) -> set[bytes]:
    """Return the digests of a packed set; an empty set for what is none."""
    try:
        raw = b64decode(text, validate=True)
    except ValueError:
        return set()
    return {raw[at : at + _SHORT] for at in range(0, len(raw), _SHORT)}


def packed(names: Iterable[str], *, before: str = "") -> str:
    """Return a set of names as short digests, packed in seven characters each; with those of a packed set before."""
    return b64encode(b"".join(sorted(unpacked(before) | {_short(name) for name in names}))).decode()


def strangers(names: Iterable[str], before: str) -> int:
    """Return how many names are not in a packed set."""
    known = unpacked(before)
    return sum(_short(name) not in known for name in names)


def _short(name: str) -> bytes:
    return blake2b(name.encode(), digest_size=_SHORT).digest()
