"""Health: one picture of how things stand, for the screen, the page, the metric and the alert."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from support.office import Office, Opened
from support.small_world import HR
from syncd.core.health import Failure
from syncd.core.model import Change, Effect, Lane
from syncd.core.outcome import Deferred, Outcome, Rejected
from syncd.core.policy import Limit, Limits
from syncd.engine import failures
from syncd.engine.health import EXPIRES, Live, Whom, health, of_file
from syncd.engine.world import GuardTerms
from syncd.testing.memory import refusal


@pytest.fixture
def office(opened: Opened) -> Office:
    one = opened()
    one.world.company(8)
    return one


def test_an_empty_state_has_a_health_too(office: Office) -> None:
    found = health(office.world.world)
    assert (found.people, found.linked, found.run_at, found.delays) == (0, 0, None, ())
    assert [one.name for one in found.sources] == ["hr"]


def test_after_a_good_cycle_everybody_is_linked_and_agrees(office: Office) -> None:
    office.world.sync()
    found = health(office.world.world, every=timedelta(minutes=15))
    assert (found.people, found.linked, found.agreeing) == (8, 8, 8)
    assert found.run_at == office.world.time
    assert found.next_at == office.world.time + timedelta(minutes=15)
    assert found.sources[0].proven_at == office.world.time
    assert found.target is not None
    assert found.target.confirmed_at == office.world.time
    assert len(found.delays) == 11  # eight people, two departments, and the leader of one of them
    assert found.audit_head > 0
    assert found.database_bytes is not None
    assert found.disk_free is not None


def test_whoever_is_parked_or_waits_is_wanted_but_does_not_agree(office: Office) -> None:
    outcomes = {"Example 7": Rejected, "Example 8": None}

    def fault(change: Change) -> Outcome | None:
        if change.label not in outcomes:
            return None
        if outcomes[change.label] is Rejected:
            return Rejected(problem=refusal("not this one"))
        return Deferred(problem=refusal("later"), retry_at=office.world.time + timedelta(hours=1))

    office.world.target.fault = fault
    office.world.sync()
    found = health(office.world.world)
    assert (found.people, found.linked, found.agreeing) == (8, 6, 6)
    assert found.queue.parked == 1
    assert found.queue.parked_labels == ("Example 7",)
    assert found.queue.by_lane == {Lane.JOINER: 1}
    assert found.queue.oldest_at == office.world.time


def test_a_leaver_who_waits_for_too_long_is_late(office: Office) -> None:
    office.world.sync()
    office.world.target.fault = lambda _: Deferred(
        problem=refusal("later"), retry_at=office.world.time + timedelta(days=1)
    )
    office.world.edit("5", state="left")
    office.world.sync()
    assert health(office.world.world).queue.leavers_late == 0
    office.world.time += office.world.world.leavers.within + timedelta(seconds=1)
    found = health(office.world.world)
    assert (found.queue.leavers_late, found.queue.late_labels) == (1, ("Example 5",))
    assert (found.linked, found.agreeing) == (8, 7)


def test_changes_that_fail_again_and_again_are_named_with_what_most_of_them_fail_with(office: Office) -> None:
    def fault(change: Change) -> Outcome | None:
        why = {"Example 7": "quota", "Example 8": "quota", "Example 6": "other"}.get(change.label)
        return Deferred(problem=refusal(why), retry_at=office.world.time + timedelta(minutes=1)) if why else None

    office.world.target.fault = fault
    for _ in range(3):
        assert health(office.world.world).queue.failing == 0
        office.world.sync()
        office.world.time += timedelta(hours=3)
    found = health(office.world.world).queue
    assert (found.failing, sorted(found.failing_labels)) == (3, ["Example 6", "Example 7", "Example 8"])
    assert found.failing_why is not None
    assert found.failing_why.times == 3


def test_a_leaver_who_is_hidden_is_not_wanted_any_more(office: Office) -> None:
    office.world.sync()
    office.world.edit("5", state="left")
    office.world.sync()
    found = health(office.world.world)
    assert (found.people, found.linked, found.agreeing) == (7, 7, 7)


def test_a_held_change_is_counted_by_its_hold_and_does_not_agree(office: Office) -> None:
    office.world.sync()
    guard = GuardTerms(plan_only_first=False, limits=Limits(by_effect={Effect.UPDATE: Limit(count=1)}))
    office.world.world = replace(office.world.world, guard=guard)
    office.world.edit("3", title="Baker")
    office.world.sync()
    found = health(office.world.world)
    assert list(found.held.values()) == [1]
    assert found.held_since == office.world.time
    assert (found.people, found.linked, found.agreeing) == (8, 8, 7)
    office.world.time += guard.hold_expires
    assert health(office.world.world).held == {}


def test_a_failure_is_remembered_with_its_beginning_and_number_until_it_heals(office: Office) -> None:
    world, began = office.world, office.world.time
    for _ in range(3):
        with world.store.transaction() as tx:
            failures.note(tx, failures.CONFIG, refusal("a bad rule"), at=world.time)
        world.time += timedelta(minutes=1)
    found = health(world.world).config_failing
    assert found is not None
    assert (found.since, found.times, found.code) == (began, 3, refusal("a bad rule").code)
    with world.store.transaction() as tx:
        failures.note(tx, failures.CONFIG, None, at=world.time)
    assert health(world.world).config_failing is None


def test_what_only_the_service_knows_wins(office: Office) -> None:
    office.world.sync()
    failure = Failure(since=office.world.time, times=2, code="AD-012", what="It is down.", do="Wait.")
    live = Live(started_at=office.world.time, watching={HR: "DirSync"}, clock_jumps=1)
    found = health(office.world.world, service=replace(live, failing={HR: failure}))
    assert found.started_at == office.world.time
    assert (found.sources[0].watching, found.sources[0].failing) == ("DirSync", failure)
    assert found.clock_jumps == 1


def test_the_file_and_the_store_tell_the_same(office: Office) -> None:
    office.world.sync()
    with office.world.store.transaction() as tx:
        tx.meta.set(f"{EXPIRES}the certificate of dc1", "2026-12-01T00:00:00Z")
    file = office.folder / "syncd.db"
    whom = Whom(sources=("hr",), target="memory", leavers_within=office.world.world.leavers.within, file=file)
    found = of_file(file, whom, now=office.world.time)
    found = replace(found, disk_free=None)  # which others change meanwhile
    assert found == replace(health(office.world.world), disk_free=None)
    assert list(found.expiring) == ["the certificate of dc1"]
