"""Rules that write back: what they say, and which of them cannot stand beside the others, with file, line and column."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.core.errors import Misconfigured, Problem
from syncd.core.fields import FieldSpec, FieldType
from syncd.core.model import Kind
from syncd.mapping import load_inbound, load_outbound
from syncd.mapping.functions import Unfit
from syncd.mapping.write_back import When, contradictions

INBOUND = """\
version: 1
rules: inbound
person:
  exclude:
    - when: {from: kind, via: [{equals: service}]}
  fields:
    displayName: cn
    phoneNumbers.mobile: mobile
    title: title
"""
OUTBOUND = """\
version: 1
rules: outbound
person:
  fields:
    userid: employeeNumber
    name: displayName
    mobile: phoneNumbers.mobile
    remark: title
"""
ATTRIBUTES = {
    Kind.PERSON: dict.fromkeys(("cn", "mobile", "title", "kind", "pager", "info", "entryUUID", "manager"), "text"),
}
WRITABLE = frozenset({"mobile", "title", "kind", "pager", "info"})
FIELDS = {
    Kind.PERSON: {
        **dict.fromkeys(("name", "mobile", "remark"), FieldSpec(type=FieldType.TEXT)),
        "userid": FieldSpec(type=FieldType.TEXT, immutable=True),
        "unionid": FieldSpec(type=FieldType.TEXT, read_only=True),
        "departments": FieldSpec(type=FieldType.MEMBERSHIPS),
    }
}
Told = Callable[..., list[Problem]]


def now() -> datetime:
    return datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """Return the problems of rules that write back."""

    def problems(
        rules: str,
        *,
        inbound: str = INBOUND,
        writable: frozenset[str] | None = WRITABLE,
        reverted: frozenset[str] = frozenset({"remark"}),
    ) -> list[Problem]:
        (tmp_path / "in.yaml").write_text(inbound + rules)
        (tmp_path / "out.yaml").write_text(OUTBOUND)
        try:
            loaded = load_inbound(tmp_path / "in.yaml", source="ad", attributes=ATTRIBUTES, now=now)
            out = load_outbound(tmp_path / "out.yaml", fields=FIELDS, now=now)
        except Misconfigured as error:
            return list(error.problems)
        return contradictions(
            {"ad": loaded},
            out,
            fields=FIELDS[Kind.PERSON],
            writable={"ad": writable},
            reverted=reverted.__contains__,
        )

    return problems


@pytest.mark.parametrize(
    "rules",
    [
        "write_back: {pager: userid, info: unionid}\n",
        "write_back: {mobile: {from: mobile, when: drift}}\n",
        "write_back: {pager: {from: name, via: [trim, upper], clear: true}}\n",
        # The title is filled from the directory's title alone, so what is written to `info` goes no further.
        "write_back: {info: remark}\n",
    ],
)
def test_rules_with_one_authority_each_are_accepted(told: Told, rules: str) -> None:
    assert told(rules) == []


@pytest.mark.parametrize(
    ("rules", "code", "column"),
    [
        ("write_back: {pagre: userid}\n", "RUL-060", 14),
        ("write_back: {pager: userid, PAGER: userid}\n", "RUL-060", 29),
        ("write_back: {pager: user_id}\n", "RUL-062", 21),
        ("write_back: {pager: departments}\n", "RUL-063", 21),
        ("write_back: {entryUUID: unionid}\n", "RUL-065", 14),
        ("write_back: {kind: name}\n", "RUL-066", 14),
        ("write_back: {pager: {from: unionid, when: drift}}\n", "RUL-067", 14),
        ("write_back: {mobile: mobile}\n", "RUL-068", 14),
        ("write_back: {title: {from: remark, when: drift}}\n", "RUL-068", 14),
        ("write_back: {mobile: remark, title: mobile}\n", "RUL-069", 14),
        ("write_back: {pager: {from: name, via: [no_such]}}\n", "FUN-001", 40),
        ("write_back: {pager: {from: name, field: name}}\n", "RUL-001", 34),
        ("write_back: {pager: {via: [trim]}}\n", "RUL-002", 21),
    ],
)
def test_a_rule_that_cannot_stand_is_refused_where_it_is_written(
    told: Told, rules: str, code: str, column: int
) -> None:
    first = told(rules)[0]

    assert (first.code, first.place.line, first.place.column) == (code, 10, column)
    assert first.do


def test_a_table_cannot_be_written_to(told: Told) -> None:
    assert [one.code for one in told("write_back: {pager: userid}\n", writable=None)] == ["RUL-064"]


def test_two_spellings_of_one_attribute_are_one(tmp_path: Path) -> None:
    path = tmp_path / "in.yaml"
    path.write_text(INBOUND + "write_back: {pager: userid, PAGER: name}\n")

    with pytest.raises(Misconfigured) as refused:
        load_inbound(path, source="hr", attributes=None, now=now)

    assert [one.code for one in refused.value.problems] == ["RUL-061"]


def test_attributes_that_are_written_back_are_read_too_and_said_in_words(tmp_path: Path) -> None:
    path = tmp_path / "in.yaml"
    path.write_text(INBOUND + "write_back: {pager: userid, mobile: {from: mobile, when: drift}}\n")

    rules = load_inbound(path, source="ad", attributes=ATTRIBUTES, now=now)

    assert {"pager", "mobile", "cn"} <= rules.reads[Kind.PERSON]
    assert list(map(str, rules.write_back)) == ["pager ← userid", "mobile ← mobile (hand edits that are accepted)"]
    assert [one.when for one in rules.write_back] == [When.ALWAYS, When.DRIFT]


def test_a_value_is_said_as_the_source_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "in.yaml"
    path.write_text(INBOUND + "write_back: {pager: {from: mobile, via: [e164]}, info: name}\n")

    phone, plain = load_inbound(path, source="ad", attributes=ATTRIBUTES, now=now).write_back

    assert phone.said("13800000001") == "+8613800000001"
    assert (phone.said(None), phone.said("  ")) == (None, None)
    assert [plain.said(value) for value in (True, False, 7, " text ", ("a",))] == ["TRUE", "FALSE", "7", "text", None]
    with pytest.raises(Unfit):
        phone.said("no number")
