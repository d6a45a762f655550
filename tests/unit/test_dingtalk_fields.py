"""The tables of what DingTalk can hold, and the way it writes values down."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.core.fields import FieldType
from syncd.core.model import Kind
from syncd.core.values import Value
from syncd_dingtalk.fields import FIELDS, day, milliseconds, normalise, turned
from syncd_dingtalk.mobiles import Region, mobile


@pytest.mark.parametrize(
    ("written", "mainland", "elsewhere"),
    [
        ("+8613800000001", "13800000001", "+86-13800000001"),
        ("+86-13800000001", "13800000001", "+86-13800000001"),
        ("0086 138 0000 0001", "13800000001", "+86-13800000001"),
        ("13800000001", "13800000001", "+86-13800000001"),
        ("138-0000-0001", "13800000001", "+86-13800000001"),
        ("+62 812-3456-789", "+62-8123456789", "+62-8123456789"),
        ("+1 (415) 555-0100", "+1-4155550100", "+1-4155550100"),
        ("+7 912 345 67 89", "+7-9123456789", "+7-9123456789"),
        ("+852 5123 4567", "+852-51234567", "+852-51234567"),
        ("  ", None, None),
        ("extension 12", "extension 12", "extension 12"),
    ],
)
def test_a_mobile_number_is_written_as_dingtalk_stores_it(
    written: str, mainland: str | None, elsewhere: str | None
) -> None:
    assert mobile(written, region=Region.MAINLAND) == mainland
    assert mobile(written, region=Region.ELSEWHERE) == elsewhere


@given(text=st.text(alphabet="+0123456789- 　()x", max_size=20), region=st.sampled_from(Region))
def test_writing_a_number_twice_changes_nothing(text: str, region: Region) -> None:
    once = mobile(text, region=region)
    assert once is None or mobile(once, region=region) == once


def test_a_hire_date_is_midnight_in_china() -> None:
    assert milliseconds("2026-11-22") == 1_795_276_800_000  # 2026-11-21T16:00:00Z
    assert day(1_795_276_800_000) == "2026-11-22"


@given(st.dates())
def test_a_day_survives_the_wire(date: object) -> None:
    stamp = milliseconds(str(date))
    assert stamp is not None
    assert day(stamp) == str(date)


def test_who_stands_earlier_for_us_has_the_larger_order_at_dingtalk() -> None:
    assert turned(1) > turned(2)
    assert turned(turned(7)) == 7


def test_an_instant_becomes_the_day_in_china() -> None:
    fields = {"hired_date": "2026-11-21T17:00:00Z"}
    assert normalise(Kind.PERSON, fields, region=Region.MAINLAND) == {"hired_date": "2026-11-22"}


def test_blank_text_and_no_references_mean_nothing() -> None:
    stored = normalise(Kind.UNIT, {"brief": "  ", "managers": [], "hide_dept": None}, region=Region.MAINLAND)
    assert stored == {"brief": None, "managers": None, "hide_dept": False}


def test_references_are_a_set_and_memberships_a_list() -> None:
    unit = normalise(Kind.UNIT, {"managers": ["person:2", "person:1", "person:2"]}, region=Region.MAINLAND)
    assert unit["managers"] == ("person:1", "person:2")
    person = normalise(
        Kind.PERSON,
        {"departments": [{"unit": "unit:2", "title": " Buyer ", "order": 2.0}, {"unit": "unit:1", "title": ""}]},
        region=Region.MAINLAND,
    )
    assert person["departments"] == ({"unit": "unit:2", "title": "Buyer", "order": 2}, {"unit": "unit:1"})


def test_an_extension_key_without_a_value_is_to_be_cleared() -> None:
    stored = normalise(Kind.PERSON, {"extension": {"shoe size": 42, " hobby ": " "}}, region=Region.MAINLAND)
    assert stored == {"extension": {"hobby": None, "shoe size": "42"}}


VALUES: st.SearchStrategy[Value] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in FIELDS for name in [*FIELDS[kind], "unknown"]])
@settings(max_examples=20, deadline=None)
@given(value=VALUES)
def test_normalising_is_idempotent_and_raises_nothing(kind: Kind, name: str, value: Value) -> None:
    once = normalise(kind, {name: value}, region=Region.MAINLAND)
    assert set(once) == {name}
    assert normalise(kind, once, region=Region.MAINLAND) == once


def test_references_to_objects_that_may_come_later_are_written_late() -> None:
    for specs in FIELDS.values():
        for name, spec in specs.items():
            if spec.type is FieldType.REFERENCES or name == "manager":
                assert spec.late or spec.shared, name
