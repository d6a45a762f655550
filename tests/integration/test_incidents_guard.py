"""An adversary's week, replayed against the real engine: B thresholds, C preview, G reports.

What went wrong in other products, one promise at a time. The other letters are in the files beside this one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from support.incidents import Make, guarded, homes, in_step, making, release, settled
from support.small_world import SmallWorld, run
from syncd.core.model import Effect, Kind, Op, Reason
from syncd.core.outcome import Deferred, Rejected
from syncd.core.policy import Limit
from syncd.engine.cycle import Order, Result, cycle
from syncd.engine.explain import explain
from syncd.engine.world import WriterTerms
from syncd.store.rows import HoldState
from syncd.testing.memory import refusal


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    yield from making(tmp_path)


@pytest.fixture
def company(make: Make) -> SmallWorld:
    return in_step(make())


# --- B: a guard that blocks real work gets switched off ---------------------------------------------------------------


def test_a_reorganisation_is_held_by_name_and_everything_else_flows(make: Make) -> None:
    """B (user-sync.py#744: the limit on removals also stopped creations and updates)."""
    world = make(guard=guarded(move=Limit(count=5)))
    world.company(12)
    world.sync()
    for number in range(3, 11):
        world.edit(str(number), unit="top")
    world.edit("2", title="Promoted")
    world.person("20", "team")
    world.leave("12")

    done = world.sync()

    assert done.result is Result.HELD
    (hold,) = done.holds
    assert (hold.effect, sorted(hold.names)) == (Effect.MOVE, sorted(f"Example {number}" for number in range(3, 11)))
    assert done.tally.confirmed["create person"] == 1
    assert done.tally.confirmed["update person"] == 1
    assert done.tally.confirmed["offboard person"] == 1

    release(world)
    assert dict(world.sync().tally.confirmed) == {"update person": 8}
    settled(world)


def test_a_release_does_not_let_a_bigger_set_through(make: Make) -> None:
    """B (C1, E1: an approval that frees all deletions, also those that nobody saw)."""
    world = make(guard=guarded(leave=Limit(count=3)))
    world.company(12)
    world.sync()
    for number in (10, 11, 12):
        world.leave(str(number))
    world.sync()
    release(world)
    world.leave("9")

    done = world.sync()

    assert done.result is Result.HELD
    assert done.tally.done == 0
    assert [hold.count for hold in done.holds] == [4]


def test_what_was_released_stays_released_while_the_target_fails_in_the_middle_of_it(make: Make) -> None:
    """B: half of a released set is confirmed, the rest has to be tried again; nobody is asked twice for the same people."""
    world = make(guard=guarded(leave=Limit(count=3)))
    world.company(12)
    world.sync()
    for number in range(6, 13):
        world.leave(str(number))
    world.sync()
    release(world)
    world.target.fault = lambda change: (
        Deferred(problem=refusal("busy"), retry_at=world.time + timedelta(minutes=5), whole_target=True)
        if change.label in ("Example 9", "Example 10", "Example 11", "Example 12")
        else None
    )
    assert world.sync().tally.confirmed["offboard person"] == 3
    world.target.fault = lambda _: None
    world.time += timedelta(minutes=6)

    done = world.sync()

    assert done.holds == ()
    assert done.tally.confirmed["offboard person"] == 4
    settled(world)


def test_somebody_new_is_held_also_while_a_released_set_is_being_written(make: Make) -> None:
    """B: what was released is spent on those who were shown, never on somebody who came later."""
    world = make(guard=guarded(leave=Limit(count=3)))
    world.company(12)
    world.sync()
    for number in range(6, 13):
        world.leave(str(number))
    world.sync()
    release(world)
    world.target.fault = lambda change: (
        Deferred(problem=refusal("busy"), retry_at=world.time + timedelta(minutes=5), whole_target=True)
        if change.op is Op.OFFBOARD
        else None
    )
    world.sync()
    world.target.fault = lambda _: None
    world.time += timedelta(minutes=6)
    world.leave("5")

    done = world.sync()

    assert [hold.names for hold in done.holds] == [("Example 5",)]
    assert done.tally.confirmed["offboard person"] == 7
    assert homes(world, "Example 5") == ("Unit team",)


@pytest.mark.parametrize(
    ("limit", "held"),
    [
        (Limit(count=0), True),
        (Limit(percent=0), True),
        (Limit(), False),
        (None, False),
        (Limit(count=1), True),
        (Limit(count=2), False),
    ],
    ids=["0 holds all", "0 % holds all", "null is off", "absent is off", "reached", "not reached"],
)
def test_zero_and_null_mean_what_the_documentation_says(make: Make, limit: Limit | None, held: bool) -> None:
    """B (snapraid-daemon#42: nobody knew whether 0 meant none or all)."""
    world = make(guard=guarded(**({"leave": limit} if limit else {})))
    world.company(25)
    world.sync()
    world.leave("5")

    assert (world.sync().result is Result.HELD) is held


def test_a_hold_that_nobody_answers_never_turns_into_consent(make: Make) -> None:
    """B: a hold expires, and is opened again; it does not flow because time went by."""
    world = make(guard=guarded(leave=Limit(count=1)))
    world.company()
    world.sync()
    world.leave("5")
    for _ in range(4):
        done = world.sync()
        assert (done.result, done.tally.done) == (Result.HELD, 0)
        world.time += timedelta(days=2)


def test_a_hold_ends_when_its_cause_is_mended_and_the_log_says_so(make: Make) -> None:
    """B: whoever mends the cause is not asked to release anything, and the alert about it ends."""
    world = make(guard=guarded(leave=Limit(count=1)))
    world.company()
    world.sync()
    gone = dict(world.source.records[Kind.PERSON, "5"])
    world.leave("5")
    assert world.sync().result is Result.HELD
    world.edit("2", title="Beside it")
    assert world.sync().result is Result.HELD, "what else there is to do ends no hold"
    with world.store.reading() as tx:
        (held,) = tx.holds.open()

    world.source.records[Kind.PERSON, "5"] = gone
    assert world.sync().result is not Result.HELD

    with world.store.reading() as tx:
        assert not tx.holds.open()
        ended = tx.holds.get(held.id)
    assert ended is not None
    assert (ended.state, ended.reason) == (HoldState.DROPPED, "nothing of this kind has to be held any more")
    with world.store.reading() as tx:
        told = tx.connection.execute(text("SELECT count(*) FROM audit WHERE type = 'hold.dropped'")).scalar_one()
    assert told == 1


# --- C: preview -------------------------------------------------------------------------------------------------------


def test_the_numbers_that_are_shown_are_the_numbers_that_are_done(company: SmallWorld) -> None:
    """C (zammad#6119: the preview says 0)."""
    company.unit("new", "top")
    company.person("6", "new", manager="e1")
    company.edit("2", unit="new", title="Moved")
    company.leave("5")
    shown = company.sync(write=False)
    before = company.tenant()

    assert shown.tally.done == 0
    done = company.sync()

    assert [(one.op, one.label) for one in done.reconciliation.plan.changes] == [
        (one.op, one.label) for one in shown.reconciliation.plan.changes
    ]
    assert done.tally.done == len(shown.reconciliation.plan.changes)
    assert before != company.tenant()


def test_looking_at_one_person_or_at_the_plan_writes_nothing(company: SmallWorld) -> None:
    """C (Entra's provision-on-demand writes)."""
    company.edit("2", title="New", unit="top")
    before = (company.tenant(), dict(company.target.writes))
    with company.store.reading() as tx:
        links = tx.links.all("memory")
        shown = explain(tx, company.world, company.target, "e2")
    assert shown.label == "Example 2"
    company.sync(write=False)

    assert (company.tenant(), dict(company.target.writes)) == before
    with company.store.reading() as tx:
        assert tx.links.all("memory") == links
        assert tx.queue.counts(company.time).ready == 0


def test_a_saved_plan_is_refused_when_anything_moved(company: SmallWorld) -> None:
    """C: applied exactly or not at all."""
    company.edit("2", title="New")
    shown = company.sync(write=False).reconciliation.plan
    company.edit("3", title="Sneaked in")
    with pytest.raises(Exception, match="ENG-020"):
        run(cycle(company.world, Order(expected=shown.changes)))
    assert "title" not in company.tenant()["person:Example 2"]


# --- G: reports -------------------------------------------------------------------------------------------------------


def test_skipped_parked_and_failed_people_are_counted_and_named_and_success_is_not_said(company: SmallWorld) -> None:
    """G (casdoor#4819: "success", but no users; keycloak#26353: "0 removed" though people went)."""
    company.person("6", "team", kind="service")
    company.person("7", "team", name=None)
    company.person("8", "team")
    company.target.fault = lambda change: Rejected(problem=refusal("no")) if change.label == "Example 8" else None

    done = company.sync()

    assert done.result is Result.TROUBLED
    asides = {aside.reason: aside.label for aside in done.reconciliation.plan.aside}
    assert asides[Reason.EXCLUDED] == "Example 6"
    assert Reason.PARKED in asides
    assert [label for label, _ in done.tally.troubles.values()] == ["Example 8"]
    assert done.tally.done == 0


def test_what_still_waits_for_its_next_attempt_is_never_told_as_nothing_to_do(company: SmallWorld) -> None:
    """G: the second cycle comes before the next attempt; it tries nothing, and must not say that all is well."""
    company.target.fault = lambda _: Deferred(problem=refusal("busy"), retry_at=company.time + timedelta(minutes=10))
    company.edit("2", title="Waits")
    assert company.sync().result is Result.TROUBLED
    company.time += timedelta(minutes=1)

    done = company.sync()

    assert done.tally.attempts == 0
    assert done.result is Result.TROUBLED


def test_one_subject_that_fails_for_ever_stops_nobody(make: Make) -> None:
    """G, D (Univention: the queue stood still at 906 errors)."""
    world = make(writer=WriterTerms(patience=timedelta(seconds=0), concurrency=1))
    world.company(20)
    world.target.fault = lambda change: (
        Deferred(problem=refusal("busy"), retry_at=world.time + timedelta(minutes=1)) if "7" in change.label else None
    )

    done = world.sync()

    assert {label for label, _ in done.tally.troubles.values()} == {"Example 7", "Example 17"}
    assert sum(name.startswith("person:") for name in world.tenant()) == 18
