"""What the target itself remembers of leavers: it confirms our removals, and tells of those who left without us."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.serving import ringing, served, until
from support.small_world import SmallWorld, run
from syncd.core.errors import NeedsHuman
from syncd.core.health import TargetHealth
from syncd.core.leave_records import Left, LeftBy
from syncd.core.model import Kind, SubjectId, TargetId
from syncd.core.wakes import Touched
from syncd.engine import drift, leave_records
from syncd.engine.cycle import Cycle
from syncd.engine.health import health
from syncd.engine.leave_records import AGAIN, APART, SOON, Learned
from syncd.engine.nightly import Night
from syncd.engine.world import DriftRule, DriftTerms, LeaverTerms
from syncd.store.drifts import Drift
from syncd.store.leavings import Leaving
from syncd.testing.memory import refusal
from syncd.testing.remembering import MemoryRememberer

NIGHT = Night.of(b"an example", "UTC")


class LeaverWorld(SmallWorld):
    """A small world whose target remembers who left. Leavers are removed at once, unless there is a `grace`."""

    target: MemoryRememberer

    def __init__(self, folder: Path, *, grace: timedelta | None = None, rule: DriftRule = DriftRule.REVERT) -> None:
        super().__init__(folder)
        self.target = MemoryRememberer({}, self.target.room)
        terms = LeaverTerms(hold=grace is not None, grace=grace or timedelta(0))
        self.world = replace(self.world, leavers=terms, drift=DriftTerms(default=rule, deleted=rule))
        self.source.tells = True
        self.company(6)
        self.sync()
        self.wait(hours=1)

    def wait(self, **times: float) -> None:
        self.time += timedelta(**times)

    def remove(self, *keys: str) -> Cycle:
        """Let these people leave the source, and synchronize."""
        for key in keys:
            self.leave(key)
        self.wait(minutes=1)
        return self.sync()

    def audited(self, type_: str = "leave.confirmed") -> list[dict[str, Any]]:
        with self.store.reading() as tx:
            return [json.loads(row.body) for row in self.store.audit.iterate(tx) if row.type == type_]

    def known(self) -> dict[str, Leaving]:
        with self.store.reading() as tx:
            found = tx.leavings.by_objects("memory", [TargetId(f"e{key}") for key in range(1, 7)])
            return {target_id: rows[-1] for target_id, rows in found.items()}

    def drifts(self) -> list[Drift]:
        with self.store.reading() as tx:
            return tx.drifts.all("memory")

    def told(self) -> TargetHealth:
        found = health(self.world).target
        assert found is not None
        return found

    def people(self) -> set[str]:
        return {str(target_id) for kind, target_id in self.target.objects if kind is Kind.PERSON}


Make = Callable[..., LeaverWorld]


@pytest.fixture
def make(database_file: Path) -> Iterator[Make]:
    made: list[LeaverWorld] = []

    def world(**terms: Any) -> LeaverWorld:
        made.append(LeaverWorld(database_file.parent, **terms))
        return made[-1]

    yield world
    for one in made:
        one.store.close()


@pytest.fixture
def world(make: Make) -> LeaverWorld:
    return make()


# --- our removals are confirmed ---------------------------------------------------------------------------------------


def test_removals_are_confirmed_by_the_targets_own_records_and_audited_once(world: LeaverWorld) -> None:
    done = world.remove("5", "6")

    assert done.left == Learned(confirmed=2)
    assert sorted((one["label"], one["target"], one["facts"]["left_by"]) for one in world.audited()) == [
        ("Example 5", "e5", "program"),
        ("Example 6", "e6", "program"),
    ]
    assert "removed by a program" in world.audited()[0]["reason"]

    world.wait(hours=1)
    assert world.sync().left == Learned()
    assert len(world.audited()) == 2


def test_a_record_that_comes_late_confirms_when_it_is_there(world: LeaverWorld) -> None:
    world.target.late = True
    assert world.remove("6").left == Learned()
    world.wait(hours=3)
    assert world.sync().left == Learned()

    world.target.catch_up()

    assert world.sync().left == Learned(confirmed=1)


def test_a_removal_without_a_record_is_told_a_day_later_and_no_longer_once_there_is_one(world: LeaverWorld) -> None:
    world.target.late = True
    world.remove("6")
    world.wait(hours=23)
    world.sync()
    assert world.told().unconfirmed == 0
    world.wait(hours=2)
    assert world.told().unconfirmed == 0, "the records have not been read since"

    world.sync()
    assert (world.told().unconfirmed, world.told().unconfirmed_labels) == (1, ("Example 6",))

    world.target.catch_up()
    world.sync()
    assert world.told().unconfirmed == 1, "it is no longer looked for by each run"
    world.wait(hours=1)
    world.sync()
    assert world.told().unconfirmed == 0


def test_the_first_run_after_that_day_reads_however_short_ago_the_last_look_was(world: LeaverWorld) -> None:
    world.target.late = True
    world.remove("6")
    world.wait(hours=23, minutes=50)
    assert world.sync().left == Learned()
    world.wait(minutes=20)

    assert world.sync().left == Learned()

    assert world.told().unconfirmed_labels == ("Example 6",)
    world.wait(minutes=20)
    assert world.sync().left is None, "what is told is looked for each hour, as everything is"


def test_who_was_deleted_by_hand_while_out_of_sight_is_confirmed_by_that_record(make: Make) -> None:
    world = make(grace=timedelta(days=5))
    world.remove("6")
    world.wait(days=2)
    world.target.leaves(TargetId("e6"))
    world.sync()
    world.wait(days=4)

    world.sync()

    (entry,) = world.audited()
    assert entry["facts"]["left_by"] == "administrator"
    assert world.known()["e6"].left_at == entry_time(entry, "left_at")


def entry_time(entry: dict[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(entry["facts"][name])


def test_an_older_record_of_the_same_account_confirms_nothing(world: LeaverWorld) -> None:
    """Somebody was deleted by hand, made again by us, and is removed later: the first record is not of that."""
    world.target.leaves(TargetId("e6"))
    world.wait(minutes=1)
    world.sync()
    world.wait(minutes=1)
    world.sync(fresh=True)
    assert "e6" in world.people()
    world.wait(hours=1)
    world.target.late = True

    world.remove("6")

    assert world.known()["e6"].waits
    world.target.catch_up()
    assert world.sync().left == Learned(confirmed=1)
    assert world.known()["e6"].left_by is LeftBy.PROGRAM


def test_whoever_is_hired_again_and_removed_again_is_confirmed_twice(world: LeaverWorld) -> None:
    world.remove("6")
    world.wait(days=3)
    world.person("6", "team", manager="e1")
    world.sync()
    world.wait(days=3)

    world.remove("6")

    assert len(world.audited()) == 2
    first, second = (entry_time(one, "left_at") for one in world.audited())
    assert second - first > timedelta(days=5)


def test_a_target_that_remembers_nothing_is_not_waited_for(database_file: Path) -> None:
    world = SmallWorld(database_file.parent)
    world.world = replace(world.world, leavers=LeaverTerms(hold=False, grace=timedelta(0)))
    world.company(6)
    world.sync()
    world.leave("6")

    assert world.sync().left is None

    with world.store.reading() as tx:
        assert tx.leavings.by_objects("memory", [TargetId("e6")]) == {}


# --- who left without us ----------------------------------------------------------------------------------------------


def test_who_left_without_us_is_drift_of_that_person_and_told_once(make: Make) -> None:
    world = make(rule=DriftRule.REPORT)
    world.target.leaves(TargetId("e4"), by=LeftBy.THEMSELVES)
    world.wait(minutes=5)

    assert world.sync().left == Learned(without_us=1)

    (found,) = world.drifts()
    assert (found.label, found.field) == ("Example 4", "")
    assert len(world.audited("drift.found")) == 1
    for _ in range(3):
        world.wait(hours=1)
        assert world.sync().left == Learned()
    assert len(world.audited("drift.found")) == 1


def test_the_event_of_it_and_the_record_are_told_as_one(make: Make) -> None:
    world = make(rule=DriftRule.REPORT)
    world.target.leaves(TargetId("e4"))
    told = Touched(kind=Kind.PERSON, target_id=TargetId("e4"), at=world.time, key="an event", gone=True)
    run(drift.touched(world.world, [told]))
    run(drift.examine(world.world, world.target))
    world.wait(minutes=5)

    world.sync()

    assert len(world.drifts()) == len(world.audited("drift.found")) == 1


def test_where_the_rule_says_so_they_are_made_again_by_the_next_run(world: LeaverWorld) -> None:
    world.target.leaves(TargetId("e4"))
    world.wait(minutes=5)
    world.sync()

    assert dict(world.sync().tally.confirmed) == {"create person": 1}
    assert "e4" in world.people()
    world.wait(hours=1)
    assert world.sync().left == Learned()


def test_a_record_of_somebody_who_is_there_all_the_same_changes_nothing(world: LeaverWorld) -> None:
    """An account that was deleted and made again by hand, or by a change of number."""
    world.target.remember(TargetId("e4"), by=LeftBy.PROGRAM)
    world.wait(minutes=5)

    world.sync()

    assert world.audited("drift.found") == []
    assert not world.sync().reconciliation.plan.changes


def test_strangers_are_passed_over(world: LeaverWorld) -> None:
    world.target.remember(TargetId("somebody"), by=LeftBy.THEMSELVES)
    world.wait(minutes=5)
    assert world.sync().left == Learned()


# --- what cannot be read ----------------------------------------------------------------------------------------------


def test_a_missing_permission_is_one_note_and_heals_by_itself(world: LeaverWorld) -> None:
    world.target.closed = refusal("not permitted")

    done = world.remove("6")

    assert done.left is not None
    assert done.left.problem is not None
    assert dict(done.tally.confirmed) == {"remove person": 1}
    failing = world.told().records_failing
    assert failing is not None
    assert "not permitted" in failing.what
    world.wait(days=3)
    world.sync()
    assert world.told().unconfirmed == 0, "of what nobody may read nothing can be said"

    world.target.closed = None
    world.wait(hours=1)
    assert world.sync().left == Learned(confirmed=1)
    assert world.told().records_failing is None


def test_runs_within_an_hour_of_a_refusal_do_not_ask_again(world: LeaverWorld) -> None:
    world.target.closed = refusal("not permitted")
    first = world.remove("6").left
    assert first is not None
    assert first.problem is not None
    world.target.asked.clear()

    for minutes in (0, 1, 58):  # the last one is a minute short of an hour
        world.wait(minutes=minutes)
        assert world.sync().left is None
    assert world.target.asked == []
    assert world.told().records_failing is not None, "it is still told by `syncd status`"

    world.wait(minutes=1)
    world.sync()
    assert len(world.target.asked) == 1


def test_a_refusal_by_a_clock_that_was_ahead_is_not_minded(world: LeaverWorld) -> None:
    world.target.closed = refusal("not permitted")
    world.wait(days=2)
    assert world.sync().left is not None
    world.target.closed = None
    world.wait(hours=-2)

    world.remove("6")

    assert world.told().records_failing is None


def test_a_platform_that_does_not_answer_about_who_left_fails_no_cycle(world: LeaverWorld) -> None:
    world.target.leaves(TargetId("e4"))
    world.wait(minutes=5)

    async def closed(*_: object) -> None:
        raise NeedsHuman(refusal("not permitted"))

    world.target.look = closed  # type: ignore[assignment,method-assign]

    done = world.sync()

    assert done.left is not None
    assert (done.left.without_us, str(done.left.problem)) == (1, str(refusal("not permitted")))


# --- in the service ---------------------------------------------------------------------------------------------------


def test_the_service_reads_soon_after_removals_and_coalesces_them(
    world: LeaverWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leave_records, "PAUSE", 0.01)

    async def story() -> None:
        async with served(world.world) as service:
            world.wait(minutes=10)
            await still(world)
            before = len(world.target.asked)
            for key in ("4", "5", "6"):
                world.leave(key)
            await service.wake(ringing())
            await until(lambda: world.people() == {"e1", "e2", "e3"}, "the removals")
            await still(world)
            assert len(world.target.asked) == before, "not at once"

            world.wait(minutes=SOON.total_seconds() / 60 + 1)
            await until(lambda: len(world.audited()) == 3, "the confirmations")
            assert len(world.target.asked) == before + 1

    run(story())


async def still(world: LeaverWorld) -> None:
    """Let the service look at the clock a few times."""
    count, asked = 0, len(world.target.asked)
    while count < 10:
        await asyncio.sleep(0.01)
        count = count + 1 if len(world.target.asked) == asked else 0
        asked = len(world.target.asked)


def test_the_service_finds_who_left_without_us_at_night(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leave_records, "PAUSE", 0.01)
    world = make(rule=DriftRule.REPORT)

    async def story() -> None:
        async with served(world.world):
            await still(world)
            world.target.leaves(TargetId("e4"))
            await still(world)
            assert world.drifts() == []
            world.wait(hours=24)
            await until(lambda: len(world.drifts()) == 1, "the drift")

    run(story())


def test_in_the_service_a_missing_permission_is_tried_again_each_hour_and_no_oftener(
    world: LeaverWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leave_records, "PAUSE", 0.01)
    world.target.asked.clear()
    world.target.closed = refusal("not permitted")
    world.wait(days=2)

    async def story() -> None:
        async with served(world.world):
            await until(lambda: len(world.target.asked) == 1, "the first look")
            await still(world)
            assert len(world.target.asked) == 1
            world.wait(hours=1, seconds=1)
            await until(lambda: len(world.target.asked) == 2, "the second look")
            await still(world)
            assert len(world.target.asked) == 2

    run(story())


# --- when -------------------------------------------------------------------------------------------------------------


def test_a_run_that_expects_nothing_of_the_records_does_not_ask_for_them(world: LeaverWorld) -> None:
    assert world.remove("6").left == Learned(confirmed=1)
    world.target.asked.clear()
    world.target.closed = refusal("a question is an error")

    for minutes in (0, 1, 58):  # the last one is a minute short of an hour
        world.wait(minutes=minutes)
        assert world.sync().left is None
    world.person("7", "team", manager="e1")
    assert dict(world.sync().tally.confirmed) == {"create person": 1}
    assert world.target.asked == []

    world.wait(minutes=1)
    world.sync()
    assert len(world.target.asked) == 1


def due(world: LeaverWorld) -> leave_records.Next:
    with world.store.reading() as tx:
        return leave_records.next_read(tx, world.world, NIGHT)


def test_without_removals_the_records_are_read_each_night(world: LeaverWorld) -> None:
    world.sync()
    assert due(world) == leave_records.Next(at=NIGHT.after(world.time), far=True)


def test_what_is_not_found_is_looked_for_each_hour_of_the_first_day(world: LeaverWorld) -> None:
    world.target.late = True
    world.remove("6")
    assert due(world) == leave_records.Next(at=world.time + APART, far=False), "it may have come a moment later"
    world.wait(minutes=10)
    world.sync()
    assert due(world) == leave_records.Next(at=world.time + AGAIN, far=True)
    world.wait(hours=25)
    world.sync()
    assert due(world).at == NIGHT.after(world.time)


def test_a_removal_that_was_not_found_is_looked_for_until_it_is_told_of(world: LeaverWorld) -> None:
    """By a look a day after it. One less than an hour before that is not the last one until the night."""
    world.target.late = True
    world.remove("6")
    world.wait(hours=23, minutes=30)
    world.sync()
    looked_at = world.time
    world.wait(minutes=59)
    assert due(world) == leave_records.Next(at=looked_at + AGAIN, far=True), "a day after it, and no look since"

    world.wait(minutes=1)
    world.sync()

    assert world.told().unconfirmed == 1
    assert due(world).at == NIGHT.after(world.time)


def test_while_many_leave_there_is_some_time_between_two_looks(world: LeaverWorld) -> None:
    world.target.late = True
    world.sync()
    read_at = world.time
    world.wait(seconds=1)
    with world.store.transaction() as tx:
        row = Leaving(subject=SubjectId("person:x"), target_id=TargetId("x"), label="Example", removed_at=world.time)
        tx.leavings.put("memory", [row])
    assert due(world) == leave_records.Next(at=max(read_at + APART, world.time + SOON), far=False)


# --- what a record is of ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "done", "is_of"),
    [
        ({"seconds": 2}, [], True),
        ({"minutes": -4}, [], True),  # the target's clock is ahead
        ({"minutes": -6}, [], False),  # it came back, and left again
        ({"days": 3}, [], True),  # they were gone already
        ({"days": 3}, [{"days": 2}], False),  # we wrote to them in between
        ({"days": 3}, [{"days": 4}], True),
        ({"seconds": 30}, [{"seconds": 10}], True),  # a slow clock: so close it is of the removal
    ],
)
def test_a_record_is_of_a_removal_where_nothing_of_ours_lies_in_between(
    before: dict[str, int], done: list[dict[str, int]], is_of: bool
) -> None:
    at = datetime.fromisoformat("2026-11-22T01:30:00+00:00")
    row = Leaving(subject=SubjectId("person:x"), target_id=TargetId("x"), label="Example", removed_at=at)
    times = [at, *(at - timedelta(**one) for one in done)]
    assert leave_records.is_of(at - timedelta(**before), row, times) is is_of


def test_records_that_come_again_in_any_order_change_nothing(make: Make) -> None:
    world = make(rule=DriftRule.REPORT)
    world.target.late = True
    world.remove("5", "6")
    world.target.leaves(TargetId("e4"))
    world.target.catch_up()
    records: list[Left] = world.target.records
    learned = [learn(world, some) for some in (records, records[::-1], records[1:], records)]
    assert [(one.confirmed, one.without_us) for one in learned] == [(2, 1), (0, 0), (0, 0), (0, 0)]


def learn(world: LeaverWorld, records: list[Left]) -> Learned:
    with world.store.transaction() as tx:
        return leave_records.learn(tx, world.world, records)
