"""Lists of Human_Resources, page by page, and who is in them. Every page of one list names one moment of entry.

A list is never believed to be whole because it ended: what Workday counts is handed on beside what came.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Final

from syncd.core.errors import NeedsHuman
from syncd_workday import messages
from syncd_workday.answers import Element, text_of
from syncd_workday.envelope import IDS_ONLY, WHOLE, AsOf, organizations, same_person, timestamp, workers
from syncd_workday.people import Head, Shape, Worker
from syncd_workday.threads import beside
from syncd_workday.wire import Wire

MOST: Final = 999
"""Rows of a page, and references of a request, at most."""
_SKEW: Final = timedelta(seconds=60)
"""How far behind Workday's clock a read stays: what is entered in this moment is left to the next read."""


@dataclass(slots=True, kw_only=True)
class Count:
    """What Workday said of a list, and what came."""

    total: int = 0
    pages: int = 0
    rows: int = 0
    steady: bool = True
    """Whether every page told the same total."""


class Lists:
    """The lists of one tenant."""

    def __init__(self, wire: Wire, shape: Shape, *, size: int) -> None:
        self._wire = wire
        self._shape = shape
        self._size = size

    async def clock(self) -> datetime:
        """Return up to which moment of entry can be read now, by Workday's own clock."""
        answer = await self._wire.ask(timestamp(), task="Server_Timestamp_Get")
        text = text_of(answer, ".//wd:Server_Timestamp_Data") or text_of(answer, ".//wd:Server_Timestamp")
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            at = None
        if at is None or at.tzinfo is None:
            problem = messages.NOT_WORKDAY.at(host=self._wire.host, task="Server_Timestamp_Get", why="no time in it")
            raise NeedsHuman(problem)
        return at.astimezone(UTC) - _SKEW

    async def total(self, as_of: AsOf) -> int:
        """Return how many worker records there are, by Workday's count."""
        count = Count()

        def page(number: int) -> str:
            return workers(as_of=as_of, page=number, count=1, group=IDS_ONLY)

        async for _ in self._pages(page, count, most=1):
            pass
        return count.total

    async def heads(self, as_of: AsOf, count: Count, *, criteria: str = "") -> list[Head]:
        """Return who is there, without what is said of them: a list that costs little."""

        def page(number: int) -> str:
            return workers(as_of=as_of, page=number, count=MOST, group=IDS_ONLY, criteria=criteria)

        found = []
        async for elements in self._pages(page, count):
            found += await beside(self._shape.heads, elements)
        return found

    async def existing(self, wids: Sequence[str], as_of: AsOf) -> set[str]:
        """Return which worker records were there at a moment of entry."""
        found = set[str]()
        for some in _batches(wids):
            named = [("WID", wid) for wid in some]

            def page(number: int, named: Sequence[tuple[str, str]] = named) -> str:
                return workers(as_of=as_of, page=number, count=MOST, group=IDS_ONLY, references=named)

            async for elements in self._pages(page, Count()):
                found |= {self._shape.head(each).wid for each in elements}
        return found

    async def everybody(self, as_of: AsOf, count: Count) -> AsyncGenerator[list[Worker]]:
        """Yield every worker record, a page at a time."""

        def page(number: int) -> str:
            return workers(as_of=as_of, page=number, count=self._size, group=WHOLE)

        async for elements in self._pages(page, count):
            yield await beside(self._shape.workers, elements)

    async def named(self, type_: str, values: Sequence[str], as_of: AsOf) -> list[Worker]:
        """Return worker records by their ids of one type; an id that is not there is left out."""
        found = []
        for some in _batches(values, self._size):
            references = [(type_, value) for value in some]

            def page(number: int, references: Sequence[tuple[str, str]] = references) -> str:
                return workers(as_of=as_of, page=number, count=self._size, group=WHOLE, references=references)

            async for elements in self._pages(page, Count()):
                found += await beside(self._shape.workers, elements)
        return found

    async def of_person(self, universal_id: str, as_of: AsOf) -> list[Worker]:
        """Return every worker record of one person."""

        def page(number: int) -> str:
            criteria = same_person(universal_id)
            return workers(as_of=as_of, page=number, count=self._size, group=WHOLE, criteria=criteria)

        found = []
        async for elements in self._pages(page, Count()):
            found += await beside(self._shape.workers, elements)
        return found

    async def units(self, types: Sequence[str], as_of: AsOf, count: Count) -> AsyncGenerator[list[Element]]:
        """Yield organizations, a page at a time."""

        def page(number: int) -> str:
            return organizations(types, as_of=as_of, page=number, count=self._size)

        async for elements in self._pages(page, count, task="Get_Organizations"):
            yield elements

    async def on_days(self, days: Mapping[date, Iterable[str]], as_of: AsOf) -> dict[tuple[str, date], Worker]:
        """Return by WID and day what is said of workers on other days: before the first there is hardly more than a name."""
        found = {}
        for day, wids in sorted(days.items()):
            for each in await self.named("WID", sorted(wids), AsOf(entered=as_of.entered, effective=day)):
                found[each.head.wid, day] = each
        return found

    async def _pages(
        self, request: Callable[[int], str], count: Count, *, task: str = "Get_Workers", most: int = 0
    ) -> AsyncGenerator[list[Element]]:
        page = 1
        while True:
            answer = await self._wire.ask(request(page), task=task)
            total, pages = (text_of(answer, f"wd:Response_Results/wd:Total_{name}") for name in ("Results", "Pages"))
            if not total:
                problem = messages.NOT_WORKDAY.at(host=self._wire.host, task=task, why="no Total_Results")
                raise NeedsHuman(problem)
            # Decimals of XML Schema: `30` and `30.0` are both right.
            number = int(float(total))
            count.steady &= count.pages == 0 or number == count.total
            count.total, count.pages = number, count.pages + 1
            # Without rows there is no Response_Data at all.
            rows = [each for data in answer.iterfind("{*}Response_Data") for each in data]
            count.rows += len(rows)
            yield rows
            page += 1
            if page > (most or int(float(pages or "0"))):
                return


def _batches(values: Iterable[str], size: int = MOST) -> Iterable[list[str]]:
    left = iter(values)
    while some := list(islice(left, size)):
        yield some
