"""Workers and units from rows: the read of custom reports and of queries. Everything is gathered and judged before it is told.

A report has no pages and no moment of entry, so what it lacks is not seen in it: the count of a second report, and what was
there before, make its proof. A query has pages by offset and no snapshot: its total has to be one and the same at both ends.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Final, Self
from zoneinfo import ZoneInfo

import msgspec
from msgspec import structs

from syncd.core.errors import NeedsHuman, TryAgain
from syncd.core.known import Known
from syncd.core.model import LEARNED, Completeness, Kind, NativeId, Page, ProofFact, SourceRecord
from syncd.core.ports import Room, Verdict
from syncd.core.ports import Standing as Outcome
from syncd_workday import messages
from syncd_workday.columns import indexed, texts
from syncd_workday.cursor import Cursor, mark, packed, parsed, strangers
from syncd_workday.gathered import Gathered
from syncd_workday.patience import patiently
from syncd_workday.row_people import MADE, RowShape
from syncd_workday.row_wire import RowWire
from syncd_workday.settings import Deltas, WorkdaySettings
from syncd_workday.threads import beside

_SKEW: Final = timedelta(seconds=60)
"""How far behind our clock a read stays: Workday's own is not told with rows."""
_BY_PROMPT: Final = "the report's prompt for what was changed since; disappearances by the count"
_BY_NOTHING: Final = "every read is a full read"


@dataclass(slots=True, kw_only=True)
class _Found:
    """What one read brought."""

    gathered: Gathered
    units: dict[NativeId, SourceRecord] = field(default_factory=dict)
    facts: list[ProofFact] = field(default_factory=list)
    unit_rows: int = 0
    counted: set[str] = field(default_factory=set)
    """What Workday says of how many workers there are."""


class RowSource:
    """A tenant whose rows are read, open between `__aenter__` and `__aexit__`."""

    def __init__(self, settings: WorkdaySettings, room: Room, *, scope: str) -> None:
        self._settings = settings
        self._room = room
        self._scope = scope
        wanted = room.wanted.get(Kind.PERSON, frozenset()) if room.wanted is not None else None
        self._shape = RowShape(settings, now=room.now, wanted=wanted)
        self._wire = RowWire(settings, room)

    @property
    def _by_prompt(self) -> bool:
        report = self._settings.report
        return report is not None and bool(report.changed_since) and self._settings.delta is Deltas.TRANSACTIONS

    async def __aenter__(self) -> Self:
        await self._wire.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._wire.__aexit__(kind, error, trace)

    async def read(self, cursor: str | None, *, full: bool, known: Known) -> AsyncGenerator[Page]:
        """Yield what changed, or everybody. Raises as a source does."""
        last = parsed(cursor, scope=self._scope)
        at = self._room.now() - _SKEW
        how = _BY_NOTHING
        if self._by_prompt and last.since and not full:
            found = await self._all(last, at=at, since=datetime.fromisoformat(last.since) - self._settings.overlap)
            how = await beside(_why_not, found, last)
            if not how:
                async for page in self._told(found, known, full=False):
                    yield page
                yield self._changed(found, last, at=at)
                return
        found = await self._all(last, at=at)
        async for page in self._told(found, known, full=True):
            yield page
        yield self._whole(found, last, at=at, how=how)

    async def check(self) -> AsyncIterator[Verdict]:
        """Read everything once, and say what came and what did not."""
        step = "reports" if self._settings.report else "queries"
        try:
            found = await self._all(Cursor(scope=self._scope), at=self._room.now() - _SKEW)
        except (NeedsHuman, TryAgain) as error:
            yield Verdict(name=step, standing=Outcome.FAILED, seen=error.problem.what, problem=error.problem)
            return
        gathered = found.gathered
        seen = f"{gathered.workers} workers, {len(found.units)} units"
        nobody = None if gathered.workers else messages.NOBODY.at()
        yield Verdict(name=step, standing=Outcome.FAILED if nobody else Outcome.OK, seen=seen, problem=nobody)
        wanted = self._room.wanted or {}
        asked = wanted.get(Kind.PERSON, frozenset()) & self._shape.paths.keys()
        lacking = sorted(name for name in asked - self._settings.rows.without - MADE if not gathered.shares[name])
        standing = Outcome.WARNING if lacking else Outcome.OK
        yield Verdict(name="columns", standing=standing, seen=f"in no row: {', '.join(lacking) or 'none'}")
        doubts = [fact for fact in (*gathered.facts(), *found.facts) if not fact.holds and gathered.workers]
        seen = "; ".join(f"{fact.name}: {fact.detail}" for fact in doubts) or "everything holds"
        yield Verdict(name="proof", standing=Outcome.WARNING if doubts else Outcome.OK, seen=seen)

    # --- reading ---

    async def _all(self, last: Cursor, *, at: datetime, since: datetime | None = None) -> _Found:
        """Return the rows of a read, from a beginning each time: what came before a break is not believed."""
        ways = (self._by_report, self._by_query)
        way = ways[self._settings.report is None]

        async def once() -> _Found:
            found = _Found(gathered=Gathered(shape=self._shape, settings=self._settings, last=last))
            await way(found, at, since)
            found.gathered.judge()
            return found

        return await patiently(once, patience=self._settings.patience)

    async def _by_report(self, found: _Found, at: datetime, since: datetime | None) -> None:
        report = self._settings.report
        assert report is not None
        prompts = {name: self._filled(value, at) for name, value in report.prompts.items()}
        told = _moment(since) if since else report.beginning
        narrowed = {**prompts, report.changed_since: told} if report.changed_since and told else prompts
        for name in report.people:
            await self._wire.report(name, narrowed, found.gathered.take)
        found.facts.append(_fact("every report came to its end", True, f"{len(report.people)} of workers"))
        found.counted = set(found.gathered.counted)
        if report.count:
            rows: list[bytes] = []
            await self._wire.report(report.count, prompts, rows.extend)
            said = (indexed(msgspec.json.decode(raw, type=dict[str, object])) for raw in rows)
            found.counted = {text for row in said for text in texts(row, report.count_column)}
        if report.count_column and since is None:
            found.facts.append(_as_counted(found))
        if report.units:
            await self._wire.report(report.units, prompts, self._units(found))
            self._judge_units(found)

    async def _by_query(self, found: _Found, at: datetime, since: datetime | None) -> None:
        query = self._settings.query
        assert query is not None
        assert since is None, "a query has no prompt"
        await self._paged(found, self._filled(query.people, at), found.gathered.take, "worker")
        if query.units:
            await self._paged(found, self._filled(query.units, at), self._units(found), "unit")
            self._judge_units(found)

    async def _paged(self, found: _Found, text: str, take: Callable[[list[bytes]], None], what: str) -> None:
        """Read the pages of a query. Rows shift while somebody is changed, so the total is asked for again at the end."""
        query = self._settings.query
        assert query is not None
        totals, came, pages = set[int](), 0, 0
        while True:
            total, rows = await self._wire.query(text, limit=query.page_size, offset=came)
            totals.add(total)
            pages += 1
            came += len(rows)
            await beside(take, rows)
            if came >= total or not rows:
                break
        if pages > 1:
            totals.add((await self._wire.query(text, limit=1, offset=0))[0])
        said = ", ".join(str(each) for each in sorted(totals))
        holds = totals == {came}
        found.facts.append(_fact(f"as many {what} rows as Workday counts", holds, f"{came} read, {said} counted"))

    def _units(self, found: _Found) -> Callable[[list[bytes]], None]:
        def take(rows: list[bytes]) -> None:
            for raw in rows:
                found.unit_rows += 1
                if (unit := self._shape.unit(raw)) is not None:
                    found.units.setdefault(unit.native_id, unit)

        return take

    def _judge_units(self, found: _Found) -> None:
        there, rows = len(found.units), found.unit_rows
        found.facts.append(_fact("every unit came once and has an id", there == rows, f"{rows} rows, {there} units"))
        before = found.gathered.last.units
        gone = len({*before} - {*map(mark, found.units)})
        kept = there > 0 and gone <= len(before) / 2
        found.facts.append(_fact("most units are still there", kept, f"{there} units, gone: {gone} of {len(before)}"))

    # --- telling ---

    async def _told(self, found: _Found, known: Known, *, full: bool) -> AsyncGenerator[Page]:
        if found.units:
            yield Page(records=tuple(found.units.values()), full=full)
        pages = found.gathered.pages(known, full=full)
        while (page := await beside(next, pages, None)) is not None:
            yield page

    def _changed(self, found: _Found, last: Cursor, *, at: datetime) -> Page:
        there = packed(found.gathered.prints, before=last.there)
        units = tuple(sorted(map(mark, found.units)))
        total = _number(found) or last.total
        cursor = structs.replace(last, since=at.isoformat(), total=total, units=units, there=there)
        completeness = Completeness(facts=(_fact(LEARNED, True, _BY_PROMPT),))
        return Page(full=False, cursor=cursor.written(), completeness=completeness)

    def _whole(self, found: _Found, last: Cursor, *, at: datetime, how: str) -> Page:
        gathered = found.gathered
        completeness = Completeness(facts=(*gathered.facts(), *found.facts, _fact(LEARNED, True, how)))
        cursor = Cursor(
            scope=self._scope,
            since=at.isoformat(),
            total=gathered.workers,
            shares=gathered.shown(),
            units=tuple(sorted(map(mark, found.units))),
            several=tuple(sorted(gathered.several())),
            there=packed(gathered.prints) if self._by_prompt else "",
        )
        # Without a proof the next read compares itself with the last one that was proven.
        kept = cursor if completeness.proven else last
        return Page(cursor=kept.written(), completeness=completeness, notes=tuple(gathered.notes()))

    def _filled(self, text: str, at: datetime) -> str:
        today = self._room.now().astimezone(ZoneInfo(self._settings.timezone)).date()
        return text.replace("{today}", today.isoformat()).replace("{now}", _moment(at))


def _why_not(found: _Found, last: Cursor) -> str:
    """Return why a delta does not do; empty where it does."""
    if gone := {*last.units} - {*map(mark, found.units)}:
        return f"units gone: {len(gone)}"
    new, total = strangers(found.gathered.prints, last.there), _number(found)
    if total != last.total + new:
        return f"{last.total} workers were there, {new} are new, and {total} are counted"
    return found.gathered.unsure()


def _as_counted(found: _Found) -> ProofFact:
    there, said = found.gathered.workers, ", ".join(sorted(found.counted)) or "nothing"
    return _fact("as many workers as Workday counts", _number(found) == there, f"{there} read, {said} counted")


def _number(found: _Found) -> int | None:
    """Return how many workers Workday counts; None where it says nothing, or several things."""
    number = next(iter(found.counted), "").partition(".")[0] if len(found.counted) == 1 else ""
    return int(number) if number.isdigit() else None


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def _fact(name: str, holds: bool, detail: str) -> ProofFact:
    return ProofFact(name=name, holds=holds, detail=detail)
