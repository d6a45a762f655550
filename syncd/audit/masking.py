"""How people's values are written down: in full, masked, or as a keyed digest. Never decides which; that is a setting.

FULL answers an auditor's "what was it before?" and is the default of the database, which only its owner can read. MASKED keeps
the shape and is the default of exports. DIGEST tells whether two values are equal, to nobody who has not the key: unkeyed
digests of telephone numbers are guessed in seconds, and count as personal data all the same (EDPB, audit.md §3).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from syncd.core.values import Value, canonical

MASK: Final = "•••"
KEY_BYTES: Final = 16
"""The least length of a digest's key."""

# Our own ids say nothing about a person to whom the database is closed, and without them a change of department is unreadable.
_OWN_ID: Final = re.compile(r"(person|unit|group|target):\S+")


class ValuesRule(StrEnum):
    """How old and new values are recorded."""

    FULL = "full"
    MASKED = "masked"
    DIGEST = "digest"


def masked(value: Value) -> Value:
    """Return `value` with texts cut to their first character and numbers hidden; flags, nothing and our own ids stay."""
    match value:
        case None | bool():
            return value
        case str():
            return value if not value or _OWN_ID.fullmatch(value) else _cut(value)
        case int() | float():
            return MASK
        case Mapping():
            return {name: masked(item) for name, item in value.items()}
        case _:
            return [masked(item) for item in value]


def _cut(text: str) -> str:
    return text[0] + MASK if len(text) > len(MASK) else MASK


def digested(value: Value, key: bytes) -> Value:
    """Return a keyed digest of `value` (HMAC-SHA-256, 128 bits); nothing stays nothing."""
    return None if value is None else "hmac:" + hmac.new(key, canonical(value), hashlib.sha256).hexdigest()[:32]
