"""One read of a whole directory, from the first page to the proof. Blocking; it runs in a thread.

Units come first, because people need to know their unit's id. Whoever is moved while the read goes on could slip from a base not
yet read into one that was: who changed meanwhile is asked for at the end, and read once more. Memory holds the units, one page,
and a few bytes for each person.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import compress
from typing import Final

from syncd.core.known import Known
from syncd.core.model import Completeness, Kind, Page, SourceRecord
from syncd_active_directory.clock import next_review
from syncd_active_directory.cursor import Cursor, written
from syncd_active_directory.entry import RawEntry, names
from syncd_active_directory.explained import Explained
from syncd_active_directory.met import Met, key_of
from syncd_active_directory.place import Place
from syncd_active_directory.proof import Proof
from syncd_active_directory.proof_servers import since
from syncd_active_directory.reading import Reading
from syncd_active_directory.records import Records
from syncd_active_directory.settings import DirectorySettings
from syncd_active_directory.units import Units, packed
from syncd_active_directory.ways import Mark, Telling, Told, Way
from syncd_active_directory.wire import Wire

_NOBODY: Final = Told(mark={})


class Full:
    """A full read, and what it leaves for the next one."""

    def __init__(
        self,
        wire: Wire,
        place: Place,
        *,
        settings: DirectorySettings,
        telling: Telling | None,
        last: Cursor | None,
        known: Known,
        now: datetime,
    ) -> None:
        self._place = place
        self._telling = telling
        self._last = last
        self._now = now
        self._reading = Reading(wire, place)
        self._units = Units(wire, place)
        self._records = Records(place, self._units, known=known, now=now)
        self._proof = Proof(self._reading, self._records, self._units, settings=settings, last=last)
        self._met = Met()

    def pages(self, hidden: tuple[str, ...] = ()) -> Iterator[Page]:
        """Yield the directory; the last page carries the proof and the cursor. Raises as the wire does.

        `hidden` are the ids that the cursor shall remember as not to be seen.
        """
        mark, before = self._opening()
        for kind in self._place.kinds:
            yield from self._of_kind(kind)
        told = self._told_meanwhile(mark)
        yield from self._meanwhile(told)
        now = int(self._now.timestamp())
        explained = Explained(self._reading, telling=self._telling, last=self._last, told=before)
        verdict = self._proof.verdict(told, explained, now=now)
        completeness = Completeness(facts=verdict.facts)
        proven = completeness.proven
        cursor = Cursor(
            dialect=self._place.dialect.name,
            way=self._telling.way if self._telling else Way.NONE,
            mark=mark,
            server=self._place.server,
            digest=self._place.digest(),
            state=verdict.state,
            units=packed(self._units.ids()),
            seen=verdict.seen,
            review=next_review(self._reading, self._now),
            at=now,
            # Of what is not proven, nothing is taken for the last good read: what was told since that one goes on counting.
            left=0 if proven else -1 if explained.left is None else explained.left,
            moved=0 if proven else explained.moved,
            since=since(self._place, self._last, now),
            recent=() if proven or self._last is None else self._last.recent,
            hidden=hidden,
        )
        yield Page(completeness=completeness, cursor=written(cursor), notes=verdict.notes)

    def _opening(self) -> tuple[Mark, Told | None]:
        """Return the position before the read, and what was told since the last one, if that can be told."""
        if self._telling is None:
            return {}, None
        last = self._last
        if last is None or last.way is not self._telling.way:
            return self._telling.mark(), None
        told = self._telling.since(last.mark)
        return (self._telling.mark(last.mark), None) if told.over else (told.mark, told)

    def _of_kind(self, kind: Kind) -> Iterator[Page]:
        batches = self._reading.everything(kind)
        if kind is Kind.UNIT:
            entries = [entry for batch in batches for entry in batch]
            self._units.learn(entries, whole=True)
            batches = iter([entries])
        for batch in batches:
            before = self._records.unchanged[kind]
            records = self._new(kind, batch)
            unchanged = self._records.unchanged[kind] - before
            if records or unchanged:
                yield Page(records=records, unchanged=unchanged)

    def _new(self, kind: Kind, entries: Sequence[RawEntry]) -> tuple[SourceRecord, ...]:
        """Return the records of those who are not known and did not come before: moved while it was read, or told twice."""
        found, extended = names(entries), self._place.dialect.extended_names
        fresh = self._met.fresh([key_of(name) for name in found] if extended else found)
        if not all(fresh):
            entries, found = list(compress(entries, fresh)), list(compress(found, fresh))
        records = self._records.of(kind, entries, found)
        if extended:
            return tuple(records)
        # Names come without ids here: somebody who was moved comes under another name.
        return tuple(compress(records, self._met.fresh([record.native_id for record in records])))

    def _told_meanwhile(self, mark: Mark) -> Told:
        return self._telling.since(mark) if self._telling else _NOBODY

    def _meanwhile(self, told: Told) -> Iterator[Page]:
        """Yield those who changed while the read went on and were not yielded before."""
        self._units.reopen()
        found = self._reading.by_ids(told.changed)
        records = tuple(record for _, kind, entry in found for record in self._new(kind, (entry,)))
        if records:
            yield Page(records=records)
