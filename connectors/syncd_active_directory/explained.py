"""How far what is missing is explained by what the server told. Blocking: it looks where those are who changed, if that is asked.

That somebody was edited explains nothing: only who is deleted, or is seen outside, has left, and only who was moved has left a
unit.
"""

from __future__ import annotations

from functools import cached_property

from syncd_active_directory.cursor import Cursor
from syncd_active_directory.reading import Reading
from syncd_active_directory.ways import Telling, Told


class Explained:
    """What was told about the time between the last good read and the beginning of this one."""

    def __init__(self, reading: Reading, *, telling: Telling | None, last: Cursor | None, told: Told | None) -> None:
        self._reading = reading
        self._telling = telling
        self._last = last
        self._told = told

    @cached_property
    def left(self) -> int | None:
        """Return how many objects were told as deleted, or are seen outside; None if that is not known."""
        if self._last is None or self._told is None or self._last.left < 0:
            return None
        return self._last.left + _departures(self._reading, self._told)

    @property
    def moved(self) -> int:
        """Return how many objects were told as moved, at most."""
        return (self._last.moved if self._last else 0) + (moves(self._told) if self._told else 0)

    @cached_property
    def deletions(self) -> bool:
        """Tell whether deletions are told at all."""
        return self._telling is not None and self._telling.tells_deletions


def moves(told: Told) -> int:
    """Return how many were moved, at most."""
    return len(told.changed if told.moved is None else told.moved - told.born)


def _departures(reading: Reading, told: Told) -> int:
    """Return how many have left: deleted, or seen where nothing is read, with all who stand below them."""
    place = reading.place
    usual = all(search.filter == place.dialect.filters[search.kind] for search in place.searches)
    inside = {identity for identity, _, _ in reading.by_ids(told.changed)}
    left = len(told.gone)
    for found in reading.anywhere(told.changed - inside):
        # Below a base, and yet not found there: with a filter of somebody's own it may have ceased to fit; with the usual ones it
        # has not, and has not left.
        left += not usual or not place.is_read(found.dn)
        if not found.classes & place.dialect.leaves and not place.is_context(found.dn):
            left += sum(1 for _, below in reading.below(found.dn) if not place.is_read(below.dn))
    return left
