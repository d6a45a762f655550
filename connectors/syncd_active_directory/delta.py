"""What changed since the last read: who is told by a way, read again by the code that reads everything. Blocking.

Nothing is yielded before it is sure that the delta can be told whole; where it cannot, the read starts over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from syncd.core.known import Known
from syncd.core.model import Completeness, Kind, NativeId, Page, ProofFact, SourceRecord
from syncd_active_directory import clock
from syncd_active_directory.cursor import Cursor, written
from syncd_active_directory.entry import RawEntry
from syncd_active_directory.explained import moves
from syncd_active_directory.following import Following, regrouped
from syncd_active_directory.gathered import Gathered
from syncd_active_directory.place import Place
from syncd_active_directory.proof_servers import delta_facts, lagged, older, server_state, since
from syncd_active_directory.reading import Found, Reading
from syncd_active_directory.records import Records
from syncd_active_directory.units import Units, unpacked
from syncd_active_directory.ways import Telling, Told, Way
from syncd_active_directory.wire import Wire

_PAGE: Final = 500
_MOST_RECENT: Final = 500
_MOST_HIDDEN: Final = 500
_MOST_AT_ONCE: Final = 50
"""So many entries are kept as they came until all of them are there."""


class Delta:
    """A delta: first `gather`, and if that says nothing against it, `pages`."""

    def __init__(
        self,
        wire: Wire,
        place: Place,
        *,
        telling: Telling,
        last: Cursor,
        known: Known,
        now: datetime,
        units: dict[bytes, str],
    ) -> None:
        """`units` are those that earlier deltas over this connection asked for, by name."""
        self._place = place
        self._telling = telling
        self._last = last
        self._now = now
        self._reading = Reading(wire, place)
        self._units = Units(wire, place, units if telling.way is Way.SYNCREPL else None)
        self._records = Records(place, self._units, known=known, now=now)
        self._gathered = Gathered(self._records)
        self._remembered = unpacked(last.units)
        self._gone: set[str] = set()
        self._told = Told(mark=last.mark)
        self.hidden: tuple[str, ...] = last.hidden
        """Ids of those who were told as changed and cannot be seen."""

    def gather(self) -> str:
        """Find out who changed and read them; return why everything must be read instead, empty if it need not."""
        if older(self._place, self._last):
            return "the server is behind the last read: it was restored from an older state"
        if lagged(self._place, self._last, int(self._now.timestamp())):
            return "this server took over from another one since the last full read, and may have been behind it then"
        told = self._told = self._telling.since(self._last.mark)
        if over := told.over or told.inexact:
            return over
        wanted = {each for each in told.changed if not self._stays_outside(each)} | set(self._due())
        self._take(wanted)
        left = wanted - self._gathered.names.keys()
        elsewhere = self._elsewhere(left)
        far = {each: found for each, found in elsewhere.items() if "group" in found.classes}
        following = Following(self._reading, self._gathered, units=self._remembered, told=told)
        over = (
            self._judge_unseen(left - elsewhere.keys() - self._gathered.names.keys())
            or regrouped(self._reading, self._gathered, told=told, far=far, tells_members=self._telling.tells_members)
            or following.follow(elsewhere)
        )
        here = self._gathered.names.keys() | self._gathered.made.keys()
        self._gone |= (told.gone | elsewhere.keys() | following.outside) - here
        return over

    def _take(self, wanted: set[str]) -> None:
        """Read those who were told. Units that earlier deltas asked for are what they were, as long as only people changed:
        content synchronization tells of each unit that is made, changed, renamed or deleted."""
        persons = self._told.persons and wanted <= self._told.changed
        found: Iterable[tuple[str, Kind, RawEntry]] = self._reading.by_ids(wanted, persons=persons)
        if len(wanted) <= _MOST_AT_ONCE:
            found = list(found)
        people = {identity for identity, kind, _ in found if kind is Kind.PERSON} if isinstance(found, list) else set()
        if self._told.gone or people != wanted:
            self._units.forget()
        self._gathered.take(found)

    def pages(self) -> Iterator[Page]:
        """Yield what changed, units first, then who is gone; the last page carries the new position."""
        for kind in self._place.kinds:
            records = [each for each in self._gathered.made.values() if each.kind is kind]
            unchanged = self._records.unchanged[kind]
            yield from _paged(records, unchanged)
        if self._gone:
            yield Page(deletions=tuple(map(NativeId, sorted(self._gone))), full=False)
        facts = (*delta_facts(self._place, self._last), *self._told.facts, self._summary())
        cursor = written(self._cursor())
        yield Page(full=False, cursor=cursor, completeness=Completeness(facts=facts), notes=self._records.notes())

    def _elsewhere(self, left: set[str]) -> dict[str, Found]:
        """Return those who can be seen, but not as what is read: outside bases or filters.

        Whoever stands inside a base is asked for once more: he may have come in between two questions, and is no leaver then.
        """
        found = {each.identity: each for each in self._reading.anywhere(left)}
        inside = {key for key, each in found.items() if self._place.is_read(each.dn) and "computer" not in each.classes}
        if inside:
            self._gathered.take(self._reading.by_ids(inside))
        return {key: each for key, each in found.items() if key not in self._gathered.names}

    def _stays_outside(self, identity: str) -> bool:
        """Tell whether somebody stands where nothing is read, and stood there before."""
        name = self._told.names.get(identity)
        if name is None or self._told.moved is None or identity in self._told.moved:
            return False
        return not self._place.is_read(name)

    def _due(self) -> Iterator[str]:
        """Yield those whose state changed by itself since the last read."""
        if self._is_due():
            yield from clock.due(self._reading, since=datetime.fromtimestamp(self._last.at, UTC), now=self._now)
        if self._place.reads(Kind.PERSON, "locked"):
            yield from clock.locked(self._reading)

    def _is_due(self) -> bool:
        return bool(self._last.review) and self._last.review <= self._now.timestamp()

    def _judge_unseen(self, unseen: set[str]) -> str:
        """Decide about those who were told as changed and cannot be seen: the server itself may say that they are outside."""
        outside = {each for each in unseen if (name := self._told.names.get(each)) and not self._place.is_read(name)}
        self._gone |= outside
        unknown = unseen - outside - set(self._last.hidden)
        if not unknown:
            return ""
        # They may have been deleted a moment ago: then the server says so now, and the next delta, too.
        unknown -= self._telling.since(self._told.mark).gone
        if not unknown:
            return ""
        self.hidden = tuple(sorted(unknown | set(self._last.hidden))[:_MOST_HIDDEN])
        return f"{len(unknown)} objects that changed cannot be seen: the account may not, or no longer, read them"

    def _summary(self) -> ProofFact:
        made = len(self._gathered.made)
        detail = f"{len(self._told.changed)} told as changed, {made} read anew, {len(self._gone)} gone or outside"
        return ProofFact(name="who was told was read again", holds=True, detail=detail)

    def _cursor(self) -> Cursor:
        last, told = self._last, self._told
        fresh = self._gathered.made.keys() & (told.changed if told.moved is None else told.moved)
        recent = tuple(sorted((set(last.recent) - told.gone) | fresh)[:_MOST_RECENT])
        units = self._remembered.changed(added=self._gathered.of(Kind.UNIT), removed=self._gone) if last.units else ""
        return replace(
            last,
            mark=told.mark,
            server=self._place.server,
            state=server_state(self._place, self._place.root, self._last),
            units=units,
            at=int(self._now.timestamp()),
            review=self._review(),
            since=since(self._place, last, int(self._now.timestamp())),
            left=last.left + len(self._gone) if last.left >= 0 else -1,
            moved=last.moved + moves(told),
            recent=recent,
        )

    def _review(self) -> int:
        if self._is_due():
            return clock.next_review(self._reading, self._now)
        moments = [int(each.review_at.timestamp()) for each in self._gathered.made.values() if each.review_at]
        return min([*moments, *((self._last.review,) if self._last.review else ())], default=0)


def _paged(records: Sequence[SourceRecord], unchanged: int) -> Iterator[Page]:
    for at in range(0, len(records), _PAGE):
        yield Page(records=tuple(records[at : at + _PAGE]), full=False)
    if unchanged:
        yield Page(unchanged=unchanged, full=False)
