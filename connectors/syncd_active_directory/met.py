"""Who was met already in one read: eight bytes a person at a fill of one half, because there may be a million of them."""

from __future__ import annotations

from array import array
from typing import Final

from syncd_active_directory.entry import RawEntry
from syncd_active_directory.names import id_bytes

_FIRST: Final = 1024
_WORD: Final = (1 << 64) - 1


class Met:
    """A set that only tells whether something is new: a hash table of 64-bit hashes, keyed anew in each process.

    Two of a million share a hash once in 40 million reads; the second would be left out of one read, which counting again
    would notice.
    """

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * _FIRST))
        self._last = _FIRST - 1
        self._room = _FIRST // 2

    def add(self, key: str | bytes) -> bool:
        """Add a key; return whether it was new."""
        slots, last = self._slots, self._last
        mark = hash(key) & _WORD or 1
        at = mark & last
        while found := slots[at]:
            if found == mark:
                return False
            at = (at + 1) & last
        slots[at] = mark
        self._room -= 1
        if not self._room:
            self._grow()
        return True

    def _grow(self) -> None:
        old = self._slots
        size = 2 * len(old)
        slots = self._slots = array("Q", bytes(8 * size))
        last = self._last = size - 1
        self._room = size // 4
        for mark in old:
            if mark:
                at = mark & last
                while slots[at]:
                    at = (at + 1) & last
                slots[at] = mark


def entry_key(entry: RawEntry) -> bytes:
    """Return what tells an entry from others without decoding it: the id that its name comes with, or else its name."""
    dn = entry.dn_bytes
    return id_bytes(dn) or dn
