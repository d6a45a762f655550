"""Who was yielded already in one read: eight bytes a person at the fill of one half, because there may be a million of them."""

from __future__ import annotations

from array import array
from typing import Final

_FIRST: Final = 1024
_WORD: Final = (1 << 64) - 1


class Yielded:
    """A set of ids that only tells whether it has one: a hash table of their 64-bit hashes, keyed anew in each process.

    Two of a million ids share a hash once in 40 million reads; the second one would then be left out of one read.
    """

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * _FIRST))
        self._used = 0

    def add(self, identity: str) -> bool:
        """Add an id; return whether it was new."""
        if 2 * self._used >= len(self._slots):
            self._grow()
        new = self._put(hash(identity) & _WORD or 1)
        self._used += new
        return new

    def _put(self, mark: int) -> bool:
        slots = self._slots
        last = len(slots) - 1
        at = mark & last
        while found := slots[at]:
            if found == mark:
                return False
            at = (at + 1) & last
        slots[at] = mark
        return True

    def _grow(self) -> None:
        old = self._slots
        self._slots = array("Q", bytes(16 * len(old)))
        for mark in old:
            if mark:
                self._put(mark)
