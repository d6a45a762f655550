"""Hand edits in the target: found from events without a call where the event says enough, and done about as the rules say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from support.small_world import SmallWorld, run
from syncd.audit.entries import EntryType
from syncd.core.model import Kind, TargetId
from syncd.core.values import Value
from syncd.core.wakes import Touched
from syncd.engine import drift
from syncd.engine.drift import Examined
from syncd.engine.world import DriftRule, DriftTerms
from syncd.store.drifts import Drift, DriftState

WHO = TargetId("e2")
_AUDITED = text("SELECT count(*) FROM audit WHERE type = :type")


class DriftWorld(SmallWorld):
    """A small world in which somebody edits by hand; counts the looks."""

    def __init__(self, folder: Path, terms: DriftTerms) -> None:
        super().__init__(folder, drift=terms)
        self.looks: list[TargetId] = []
        self.events = 0
        look = self.target.look

        async def counted(kind: Kind, target_id: TargetId) -> Any:
            self.looks.append(target_id)
            return await look(kind, target_id)

        self.target.look = counted  # type: ignore[method-assign]
        self.company()
        assert self.sync().tally.done
        self.wait(minutes=10)

    def wait(self, **times: float) -> None:
        self.time += timedelta(**times)

    def edit_by_hand(self, target_id: str = WHO, kind: Kind = Kind.PERSON, **fields: Value) -> None:
        self.target.objects[kind, TargetId(target_id)].update(fields)

    def hear(self, target_id: str = WHO, kind: Kind = Kind.PERSON, **told: Any) -> Examined:
        """Let an event come and be judged."""
        self.tell(target_id, kind, **told)
        self.wait(seconds=1)
        return run(drift.examine(self.world, self.target))

    def tell(self, target_id: str = WHO, kind: Kind = Kind.PERSON, **told: Any) -> None:
        self.events += 1
        given = {"at": self.time, "key": f"event {self.events}", **told}
        run(drift.touched(self.world, [Touched(kind=kind, target_id=TargetId(target_id), **given)]))

    def kept(self) -> list[Drift]:
        with self.store.reading() as tx:
            return tx.drifts.all("memory")

    def audited(self) -> int:
        with self.store.reading() as tx:
            found: int = tx.connection.execute(_AUDITED, {"type": EntryType.DRIFT_FOUND}).scalar_one()
            return found

    def held(self, name: str, target_id: str = WHO) -> Value:
        return self.target.objects[Kind.PERSON, TargetId(target_id)].get(name)


@pytest.fixture
def world(tmp_path: Path) -> Callable[..., DriftWorld]:
    made: list[DriftWorld] = []

    def make(default: DriftRule = DriftRule.REVERT, **terms: Any) -> DriftWorld:
        made.append(DriftWorld(tmp_path, DriftTerms(default=default, **terms)))
        return made[-1]

    return make


def test_a_hand_edit_that_its_event_shows_is_reverted_without_asking(world: Callable[..., DriftWorld]) -> None:
    office = world()
    office.edit_by_hand(name="Somebody Else")

    done = office.hear(seen={"name": "Somebody Else"})

    assert (done.found, office.looks, office.kept()) == (1, [], [])
    assert office.audited() == 1
    assert office.sync().tally.done == 1
    assert office.held("name") == "Example 2"
    assert office.sync().tally.done == 0


def test_a_hand_edit_that_its_event_does_not_show_costs_one_call(world: Callable[..., DriftWorld]) -> None:
    office = world()
    office.edit_by_hand(mobile="13800009999")

    done = office.hear()

    assert (done.found, office.looks) == (1, [WHO])
    assert office.sync().tally.done == 1
    assert office.held("mobile") == "13800000002"


def test_what_is_reported_waits_and_is_left_out_of_every_plan(world: Callable[..., DriftWorld]) -> None:
    office = world(DriftRule.REPORT)
    office.edit_by_hand(name="Somebody Else")
    office.hear(seen={"name": "Somebody Else"})

    (kept,) = office.kept()

    assert (kept.field, kept.state, kept.before, kept.after) == (
        "name",
        DriftState.WAITING,
        "Example 2",
        "Somebody Else",
    )
    for options in ({}, {"fresh": True}, {"again": True}):
        assert office.sync(**options).tally.done == 0
    assert office.held("name") == "Somebody Else"
    assert office.kept() == [kept]


def test_other_fields_of_the_same_person_are_still_kept_in_step(world: Callable[..., DriftWorld]) -> None:
    office = world(DriftRule.REPORT)
    office.edit_by_hand(name="Somebody Else")
    office.hear(seen={"name": "Somebody Else"})

    office.edit("2", title="Buyer")

    assert office.sync().tally.done == 1
    assert (office.held("name"), office.held("title")) == ("Somebody Else", "Buyer")


@pytest.mark.parametrize("rule", [DriftRule.REPORT, DriftRule.ACCEPT])
def test_what_the_source_says_anew_ends_what_was_left_alone(world: Callable[..., DriftWorld], rule: DriftRule) -> None:
    office = world(rule)
    office.edit_by_hand(name="Somebody Else")
    office.hear(seen={"name": "Somebody Else"})

    office.edit("2", name="Example Two")

    assert office.sync().tally.done == 1
    assert office.held("name") == "Example Two"
    assert office.kept() == []


def test_rules_are_by_field(world: Callable[..., DriftWorld]) -> None:
    office = world(fields={"mobile": DriftRule.ACCEPT})
    office.edit_by_hand(name="Somebody Else", mobile="13800009999")

    done = office.hear()

    assert done.found == 2
    assert [(one.field, one.state) for one in office.kept()] == [("mobile", DriftState.ACCEPTED)]
    office.sync()
    assert (office.held("name"), office.held("mobile")) == ("Example 2", "13800009999")


def test_who_was_deleted_by_hand_is_made_anew(world: Callable[..., DriftWorld]) -> None:
    office = world()
    del office.target.objects[Kind.PERSON, WHO]

    assert office.hear(gone=True).found == 1

    office.sync()
    assert office.held("name") == "Example 2"


def test_who_was_deleted_by_hand_stays_deleted_until_somebody_decides(world: Callable[..., DriftWorld]) -> None:
    office = world(deleted=DriftRule.REPORT)
    del office.target.objects[Kind.PERSON, WHO]
    office.hear(gone=True)

    for options in ({}, {"fresh": True}):
        assert office.sync(**options).tally.done == 0

    assert [(one.field, one.state) for one in office.kept()] == [("", DriftState.WAITING)]


def test_our_own_echoes_cost_no_call_and_are_no_drift(world: Callable[..., DriftWorld]) -> None:
    office = world(DriftRule.REPORT)
    office.edit("2", title="Buyer", mobile="13800007777")
    assert office.sync().tally.done

    shown = office.hear(at=office.time - timedelta(seconds=3), seen={"title": "Buyer", "name": "Example 2"})
    silent = office.hear(at=office.time - timedelta(seconds=3))

    assert (shown.echoes, silent.echoes, office.looks, office.kept()) == (1, 1, [], [])


def test_an_event_of_ours_that_comes_late_does_not_undo_what_came_after(world: Callable[..., DriftWorld]) -> None:
    office = world(DriftRule.REPORT)
    office.edit("2", title="Buyer")
    office.sync()
    first = office.time
    office.wait(seconds=30)
    office.edit("2", title="Head of Buying")
    office.sync()

    office.hear(at=first, seen={"title": "Buyer"})

    assert (office.looks, office.kept(), office.held("title")) == ([WHO], [], "Head of Buying")
    assert office.sync().tally.done == 0


def test_events_repeated_and_out_of_order_are_told_once(world: Callable[..., DriftWorld]) -> None:
    office = world(DriftRule.REPORT)
    office.edit_by_hand(name="Second")
    early, late = office.time, office.time + timedelta(seconds=5)
    office.wait(seconds=10)
    for at, name in ((late, "Second"), (early, "First"), (late, "Second"), (early, "First")):
        office.tell(at=at, seen={"name": name})
    run(drift.examine(office.world, office.target))

    office.hear(at=late, seen={"name": "Second"})
    office.hear(at=early, seen={"name": "First"})

    assert [one.after for one in office.kept()] == ["Second"]
    assert office.audited() == 1


def test_an_edit_that_is_taken_back_by_hand_is_over(world: Callable[..., DriftWorld]) -> None:
    office = world(DriftRule.REPORT)
    office.edit_by_hand(name="Somebody Else")
    office.hear(seen={"name": "Somebody Else"})

    office.wait(minutes=5)
    office.edit_by_hand(name="Example 2")
    office.hear(seen={"name": "Example 2"})

    assert office.kept() == []
    assert office.sync().tally.done == 0


def test_strangers_and_fields_that_are_not_ours_are_passed_over(world: Callable[..., DriftWorld]) -> None:
    office = world(DriftRule.REPORT)
    office.target.objects[Kind.PERSON, TargetId("guest")] = {"name": "Guest"}
    office.edit_by_hand(email="by-hand@example.com")

    stranger, other = office.hear("guest"), office.hear(seen={"email": "by-hand@example.com"})

    assert (stranger.found, other.found, office.looks, office.kept()) == (0, 0, [], [])


def test_what_no_event_told_is_found_by_the_scheduled_look(world: Callable[..., DriftWorld]) -> None:
    office = world(fields={"name": DriftRule.REPORT})
    office.edit_by_hand(name="Somebody Else", title="By Hand")
    office.wait(hours=25)

    office.sync()

    assert [(one.field, one.after) for one in office.kept()] == [("name", "Somebody Else")]
    assert (office.held("name"), office.held("title")) == ("Somebody Else", None)


def test_a_department_that_was_moved_by_hand_goes_back(world: Callable[..., DriftWorld]) -> None:
    office = world()
    team = next(id_ for (kind, id_), held in office.target.objects.items() if held["name"] == "Unit team")
    parent = office.target.objects[Kind.UNIT, team]["parent"]
    office.edit_by_hand(team, Kind.UNIT, parent="1", name="Crew")

    assert office.hear(team, Kind.UNIT).found == 2

    office.sync()
    held = office.target.objects[Kind.UNIT, team]
    assert (held["name"], held["parent"]) == ("Unit team", parent)


def test_looks_have_a_budget_and_the_rest_waits_for_the_next_turn(world: Callable[..., DriftWorld]) -> None:
    office = world()
    for number in range(1, 6):
        office.tell(f"e{number}")
    office.wait(seconds=1)

    first = run(drift.examine(office.world, office.target, looks=2))
    second = run(drift.examine(office.world, office.target))

    assert (first.looked, first.left) == (2, 3)
    assert (second.looked, second.left) == (3, 0)
    assert sorted(office.looks) == ["e1", "e2", "e3", "e4", "e5"]


def test_while_a_change_of_ours_is_under_way_nothing_is_judged(world: Callable[..., DriftWorld]) -> None:
    office = world(DriftRule.REPORT)
    heard: list[Examined] = []
    office.edit("2", title="Buyer")
    apply = office.target.apply

    async def slow(change: Any, *, key: str, again: bool = False) -> Any:
        outcome = await apply(change, key=key, again=again)
        told = Touched(kind=Kind.PERSON, target_id=WHO, at=office.time, key="echo", seen={"title": "Buyer"})
        await drift.touched(office.world, [told])
        heard.append(await drift.examine(office.world, office.target))
        return outcome

    office.target.apply = slow  # type: ignore[method-assign]
    office.sync()
    office.wait(seconds=5)

    after = run(drift.examine(office.world, office.target))

    assert heard[-1].judged == 0
    assert (after.judged, after.echoes, office.looks, office.kept()) == (1, 1, [], [])


def test_a_look_that_is_older_than_a_change_of_ours_says_nothing(world: Callable[..., DriftWorld]) -> None:
    """H: others of the same turn were slow to be looked at; meanwhile a change was claimed, written and confirmed."""
    office = world()
    office.edit("2", title="Buyer")
    look, wrote = office.target.look, list[int]()

    async def slowly(kind: Kind, target_id: TargetId) -> Any:
        seen = await look(kind, target_id)
        if not wrote:
            wrote.append((await asyncio.to_thread(office.sync)).tally.done)
        return seen

    office.target.look = slowly  # type: ignore[method-assign]
    early = office.hear()
    office.wait(seconds=5)
    after = run(drift.examine(office.world, office.target))

    assert wrote == [1]
    assert (early.judged, early.found, office.audited()) == (0, 0, 0)
    assert (after.judged, after.found, office.audited()) == (1, 0, 0)
    assert office.sync().tally.done == 0


def test_rules_that_leave_nothing_compare_nothing() -> None:
    assert not DriftTerms().leaves_something
    assert replace(DriftTerms(), deleted=DriftRule.REPORT).leaves_something
