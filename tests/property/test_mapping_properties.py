"""What holds for all rules and all records: two ways of running agree, and nothing but Misconfigured is ever raised."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncd.core.attributes import PERSON
from syncd.core.errors import Misconfigured, Problem
from syncd.core.fields import FieldSpec, FieldType
from syncd.core.model import Aside, Desired, Entity, Kind, NativeId, Reason, SourceRecord, SubjectId
from syncd.mapping import Around, InboundRules, Mapped, OutboundRules, load_inbound, load_outbound
from syncd.mapping.words import scan

ATTRIBUTES = {Kind.PERSON: {"a": "text", "b": "text", "roles": "texts", "n": "number", "on": "flag"}}
TARGET = {
    Kind.PERSON: {
        "name": FieldSpec(type=FieldType.TEXT, max_length=6, clearable=True),
        "code": FieldSpec(type=FieldType.TEXT, pattern="[A-Z]+", clearable=True),
        "title": FieldSpec(type=FieldType.TEXT, forbidden="-,", clearable=True),
        "rank": FieldSpec(type=FieldType.NUMBER, clearable=True),
        "flag": FieldSpec(type=FieldType.FLAG, clearable=True),
        "extension": FieldSpec(type=FieldType.MAPPING, clearable=True),
        "departments": FieldSpec(type=FieldType.MEMBERSHIPS),
    }
}


def now() -> datetime:
    return datetime(2026, 11, 22, tzinfo=UTC)


def inbound(rules: dict[str, Any], attributes: Any = ATTRIBUTES) -> InboundRules:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules.yaml"
        path.write_text(json.dumps(rules), encoding="utf-8")  # JSON is YAML
        return load_inbound(path, source="hr", attributes=attributes, now=now)


def outbound(rules: dict[str, Any]) -> OutboundRules:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules.yaml"
        path.write_text(json.dumps(rules), encoding="utf-8")
        return load_outbound(path, fields=TARGET, now=now)


TEXT_STEPS = [
    "trim",
    "lower",
    "squeeze",
    {"truncate": 3},
    {"prefix": "x"},
    {"default": "d"},
    "digits_only",
    "e164",
    "email",
]
TEXT_STEPS += [
    {"map_values": {"ab": "found"}},
    {"map_values": {"values": {"ab": "found"}, "otherwise": "keep"}},
]
CONDITIONS = [
    "a != ''",
    "size(roles) > 1",
    "on",
    "n > 1",
    {"from": "a", "via": ["is_empty"]},
    {"from": "on"},
    {"from": "a", "via": [{"equals": "ab"}]},
    "10 / n > 3",
]
options = st.fixed_dictionaries(
    {},
    optional={
        "when": st.sampled_from(CONDITIONS),
        "on_error": st.sampled_from(["park", "skip_field"]),
    },
)
endings = st.sampled_from([{}, {}, {"default": "zz"}, {"on_null": "clear"}, {"default": "zz", "on_error": "default"}])
origins = st.one_of(
    st.builds(
        lambda name, via: {"from": name, "via": via},
        st.sampled_from("ab"),
        st.lists(st.sampled_from(TEXT_STEPS), max_size=3),
    ),
    st.builds(
        lambda via: {"from": ["a", "b"], "via": ["join", *via]}, st.lists(st.sampled_from(TEXT_STEPS), max_size=2)
    ),
    st.builds(
        lambda via: {"from": ["a", "roles"], "via": ["first", *via]}, st.lists(st.sampled_from(TEXT_STEPS), max_size=1)
    ),
    st.just({"from": "roles", "via": ["join"]}),
    st.just({"from": "n", "via": ["to_text"]}),
    st.sampled_from(
        ["a + b", "lower(a)", "n > 2 ? a : b", "on ? 'yes' : ''", "roles[0]", "truncate(a, 2)", "e164(a)"]
    ).map(lambda text: {"expr": text}),
    st.just({"value": "constant"}),
)


@st.composite
def fields(draw: st.DrawFn, names: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(names), min_size=1, max_size=4, unique=True)):
        ways = draw(
            st.lists(st.builds(lambda origin, more: {**origin, **more}, origins, options), min_size=1, max_size=3)
        )
        ways[-1] = {**ways[-1], **draw(endings)}
        found[name] = ways if len(ways) > 1 else ways[0]
    return found


odd = st.sampled_from(
    [None, "", " ", "ab", " Ab ", "138 0013 8000", "x@example.com", "a-b", "ABCDEFGH", "١٢", 7, True, ["x"], {"k": "v"}]
)
records = st.fixed_dictionaries(
    {},
    optional={
        "a": odd,
        "b": odd,
        "roles": st.sampled_from([[], ["x"], ["x", "y"], ["", " "], None, "x"]),
        "n": st.sampled_from([0, 1, 2, 7, None, "7", 2.5]),
        "on": st.sampled_from([True, False, None, "yes"]),
    },
)
sections = st.fixed_dictionaries(
    {"fields": fields(["displayName", "title", "userName", "extra.note"])},
    optional={
        "exclude": st.lists(st.fixed_dictionaries({"when": st.sampled_from(CONDITIONS)}), max_size=2),
        "include": st.lists(st.fixed_dictionaries({"when": st.sampled_from(CONDITIONS)}), max_size=2),
    },
)
lasting = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@lasting
@given(section=sections, given_records=st.lists(records, min_size=1, max_size=6))
def test_the_generated_function_and_the_step_by_step_run_give_the_same(section: Any, given_records: list[Any]) -> None:
    try:
        rules = inbound({"version": 1, "rules": "inbound", "person": section})
    except Misconfigured:
        return
    for attributes in given_records:
        record = SourceRecord(native_id=NativeId("1"), kind=Kind.PERSON, digest=b"", attributes=attributes)
        mapped, trace = rules.map(record), rules.explain(record)
        problems = [each.problem for each in trace.fields if each.problem]
        if isinstance(mapped, Mapped):
            assert mapped.facts == {each.field: each.output for each in trace.fields if not each.absent}
            assert [str(each) for each in mapped.warnings] == [str(each) for each in problems]
            assert all(
                mapped.origins[each.field] == each.rule for each in trace.fields if each.output and each.note == ""
            )
        elif mapped.reason is Reason.PARKED and mapped.problems[0].code == "MAP-001":
            assert {str(each) for each in mapped.problems} <= {str(each) for each in problems}


@st.composite
def target_fields(draw: st.DrawFn) -> dict[str, Any]:
    found = draw(fields(["name", "code", "title"]))
    text = json.dumps(found)
    for ours, theirs in (('"from": "a"', '"from": "title"'), ('"from": "b"', '"from": "nickName"')):
        text = text.replace(ours, theirs)
    found = dict(json.loads(text))
    if draw(st.booleans()):
        found["departments"] = {"memberships": "units", "title": "unitTitles", "order": "unitOrder"}
    if draw(st.booleans()):
        found["extension"] = {"mapping": {"x": "title", "y": {"from": "nickName", "on_null": "clear"}}}
    return found


@lasting
@given(
    written=target_fields(),
    facts=st.fixed_dictionaries(
        {},
        optional={
            "title": odd.filter(lambda value: not isinstance(value, dict)),
            "nickName": odd,
            "units": st.sampled_from([("unit:a",), ("unit:a", "unit:b"), None, ()]),
            "unitTitles": st.sampled_from([("T",), ("", "U"), None]),
            "unitOrder": st.sampled_from([3, None]),
            "active": st.booleans(),
        },
    ),
)
def test_outbound_rules_agree_with_their_trace(written: Any, facts: Any) -> None:
    try:
        rules = outbound({"version": 1, "rules": "outbound", "person": {"fields": written}})
    except Misconfigured:
        return
    entity = Entity(subject=SubjectId("person:1"), kind=Kind.PERSON, facts=facts)
    desired, trace = rules.map(entity, Around()), rules.explain(entity, Around())
    if isinstance(desired, Desired):
        assert desired.fields == {each.field: each.output for each in trace.fields if not each.absent}
    else:
        assert desired.problems


json_like = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-9, 9),
        st.sampled_from(["a", "from", "trim", "person", "x.y", "", "a ==", "lower(a)"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["from", "via", "expr", "when", "value", "mapping", "default", "by", "unique", "zzz", "truncate"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@lasting
@given(
    section=st.dictionaries(
        st.sampled_from(["fields", "exclude", "include", "required", "units", "unkown"]), json_like, max_size=4
    ),
    field=json_like,
)
def test_whatever_is_written_the_loader_raises_nothing_but_misconfigured(section: Any, field: Any) -> None:
    for person in (
        section,
        {"fields": {"title": field, "displayName": "a"}},
        {"fields": {}, "units": {"path": [{"name": field}]}},
    ):
        problems: tuple[Problem, ...] = ()
        try:
            inbound({"version": 1, "rules": "inbound", "person": person})
        except Misconfigured as error:
            problems = error.problems
        assert all(str(problem) and problem.place.line for problem in problems)


@lasting
@given(attributes=st.dictionaries(st.sampled_from(["a", "b", "roles", "n", "on"]), json_like))
def test_whatever_a_record_holds_mapping_answers(attributes: Any) -> None:
    record = SourceRecord(native_id=NativeId("1"), kind=Kind.PERSON, digest=b"", attributes=attributes)
    assert isinstance(EVERYTHING.map(record), Mapped | Aside)
    assert EVERYTHING.explain(record).name == "hr/1"


EVERYTHING = inbound(
    {
        "version": 1,
        "rules": "inbound",
        "person": {
            "exclude": [{"when": "n / 2 == 7"}],
            "fields": {
                "displayName": [{"from": "a", "via": ["trim", "email"]}, {"expr": "a + b"}],
                "title": {"from": ["a", "b"], "via": ["join"]},
                "roles": "roles",
                "unitOrder": "n",
                "active": "on",
                "manager": "a",
                "groups": "roles",
                "hireDate": {"from": "b", "via": ["parse_date"]},
            },
            "units": {"path": [{"name": "a", "id": "b"}, {"name": {"expr": "roles[0]"}}]},
        },
    }
)


@given(st.text(alphabet="ab.(),[]'\"/ maprow\n+\\", max_size=60))
def test_any_text_can_be_scanned_for_words(text: str) -> None:
    words = scan(text)
    assert words.growth >= 1
    assert all(path for path in words.paths)


@pytest.mark.parametrize("name", sorted(set(PERSON) - {"extra"}))
def test_every_canonical_attribute_can_be_filled_and_a_misspelt_one_is_told(name: str) -> None:
    with pytest.raises(Misconfigured) as raised:
        inbound({"version": 1, "rules": "inbound", "person": {"fields": {f"{name}x": "a"}}}, None)
    assert raised.value.problems[0].code == "RUL-021"
    inbound({"version": 1, "rules": "inbound", "person": {"fields": {name: "a"}}}, None)
