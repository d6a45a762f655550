"""Very many who are changed at once: leavers are first all the same, the writer goes on, and the guard sees all before any."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from support.service_life import Life, Office, Tenant
from support.serving import ringing
from support.small_world import SmallWorld
from support.virtual_time import one_clock
from syncd.core.model import Effect, Kind, Op, Page
from syncd.core.policy import Limit, Limits
from syncd.engine import crowd, marking, rounds, trust
from syncd.engine.planning import Computed
from syncd.engine.serving import Schedule
from syncd.engine.world import GuardTerms, LeaverTerms, WriterTerms
from syncd.store import Transaction

PEOPLE = 120
AT_ONCE = 4
"""Calls that are under way."""
ENOUGH = 30
"""Changes that are planned ahead of the writer."""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallWorld]:
    """A company in step with its tenant, and portions so small that a hundred people are very many."""
    monkeypatch.setattr(trust, "Clock", one_clock)
    monkeypatch.setattr(rounds, "MOST", 50)
    monkeypatch.setattr(crowd, "FEW", 20)
    monkeypatch.setattr(crowd, "FAR", 20)
    monkeypatch.setattr(crowd, "AHEAD", ENOUGH)
    one = SmallWorld(tmp_path, leavers=LeaverTerms(hold=False))
    one.target, one.source = Tenant(one), Office(one)
    one.company(PEOPLE)
    one.unit("other", "top")
    one.sync()
    one.time += timedelta(hours=2)
    one.world = replace(one.world, writer=WriterTerms(concurrency=AT_ONCE, patience=timedelta(0)))
    yield one
    one.store.close()


@pytest.fixture
def life(world: SmallWorld) -> Iterator[Life]:
    """The service of it, after its first cycle."""
    assert isinstance(world.target, Tenant)
    one = Life(world, world.target, Schedule(every=timedelta(hours=1)))
    one.run(10)
    world.target.log.clear()
    yield one
    one.stop()


def everybody(world: SmallWorld, **fields: str) -> None:
    for number in range(2, PEOPLE + 1):
        world.edit(str(number), **fields)


def runs(world: SmallWorld) -> int:
    with world.store.reading() as tx:
        return len(tx.runs.last(1_000))


def until_written(life: Life, world: SmallWorld, number: int) -> None:
    """Let time pass until so many calls have taken effect."""
    for _ in range(2_000):
        if len(world.target.log) >= number:
            return
        life.run(0.1)
    raise AssertionError(f"only {len(world.target.log)} calls took effect")


def until_gone(life: Life, world: SmallWorld, number: int) -> None:
    for _ in range(2_000):
        if not any(held.get("job_number") == f"e{number}" for held in world.target.objects.values()):
            return
        life.run(0.1)
    raise AssertionError("still there")


def test_a_leaver_among_very_many_is_written_for_before_them(world: SmallWorld, life: Life) -> None:
    everybody(world, title="Reorganised")
    world.leave("77")
    before = runs(world)
    life.do(life.service.wake(ringing()))
    until_written(life, world, PEOPLE - 1)
    ops = [op for op, _ in world.target.log]
    assert ops.index(Op.REMOVE) < AT_ONCE, "beside the calls that were claimed with it"
    assert ops.count(Op.UPDATE) == PEOPLE - 2
    assert runs(world) == before, "no whole cycle was made, so the writer never stood still"


def test_whoever_is_gone_waits_for_nobody_who_came_with_them_to_be_foreseen(
    world: SmallWorld, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted, foresee = list[bool](), crowd._foresee
    with world.store.reading() as tx:
        (leaver,) = {row.subject for row in tx.records.iterate(kind=Kind.PERSON) if row.native_id == "77"}
    assert leaver is not None

    def told(tx: Transaction, *words: Any) -> Computed:
        accepted.append(any(one.change.op is Op.REMOVE for one in tx.queue.for_subject(leaver)))
        return foresee(tx, *words)

    monkeypatch.setattr(crowd, "_foresee", told)
    everybody(world, title="Reorganised")
    world.leave("77")
    life.do(life.service.wake(ringing()))
    until_written(life, world, PEOPLE - 1)
    assert accepted == [False, *[True] * (len(accepted) - 1)], "foreseen alone, and accepted before anybody else was"
    assert len(accepted) > (PEOPLE - 2) / crowd.FAR


@pytest.mark.parametrize(("window", "at_once"), [(timedelta(hours=1), 5), (timedelta(0), 0)])
def test_leavers_who_are_found_by_planning_count_with_those_who_are_plainly_gone(
    world: SmallWorld, life: Life, window: timedelta, at_once: int
) -> None:
    limits = Limits(by_effect={Effect.LEAVE: Limit(count=10)}, per_unit_percent=None)
    guard = GuardTerms(plan_only_first=False, limits=limits, window=window)
    life.service.reload(replace(world.world, guard=guard))
    life.run(10)
    everybody(world, title="Reorganised")
    for number in range(70, 75):
        world.leave(str(number))
    for number in range(80, 86):
        world.edit(str(number), state="left")
    life.do(life.service.wake(ringing()))
    life.run(60)
    with world.store.reading() as tx:
        held = [(row.effect, row.count) for row in tx.holds.open()]
    assert held == [(Effect.LEAVE, 11 - at_once)], "with those who were let go a moment before, the limit is reached"
    assert [op for op, _ in world.target.log].count(Op.REMOVE) == at_once


def test_a_read_of_everybody_that_finds_very_many_changed_lets_the_writer_go_on(
    world: SmallWorld, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Office.read

    async def whole(self: Office, cursor: str | None, **words: Any) -> AsyncIterator[Page]:
        async for page in read(self, cursor, **{**words, "full": True}):
            yield page

    monkeypatch.setattr(Office, "read", whole)
    monkeypatch.setattr(marking, "MOST", 50)
    before = runs(world)
    everybody(world, title="Reorganised")
    life.do(life.service.wake(ringing()))
    until_written(life, world, PEOPLE - 1)
    assert runs(world) == before, "no whole cycle was made"


def test_a_leaver_who_comes_while_very_many_wait_overtakes_them(world: SmallWorld, life: Life) -> None:
    everybody(world, title="Reorganised")
    life.do(life.service.wake(ringing()))
    until_written(life, world, 10)
    world.leave("77")
    noticed = len(world.target.log)
    life.do(life.service.wake(ringing()))
    until_written(life, world, PEOPLE - 3)
    place = [op for op, _ in world.target.log].index(Op.REMOVE)
    # Calls go on while the source is read, for a second at most; those that were claimed by then are not called back.
    assert place - noticed < 30


def test_a_leaver_who_comes_with_very_many_others_while_very_many_wait_overtakes_them_all(
    world: SmallWorld, life: Life
) -> None:
    everybody(world, title="Reorganised")
    life.do(life.service.wake(ringing()))
    until_written(life, world, 10)
    before = runs(world)
    everybody(world, title="Reorganised again")
    world.leave("77")
    noticed = len(world.target.log)
    life.do(life.service.wake(ringing()))
    until_gone(life, world, 77)
    assert [op for op, _ in world.target.log].index(Op.REMOVE) - noticed < ENOUGH + 20
    life.run(120)
    titles = {held.get("title") for held in world.target.objects.values() if held.get("job_number") not in (None, "e1")}
    assert titles == {"Reorganised again"}
    assert runs(world) == before, "no whole cycle was made, so the writer never stood still"


def test_a_source_that_is_rung_for_without_end_leaves_planning_its_time(
    world: SmallWorld, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, read, step = list[float](), Office.read, crowd.Crowd.advance

    async def slowly(self: Office, cursor: str | None, **words: Any) -> AsyncIterator[Page]:
        """Read everybody, and take three seconds from the first page to the last."""
        reads.append(self.room.now().timestamp())
        async for page in read(self, cursor, **{**words, "full": True}):
            yield page
            await asyncio.sleep(0 if page.completeness is not None else 3)

    async def advance(self: crowd.Crowd, *words: Any, at: float) -> crowd.Onward:
        await asyncio.sleep(0.2)
        return await step(self, *words, at=at)

    monkeypatch.setattr(Office, "read", slowly)
    monkeypatch.setattr(crowd.Crowd, "advance", advance)
    monkeypatch.setattr(crowd, "FEW", 5)
    monkeypatch.setattr(crowd, "FAR", 5)
    everybody(world, title="Reorganised")
    while len(world.target.log) < PEOPLE // 2:
        assert len(reads) < 10, "it is read again and again, and hardly anybody is planned for"
        life.do(life.service.wake(ringing()))
        life.run(0.05)


def test_a_read_on_whose_pages_everybody_is_known_holds_up_nobody(
    world: SmallWorld, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = list[float]()

    async def known(self: Office, cursor: str | None, **_: Any) -> AsyncIterator[Page]:
        begun.append(self.room.now().timestamp())
        yield Page(cursor=cursor, full=True, unchanged=PEOPLE)
        await asyncio.sleep(7200)

    everybody(world, title="Reorganised")
    life.do(life.service.wake(ringing()))
    until_written(life, world, 1)
    monkeypatch.setattr(Office, "read", known)
    life.do(life.service.wake(ringing()))
    until_written(life, world, PEOPLE - 1)
    assert len(begun) == 1, "it is read all the while"


def test_while_very_many_wait_the_writer_always_has_enough_and_never_much_more(world: SmallWorld, life: Life) -> None:
    everybody(world, title="Reorganised")
    life.do(life.service.wake(ringing()))
    until_written(life, world, 1)
    seen = []
    for _ in range(2_000):
        with world.store.reading() as tx:
            counts, waiting = tx.queue.counts(world.now()), tx.marks.count()
        if not waiting:
            break
        seen.append(counts.ready)
        life.run(0.1)
    assert len(seen) > 10
    assert min(seen) >= ENOUGH - AT_ONCE, "the writer was never out of accepted changes while anybody waited for a plan"
    assert max(seen) < ENOUGH + 20
    life.run(60)
    assert len(world.target.log) == PEOPLE - 1


def test_what_could_be_claimed_and_never_is_holds_up_nobody_for_long(world: SmallWorld, life: Life) -> None:
    assert isinstance(world.target, Tenant)
    everybody(world, title="Reorganised")
    life.service._pen._may.clear()
    life.do(life.service.wake(ringing()))
    life.run(60)
    with world.store.reading() as tx:
        assert tx.marks.count() == 0
        assert tx.queue.counts(world.now()).ready >= PEOPLE - 1 - AT_ONCE


def test_very_many_are_judged_as_one_before_any_of_them_is_written_for(world: SmallWorld, life: Life) -> None:
    limits = Limits(by_effect={Effect.MOVE: Limit(count=100)}, per_unit_percent=None)
    life.service.reload(replace(world.world, guard=GuardTerms(plan_only_first=False, limits=limits)))
    life.run(10)
    everybody(world, unit="other")
    life.do(life.service.wake(ringing()))
    life.run(60)
    with world.store.reading() as tx:
        held = [(row.effect, row.count) for row in tx.holds.open()]
    assert held == [(Effect.MOVE, PEOPLE - 1)]
    assert Op.UPDATE not in [op for op, _ in world.target.log]


def test_a_process_that_ends_among_very_many_loses_none_of_them(world: SmallWorld) -> None:
    assert isinstance(world.target, Tenant)
    everybody(world, title="Reorganised")
    for steps in (80, 250):
        one = Life(world, world.target, Schedule(every=timedelta(hours=1)))
        one.run(5)
        everybody(world, title=f"Reorganised before step {steps}")
        one.do(one.service.wake(ringing()))
        one.die(steps, seconds=30)
    last = Life(world, world.target, Schedule(every=timedelta(hours=1)))
    last.run(600)
    last.stop()
    assert not world.target.wrongs
    titles = {held.get("title") for held in world.target.objects.values() if held.get("job_number") not in (None, "e1")}
    assert titles == {"Reorganised before step 250"}
    assert world.sync(again=True).reconciliation.plan.changes == ()
