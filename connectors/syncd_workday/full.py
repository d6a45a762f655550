"""Everybody, read once and counted twice: a list of ids first, then the whole records, both of one moment of entry.

The first list costs little, tells who has several records before the first of them comes, and the second is compared with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from syncd.core.errors import NeedsHuman, Problem
from syncd.core.known import Known
from syncd.core.model import Page, ProofFact, SourceRecord
from syncd_workday import messages
from syncd_workday.cursor import Cursor, mark
from syncd_workday.days import Around, around, on_their_day, starting
from syncd_workday.envelope import AsOf, transactions
from syncd_workday.lists import Count, Lists
from syncd_workday.people import Shape, Worker
from syncd_workday.settings import Section, WorkdaySettings
from syncd_workday.threads import beside
from syncd_workday.units import unit_of

LARGE: Final = 10
"""Records in an organization from which on its being empty is remarkable, and on a page from which on a lack is."""
_EVERYBODY: Final = 0.95
_DOMAINS: Final = {
    Section.NAMES: "Person Data: Name",
    Section.CONTACT: "Person Data: Work Contact Information",
    Section.STATUS: "Worker Data: Current Staffing Information",
    Section.POSITION: "Worker Data: All Positions",
    Section.ORGANIZATIONS: "Worker Data: Organization Information",
    Section.MANAGEMENT_CHAIN: "Worker Data: Current Staffing Information",
}
"""Recalled for names and organizations; the others are asked for by Microsoft Entra's guide."""


@dataclass(slots=True, kw_only=True)
class Full:
    """One full read."""

    lists: Lists
    shape: Shape
    settings: WorkdaySettings
    as_of: AsOf
    known: Known
    last: Cursor
    looked: Count = field(default_factory=Count)
    came: Count = field(default_factory=Count)
    counted_units: Count = field(default_factory=Count)
    units: set[str] = field(default_factory=set)
    wids: set[str] = field(default_factory=set)
    first_look: dict[str, str] = field(default_factory=dict)
    twice: int = 0
    without_key: int = 0
    sections: Counter[Section] = field(default_factory=Counter)
    places: Counter[str] = field(default_factory=Counter)

    async def pages(self) -> AsyncGenerator[Page]:
        """Yield units, then people. Raises as a source does, and `NeedsHuman` where a right has been taken away."""
        if self.settings.organizations:
            async for page in self._units():
                yield page
        heads = await self.lists.heads(self.as_of, self.looked)
        self.first_look = {head.wid: head.key for head in heads}
        several = {key for key, number in Counter(self.first_look.values()).items() if number > 1}
        held: dict[str, list[Worker]] = {}
        soon = await self.lists.heads(self.as_of, Count(), criteria=transactions([around(self.as_of)]))
        near = Around(wids=frozenset(head.wid for head in soon))
        async for workers in self.lists.everybody(self.as_of, self.came):
            new = self._new(workers)
            self._judge(workers)
            for worker in new:
                named = worker.head.key in several or worker.head.wid in near.wids
                if named or starting(self.shape, [worker]):
                    held.setdefault(worker.head.key, []).append(worker)
            single = [[each] for each in new if each.head.key not in held]
            # A page of people is fifty XPaths each: not in the loop, in which others wait.
            yield await beside(told, self.shape, single, self.known)
        self._judge_whole()
        if held:
            persons = await on_their_day(self.lists, self.shape, held.values(), as_of=self.as_of, near=near)
            yield await beside(told, self.shape, persons, self.known)

    def cursor(self) -> Cursor:
        """Return what a later read is compared with."""
        total = max(self.came.rows, 1)
        return Cursor(
            scope=self.last.scope,
            since=self.as_of.entered.isoformat(),
            total=self.came.total,
            shares={section.value: round(self.sections[section] / total, 4) for section in Section},
            places={place: number for place, number in self.places.items() if place and number >= LARGE},
            units=tuple(sorted(map(mark, self.units))),
        )

    def facts(self) -> list[ProofFact]:
        """Return what was checked."""
        came, looked = self.came, self.looked
        units = self.counted_units
        different = len(self.first_look.keys() ^ self.wids)
        steady = came.steady and looked.steady and units.steady
        at = self.as_of.entered.isoformat(timespec="seconds")
        facts = [
            _fact(
                "every page answered",
                steady,
                f"{came.pages} pages as of {at}, {'one' if steady else 'a changing'} total",
            ),
            _fact(
                "as many workers as Workday counts", came.rows == came.total, f"{came.rows} read, {came.total} counted"
            ),
            _fact("no worker came twice", not self.twice, f"twice: {self.twice}"),
            _fact(
                "a second list shows the same workers", not different, f"{looked.rows} in it, different: {different}"
            ),
            _fact("every worker has an id", not self.without_key, f"without: {self.without_key}"),
            _fact("somebody is there", bool(self.wids), f"{len(self.wids)} worker records"),
            self._loss(),
            self._emptied(),
            self._thinner(),
        ]
        if self.settings.organizations:
            whole = units.rows == units.total == len(self.units)
            facts.append(
                _fact("as many units as Workday counts", whole, f"{len(self.units)} read, {units.total} counted")
            )
        return facts

    def notes(self) -> list[Problem]:
        """Return what an administrator should know."""
        notes = []
        if not self.wids:
            notes.append(messages.NOBODY.at())
        elif not self._loss().holds:
            notes.append(messages.SHRUNK.at(count=self.came.total, before=self.last.total))
        if self.without_key:
            notes.append(messages.WITHOUT_KEY.at(count=self.without_key, identity=self.settings.identity.value))
        return notes

    async def _units(self) -> AsyncGenerator[Page]:
        async for elements in self.lists.units(self.settings.organizations, self.as_of, self.counted_units):
            found = [
                unit for each in elements if (unit := unit_of(each)) is not None and unit.native_id not in self.units
            ]
            self.units |= {unit.native_id for unit in found}
            yield Page(records=tuple(found))

    def _new(self, workers: Sequence[Worker]) -> list[Worker]:
        """Return the workers of a page that were not there before, and count those that cannot be taken."""
        new = []
        for worker in workers:
            self.sections.update(worker.sections)
            self.places[worker.place] += 1
            if worker.head.wid in self.wids:
                self.twice += 1
                continue
            self.wids.add(worker.head.wid)
            if worker.head.key:
                new.append(worker)
            else:
                self.without_key += 1
        return new

    def _judge(self, workers: Sequence[Worker]) -> None:
        """Refuse a page on which nobody has what all had: a right was taken away, and no fault tells."""
        if len(workers) < min(LARGE, max(self.came.total, 1)):
            return
        shown = {section for worker in workers for section in worker.sections}
        for section in Section:
            if section not in shown and self.last.shares.get(section.value, 0) >= _EVERYBODY:
                self._hidden(section)

    def _judge_whole(self) -> None:
        for section in Section:
            if self.wids and not self.sections[section] and self.last.shares.get(section.value, 0) > 0:
                self._hidden(section)

    def _hidden(self, section: Section) -> None:
        if section in self.settings.without:
            return
        share = round(100 * self.last.shares[section.value])
        words = {"section": section.value.replace("_", " "), "name": section.value, "share": share}
        raise NeedsHuman(messages.HIDDEN.at(domain=_DOMAINS[section], **words))

    def _loss(self) -> ProofFact:
        lost = self.last.total - self.came.total
        holds = lost <= self.settings.allowed_loss * self.last.total
        before = f"{self.last.total} in the last proven read" if self.last.total else "nothing to compare with"
        return _fact("nobody is hidden from the integration user", holds, f"{self.came.total} worker records, {before}")

    def _emptied(self) -> ProofFact:
        """A constrained integration user loses whole organizations at once; a reorganization moves their people elsewhere."""
        emptied = {place: number for place, number in self.last.places.items() if not self.places[place]}
        lost = self.last.total - self.came.total
        holds = not emptied or lost < sum(emptied.values()) / 2
        return _fact("no organization lost its people", holds, f"emptied: {len(emptied)}, workers lost: {max(lost, 0)}")

    def _thinner(self) -> ProofFact:
        total = max(self.came.rows, 1)
        thin = [
            section.value
            for section in Section
            if section not in self.settings.without
            and self.sections[section] / total < self.last.shares.get(section.value, 0) / 2
        ]
        return _fact(
            "every part of a worker is shown as before", not thin, f"less than half of: {', '.join(thin) or 'none'}"
        )


def told(shape: Shape, persons: Iterable[Sequence[Worker]], known: Known, *, full: bool = True) -> Page:
    """Return the records of people; those that are known are counted."""
    records: list[SourceRecord] = []
    unchanged = 0
    for workers in persons:
        if len(workers) == 1 and known.seen(workers[0].print):
            unchanged += 1
        else:
            records.append(shape.record(workers))
    return Page(records=tuple(records), unchanged=unchanged, full=full)


def _fact(name: str, holds: bool, detail: str) -> ProofFact:
    return ProofFact(name=name, holds=holds, detail=detail)
