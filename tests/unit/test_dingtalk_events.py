"""What DingTalk's events say about whom, in every spelling that was seen."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from syncd.core.model import Kind
from syncd_dingtalk.events import Event, instant_of, touched
from syncd_dingtalk.mobiles import Region

BORN = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)


def of(type_: str, **data: Any) -> Any:
    return touched(Event(type=type_, id="event", born_at=BORN, data=data), region=Region.MAINLAND)


def diff(prev: dict[str, Any], curr: dict[str, Any]) -> dict[str, Any]:
    return {"userId": ["u1"], "diffInfo": {"userid": "u1", "prev": prev, "curr": curr}}


@pytest.mark.parametrize("name", ["userId", "UserId", "userid"])
def test_a_person_who_joined_is_named_in_any_spelling(name: str) -> None:
    (one,) = of("user_add_org", **{name: ["u1"]})

    assert (one.kind, one.target_id, one.gone, one.seen, one.at) == (Kind.PERSON, "u1", False, None, BORN)


def test_departments_are_numbers_and_the_home_school_tree_is_none() -> None:
    some = of("org_dept_remove", deptId=[432825033, -7, 0])

    assert [(one.kind, one.target_id, one.gone) for one in some] == [(Kind.UNIT, "432825033", True)]


def test_a_difference_shows_what_is_there_now_and_what_was_cleared() -> None:
    prev = {"name": "Old", "telephone": "1", "hiredDate": "2020-01-01"}
    curr = {
        "name": "New",
        "managerUserid": "m1",
        "jobNumber": "00042",
        "workPlace": " Town ",
        "hiredDate": "2020-01-01",
    }

    (one,) = of("user_modify_org", **diff(prev, curr))

    assert one.seen == {
        "name": "New",
        "telephone": None,
        "manager": "m1",
        "job_number": "00042",
        "work_place": "Town",
        "hired_date": "2020-01-01",
    }


@pytest.mark.parametrize(
    "data",
    [
        {"userId": ["u1"]},
        diff({"name": "Same"}, {"name": "Same"}),
        {"userId": ["u1"], "diffInfo": "?"},
        {"userId": ["u1"], "diffInfo": {"prev": None, "curr": {}}},
    ],
)
def test_an_event_that_does_not_show_what_was_changed_shows_nothing(data: dict[str, Any]) -> None:
    (one,) = of("user_modify_org", **data)

    assert one.seen is None


def test_one_event_about_several_has_a_key_for_each() -> None:
    some = of("user_leave_org", userId=["u1", "u2", "u1"])

    assert [one.key for one in some] == ["event:u1", "event:u2"]


@pytest.mark.parametrize("type_", ["user_active_org", "org_change", "label_user_change", "check_url", "", "new_thing"])
def test_what_does_not_concern_our_fields_touches_nobody(type_: str) -> None:
    assert of(type_, userId=["u1"], deptId=[1]) == ()


@pytest.mark.parametrize("data", [{}, {"userId": None}, {"userId": {"a": 1}}, {"userId": [None, True]}])
def test_an_event_without_a_readable_id_touches_nobody(data: dict[str, Any]) -> None:
    assert of("user_add_org", **data) == ()


@pytest.mark.parametrize("stamp", ["1795311000000", 1795311000000, "1795311000"])
def test_stamps_are_milliseconds_or_seconds_as_text_or_number(stamp: object) -> None:
    assert instant_of(stamp) == BORN


@pytest.mark.parametrize("stamp", ["", None, "soon", "9" * 40])
def test_what_is_no_stamp_is_no_moment(stamp: object) -> None:
    assert instant_of(stamp) is None
