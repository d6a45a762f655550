"""What one read leaves for the next: until which moment of entry it saw everything, and what a later read is compared with.

A cursor that cannot be read, or is of another tenant, is none: everything is read then. It holds counts and no person.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

import msgspec

_VERSION: Final = 1


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
