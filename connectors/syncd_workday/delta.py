"""Who changed since the last read, by Workday's transaction log: entered since, taking effect since, taking effect soon.

The log says who, never what: each person named is read again, with all their records. What never stands in the log (a rescinded
hire that vanishes, a record that a right hides) shows in the count; then everything is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from syncd.core.known import Known
from syncd.core.model import Page
from syncd_workday.cursor import Cursor, mark
from syncd_workday.days import Around, around, on_their_day
from syncd_workday.envelope import AsOf, Window, transactions
from syncd_workday.full import LARGE, told
from syncd_workday.lists import Count, Lists
from syncd_workday.people import Head, Shape, Worker
from syncd_workday.settings import Identity, Section, WorkdaySettings
from syncd_workday.threads import beside
from syncd_workday.units import unit_of

MOST: Final = 2000
"""Of more changed people, a full read is as cheap."""
_MOST_ASKED_SINGLY: Final = 200
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What changed."""

    pages: tuple[Page, ...]
    cursor: Cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class StartOver:
    """Why everything has to be read."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """One read of what changed."""

    lists: Lists
    shape: Shape
    settings: WorkdaySettings
    as_of: AsOf
    known: Known
    last: Cursor

    async def changed(self) -> Changed | StartOver:
        """Return what changed since the last read. Raises as a source does."""
        since = datetime.fromisoformat(self.last.since)
        if self.as_of.entered <= since:
            return Changed(pages=(), cursor=self.last)
        heads = await self._named(since)
        if len(heads) > MOST:
            return StartOver(why=f"more than {MOST} workers with transactions")
        total = await self.lists.total(self.as_of)
        then = AsOf(entered=since, effective=self.as_of.effective)
        new = len(heads) - len(await self.lists.existing([*heads], then))
        if total != self.last.total + new:
            return StartOver(why=f"{self.last.total} workers were there, {new} are new, and {total} are left")
        units = await self._units()
        if isinstance(units, StartOver):
            return units
        persons = await self._persons({head.key for head in heads.values()})
        if isinstance(persons, StartOver):
            return persons
        soon = await self.lists.heads(self.as_of, Count(), criteria=transactions([around(self.as_of)]))
        near = Around(wids=frozenset(head.wid for head in soon))
        whole = await on_their_day(self.lists, self.shape, persons, as_of=self.as_of, near=near)
        page = await beside(told, self.shape, whole, self.known, full=False)
        seen = {mark(unit.native_id) for unit in units.records}
        last = self.last
        cursor = Cursor(
            scope=last.scope,
            since=self.as_of.entered.isoformat(),
            total=total,
            shares=last.shares,
            places=last.places,
            units=tuple(sorted(seen)),
        )
        return Changed(pages=(units, page), cursor=cursor)

    def windows(self, since: datetime) -> tuple[Window, ...]:
        """Return the times that are asked for. Effective moments are midnights of some zone, so a day is added on both sides."""
        now = self.as_of.entered
        return (
            Window(name="Updated", start=since - self.settings.overlap, end=now),
            Window(name="Effective", start=since - _DAY, end=now),
            Window(
                name="Effective", start=now, end=max(now + _DAY * (1 + self.settings.ahead), around(self.as_of).end)
            ),
        )

    async def _named(self, since: datetime) -> dict[str, Head]:
        """Return whom the log names. A request for each window: that several in one are joined by “or” is recalled only, and
        an “and” would lose people in silence."""
        heads: dict[str, Head] = {}
        for window in self.windows(since):
            for head in await self.lists.heads(self.as_of, Count(), criteria=transactions([window])):
                heads[head.wid] = head
        return heads

    async def _units(self) -> Page | StartOver:
        """Return all units; Workday has no reliable “changed since” of them."""
        if not self.settings.organizations:
            return Page(full=False)
        count, found = Count(), {}
        async for elements in self.lists.units(self.settings.organizations, self.as_of, count):
            found.update({unit.native_id: unit for each in elements if (unit := unit_of(each)) is not None})
        if len(found) != count.total:
            return StartOver(why=f"{len(found)} units came, and {count.total} are counted")
        gone = set(self.last.units) - {*map(mark, found)}
        if gone:
            return StartOver(why=f"units gone: {len(gone)}")
        return Page(records=tuple(found.values()), full=False)

    async def _persons(self, keys: set[str]) -> list[list[Worker]] | StartOver:
        """Return changed people with all their records, those that did not change included."""
        if "" in keys:
            return StartOver(why="a changed worker has no id")
        if self.settings.identity is Identity.UNIVERSAL_ID:
            if len(keys) > _MOST_ASKED_SINGLY:
                return StartOver(why=f"more than {_MOST_ASKED_SINGLY} people have to be asked for one by one")
            found = [worker for key in sorted(keys) for worker in await self.lists.of_person(key, self.as_of)]
        else:
            found = [
                worker
                for type_ in ("Employee_ID", "Contingent_Worker_ID")
                for worker in await self.lists.named(type_, sorted(keys), self.as_of)
            ]
        lack = self._lack(found)
        if lack:
            return StartOver(why=f"nobody shows {lack} any more")
        persons: dict[str, dict[str, Worker]] = {}
        for worker in found:
            persons.setdefault(worker.head.key, {})[worker.head.wid] = worker
        return [[*workers.values()] for workers in persons.values()]

    def _lack(self, workers: list[Worker]) -> str:
        """Return which part nobody shows that most did before: a full read judges then, before anything is yielded."""
        if len(workers) < LARGE:
            return ""
        shown = {section for worker in workers for section in worker.sections}
        lacking = (each for each in Section if each not in shown and self.last.shares.get(each.value, 0) > 1 / 2)
        return next((each.value for each in lacking if each not in self.settings.without), "")
