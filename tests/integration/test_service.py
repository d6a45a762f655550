"""The service beside its sources and its target: wakes become writes, nothing is lost, nobody waits for somebody else."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from support.serving import ringing, served, until
from support.small_world import HR, SmallWorld, run
from syncd.core.correlation import JoinRules
from syncd.core.errors import NeedsHuman, TryAgain
from syncd.core.known import NOTHING_KNOWN, Known
from syncd.core.model import Change, Effect, Kind, Observed, Op, Page, SourceName, TargetId
from syncd.core.outcome import Outcome
from syncd.core.policy import Limit, Limits
from syncd.core.ports import Room
from syncd.engine import serving
from syncd.engine.halting import turn_by_turn
from syncd.engine.world import Seat, World
from syncd.mapping import load_inbound
from syncd.store.errors import Busy
from syncd.testing.memory import MemorySource, refusal


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SmallWorld]:
    one = SmallWorld(tmp_path)
    one.source.tells = True
    one.company(6)
    yield one
    one.store.close()


def title(world: SmallWorld, key: str) -> object:
    return next((one.get("title") for one in world.target.objects.values() if one.get("job_number") == f"e{key}"), None)


def test_a_wake_leads_to_a_write_of_what_changed_and_of_nothing_else(world: SmallWorld) -> None:
    async def story() -> None:
        async with served(world.world) as service:
            await until(lambda: len(world.target.objects) == 8, "everybody")
            before = len(world.target.log)
            world.edit("3", title="Woken")
            await service.wake(ringing())
            await until(lambda: title(world, "3") == "Woken", "the write")
            assert len(world.target.log) == before + 1

    run(story())


def test_a_wake_of_an_unknown_source_is_refused_by_name(world: SmallWorld) -> None:
    async def story() -> None:
        async with served(world.world) as service:
            with pytest.raises(NeedsHuman) as caught:
                await service.wake(ringing(SourceName("payroll")))
            assert caught.value.problem.code == "ENG-050"

    run(story())


def test_a_leaver_overtakes_whoever_waits(world: SmallWorld) -> None:
    for number in range(10, 210):
        world.person(str(number), "team")
    slowly(world)

    async def story() -> None:
        async with served(with_writers(world, 4)) as service:
            await until(lambda: len(world.target.objects) == 208, "everybody")
            before = len(world.target.log)
            for number in range(10, 210):
                world.edit(str(number), title="Everybody is somebody else now")
            await service.wake(ringing())
            await until(lambda: len(world.target.log) > before + 4, "the first of the backlog")
            world.leave("5")
            await service.wake(ringing())
            await until(lambda: any(op is Op.OFFBOARD for op, _ in world.target.log), "the leaver")
            assert len(world.target.log) < before + 200, "the backlog was still there"
            await until(lambda: len(world.target.log) >= before + 202, "the backlog")

    run(story())


def test_a_source_that_fails_is_named_and_stops_no_other(world: SmallWorld) -> None:
    other = SourceName("other")
    broken = MemorySource({}, Room(name="other", now=world.now, base=world.folder))
    broken.error = TryAgain(refusal("the source is down"))
    with_both = with_source(world, other, broken)

    async def story() -> None:
        async with served(with_both) as service:
            await until(lambda: len(world.target.objects) == 8, "everybody of the other source")
            assert service.live().failing[other].code == "MEM-001"
            world.edit("3", title="All the same")
            await service.wake(ringing(other))
            await service.wake(ringing())
            await until(lambda: title(world, "3") == "All the same", "the write")
            broken.error = None
            broken.records[Kind.UNIT, "branch"] = {"name": "Branch"}
            someone = {**world.source.records[Kind.PERSON, "3"], "id": "e90", "mobile": "1", "unit": "branch"}
            broken.records[Kind.PERSON, "90"] = {**someone, "manager": None}
            await until(lambda: title(world, "90") == "All the same", "the wake that waited for the source to be well")
            assert not service.live().failing

    run(story())


def test_a_source_that_hangs_holds_up_nobody(world: SmallWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "HUNG_SECONDS", 0.1)
    hanging = Hanging({}, Room(name="other", now=world.now, base=world.folder))

    async def story() -> None:
        async with served(with_source(world, SourceName("other"), hanging)) as service:
            await until(lambda: len(world.target.objects) == 8, "everybody of the other source")
            world.edit("3", title="In time")
            await service.wake(ringing())
            await until(lambda: title(world, "3") == "In time", "the write")

    run(story())


def test_leavers_who_come_one_by_one_are_held_as_they_would_be_at_once(
    world: SmallWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "TOGETHER_SECONDS", 0.05)
    for number in range(10, 40):
        world.person(str(number), "top")
    limits = Limits(by_effect={Effect.LEAVE: Limit(count=5)}, per_unit_percent=None)
    guarded = replace(world.world, guard=replace(world.world.guard, limits=limits))

    async def story() -> None:
        async with served(guarded) as service:
            await until(lambda: len(world.target.objects) == 38, "everybody")
            for number in range(10, 20):
                world.leave(str(number))
                await service.wake(ringing())
                await until(lambda: settled(world), "what this one came to")
            await until(lambda: held(world) == {Effect.LEAVE: 6}, "all who are held, together")
            assert sum(op is Op.OFFBOARD for op, _ in world.target.log) == 4

    run(story())


def test_a_command_is_let_in_and_everything_goes_on_afterwards(world: SmallWorld) -> None:
    async def story() -> None:
        async with served(world.world) as service:
            await until(lambda: len(world.target.objects) == 8, "everybody")

            def command() -> None:
                with world.store.exclusive("syncd hold release"):
                    assert not service.live().failing

            await asyncio.to_thread(command)
            await until(lambda: taken(world), "the service to be at work again")
            world.edit("3", title="Afterwards")
            await service.wake(ringing())
            await until(lambda: title(world, "3") == "Afterwards", "the write")

    run(story())


def test_another_configuration_is_taken_over_between_two_rounds(world: SmallWorld) -> None:
    second = MemorySource({}, Room(name="hr", now=world.now, base=world.folder))

    async def story() -> None:
        async with served(world.world) as service:
            await until(lambda: len(world.target.objects) == 8, "everybody")
            second.records.update(world.source.records)
            second.records[Kind.PERSON, "3"] = {**second.records[Kind.PERSON, "3"], "title": "Of the other source"}
            seats = {HR: replace(world.world.seats[HR], make=lambda: second)}
            service.reload(replace(world.world, seats=seats, config_digest=b"another"))
            await until(lambda: title(world, "3") == "Of the other source", "what the new configuration says")

    run(story())


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_while_it_happens_nothing_is_done_twice_and_nothing_is_lost(
    world: SmallWorld, seed: int
) -> None:
    dice = random.Random(seed)
    slowly(world, dice)
    limits = replace(world.world.guard, limits=Limits(per_unit_percent=None))
    world.world = replace(world.world, guard=limits)

    async def story() -> None:
        async with served(with_writers(world, 3)) as service:
            for step in range(60):
                something(world, dice, step)
                if dice.random() < 0.7:
                    await service.wake(ringing(event_at=world.now()))
                await asyncio.sleep(dice.choice((0, 0, 0.01, 0.05)))
            await service.wake(ringing())
            await until(lambda: settled(world), "the end")

    run(story())
    last = world.sync(again=True)
    assert not list(last.reconciliation.plan.changes), f"seed {seed}"
    assert not last.queue.open
    assert not last.queue.parked
    assert set(world.target.writes.values()) <= {1}


# --- what the stories share --------------------------------------------------------------------------------------------


class Hanging(MemorySource):
    """A source that takes a question and never answers."""

    async def read(
        self, cursor: str | None, *, full: bool = False, known: Known = NOTHING_KNOWN
    ) -> AsyncIterator[Page]:
        await asyncio.Event().wait()
        yield Page()


def slowly(world: SmallWorld, dice: random.Random | None = None) -> None:
    """Let the target take its time for each change."""
    real = world.target.apply

    async def apply(change: Change, *, key: str, again: bool = False) -> Outcome:
        await asyncio.sleep(dice.choice((0, 0.001, 0.02)) if dice else 0.005)
        outcome = await real(change, key=key, again=again)
        await asyncio.sleep(dice.choice((0, 0.001, 0.02)) if dice else 0)
        return outcome

    world.target.apply = apply  # type: ignore[method-assign]


def something(world: SmallWorld, dice: random.Random, step: int) -> None:
    """Let one thing happen in the company."""
    keys = [key for kind, key in world.source.records if kind is Kind.PERSON and key != "1"]
    match dice.randrange(6):
        case 0:
            world.person(str(100 + step), dice.choice(("top", "team")), manager="e1")
        case 1 if len(keys) > 3:
            world.leave(dice.choice(keys))
        case 2:
            world.edit(dice.choice(keys), unit=dice.choice(("top", "team")))
        case 3:
            world.unit("team", "top", name=f"Team {step}")
        case 4:
            world.edit(dice.choice(keys), manager=dice.choice(("e1", "e2", None)))
        case _:
            world.edit(dice.choice(keys), title=f"Title {step}")


def with_writers(world: SmallWorld, number: int) -> World:
    return replace(world.world, writer=replace(world.world.writer, concurrency=number))


def with_source(world: SmallWorld, name: SourceName, source: MemorySource) -> World:
    """A second source with the rules of the first."""
    rules = load_inbound(world.folder / "in.yaml", source=name, attributes=None, now=world.now)
    seats = {**world.world.seats, name: Seat(name=name, make=lambda: source, rules=rules)}
    join = JoinRules(sources=tuple(seats), refers={one: seat.rules.refers for one, seat in seats.items()})
    return replace(world.world, seats=seats, join=join)


def settled(world: SmallWorld) -> bool:
    """Tell whether nothing is left to be read or done, but what is held."""
    with world.store.reading() as tx:
        return not (tx.wakes.waiting() or tx.marks.after(0) or tx.queue.counts(world.now()).open)


def taken(world: SmallWorld) -> bool:
    """Tell whether nobody could have the database right now."""
    try:
        with world.store.exclusive("a test", patience=0):
            return False
    except Busy:
        return True


def held(world: SmallWorld) -> dict[Effect, int]:
    with world.store.reading() as tx:
        return {row.effect: row.count for row in tx.holds.open()}


def test_a_look_at_the_whole_target_that_takes_long_does_not_hold_up_who_stops_the_service(
    world: SmallWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn_by_turn, "__kwdefaults__", {"grace": 0.1})
    looking = asyncio.Event()

    async def endless(*_: object) -> AsyncIterator[Observed]:
        looking.set()
        await asyncio.Event().wait()
        yield Observed(kind=Kind.PERSON, target_id=TargetId("1"), label="", fields={})

    async def story() -> None:
        monkeypatch.setattr(world.target, "observe", endless)
        async with served(world.world, first=False):
            await looking.wait()
        monkeypatch.undo()
        async with served(world.world):
            await until(lambda: len(world.target.objects) == 8, "everybody, by the next service")

    run(story())
