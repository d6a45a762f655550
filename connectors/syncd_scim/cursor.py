"""What one read leaves for the next: how many there were, a sum over who they were, and since when to ask for changes.

A cursor that cannot be read is none: everything is read then.
"""

from __future__ import annotations

from typing import Final

import msgspec

_VERSION: Final = 1


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Who was there, of one kind."""

    count: int = 0
    sum: str = ""
    recent: tuple[str, ...] = ()
    """Ids of those who were made after `Cursor.since`: a later delta sees them again, and must not count them again."""


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """Where a read ended."""

    version: int = _VERSION
    url: str = ""
    """Of another service nothing is concluded."""
    filter: str = ""
    since: str = ""
    """The service's own clock when the read began, less the overlap."""
    seen: dict[str, Seen] = {}
    """By path, of the last read that was proven."""

    def written(self) -> str:
        return msgspec.json.encode(self).decode()


def parsed(text: str | None, *, url: str, filter_: str) -> Cursor:
    """Return what a cursor says, an empty one where it says nothing of this service."""
    try:
        found = msgspec.json.decode(text or "", type=Cursor)
    except msgspec.DecodeError:
        return Cursor(url=url, filter=filter_)
    if (found.version, found.url, found.filter) != (_VERSION, url, filter_):
        return Cursor(url=url, filter=filter_)
    return found
