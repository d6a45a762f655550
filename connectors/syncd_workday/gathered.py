"""The rows of one read, until they are judged: nothing of a report is believed before its end was seen. Blocking, pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from syncd.core.errors import NeedsHuman, Problem
from syncd.core.known import Known
from syncd.core.model import Page, ProofFact, SourceRecord
from syncd_workday import messages
from syncd_workday.cursor import Cursor, mark
from syncd_workday.row_people import Line, RowShape
from syncd_workday.settings import WorkdaySettings

LARGE: Final = 10
"""Rows from which on it is remarkable that none of them has what most had."""
_USUAL: Final = 0.5
_PEOPLE_OF_A_PAGE: Final = 1000


@dataclass(slots=True, kw_only=True)
class Gathered:
    """Rows of workers, by person."""

    shape: RowShape
    settings: WorkdaySettings
    last: Cursor
    persons: dict[str, list[Line]] = field(default_factory=dict)
    prints: dict[str, bytes] = field(default_factory=dict)
    shares: Counter[str] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)
    counted: set[str] = field(default_factory=set)
    """What the rows say of how many there are."""
    rows: int = 0
    again: int = 0
    differing: int = 0
    without_key: int = 0

    def take(self, raws: Iterable[bytes]) -> None:
        """Take rows as they come. Raises `msgspec.DecodeError`."""
        for raw in raws:
            told = self.shape.told(raw)
            line = told.line
            self.rows += 1
            self.shares.update(told.said.keys())
            self.unreadable.update(told.unreadable)
            self.counted.add(told.counted)
            if not line.key:
                self.without_key += 1
            elif (before := self.prints.setdefault(line.wid, line.print)) is not line.print:
                # The same worker again: harmless if the row says the same, otherwise one of them would be taken by chance.
                self.again += 1
                self.differing += before != line.print
            else:
                self.persons.setdefault(line.key, []).append(line)

    @property
    def workers(self) -> int:
        """Return how many workers there are."""
        return len(self.prints)

    def judge(self) -> None:
        """Refuse rows that would take from everybody what a right or another name of a column hides. Raises `NeedsHuman`."""
        for name, count in sorted(self.unreadable.items()):
            form = self.settings.rows.dates.value
            raise NeedsHuman(messages.UNREADABLE_DATE.at(name=name, count=count, form=form))
        for name, share in sorted(self.last.shares.items()):
            if self.rows >= LARGE and share >= _USUAL and self._expected(name) and not self.shares[name]:
                raise NeedsHuman(messages.COLUMN_GONE.at(name=name, share=round(100 * share)))

    def pages(self, known: Known, *, full: bool) -> Iterator[Page]:
        """Yield people, some at a time; those that are known are counted."""
        left = iter(self.persons.values())
        while some := list(islice(left, _PEOPLE_OF_A_PAGE)):
            yield self._page(some, known, full=full)

    def facts(self) -> list[ProofFact]:
        """Return what was checked of the rows themselves."""
        lost = self.last.total - self.workers
        before = f"{self.last.total} in the last proven read" if self.last.total else "nothing to compare with"
        loss = lost <= self.settings.allowed_loss * self.last.total
        thin = [name for name in sorted(self.last.shares) if self._expected(name) and self._thinner(name)]
        twice = f"again: {self.again}, saying something else: {self.differing}"
        return [
            _fact("no worker came twice", not self.differing, twice),
            _fact("every worker has an id", not self.without_key, f"without: {self.without_key}"),
            _fact("somebody is there", bool(self.prints), f"{self.workers} workers"),
            _fact("nobody is hidden from the integration user", loss, f"{self.workers} workers, {before}"),
            _fact("every column is shown as before", not thin, f"less than half of: {', '.join(thin) or 'none'}"),
        ]

    def notes(self) -> list[Problem]:
        """Return what an administrator should know."""
        notes = []
        if not self.prints:
            notes.append(messages.NOBODY.at())
        elif self.workers < (1 - self.settings.allowed_loss) * self.last.total:
            notes.append(messages.SHRUNK.at(count=self.workers, before=self.last.total))
        if self.without_key:
            notes.append(messages.WITHOUT_KEY.at(count=self.without_key, identity=self.settings.identity.value))
        if self.differing:
            notes.append(messages.SEVERAL_ROWS.at(count=self.differing))
        return notes

    def several(self) -> set[str]:
        """Return the people with several rows, each as a short digest of their id."""
        return {mark(key) for key, lines in self.persons.items() if len(lines) > 1}

    def unsure(self) -> str:
        """Return why a person cannot be judged by the rows of a delta alone; empty where all can.

        Another row of theirs, unchanged and so not among these, would count before one that does not work any more or not yet.
        """
        if self.without_key or self.differing:
            return "a changed worker has no id, or several rows"
        if self.several() or {*map(mark, self.persons)} & {*self.last.several}:
            return "somebody who changed has several rows"
        if any(self.shape.standing(lines[0]).active is not True for lines in self.persons.values()):
            return "somebody who changed is not at work"
        return ""

    def shown(self) -> dict[str, float]:
        """Return in which part of the rows each attribute was found."""
        return {name: round(count / max(self.rows, 1), 4) for name, count in sorted(self.shares.items())}

    def _page(self, persons: Sequence[Sequence[Line]], known: Known, *, full: bool) -> Page:
        records: list[SourceRecord] = []
        unchanged = 0
        for lines in persons:
            if len(lines) == 1 and known.seen(lines[0].print):
                unchanged += 1
            else:
                records.append(self.shape.record(lines))
        return Page(records=tuple(records), unchanged=unchanged, full=full)

    def _expected(self, name: str) -> bool:
        return name in self.shape.paths and name not in self.settings.rows.without

    def _thinner(self, name: str) -> bool:
        share = self.last.shares[name]
        return share >= _USUAL and self.shares[name] / max(self.rows, 1) < share / 2


def _fact(name: str, holds: bool, detail: str) -> ProofFact:
    return ProofFact(name=name, holds=holds, detail=detail)
