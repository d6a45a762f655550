"""What the target's own records of leavers come to, as people see it: after a run, on the screen, of one person, in an alert."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from support.office import Office, Opened
from syncd.alerts.facts import WORDS, Measure, Situation
from syncd.core.leave_records import LeftBy
from syncd.core.model import TargetId
from syncd.engine.health import health
from syncd.engine.leave_records import AGAIN
from syncd.engine.world import LeaverTerms
from syncd.testing.memory import refusal
from syncd.testing.remembering import MemoryRememberer


@pytest.fixture
def office(opened: Opened) -> Office:
    one = opened()
    company = one.world
    company.target = MemoryRememberer({}, company.target.room)
    company.world = replace(company.world, leavers=LeaverTerms(hold=False, grace=timedelta(0)))
    company.company(5)
    company.sync()
    return one


def target(office: Office) -> MemoryRememberer:
    made = office.world.target
    assert isinstance(made, MemoryRememberer)
    return made


def test_a_confirmed_removal_is_told_by_the_run_the_screen_and_of_the_person(office: Office) -> None:
    office.world.leave("5")
    assert "Confirmed by the target's own records: 1 removal" in office.run("sync").out

    status = office.run("status")
    assert "Removed           1 person in 30 days, 1 confirmed by memory's own records" in status.out
    explained = office.run("explain", "Example 5").out
    assert "removed by syncd now; the target's own record: 2026-11-22 01:30:00Z, they were removed by a program" in (
        explained
    )


def test_where_nobody_was_removed_the_screen_says_nothing_of_it(office: Office) -> None:
    assert "Removed" not in office.run("status").out


def test_a_removal_of_which_there_is_no_record_is_named_and_alerted_after_a_day(office: Office) -> None:
    target(office).late = True
    office.world.leave("5")
    office.run("sync")
    assert "the target's own records do not say so yet" in office.run("explain", "Example 5").out
    office.world.time += timedelta(days=1, minutes=1)
    office.run("sync")

    assert "0 confirmed by memory's own records; of 1 there is none after a day: Example 5" in " ".join(
        office.run("status").out.split()
    )
    (found,) = WORDS["removal.unconfirmed"].look(Situation(health=health(office.world.world)), Measure())
    assert (found.number, found.who) == (1, ("Example 5",))


def test_a_missing_permission_is_a_note_and_no_trouble(office: Office) -> None:
    target(office).closed = refusal("not permitted")
    office.world.time += AGAIN

    ran = office.run("sync")

    assert ran.code == 0
    assert "notice" in ran.err + ran.out
    assert "not permitted" in ran.err + ran.out
    status = office.run("status")
    assert status.code == 0
    words = " ".join(status.out.split())
    assert "nobody in 30 days; the records cannot be read since 02:30 UTC, now: The in-memory target refuses" in words


def test_who_left_without_syncd_is_told_with_the_way(office: Office) -> None:
    target(office).leaves(TargetId("e4"), by=LeftBy.THEMSELVES)
    office.world.time += AGAIN

    assert "Left without syncd: 1 person; the next run does what `drift` says" in office.run("sync").out
    assert "the target's own record: 2026-11-22 01:30:00Z, they left by themselves" in (
        office.run("explain", "Example 4").out
    )
