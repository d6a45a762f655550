"""What fails is tried again by the documented schedule, told of after the third time, parked, and retried when that may help."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from support.alerts import Watch, policy
from support.alerts import health as well
from support.small_world import SmallWorld
from syncd.core.model import Change, Op
from syncd.core.outcome import Deferred, Outcome, Rejected
from syncd.engine.health import health
from syncd.store.rows import QueuedChange, QueueState
from syncd.testing.memory import refusal

MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SmallWorld]:
    one = SmallWorld(tmp_path)
    one.company(6)
    one.sync()
    yield one
    one.store.close()


def fails(world: SmallWorld, *, wants: timedelta = MINUTE) -> None:
    def fault(change: Change) -> Outcome | None:
        if change.label != "Example 5":
            return None
        return Deferred(problem=refusal("not now"), retry_at=world.time + wants)

    world.target.fault = fault


def queued(world: SmallWorld) -> QueuedChange:
    with world.store.reading() as tx:
        waiting = tx.queue.standing(QueueState.READY, QueueState.PARKED)
    return next(one for one in waiting if one.change.label == "Example 5")


def waits(world: SmallWorld, times: int) -> list[float]:
    """Let a change fail so often; return how many minutes it waited after each."""
    found = []
    for _ in range(times):
        world.sync()
        one = queued(world)
        if one.state is not QueueState.READY:
            break
        found.append((one.due_at - world.time) / MINUTE)
        world.time = one.due_at
    return found


def test_a_change_waits_2_5_and_20_minutes_2_and_12_hours_and_is_parked_then(world: SmallWorld) -> None:
    fails(world)
    world.edit("5", title="Somebody Else")
    assert waits(world, 10) == [2, 5, 20, 120, 720]
    one = queued(world)
    assert one.state is QueueState.PARKED
    assert one.problem is not None
    assert one.problem.code == "ENG-010"
    assert refusal("not now").what in one.problem.what
    assert health(world.world).queue.parked_labels == ("Example 5",)


def test_where_the_target_asks_for_short_waits_three_quick_tries_come_first(world: SmallWorld) -> None:
    fails(world, wants=timedelta(seconds=6))
    world.edit("5", title="Somebody Else")
    assert waits(world, 10) == [0.1, 0.1, 0.1, 2, 5, 20, 120, 720]
    assert queued(world).state is QueueState.PARKED


def test_a_leaver_waits_1_2_5_and_15_minutes_then_half_an_hour_each_time_and_is_never_parked(world: SmallWorld) -> None:
    world.leave("6")
    world.sync()  # makes the department in which leavers wait, which would be a reason of its own to wait
    fails(world)
    world.leave("5")
    assert waits(world, 12) == [1, 2, 5, 15, *[30] * 8]
    watch = Watch(policy())
    now = health(world.world)
    assert now.queue.late_labels == ("Example 5",)
    told = watch.look(replace(well(world.time), queue=now.queue))
    assert ("leaver_late", "opened", "team") in told, "somebody is paged: the rule is critical, and waits for nothing"


def test_the_third_failure_is_told_and_the_success_as_well(world: SmallWorld) -> None:
    fails(world)
    world.edit("5", title="Somebody Else")
    watch = Watch(policy())

    def looks(minutes: int) -> list[str]:
        told = []
        for minute in range(minutes):
            queue = replace(health(world.world).queue, oldest_at=None)
            told += [f"{rule} {news}" for rule, news, _ in watch.look(well(world.time + minute * MINUTE, queue=queue))]
        return told

    assert len(waits(world, 2)) == 2
    assert looks(3) == []
    assert len(waits(world, 1)) == 1
    assert health(world.world).queue.failing_labels == ("Example 5",)
    assert looks(3) == ["change_failing opened"]
    world.target.fault = lambda _: None
    world.sync()
    assert looks(60) == ["change_failing resolved"]


def test_who_is_parked_is_tried_again_when_the_record_changes(world: SmallWorld) -> None:
    world.target.fault = lambda change: Rejected(problem=refusal("no")) if change.op is Op.UPDATE else None
    world.edit("5", title="Somebody Else")
    world.sync()
    assert queued(world).state is QueueState.PARKED
    world.target.fault = lambda _: None
    assert world.sync().tally.done == 0, "the same is not tried again by itself"
    world.edit("5", title="Somebody Else Again")
    assert world.sync().tally.done == 1


def test_who_is_parked_is_tried_again_when_the_configuration_changes(world: SmallWorld) -> None:
    """Also where the change is the same: it may be a setting of the target that was mended."""
    world.target.fault = lambda _: Rejected(problem=refusal("no"))
    world.edit("5", title="Somebody Else")
    world.sync()
    assert queued(world).state is QueueState.PARKED
    world.target.fault = lambda _: None
    world.world = replace(world.world, config_digest=b"another")
    assert world.sync().tally.done == 1
