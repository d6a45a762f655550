"""Who was met already in one read: eight bytes a person at a fill of one half, because there may be a million of them."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Final

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

    def fresh(self, keys: Sequence[str | bytes]) -> list[bool]:
        """Add keys; return of each whether it was new. What `add` does, without a call for each."""
        found: list[bool] = []
        slots, last = self._slots, self._last
        for key in keys:
            mark = hash(key) & _WORD or 1
            at = mark & last
            while (held := slots[at]) and held != mark:
                at = (at + 1) & last
            found.append(not held)
            if held:
                continue
            slots[at] = mark
            self._room -= 1
            if not self._room:
                self._grow()
                slots, last = self._slots, self._last
        return found

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


def key_of(dn: bytes) -> bytes:
    """Return what tells an entry from others without decoding it: the id that its name comes with, or else its name."""
    return id_bytes(dn) or dn
