"""What DingTalk insists on, and what the target makes of it: numbers, names, marks, members, administrators."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from servers.dingtalk import NOW, Company, Open, change, companies, person
from syncd.core.model import Kind, Op, TargetId
from syncd.core.outcome import Applied, Deferred, Pending, Rejected
from syncd_dingtalk import api
from syncd_dingtalk.sandbox.faults import Fault, FaultKind

CREATE, UPDATE, DELETE = "/topapi/v2/user/create", "/topapi/v2/user/update", "/topapi/v2/user/delete"
UNIT_CREATE, UNIT_UPDATE, UNIT_DELETE = (f"/topapi/v2/department/{word}" for word in ("create", "update", "delete"))


@pytest.fixture
def opened() -> Iterator[Open]:
    """A way to open companies with settings of one's own."""
    with companies() as opening:
        yield opening


@pytest.fixture
def company(opened: Open) -> Company:
    return opened()


# --- what the platform insists on -----------------------------------------------------------------------------------


def test_a_mobile_number_is_not_changed_unless_the_settings_allow_it(company: Company) -> None:
    who = company.person(1, company.unit())
    outcome = company.apply(change(Op.UPDATE, Kind.PERSON, "person:1", who, mobile="13800009999", title="New"))
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "DNG-024"
    assert company.tenant.live.users[who].title == "Buyer"


RECREATE_FAULTS = [
    [],
    [Fault(kind=FaultKind.RESET, interface=CREATE, nth=1, applied=True)],
    [Fault(kind=FaultKind.RESET, interface=CREATE, nth=1)],
    [Fault(kind=FaultKind.RESET, interface=DELETE, nth=1, applied=True)],
    [Fault(kind=FaultKind.RESET, interface=DELETE, nth=1)],
    [Fault(kind=FaultKind.THROTTLE, interface=DELETE, nth=1)],
    # After the account is gone nothing answers for a while: the next attempt of the queue finishes it.
    [Fault(kind=FaultKind.RESET, interface=CREATE, times=4)],
    [Fault(kind=FaultKind.QUOTA, interface=CREATE, nth=1)],
]


@pytest.mark.parametrize(
    "faults", RECREATE_FAULTS, ids=lambda faults: " ".join(fault.name for fault in faults) or "none"
)
def test_recreating_changes_the_number_and_keeps_what_can_be_kept(opened: Open, faults: list[Fault]) -> None:
    company = opened(mobile_change="recreate")
    place = company.unit()
    who = company.person(1, place)
    company.fail(*faults)
    outcome = company.settle(change(Op.UPDATE, Kind.PERSON, "person:1", who, mobile="13800009999"))
    seen = company.run(company.target.look(Kind.PERSON, who))
    assert isinstance(outcome, Applied), outcome
    assert (seen.fields["mobile"], seen.fields["title"]) == ("13800009999", "Buyer")
    assert seen.fields["departments"][0]["unit"] == place


def test_recreating_does_not_begin_where_the_number_is_taken(opened: Open) -> None:
    company = opened(mobile_change="recreate")
    place = company.unit()
    who = company.person(1, place)
    company.person(2, place)
    outcome = company.apply(change(Op.UPDATE, Kind.PERSON, "person:1", who, mobile="13800000002"))
    still_there = who in company.tenant.live.users
    assert isinstance(outcome, Rejected)
    assert still_there


def test_somebody_who_must_agree_first_is_pending_for_a_day(company: Company) -> None:
    place = company.unit()
    company.set(invite_all=True)
    outcome = company.apply(person(1, place))
    assert isinstance(outcome, Pending)
    assert outcome.target_id == "example-1"
    assert outcome.review_at == NOW + timedelta(hours=24)


def test_a_department_of_the_same_name_that_is_not_ours_is_named_and_left(company: Company) -> None:
    theirs = company.unit(1)
    made = company.tenant.live.departments[int(theirs)]
    company.tenant.put("departments", int(theirs), replace(made, source_identifier=""))
    other = change(Op.CREATE, Kind.UNIT, "unit:99", name="Unit 1", parent="1")
    outcome = company.apply(other)
    assert isinstance(outcome, Rejected)
    assert theirs in outcome.problem.what


def test_a_department_that_was_made_unnoticed_is_found_by_its_mark_whatever_it_is_called_by_now(
    company: Company,
) -> None:
    """The answer to its creation was lost, and then the source gave the unit another name and another parent."""
    above = company.unit(1)
    made = company.unit(2)
    renamed = change(Op.CREATE, Kind.UNIT, "unit:2", None, name="Renamed", parent=above, code="C2")

    outcome = company.apply(renamed, again=True)

    assert isinstance(outcome, Applied)
    assert outcome.target_id == made
    found = company.tenant.live.departments[int(made)]
    assert (found.name, str(found.parent_id)) == ("Renamed", above)
    assert company.calls(UNIT_CREATE) == 2


def test_departments_that_were_made_unnoticed_and_then_swapped_their_names_are_told_as_they_are(
    company: Company,
) -> None:
    """Neither can take the other's name; whoever plans has to know both to say who goes first."""
    made = [company.unit(1), company.unit(2)]
    for own, other, target_id in ((1, 2, made[0]), (2, 1, made[1])):
        swapped = change(Op.CREATE, Kind.UNIT, f"unit:{own}", None, name=f"Unit {other}", parent="1", code=f"C{own}")
        outcome = company.apply(swapped, again=True)
        assert isinstance(outcome, Applied)
        assert (outcome.target_id, outcome.learned["name"]) == (target_id, f"Unit {own}")


def test_a_name_that_another_department_of_ours_has_is_waited_for(company: Company) -> None:
    """It may be one that was made unnoticed, and that is about to be called otherwise."""
    company.unit(1)

    outcome = company.apply(change(Op.CREATE, Kind.UNIT, "unit:2", None, name="Unit 1", parent="1"))

    assert isinstance(outcome, Deferred)
    assert outcome.problem.code == "DNG-042"


def test_a_userid_that_somebody_else_has_is_rejected(company: Company) -> None:
    place = company.unit()
    company.person(1, place)
    clash = change(
        Op.CREATE,
        Kind.PERSON,
        "person:2",
        userid="example-1",
        name="X",
        mobile="13800000002",
        departments=({"unit": place},),
    )
    outcome = company.apply(clash, again=True)
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "DNG-021"


def test_a_number_that_somebody_has_is_told_with_its_account_and_without_the_number(company: Company) -> None:
    place = company.unit()
    company.person(1, place)
    clash = change(
        Op.CREATE,
        Kind.PERSON,
        "person:2",
        userid="example-2",
        name="X",
        mobile="13800000001",
        departments=({"unit": place},),
    )
    outcome = company.apply(clash)
    assert isinstance(outcome, Rejected)
    assert "example-1" in outcome.problem.what
    assert "13800000001" not in str(outcome.problem)


def test_a_department_that_is_not_there_yet_is_waited_for_shortly(company: Company) -> None:
    outcome = company.apply(person(1, TargetId("424242")))
    assert isinstance(outcome, Deferred)
    assert outcome.retry_at <= NOW + timedelta(seconds=10)
    assert not outcome.whole_target


def test_who_is_no_member_cannot_lead_yet(company: Company) -> None:
    first, second = company.unit(1), company.unit(2)
    boss = company.person(1, second)
    outcome = company.apply(change(Op.LINK, Kind.UNIT, "unit:1", first, managers=(boss,)))
    assert isinstance(outcome, Deferred)
    assert outcome.problem.code == "DNG-043"


def test_only_departments_that_we_made_are_removed(company: Company) -> None:
    made = company.run(company.target.api.call(api.DEPARTMENT_CREATE, name="By hand", parent_id=1))
    outcome = company.apply(change(Op.REMOVE, Kind.UNIT, "unit:1", TargetId(str(made.dept_id))))
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "DNG-051"


def test_a_department_with_departments_below_is_kept_even_where_dingtalk_would_remove_them(company: Company) -> None:
    above = company.unit(1)
    company.unit(2, above)
    company.set(cascade_department_delete=True)
    outcome = company.apply(change(Op.REMOVE, Kind.UNIT, "unit:1", above))
    assert isinstance(outcome, Deferred)
    assert len(company.tenant.live.departments) == 3


def test_the_root_is_never_written(company: Company) -> None:
    for op in (Op.UPDATE, Op.REMOVE):
        outcome = company.apply(change(op, Kind.UNIT, "unit:root", TargetId("1"), name="Mine"))
        assert isinstance(outcome, Rejected)


def test_administrators_are_protected_and_not_removed(company: Company) -> None:
    outcome = company.apply(change(Op.REMOVE, Kind.PERSON, "person:1", TargetId("manager0001")))
    assert isinstance(outcome, Rejected)
    assert [seen.protected for seen in company.everything() if seen.target_id == "manager0001"] == [True]


def test_a_leaver_who_is_gone_already_counts_as_done(company: Company) -> None:
    gone = TargetId("nobody")
    for op in (Op.REMOVE, Op.OFFBOARD):
        assert isinstance(company.apply(change(op, Kind.PERSON, "person:9", gone, title="x")), Applied)
    assert isinstance(company.apply(change(Op.UPDATE, Kind.PERSON, "person:9", gone, title="x")), Rejected)


def test_orders_within_a_department_are_turned_around_on_the_way(company: Company) -> None:
    place = company.unit()
    for number in (1, 2):
        wanted = person(number, place)
        fields = {item.name: item.after for item in wanted.fields} | {
            "departments": ({"unit": place, "order": number},)
        }
        company.apply(change(Op.CREATE, Kind.PERSON, f"person:{number}", **fields))
    assert company.tenant.live.ranked(int(place)) == ["example-1", "example-2"]
    seen = company.run(company.target.look(Kind.PERSON, TargetId("example-2")))
    assert seen.fields["departments"][0]["order"] == 2


def test_extension_keys_of_others_survive(company: Company) -> None:
    who = company.person(1, company.unit())
    company.apply(change(Op.UPDATE, Kind.PERSON, "person:1", who, extension={"theirs": "1", "ours": "2"}))
    company.apply(change(Op.UPDATE, Kind.PERSON, "person:1", who, extension={"ours": "3"}))
    seen = company.run(company.target.look(Kind.PERSON, who))
    assert seen.fields["extension"] == {"theirs": "1", "ours": "3"}
