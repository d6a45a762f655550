"""Rights of the address book as rules write them: what contradicts itself, what is too much, and what is void."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.core.correlation import JoinRules, Statement
from syncd.core.errors import Misconfigured
from syncd.core.model import Aside, Entity, Kind, NativeId, SourceName, SourceRecord, SubjectId, TargetId
from syncd.core.orgtree import grow
from syncd.core.values import Value
from syncd.mapping import Around, Mapped, OutboundRules, load_inbound, load_outbound
from syncd_dingtalk import departments
from syncd_dingtalk.fields import FIELDS, PERMIT_LIMIT, settled
from syncd_dingtalk.people import Unsayable

HR = SourceName("hr")


def rules(folder: Path, *lines: str) -> OutboundRules:
    path = folder / "out.yaml"
    path.write_text("version: 1\nrules: outbound\nunit:\n  fields:\n    name: displayName\n" + "".join(lines))
    return load_outbound(path, fields=FIELDS, now=lambda: datetime(2026, 11, 22, tzinfo=UTC))


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        (("    dept_permits: visibleToUnits\n",), ("dept_permits", "hide_dept")),
        (("    user_permits: visibleToPersons\n", "    hide_dept: {value: false}\n"), ("user_permits", "never true")),
        (("    outer_permit_depts: seesUnits\n",), ("outer_permit_depts", "outer_dept")),
        (("    outer_dept_only_self: {value: true}\n",), ("outer_dept_only_self", "outer_dept")),
    ],
)
def test_a_right_without_the_flag_that_makes_it_one_is_refused_with_its_line(
    tmp_path: Path, lines: tuple[str, ...], names: tuple[str, ...]
) -> None:
    with pytest.raises(Misconfigured) as raised:
        rules(tmp_path, *lines)

    (problem,) = raised.value.problems
    assert problem.code == "RUL-036"
    assert problem.place.line == 6
    assert all(name in str(problem) for name in names)


def test_what_is_switched_off_beside_its_flag_is_no_contradiction(tmp_path: Path) -> None:
    made = rules(tmp_path, "    outer_dept: {value: false}\n", "    outer_dept_only_self: {value: false}\n")
    assert made.fills(Kind.UNIT) == ("name", "outer_dept", "outer_dept_only_self")


@pytest.mark.parametrize(("count", "fits"), [(PERMIT_LIMIT, True), (PERMIT_LIMIT + 1, False)])
def test_more_than_a_list_holds_leaves_the_department_as_it_is(tmp_path: Path, count: int, fits: bool) -> None:
    made = rules(tmp_path, "    hide_dept: hidden\n", "    user_permits: visibleToPersons\n")
    seen_by = tuple(f"person:{number}" for number in range(count))
    board = Entity(
        subject=SubjectId("unit:board"),
        kind=Kind.UNIT,
        facts={"displayName": "Board", "hidden": True, "visibleToPersons": seen_by},
    )

    found = made.map(board, Around())

    assert isinstance(found, Aside) is not fits
    if isinstance(found, Aside):
        assert str(PERMIT_LIMIT + 1) in str(found.problems[0])


def test_two_lists_that_share_a_limit_are_counted_together() -> None:
    half = tuple(str(number) for number in range(1, PERMIT_LIMIT // 2 + 1))
    fits: dict[str, Value] = {"dept_permits": half, "user_permits": half, "outer_permit_users": half}
    wire = departments.to_wire(fits, root=TargetId("1"))
    assert wire["dept_permits"] == ",".join(half)
    with pytest.raises(Unsayable, match="together with `user_permits`"):
        departments.to_wire({**fits, "user_permits": (*half, "one more")}, root=TargetId("1"))


def test_what_a_flag_makes_void_is_emptied_so_that_it_cannot_come_back_later() -> None:
    lists: dict[str, Value] = {"dept_permits": ("unit:a",), "outer_permit_users": ("person:b",)}
    assert settled({"hide_dept": False, "outer_dept": False, "outer_dept_only_self": True, **lists}) == {
        "hide_dept": False,
        "outer_dept": False,
        "outer_dept_only_self": False,
        "dept_permits": None,
        "outer_permit_users": None,
    }
    kept = {"hide_dept": True, **lists}
    assert settled(kept) == kept
    assert settled(settled({"hide_dept": False, **lists})) == settled({"hide_dept": False, **lists})


def unit(key: str, parent: str | None = None, **facts: Value) -> Statement:
    above: dict[str, Value] = {"parent": parent} if parent else {}
    return Statement(source=HR, native_id=NativeId(key), kind=Kind.UNIT, facts={"displayName": key, **above, **facts})


def test_every_unit_below_an_outer_one_is_outer_whatever_it_says_itself() -> None:
    tree = grow(
        [unit("top"), unit("outer", "top", outer=True), unit("below", "outer", outer=False), unit("deep", "below")],
        JoinRules(sources=(HR,)),
    )

    outer = {one.label for one in tree.entities.values() if one.facts.get("outer") is True}
    assert outer == {"outer", "below", "deep"}


PATHS = """\
version: 1
rules: inbound
person:
  fields:
    displayName: Name
    outsider: {from: Type, via: [{equals: Partner}]}
  units:
    path:
      - {name: {value: Partners, when: {from: Type, via: [{equals: Partner}]}}, outer: true}
      - {name: Firm}
"""


@pytest.mark.parametrize(("kind", "outer"), [("Partner", {"Partners", "Example Ltd"}), ("Staff", set())])
def test_a_level_of_a_path_can_be_the_outsiders_and_is_left_out_for_everybody_else(
    tmp_path: Path, kind: str, outer: set[str]
) -> None:
    path = tmp_path / "in.yaml"
    path.write_text(PATHS)
    loaded = load_inbound(path, source="hr", attributes=None, now=lambda: datetime(2026, 11, 22, tzinfo=UTC))
    record = SourceRecord(
        native_id=NativeId("1"),
        kind=Kind.PERSON,
        digest=b"",
        attributes={"Name": "Example", "Type": kind, "Firm": "Example Ltd"},
    )

    mapped = loaded.map(record)

    assert isinstance(mapped, Mapped)
    assert loaded.parts_outsiders
    assert mapped.facts["outsider"] is (kind == "Partner")
    made = [unit(one.key, one.parent, **one.facts) for one in mapped.units]
    refers = {HR: {Kind.UNIT: {"parent": "id"}}}
    tree = grow(made, JoinRules(sources=(HR,), refers=refers))
    assert {one.label for one in tree.entities.values() if one.facts.get("outer") is True} == outer
