"""Chats of departments as rules write them and as DingTalk's wire says them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.core.errors import Misconfigured
from syncd.core.model import Kind, TargetId
from syncd.core.values import Value, Values
from syncd.mapping import load_outbound
from syncd_dingtalk import departments
from syncd_dingtalk.errors import Meaning, old_refusal
from syncd_dingtalk.fields import FIELDS, normalise, settled
from syncd_dingtalk.mobiles import Region
from syncd_dingtalk.shapes import Department

CHAT = {"create_dept_group": True, "group_contain_sub_dept": True}


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("    chat_owner: managers\n", ("chat_owner", "create_dept_group")),
        ("    group_contain_sub_dept: {value: true}\n", ("group_contain_sub_dept", "create_dept_group")),
        ("    group_contain_outer_dept: {value: true}\n", ("group_contain_outer_dept", "group_contain_sub_dept")),
    ],
)
def test_what_says_something_of_a_chat_that_no_rule_makes_is_refused_with_its_line(
    tmp_path: Path, line: str, names: tuple[str, str]
) -> None:
    path = tmp_path / "out.yaml"
    path.write_text(f"version: 1\nrules: outbound\nunit:\n  fields:\n    name: displayName\n{line}")

    with pytest.raises(Misconfigured) as raised:
        load_outbound(path, fields=FIELDS, now=lambda: datetime(2026, 11, 22, tzinfo=UTC))

    (problem,) = raised.value.problems
    assert (problem.code, problem.place.line) == ("RUL-036", 6)
    assert all(name in str(problem) for name in names)


@pytest.mark.parametrize(
    ("wanted", "outer", "hidden"),
    [
        (CHAT, False, False),
        ({**CHAT, "outer_dept": True}, True, False),
        ({**CHAT, "hide_dept": True}, False, True),
        ({**CHAT, "group_contain_outer_dept": True}, True, False),
    ],
)
def test_a_chat_takes_in_its_own_sort_from_below_unless_a_rule_says_otherwise(
    wanted: Values, outer: bool, hidden: bool
) -> None:
    found = settled(wanted)
    assert (found["group_contain_outer_dept"], found["group_contain_hidden_dept"]) == (outer, hidden)
    assert settled(found) == found


@pytest.mark.parametrize("flag", [{}, {"create_dept_group": False}])
def test_nobody_owns_a_chat_that_is_not_kept_by_a_rule(flag: Values) -> None:
    assert "chat_owner" not in settled({"name": "Example", **flag, "chat_owner": ("person:1",)})


def test_whoever_is_named_first_stays_first() -> None:
    fields = normalise(Kind.UNIT, {"chat_owner": ("z", "a", "z")}, region=Region.MAINLAND)
    assert fields == {"chat_owner": ("z", "a")}


def test_a_chat_is_said_and_read_in_the_platforms_words() -> None:
    wanted: dict[str, Value] = {**CHAT, "auto_add_user": True, "group_contain_outer_dept": False, "chat_owner": ("u1",)}

    body = departments.to_wire(wanted, root=TargetId("1"))
    shown = departments.from_wire(Department(dept_id=7, **body))  # type: ignore[arg-type]

    assert body["org_dept_owner"] == "u1"
    assert {name: shown.fields[name] for name in wanted} == wanted
    assert departments.to_wire({"chat_owner": ()}, root=TargetId("1")) == {}


@pytest.mark.parametrize(("outer", "hidden"), [(True, False), (False, True)])
def test_whom_a_chat_takes_in_is_taken_to_be_its_own_sort_where_the_platform_does_not_say(
    outer: bool, hidden: bool
) -> None:
    shown = departments.from_wire(Department(dept_id=7, outer_dept=outer, hide_dept=hidden)).fields
    assert (shown["group_contain_outer_dept"], shown["group_contain_hidden_dept"]) == (outer, hidden)


@pytest.mark.parametrize("code", [40093, 60067])
def test_an_owner_who_is_no_member_yet_is_tried_again(code: int) -> None:
    refusal = old_refusal(code, "", "words", "r1")
    assert (refusal.meaning, refusal.problem(label="Example").code) == (Meaning.EARLY, "DNG-086")
