"""A target that fails is left alone and probed; nobody pays for it; who has to know knows, and hears when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from support.alerts import Watch, policy
from support.serving import ringing, served, until
from support.small_world import SmallWorld, run
from syncd.alerts.wording import Wording
from syncd.core.circuits import TRUSTED, Terms
from syncd.core.health import Health, TargetHealth
from syncd.core.model import Change, Kind, Lane, Observed, Op, TargetId
from syncd.core.outcome import Deferred, Outcome, Rejected
from syncd.engine.health import health
from syncd.engine.left_alone import KEY
from syncd.engine.trust import BELIEVED
from syncd.store.rows import QueueState
from syncd.testing.memory import MemoryTarget, refusal

PEOPLE = 40


class PartedTarget(MemoryTarget):
    """One that says which of its interfaces writes a change."""

    def interface(self, change: Change) -> str:
        return f"{change.kind}/{change.op if change.op in (Op.CREATE, Op.REMOVE) else 'update'}"


@dataclass
class Outage:
    """Faults of a target, and who was asked for meanwhile."""

    world: SmallWorld
    fails: Callable[[Change], bool] = lambda _: True
    one_interface: bool = False
    wants: timedelta = timedelta(seconds=30)
    asked: list[Change] = field(default_factory=list)

    def __call__(self, change: Change) -> Outcome | None:
        self.asked.append(change)
        if not self.fails(change):
            return None
        at = self.world.time + self.wants
        return Deferred(
            problem=refusal("the line is dead"), retry_at=at, whole_target=True, one_interface=self.one_interface
        )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SmallWorld]:
    one = SmallWorld(tmp_path)
    one.target = PartedTarget({}, one.target.room)
    one.source.tells = True
    one.company(PEOPLE)
    one.sync()
    yield one
    one.store.close()


def everybody_changes(world: SmallWorld, title: str = "Somebody Else") -> None:
    for number in range(1, PEOPLE + 1):
        world.edit(str(number), title=title)


def target(world: SmallWorld) -> TargetHealth:
    found = health(world.world).target
    assert found is not None
    return found


def attempts(world: SmallWorld) -> set[int]:
    with world.store.reading() as tx:
        return {one.attempt for one in tx.queue.standing(limit=1000)}


def probed(world: SmallWorld, outage: Outage, calls: int, before: datetime) -> bool:
    opens = target(world).quarantine_until
    return len(outage.asked) >= calls and opens is not None and opens > before


def agreed(world: SmallWorld, title: str) -> bool:
    people = [held for (kind, _), held in world.target.objects.items() if kind is Kind.PERSON]
    return all(held.get("title") == title for held in people)


def test_an_outage_is_noticed_after_a_few_calls_and_costs_nobody_a_try(world: SmallWorld) -> None:
    everybody_changes(world)
    outage = world.target.fault = Outage(world)
    world.world = replace(world.world, writer=replace(world.world.writer, concurrency=4))

    done = world.sync()

    assert done.queue.ready == PEOPLE
    assert len(outage.asked) < Terms().calls + 4, "what was under way when it was noticed, and no more"
    found = target(world)
    assert found.quarantine_until is not None
    assert found.quarantine_until > world.time
    assert found.quarantine_why is not None
    assert found.quarantine_why.what == refusal("the line is dead").what
    assert found.failing is None, "one picture, not two"
    assert attempts(world) == {0}


def test_probes_are_few_and_grow_apart_and_nobody_is_parked_by_an_outage_of_hours(world: SmallWorld) -> None:
    everybody_changes(world)
    outage = world.target.fault = Outage(world)

    async def story() -> None:
        async with served(world.world) as service:
            await until(lambda: target(world).quarantine_until is not None, "the quarantine")
            asked = len(outage.asked)
            ends = world.time + BELIEVED - timedelta(hours=1)
            for probe in range(1, 200):
                opens = target(world).quarantine_until
                assert opens is not None
                if opens >= ends:
                    break
                world.time = max(world.time, opens)
                service._pen.ring()
                await until(partial(probed, world, outage, asked + probe, opens), "the next probe, and its outcome")
            assert len(outage.asked) - asked < 5 * 60 / 11 + 8, "one each quarter of an hour, or a little oftener"
            assert attempts(world) == {0}

            world.target.fault = lambda _: None
            world.time = target(world).quarantine_until or world.time
            service._pen.ring()
            await until(lambda: agreed(world, "Somebody Else"), "everybody")
            await until(lambda: target(world).quarantine_until is None, "the end of it")

    run(story())


def test_leavers_are_the_probes(world: SmallWorld) -> None:
    world.leave("40")
    world.sync()
    world.person("40", "team")
    everybody_changes(world)
    world.target.fault = Outage(world)
    world.sync()
    for number in ("38", "39"):
        world.leave(number)
    outage = world.target.fault = Outage(world)
    world.time += timedelta(hours=1)

    world.sync()

    assert [change.lane for change in outage.asked] == [Lane.LEAVER]


def test_it_is_opened_slowly_and_then_entirely(world: SmallWorld) -> None:
    everybody_changes(world)
    world.target.fault = Outage(world)
    world.sync()
    world.time += timedelta(minutes=1)
    together: list[int] = []
    under_way = 0

    class Slow(PartedTarget):
        async def apply(self, change: Change, *, key: str, again: bool = False) -> Outcome:
            nonlocal under_way
            under_way += 1
            together.append(under_way)
            await asyncio.sleep(0)
            under_way -= 1
            return await super().apply(change, key=key, again=again)

    slow = Slow({}, world.target.room)
    slow.objects, slow.marks, slow._done = world.target.objects, world.target.marks, world.target._done
    world.target = slow

    done = world.sync()

    assert done.tally.done == PEOPLE
    assert together[0] == 1
    assert max(together[:3]) <= 2
    assert max(together) > TRUSTED / 2
    with world.store.reading() as tx:
        assert tx.meta.get(KEY) is None


def test_a_restart_neither_forgets_it_nor_starts_a_storm_and_a_command_tries_at_once(world: SmallWorld) -> None:
    everybody_changes(world)
    world.target.fault = Outage(world)
    world.world = replace(world.world, writer=replace(world.world.writer, concurrency=4))
    world.sync()
    outage = world.target.fault = Outage(world)

    async def serve() -> None:
        async with served(world.world) as service:
            service._pen.ring()
            await until(lambda: service._pen._gate.opens_at() is not None, "the writer to know of it")
            assert outage.asked == []

    run(serve())
    world.sync()
    assert len(outage.asked) == 1, "somebody asked for it"


def test_with_nothing_left_to_write_the_target_is_looked_at_instead(world: SmallWorld) -> None:
    everybody_changes(world)
    world.target.fault = Outage(world)
    world.sync()
    with world.store.transaction() as tx:
        tx.queue.drop([one.id for one in tx.queue.standing(limit=1000)], at=world.time)
        tx.marks.clear(set(tx.marks.all()), upto=tx.marks.last())
    looked_at: list[TargetId] = []
    look = world.target.look

    async def looking(kind: Kind, target_id: TargetId) -> Observed | None:
        looked_at.append(target_id)
        return await look(kind, target_id)

    world.target.look = looking  # type: ignore[method-assign]
    world.time += timedelta(minutes=1)

    world.sync()

    assert looked_at == [world.target.root]
    assert target(world).quarantine_until is None


def test_an_interface_that_fails_is_left_alone_and_the_others_flow(world: SmallWorld) -> None:
    everybody_changes(world)
    outage = world.target.fault = Outage(world, lambda change: change.op is Op.UPDATE, one_interface=True)
    world.sync()
    found = target(world)
    assert found.quarantine_until is None
    assert set(found.circuits) == {"person/update"}
    assert found.failing is None
    for number in range(50, 60):
        world.person(str(number), "team", title="Somebody Else")
    outage.asked.clear()
    world.time += timedelta(minutes=1)

    done = world.sync()

    assert done.tally.confirmed["create person"] == 10
    assert sum(change.op is Op.UPDATE for change in outage.asked) == 1, "one probe"
    assert attempts(world) == {0}

    world.target.fault = lambda _: None
    world.time += timedelta(minutes=5)
    for _ in range(8):
        world.sync()
        world.time += timedelta(seconds=5)
    assert agreed(world, "Somebody Else")
    assert target(world).circuits == {}


def test_people_who_are_refused_are_no_outage(world: SmallWorld) -> None:
    everybody_changes(world)
    world.target.fault = lambda _: Rejected(problem=refusal("no"))

    done = world.sync()

    assert done.queue.parked == PEOPLE
    assert target(world).quarantine_until is None
    assert target(world).circuits == {}


def test_one_person_at_whom_the_target_breaks_is_tried_by_the_schedule_and_then_parked(world: SmallWorld) -> None:
    """Otherwise nobody would ever hear of it: the target says that it is busy, for ever, and only for this one."""
    world.target.fault = Outage(world, lambda change: change.label == "Example 7")
    for turn in range(14):
        for number in ("6", "7", "8"):
            world.edit(number, title=f"Turn {turn if number != '7' else ''}")
        world.sync()
        with world.store.reading() as tx:
            if [one.change.label for one in tx.queue.standing(QueueState.PARKED)] == ["Example 7"]:
                break
        world.time += timedelta(hours=13)
    else:
        pytest.fail("it was never parked")
    assert target(world).quarantine_until is None


def test_a_small_outage_is_told_as_a_target_that_fails(world: SmallWorld) -> None:
    """Too few calls for a quarantine."""
    world.edit("7", title="Somebody Else")
    world.target.fault = Outage(world)
    world.sync()
    found = target(world).failing
    assert found is not None
    assert (found.since, found.code) == (world.time, "MEM-001")

    world.target.fault = lambda _: None
    world.time += timedelta(minutes=1)
    world.sync()
    assert target(world).failing is None


def watching(world: SmallWorld, minutes: int, watch: Watch) -> list[tuple[str, str]]:
    """Let alerts look at what the state says, minute by minute; return what was told."""
    told = []
    for _ in range(minutes):
        now: Health = health(world.world)
        told += [(rule, news) for rule, news, _ in watch.look(replace(now, run_at=now.at, disk_free=2**40))]
        world.time += timedelta(minutes=1)
    return told


@pytest.mark.parametrize(
    ("rule", "one_interface"), [("quarantine", False), ("interface_resting", True)], ids=["whole", "interface"]
)
def test_the_alert_comes_from_a_real_outage_and_goes_with_it(world: SmallWorld, rule: str, one_interface: bool) -> None:
    everybody_changes(world)
    outage = world.target.fault = Outage(world, one_interface=one_interface)
    world.sync()
    watch = Watch(policy())

    told = watching(world, 5, watch)
    for _ in range(9):
        world.sync()
        told += watching(world, 5, watch)

    assert told == [(rule, "opened")], "one alert explains everything"
    text = Wording().alert(watch.told[0], now=world.time).text
    assert refusal("the line is dead").what in text
    assert refusal("the line is dead").do in text
    outage.fails = lambda _: False
    for _ in range(8):
        world.sync()
        world.time += timedelta(seconds=5)
    told += watching(world, 30, watch)
    assert told == [(rule, "opened"), (rule, "resolved")]
    assert agreed(world, "Somebody Else")


def test_a_wake_during_a_quarantine_is_planned_and_waits(world: SmallWorld) -> None:
    everybody_changes(world)
    outage = world.target.fault = Outage(world)
    world.sync()

    async def story() -> None:
        async with served(world.world) as service:
            asked = len(outage.asked)
            world.leave("40")
            await service.wake(ringing())

            def queued() -> bool:
                with world.store.reading() as tx:
                    return any(one.change.op is Op.OFFBOARD for one in tx.queue.standing(limit=1000))

            await until(queued, "the plan for the leaver")
            assert len(outage.asked) == asked

    run(story())
