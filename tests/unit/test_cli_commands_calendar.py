"""`syncd calendar`: what the clock will bring, when where people work, why, and from which record and rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from support.dated_world import DATED, with_dates
from support.incidents import guarded, homes
from support.office import Office, Opened, Ran
from support.small_world import HR, SmallWorld
from syncd.core.model import Kind, NativeId, SourceName
from syncd.core.policy import Limit
from syncd.engine.world import JoinerTerms
from syncd.mapping import load_inbound

AD = SourceName("ad")


def in_step(world: SmallWorld) -> None:
    with_dates(world)
    world.company(5)
    world.sync()


@pytest.fixture
def office(opened: Opened) -> Office:
    one = opened(prepare=in_step)
    with_dates(one.world)
    return one


def expected(office: Office, *words: str) -> list[dict[str, Any]]:
    ran = office.run("calendar", "--json", *words)
    assert ran.code == 0
    found: list[dict[str, Any]] = ran.json["expected"]
    return found


def brief(office: Office, *words: str) -> list[tuple[str, str, str]]:
    return [(one["at"], one["what"], one["label"]) for one in expected(office, *words)]


def told(office: Office) -> str:
    ran: Ran = office.run("calendar")
    assert ran.code == 0
    return ran.out


def test_a_quiet_fortnight_is_called_so(office: Office) -> None:
    assert "Nothing that is known happens by itself until 2026-12-06 01:30." in told(office)
    assert office.run("calendar", "--exit-code").code == 0


def test_it_says_of_when_its_knowledge_is(office: Office) -> None:
    office.world.time += timedelta(hours=3)
    assert "As the sources were read last: hr 3 h ago." in told(office)

    office.world.world = replace(
        office.world.world, seats={**office.world.world.seats, AD: office.world.world.seats[HR]}
    )
    assert "hr 3 h ago, ad never." in told(office)


def test_a_last_day_ends_where_the_person_works_and_is_told_with_its_record_and_rule(office: Office) -> None:
    office.world.edit("3", last="2026-11-25", zone="Asia/Jakarta")
    office.world.edit("4", last="2026-11-25", zone="America/Los_Angeles")
    office.world.sync()

    first, second = expected(office)

    assert (first["at"], first["label"], first["timezone"]) == ("2026-11-25T17:00:00Z", "Example 3", "Asia/Jakarta")
    assert (second["at"], second["label"]) == ("2026-11-26T08:00:00Z", "Example 4")
    assert (first["source"], first["record"]) == ("hr", "3")
    assert first["rule"]["line"] == DATED.splitlines().index("    endDate: last") + 1
    said = told(office)
    assert "2026-11-25 Wednesday, in 3 days" in said
    assert "17:00  Example 3: the last working day is over (2026-11-25 in Asia/Jakarta)\n         account " in said
    assert "goes out of sight, into Leavers" in said
    assert f"hr/3, in.yaml:{first['rule']['line']}" in said


def test_days_and_times_are_those_of_the_company(office: Office) -> None:
    world = office.world.world
    office.world.world = replace(world, leavers=replace(world.leavers, timezone="Asia/Shanghai"))
    office.world.edit("3", last="2026-11-25")
    office.world.sync()

    said = told(office)

    assert "2026-11-26 Thursday, in 4 days\n  00:00  Example 3:" in said
    assert "days and times are those of Asia/Shanghai" in said


def test_who_takes_over_is_told_and_is_somebody_who_is_still_there_by_then(office: Office) -> None:
    office.world.unit("team", "top", leader="e2")
    office.world.edit("3", manager="e2")
    office.world.edit("4", manager="e3")
    office.world.edit("5", manager="e3", last="2026-11-30")
    for key, day in (("2", "2026-11-25"), ("3", "2026-11-26")):
        office.world.edit(key, last=day)
    office.world.sync()

    two, three, _ = expected(office)

    assert (two["label"], two["reports"], two["leads"], two["taker"]) == ("Example 2", 1, 1, "Example 1")
    assert (three["label"], three["reports"], three["taker"]) == ("Example 3", 2, "Example 1")
    assert "1 report and 1 department pass to Example 1" in told(office)


def test_a_deputy_is_told_before_those_above_unless_they_stand_under_the_leaver(office: Office) -> None:
    world = office.world
    rules = DATED.replace("    active:", "    deputy: {from: deputy, by: employeeNumber}\n    active:", 1)
    (world.folder / "in.yaml").write_text(rules)
    inbound = load_inbound(world.folder / "in.yaml", source=HR, attributes=None, now=world.now)
    world.world = replace(
        world.world,
        seats={HR: replace(world.world.seats[HR], rules=inbound)},
        join=replace(world.world.join, refers={HR: inbound.refers}),
        leavers=replace(world.world.leavers, deputies=True),
    )
    world.edit("3", manager="e2")
    world.edit("4", manager="e3")
    world.edit("2", last="2026-11-25", deputy="e5")
    world.edit("3", last="2026-11-26", deputy="e4")
    world.sync()
    assert [(one["label"], one["taker"]) for one in expected(office)] == [
        ("Example 2", "Example 5"),
        ("Example 3", "Example 4"),
    ]

    world.edit("2", deputy="e4")
    world.sync()

    assert [one["taker"] for one in expected(office)] == ["Example 1", "Example 4"]


def test_both_moments_of_a_joiner_are_told(office: Office) -> None:
    office.world.world = replace(office.world.world, joiners=JoinerTerms(ahead=timedelta(days=3)))
    office.world.person("7", "team", hired="2026-12-01", zone="Asia/Jakarta")
    office.world.sync()

    assert brief(office) == [
        ("2026-11-27T17:00:00Z", "made_ahead", "Example 7"),
        ("2026-11-30T17:00:00Z", "first_day", "Example 7"),
    ]
    said = told(office)
    assert (
        "Example 7: the first day is near (2026-12-01 in Asia/Jakarta)\n         the account is made, out of sight until then"
    ) in said
    assert "(2026-12-01 in Asia/Jakarta)\n         the account is in sight from then on" in said
    office.world.time = datetime(2026, 11, 28, tzinfo=UTC)
    office.world.sync()
    assert "         account e7 comes into sight" in told(office)


def test_who_is_told_of_a_joiner_is_told_and_that_nobody_can_be(office: Office) -> None:
    office.world.world = replace(office.world.world, joiners=JoinerTerms(tell=timedelta(days=3)))
    office.world.person("7", "team", manager="e1", hired="2026-12-01", zone="Asia/Jakarta")
    office.world.sync()

    assert brief(office) == [
        ("2026-11-27T17:00:00Z", "told", "Example 7"),
        ("2026-11-30T17:00:00Z", "first_day", "Example 7"),
    ]
    assert "Example 7: Example 1 is told of the first day (2026-12-01 in Asia/Jakarta)" in told(office)
    office.world.edit("1", state="left")
    office.world.sync()
    said = told(office)
    assert "Example 7: nobody is told of the first day (2026-12-01 in Asia/Jakarta)" in said
    assert "nobody above, and nobody who leads the department, has an account in sight" in said


def test_a_policy_that_hands_nothing_over_is_told_so(office: Office) -> None:
    world = office.world.world
    office.world.world = replace(world, leavers=replace(world.leavers, hand_over=False))
    office.world.edit("1", last="2026-11-25")
    office.world.sync()

    assert "4 reports and 1 department wait for the sources to name somebody else" in told(office)


def test_the_end_of_a_grace_is_told_with_the_reason_that_somebody_left(office: Office) -> None:
    office.world.edit("3", state="left")
    office.world.leave("4")
    office.run("offboard", "Example 5", "--now", "--reason", "dismissed")
    office.world.sync()
    assert homes(office.world, "Example 4") == ("Leavers",)

    found = expected(office, "--days", "31")

    assert {one["at"] for one in found} == {"2026-12-22T01:30:00Z"}
    reasons = {one["label"]: one["why"] for one in found if one["what"] == "removal"}
    assert (reasons["Example 3"], reasons["Example 4"]) == ("inactive in hr", "gone from hr")
    assert "offboarded by" in reasons["Example 5"]
    assert expected(office, "--days", "29") == []


def test_what_is_due_already_waits_for_the_next_run(office: Office) -> None:
    office.world.edit("3", last="2026-11-24")
    office.world.edit("4", state="left")
    office.world.sync()
    office.world.time += timedelta(days=31)

    said = told(office)

    assert "Due: done with the next run" in said
    assert "Example 3: the last working day is over" in said
    assert "Example 4: the grace is over" in said
    office.world.sync()
    assert "Due" not in told(office)


def test_a_first_day_says_whether_the_account_is_there_already(office: Office) -> None:
    office.world.person("7", "team", hired="2026-12-01", zone="Asia/Jakarta")
    office.world.person("8", "team", hired="2026-12-01", state="left")
    office.world.person("9", "team", hired="2027-02-01")
    office.world.sync()

    assert brief(office) == [
        ("2026-11-30T17:00:00Z", "first_day", "Example 7"),
        ("2026-12-01T00:00:00Z", "first_day", "Example 8"),
    ]
    said = told(office)
    assert "Example 7: the first day begins (2026-12-01 in Asia/Jakarta)\n         account e7 is there" in said
    assert "Example 8: the first day begins (2026-12-01 in UTC)\n         there is no account until the sources" in said


def test_another_contract_says_what_it_changes_and_the_one_before_is_no_last_day(office: Office) -> None:
    office.world.edit("3", hired="2020-01-01", last="2026-11-30")
    office.world.person("30", "top", id="e3", name="Example 3", mobile="13800000003", hired="2026-12-01", title="Lead")
    office.world.sync()

    (one,) = expected(office)

    assert (one["at"], one["what"], one["label"]) == ("2026-12-01T00:00:00Z", "another_record", "Example 3")
    assert (one["record"], one["changes"]) == ("30", ["manager", "title", "units"])
    assert "hr/30 speaks from here on (2026-12-01 in UTC)\n         it changes manager, title, units" in told(office)


def test_a_record_that_cannot_be_mapped_foretells_nothing(office: Office) -> None:
    office.world.edit("3", last="2026-11-25")
    office.world.sync()
    office.world.edit("3", name=None)
    office.world.sync()

    assert expected(office) == []


def test_an_end_that_never_comes_is_no_end(office: Office) -> None:
    office.world.edit("3", last="9999-12-31")

    office.world.sync()

    assert expected(office, "--days", "366") == []
    assert homes(office.world, "Example 3") == ("Unit team",)


def test_a_hold_that_ends_is_told(office: Office) -> None:
    office.world.world = replace(office.world.world, guard=guarded(leave=Limit(count=1)))
    office.world.edit("3", state="left")
    office.world.sync()

    (hold,) = [one for one in expected(office) if one["what"] == "hold_ends"]

    assert f"the hold ends, unless it is released before\n         `syncd hold show {hold['label']}`" in told(office)


def reviewed(office: Office, key: str, moment: datetime) -> None:
    """Let a record say something else from a moment on, as accounts of a directory that expire do."""
    with office.world.store.transaction() as tx:
        row = tx.records.get(HR, Kind.PERSON, NativeId(key))
        assert row is not None
        tx.records.put_many([replace(row, review_at=moment)])


def test_a_record_with_a_date_of_its_own_is_told(office: Office) -> None:
    reviewed(office, "3", office.world.now() + timedelta(days=2, hours=5))

    assert brief(office) == [("2026-11-24T06:30:00Z", "record_date", "Example 3")]
    assert "06:30  Example 3: hr says something else from here on: a date of the record itself" in told(office)


def test_a_date_that_is_known_is_not_told_a_second_time_for_its_record(office: Office) -> None:
    office.world.edit("3", last="2026-11-25")
    office.world.sync()
    reviewed(office, "3", datetime(2026, 11, 26, tzinfo=UTC))

    assert brief(office) == [("2026-11-26T00:00:00Z", "last_day", "Example 3")]


def test_anything_expected_ends_with_ten_where_that_is_asked_for(office: Office) -> None:
    office.world.edit("3", last="2026-11-23")
    office.world.sync()

    assert office.run("calendar", "--exit-code").code == 10
    assert office.run("calendar", "--exit-code", "--days", "1").code == 0
    assert office.run("calendar", "--days", "0").code == 2


def test_looking_changes_nothing(office: Office) -> None:
    office.world.edit("3", last="2026-11-25")
    office.world.sync(write=False)
    office.world.store.backup(office.folder / "before.db")

    told(office)

    office.world.store.backup(office.folder / "after.db")
    assert (office.folder / "before.db").read_bytes() == (office.folder / "after.db").read_bytes()
