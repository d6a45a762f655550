"""People and departments on DingTalk's wire, there and back."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.model import TargetId
from syncd.core.values import Value
from syncd_dingtalk import departments, people
from syncd_dingtalk.fields import turned
from syncd_dingtalk.mobiles import Region
from syncd_dingtalk.observe import hidden_fields
from syncd_dingtalk.people import Unsayable
from syncd_dingtalk.shapes import Department, Person, Scopes

ROOT = TargetId("1")


def test_memberships_become_a_full_list_with_orders_turned_around() -> None:
    body = people.to_wire(
        {"departments": ({"unit": "7", "order": 3, "title": "Head"}, {"unit": "9"})},
        creating=False,
    )
    assert body == {
        "dept_id_list": "7,9",
        "dept_order_list": [{"dept_id": 7, "order": turned(3)}],
        "dept_title_list": [{"dept_id": 7, "title": "Head"}],
    }


def test_an_empty_text_clears_and_a_manager_is_cleared_by_force() -> None:
    body = people.to_wire({"title": None, "manager": None}, creating=False)
    assert body == {"title": "", "force_update_fields": "manager_userid"}


def test_creating_says_nothing_about_what_is_empty() -> None:
    assert people.to_wire({"title": None, "manager": None, "name": "X"}, creating=True) == {"name": "X"}


def test_only_named_extension_keys_are_written() -> None:
    body = people.to_wire({"extension": {"size": "42", "hobby": None}}, creating=False)
    assert body["ext_attrs_update_mode"] == 1
    assert msgspec.json.decode(str(body["extension"])) == {"size": "42", "hobby": ""}
    assert "ext_attrs_update_mode" not in people.to_wire({"extension": {"size": "42"}}, creating=True)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"hired_date": "soon"}, "hired_date"),
        ({"hired_date": "1969-01-01"}, "hired_date"),
        ({"departments": ()}, "departments"),
        ({"departments": tuple({"unit": str(number)} for number in range(1, 102))}, "departments"),
        ({"departments": ({"unit": "unit:abc"},)}, "departments"),
        ({"shoe": "42"}, "shoe"),
    ],
)
def test_what_cannot_be_said_names_the_field_and_not_the_value(fields: dict[str, Value], named: str) -> None:
    with pytest.raises(Unsayable) as told:
        people.to_wire(fields, creating=False)
    assert told.value.field == named
    assert "soon" not in str(told.value)


@pytest.mark.parametrize(
    ("state_code", "number", "read"),
    [
        ("86", "13800000001", "13800000001"),
        ("", "13800000001", "13800000001"),
        ("62", "8123456789", "+62-8123456789"),
        ("62", "+62-8123456789", "+62-8123456789"),
    ],
)
def test_a_number_is_read_as_the_rules_will_write_it(state_code: str, number: str, read: str) -> None:
    person = Person(userid="u", state_code=state_code, mobile=number)
    assert people.from_wire(person, region=Region.MAINLAND).fields["mobile"] == read


def test_home_school_memberships_are_not_ours() -> None:
    person = Person(userid="u", dept_id_list=[-7, 5])
    assert people.from_wire(person, region=Region.MAINLAND).fields["departments"] == ({"unit": "5"},)


def test_numbers_written_as_text_are_read() -> None:
    """The documentation's samples print them so."""
    person = msgspec.json.decode(b'{"userid":"u","dept_id_list":["5"],"hide_mobile":"true"}', type=Person, strict=False)
    assert (person.dept_id_list, person.hide_mobile) == ([5], True)


def test_a_broken_extension_reads_as_none() -> None:
    person = Person(userid="u", extension="{")
    assert people.from_wire(person, region=Region.MAINLAND).fields["extension"] == {}


@given(st.dates(min_value=date(1970, 1, 2)))
def test_a_hire_date_comes_back_as_it_went(day: date) -> None:
    body = people.to_wire({"hired_date": str(day)}, creating=False)
    stamp = body["hired_date"]
    assert isinstance(stamp, int)
    seen = people.from_wire(Person(userid="u", hired_date=stamp), region=Region.MAINLAND)
    assert seen.fields["hired_date"] == str(day)


def test_department_managers_are_never_sent_empty() -> None:
    for empty in (None, ()):
        assert departments.to_wire({"managers": empty}, root=ROOT) == {
            "force_update_fields": "dept_manager_userid_list"
        }
    assert departments.to_wire({"managers": ("b", "a")}, root=ROOT) == {"dept_manager_userid_list": "b,a"}


def test_a_department_without_a_parent_stands_below_the_root() -> None:
    for nothing in (None, "", "unit:root"):
        assert departments.to_wire({"parent": nothing}, root=TargetId("77")) == {"parent_id": 77}


@pytest.mark.parametrize("order", [0, -1, "first"])
def test_an_order_is_above_zero(order: Value) -> None:
    with pytest.raises(Unsayable):
        departments.to_wire({"order": order}, root=ROOT)


def test_more_permits_than_dingtalk_takes_are_not_sent() -> None:
    with pytest.raises(Unsayable):
        departments.to_wire({"user_permits": tuple(str(number) for number in range(51))}, root=ROOT)


def test_a_department_is_read_with_its_mark() -> None:
    unit = Department(
        dept_id=5, name=" Sales ", parent_id=1, source_identifier="syncd:unit:1", dept_manager_userid_list=["b", "a"]
    )
    seen = departments.from_wire(unit)
    assert (seen.target_id, seen.mark) == ("5", "syncd:unit:1")
    assert (seen.fields["name"], seen.fields["parent"], seen.fields["managers"]) == ("Sales", "1", ("a", "b"))


def test_a_field_that_anybody_shows_is_not_hidden() -> None:
    nobody, somebody = Person(userid="a"), Person(userid="b", mobile="13800000001", email="b@example.com")
    assert hidden_fields([nobody], Scopes()) == set(people.HIDEABLE)
    assert hidden_fields([nobody, somebody], Scopes()) == frozenset()
    assert hidden_fields([nobody], Scopes(auth_user_field=["mobile"])) == {"email", "work_place", "remark", "extension"}
