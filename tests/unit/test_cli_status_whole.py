"""The first lines of `syncd status`: does a service run, how right and how fresh is the target; and what newly needs somebody."""

from __future__ import annotations

from datetime import timedelta

import pytest

from support.office import Office, Opened
from syncd.cli.condition import Delays
from syncd.core.outcome import Deferred
from syncd.engine import failures
from syncd.testing.memory import refusal


@pytest.fixture
def office(opened: Opened) -> Office:
    one = opened()
    one.world.company(8)
    one.world.sync()
    return one


def test_coverage_accuracy_and_delay_are_told(office: Office) -> None:
    ran = office.run("status")
    assert "8 wanted, 8 have an account (100 %), 8 of them known to be right (100 % of all)" in " ".join(
        ran.out.split()
    )
    assert "half of the last 11 changes were there after 0.0 s" in " ".join(ran.out.split())


def test_whether_a_service_runs_is_seen_by_its_lock(office: Office) -> None:
    assert "not running" in office.run("status").out
    with office.world.store.serving("syncd run"):
        found = office.run("status", "--json").json["whole"]
        assert found["service"]["who"] == "syncd run"
        assert found["next_at"] is not None
        assert "runs since" in office.run("status").out
    assert office.run("status", "--json").json["whole"]["service"] is None


def test_asking_who_serves_keeps_nobody_from_serving(office: Office) -> None:
    for _ in range(20):
        office.run("status")
        with office.world.store.serving("syncd run"):
            pass


def test_a_leaver_who_still_has_access_ends_with_7_and_is_named(office: Office) -> None:
    office.world.target.fault = lambda _: Deferred(problem=refusal("later"), retry_at=office.world.time)
    office.world.edit("5", state="left")
    office.world.sync()
    office.world.time += timedelta(hours=2)
    ran = office.run("status")
    assert ran.code == 7
    assert "CLI-181" in ran.out
    assert "Example 5" in ran.out


def test_a_source_that_the_service_cannot_read_is_told_with_what_helps(office: Office) -> None:
    with office.world.store.transaction() as tx:
        failures.note(tx, f"{failures.SOURCE}hr", refusal("its certificate has ended"), at=office.world.time)
    ran = office.run("status")
    assert ran.code == 6
    assert "its certificate has ended" in ran.out
    assert "CLI-180" in ran.out


def test_a_configuration_that_does_not_load_is_told_while_the_last_good_one_works(office: Office) -> None:
    with office.world.store.transaction() as tx:
        failures.note(tx, failures.CONFIG, refusal("line 7 is no rule"), at=office.world.time)
    ran = office.run("status")
    assert ran.code == 4
    assert "CLI-119" in ran.out


def test_watching_needs_a_terminal(office: Office) -> None:
    ran = office.run("status", "--watch")
    assert ran.code == 2
    assert "CLI-183" in ran.err


def test_delays_are_told_by_their_middle_and_their_end() -> None:
    found = Delays.of(tuple(timedelta(seconds=number) for number in range(100)))
    assert found is not None
    assert (found.count, found.median, found.p99) == (100, timedelta(seconds=50), timedelta(seconds=99))
    assert Delays.of(()) is None
