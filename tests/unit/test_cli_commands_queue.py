"""`syncd queue`: what waits, and what an operator may do to it, logged with who and why."""

from __future__ import annotations

import pytest

from support.office import Office, Opened
from support.small_world import SmallWorld
from syncd.core.model import Change
from syncd.core.outcome import Outcome, Rejected
from syncd.store.rows import QueuedChange, QueueState
from syncd.testing.memory import refusal


def refuse(change: Change) -> Outcome | None:
    return Rejected(problem=refusal("the number is taken")) if change.label == "Example 5" else None


def with_one_parked(world: SmallWorld) -> None:
    """Five people, of whom one is parked and manages a sixth."""
    world.company(5)
    world.person("6", "team", manager="e5")
    world.target.fault = refuse
    world.sync()


@pytest.fixture
def office(opened: Opened) -> Office:
    one = opened(prepare=with_one_parked)
    one.world.target.fault = refuse
    return one


def parked(office: Office) -> QueuedChange:
    with office.world.store.reading() as tx:
        return tx.queue.parked()[0]


def state(office: Office, row: QueuedChange) -> QueueState:
    with office.world.store.reading() as tx:
        now = tx.queue.get(row.id)
    assert now is not None
    return now.state


def test_list_names_who_waits_and_why(office: Office) -> None:
    ran = office.run("queue", "list")
    assert ran.code == 0
    assert "Example 5" in ran.out
    assert "the number is taken" in ran.out
    assert "1 parked" in ran.out


def test_list_can_be_narrowed_to_a_state(office: Office) -> None:
    rows = office.run("queue", "list", "--state", "parked", "--json").json["changes"]
    assert [(row["change"]["label"], row["state"]) for row in rows] == [("Example 5", "parked")]


def test_an_empty_queue_says_so(office: Office) -> None:
    office.run("queue", "drop", parked(office).id, "--reason", "not wanted")
    assert "nothing is parked" in office.run("queue", "list", "--state", "parked").out


def test_show_tells_old_and_new_by_name_with_the_rule(office: Office) -> None:
    ran = office.run("queue", "show", parked(office).id)
    assert "create person Example 5" in ran.out
    assert "Unit team" in ran.out
    assert "out.yaml:" in ran.out
    assert "the number is taken" in ran.out
    assert "syncd queue retry" in ran.out


def test_the_end_of_an_id_is_enough_if_it_is_the_only_one(office: Office) -> None:
    row = parked(office)
    end = f".{row.id.rpartition('.')[2]}"
    assert office.run("queue", "show", end, "--json").json["change"]["id"] == row.id


def test_an_id_that_means_several_changes_or_none_is_refused(office: Office) -> None:
    office.world.target.fault = lambda change: Rejected(problem=refusal("full")) if change.op == "create" else None
    for number in range(7, 10):
        office.world.person(str(number), "team")
    office.world.sync()
    ran = office.run("queue", "show", "2026")
    assert (ran.code, "CLI-131" in ran.err) == (3, True)
    ran = office.run("queue", "show", "nothing-like-that")
    assert (ran.code, "CLI-130" in ran.err) == (3, True)


def test_retry_makes_a_parked_change_due_and_logs_who_and_why(office: Office) -> None:
    row = parked(office)
    assert office.run("queue", "retry", row.id, "--reason", "number released").code == 0
    assert state(office, row) is QueueState.READY
    (entry,) = office.audited()
    assert entry["reason"] == "number released"
    assert entry["change"] == row.id
    assert entry["label"] == "Example 5"
    assert entry["facts"]["command"] == "queue retry"
    assert entry["facts"]["by"]


def test_all_that_is_parked_can_be_retried_at_once(office: Office) -> None:
    row = parked(office)
    ran = office.run("queue", "retry", "--all-parked")
    assert "create Example 5" in ran.out
    assert state(office, row) is QueueState.READY


def test_drop_takes_a_change_out_and_logs_it(office: Office) -> None:
    row = parked(office)
    assert "Dropped: create Example 5." in office.run("queue", "drop", row.id, "--reason", "made by hand").out
    assert state(office, row) is QueueState.DROPPED
    assert [entry["facts"]["command"] for entry in office.audited()] == ["queue drop"]


def test_if_one_of_several_does_not_wait_nothing_is_done_or_logged(office: Office) -> None:
    row = parked(office)
    with office.world.store.reading() as tx:
        done = tx.queue.standing(QueueState.DONE)[0]
    ran = office.run("queue", "drop", row.id, done.id, "--reason", "both")
    assert (ran.code, "CLI-132" in ran.err) == (3, True)
    assert state(office, row) is QueueState.PARKED
    assert office.audited() == []


def test_a_reason_of_blanks_is_no_reason(office: Office) -> None:
    ran = office.run("queue", "drop", parked(office).id, "--reason", "  ")
    assert (ran.code, "CLI-112" in ran.err) == (2, True)
    assert state(office, parked(office)) is QueueState.PARKED


def test_retry_without_a_name_is_refused(office: Office) -> None:
    ran = office.run("queue", "retry")
    assert (ran.code, "CLI-133" in ran.err) == (2, True)


def test_nothing_is_done_while_another_syncd_is_at_work(office: Office) -> None:
    row = parked(office)
    with office.world.store.exclusive("syncd run"):
        ran = office.run("queue", "drop", row.id, "--reason", "now")
    assert (ran.code, "STO-005" in ran.err) == (9, True)
    assert state(office, row) is QueueState.PARKED
