"""Which day's record of somebody counts: that of today where they work, and that of the first day for who is shown ahead.

A tenant is read as of one day, and the day begins elsewhere earlier or later. Only who has something taking effect around now can
differ between two such days, so only they are read again; where tomorrow differs, the moment is told at which tomorrow begins.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from hashlib import blake2b
from typing import Final

from syncd_workday.envelope import AsOf, Window
from syncd_workday.lists import Lists
from syncd_workday.people import Shape, Worker

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """Who has something taking effect around now, by WID."""

    wids: Collection[str] = ()


def around(as_of: AsOf) -> Window:
    """Return when something takes effect that holds on one of the days that are today or tomorrow somewhere.

    Effective moments are midnights of some zone, so most of a day is added on both sides.
    """
    day = datetime.combine(as_of.effective, time(), tzinfo=UTC)
    return Window(name="Effective", start=day - _DAY, end=day + 3 * _DAY)


def starting(shape: Shape, workers: Sequence[Worker]) -> date | None:
    """Return the first day of somebody who counts as active ahead of it, None for everybody else."""
    how = shape.standing(shape.chosen(workers))
    return how.hire if how.active and how.early else None


async def on_their_day(
    lists: Lists, shape: Shape, persons: Iterable[Sequence[Worker]], *, as_of: AsOf, near: Around
) -> list[Sequence[Worker]]:
    """Return people with the data of the day that counts for them."""
    whole = [*persons]
    days: dict[date, set[str]] = {}
    for workers in whole:
        for worker, several in _days(shape, workers, near):
            for day in several:
                if day != as_of.effective:
                    days.setdefault(day, set()).add(worker.head.wid)
    read = await lists.on_days(days, as_of)
    return [[_of_day(shape, each, workers, read=read, near=near) for each in workers] for workers in whole]


def _days(shape: Shape, workers: Sequence[Worker], near: Around) -> Iterable[tuple[Worker, tuple[date, ...]]]:
    if first := starting(shape, workers):
        yield shape.chosen(workers), (first,)
        return
    for worker in workers:
        if worker.head.wid in near.wids:
            today = shape.today(worker)
            yield worker, (today, today + _DAY)


def _of_day(
    shape: Shape,
    worker: Worker,
    workers: Sequence[Worker],
    *,
    read: dict[tuple[str, date], Worker],
    near: Around,
) -> Worker:
    """Return a record as of the day that counts; with the moment from which on tomorrow's would, where it differs."""
    wid = worker.head.wid
    if first := starting(shape, workers):
        return read.get((wid, first), worker)
    if wid not in near.wids:
        return worker
    today = shape.today(worker)
    now = read.get((wid, today), worker)
    # Where tomorrow is the day that was read, it is the record at hand.
    tomorrow = read.get((wid, today + _DAY), worker)
    if tomorrow.print == now.print:
        return now
    review_at = datetime.combine(today + _DAY, time(), tzinfo=shape.zone(worker)).astimezone(UTC)
    # Of what is known already nothing is noted anew, so the moment has to be a part of what is known.
    marked = blake2b(now.print + review_at.isoformat().encode(), digest_size=16).digest()
    return replace(now, print=marked, review_at=review_at)
