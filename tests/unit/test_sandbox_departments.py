"""The sandbox's departments: creating, changing, deleting, reading, and each documented refusal."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from desks.sandbox import Desk

CREATE, UPDATE, DELETE, GET, LISTSUB = (
    f"/topapi/v2/department/{verb}" for verb in ("create", "update", "delete", "get", "listsub")
)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_ids_are_the_servers_and_do_not_look_sequential(desk: Desk) -> None:
    made = [desk.ok(CREATE, name=f"D{n}", parent_id=1, dept_id=77)["dept_id"] for n in range(20)]
    assert len(set(made)) == 20
    assert all(100_000_000 < dept_id < 2**31 for dept_id in made)
    assert all(abs(b - a) > 1000 for a, b in pairwise(made))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": None}, 40035),
        ({"name": "x" * 65}, 60001),
        ({"name": "a-b"}, 60009),
        ({"name": "a,b"}, 60009),
        ({"name": "a，b"}, 60009),
        ({"name": "Taken"}, 60021),
        ({"parent_id": None}, 40035),
        ({"parent_id": 77}, 60004),
        ({"order": 0}, 40011),
        ({"order": "first"}, 40011),
        ({"dept_permits": ",".join(["1"] * 51)}, 60109),
        ({"dept_permits": ",".join(["1"] * 25), "user_permits": ",".join(["manager0001"] * 26)}, 60109),
        ({"dept_permits": "77"}, 60109),
        ({"outer_permit_users": "nobody"}, 60109),
        ({"brief": "x" * 256}, 40035),
        ({"telephone": "1" * 51}, 40035),
    ],
)
def test_create_refuses_and_changes_nothing(desk: Desk, change: dict[str, Any], code: int) -> None:
    desk.department("Taken")
    before = desk.control("GET", "state")
    assert desk.code(CREATE, **{"name": "New", "parent_id": 1, **change}) == code
    assert desk.control("GET", "state") == before


def test_a_name_may_be_taken_below_another_parent_and_is_free_after_a_move(desk: Desk) -> None:
    a, b = desk.department("A"), desk.department("B")
    child = desk.department("Same", a)
    other = desk.department("Same", b)
    assert desk.code(UPDATE, dept_id=child, parent_id=b) == 60021
    assert desk.code(UPDATE, dept_id=other, name="Other") == 0
    assert desk.code(UPDATE, dept_id=child, parent_id=b) == 0
    assert desk.code(CREATE, name="Same", parent_id=a) == 0


def test_a_taken_name_is_60008_where_the_tenant_says_so(desk: Desk) -> None:
    desk.department("Taken")
    desk.control("PUT", "settings", {"duplicate_department_code": 60008})
    assert desk.code(CREATE, name="Taken", parent_id=1) == 60008


def test_sensitive_names_are_60022(desk: Desk) -> None:
    desk.control("PUT", "settings", {"sensitive_words": ["Secret"]})
    assert desk.code(CREATE, name="Secret Service", parent_id=1) == 60022


def test_the_tree_is_at_most_20_levels_deep(desk: Desk) -> None:
    chain = [1]
    for level in range(19):
        chain.append(desk.department(f"L{level}", chain[-1]))
    assert desk.code(CREATE, name="too deep", parent_id=chain[-1]) == 60002
    loose = desk.department("Loose")
    desk.department("Below", loose)
    assert desk.code(UPDATE, dept_id=loose, parent_id=chain[-2]) == 60002, "what is below moves, too"
    assert desk.code(UPDATE, dept_id=loose, parent_id=chain[-3]) == 0


def test_too_many_departments_are_60110(desk: Desk) -> None:
    desk.control("PUT", "settings", {"children_limit": 2})
    a = desk.department("A")
    desk.department("B")
    assert desk.code(CREATE, name="C", parent_id=1) == 60110
    desk.control("PUT", "settings", {"department_limit": 3})
    assert desk.code(CREATE, name="C", parent_id=a) == 60110


def test_update_keeps_what_is_not_sent(desk: Desk) -> None:
    dept_id = desk.department("A", source_identifier="syncd:1", order=5, hide_dept=True, brief="b")
    before = desk.ok(GET, dept_id=dept_id)
    desk.ok(UPDATE, dept_id=dept_id, name="B", code="K7")
    after = desk.ok(GET, dept_id=dept_id)
    assert {**before, "name": "B", "code": "K7"} == after


def test_the_code_is_settable_by_update_only(desk: Desk) -> None:
    dept_id = desk.department("A", code="ignored")
    assert desk.ok(GET, dept_id=dept_id)["code"] == ""
    assert desk.code(UPDATE, dept_id=dept_id, code="x" * 31) == 40035


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"dept_id": 1}, 60018),
        ({"dept_id": 77}, 60003),
        ({"dept_id": -7}, 40009),
        ({"dept_id": "seven"}, 40009),
        ({"dept_id": None}, 40009),
        ({"name": "a-b"}, 60009),
        ({"parent_id": 77}, 60004),
        ({"order": -1}, 40011),
        ({"dept_manager_userid_list": "manager0001"}, 40031),
        ({"org_dept_owner": "manager0001"}, 40093),
    ],
)
def test_update_refuses_and_changes_nothing(desk: Desk, change: dict[str, Any], code: int) -> None:
    dept_id = desk.department("A")
    before = desk.control("GET", "state")
    assert desk.code(UPDATE, **{"dept_id": dept_id, "brief": "new", **change}) == code
    assert desk.control("GET", "state") == before


def test_a_department_cannot_move_below_itself(desk: Desk) -> None:
    a = desk.department("A")
    b = desk.department("B", a)
    assert desk.code(UPDATE, dept_id=a, parent_id=b) == 60010
    assert desk.code(UPDATE, dept_id=a, parent_id=a) == 60010


def test_managers_are_members_and_are_cleared_by_force_only(desk: Desk) -> None:
    dept_id = desk.department("A")
    desk.user("ann", dept_id)
    desk.user("bob", dept_id)
    desk.ok(UPDATE, dept_id=dept_id, dept_manager_userid_list="bob,ann")
    assert desk.ok(GET, dept_id=dept_id)["dept_manager_userid_list"] == ["bob", "ann"]
    assert desk.get("ann")["leader_in_dept"] == [{"dept_id": dept_id, "leader": True}]
    desk.ok(UPDATE, dept_id=dept_id, dept_manager_userid_list="")
    assert desk.ok(GET, dept_id=dept_id)["dept_manager_userid_list"] == ["bob", "ann"]
    desk.ok(UPDATE, dept_id=dept_id, force_update_fields="dept_manager_userid_list")
    assert desk.ok(GET, dept_id=dept_id)["dept_manager_userid_list"] == []


@pytest.mark.parametrize(
    ("change", "code"), [({"dept_id": 1}, 60007), ({"dept_id": 77}, 60003), ({"dept_id": None}, 400002)]
)
def test_delete_refuses_the_root_and_what_is_not_there(desk: Desk, change: dict[str, Any], code: int) -> None:
    assert desk.code(DELETE, **change) == code


def test_a_department_with_members_anywhere_below_is_60005(desk: Desk) -> None:
    a = desk.department("A")
    b = desk.department("B", a)
    desk.user("ann", b)
    assert desk.code(DELETE, dept_id=b) == 60005
    assert desk.code(DELETE, dept_id=a) == 60005


def test_a_department_with_children_is_60006_or_goes_with_them(desk: Desk) -> None:
    a = desk.department("A")
    b = desk.department("B", a)
    assert desk.code(DELETE, dept_id=a) == 60006
    desk.control("PUT", "settings", {"cascade_department_delete": True})
    assert desk.code(DELETE, dept_id=a) == 0
    assert [desk.code(GET, dept_id=dept_id) for dept_id in (a, b)] == [60003, 60003]
    removed = [event["data"]["deptId"] for event in desk.control("GET", "events") if event["type"] == "org_dept_remove"]
    assert removed == [[b], [a]]


def test_an_id_is_never_given_twice(desk: Desk) -> None:
    first = desk.department("A")
    desk.ok(DELETE, dept_id=first)
    assert desk.department("A") != first


def test_lists_show_smaller_orders_first(desk: Desk) -> None:
    ids = {name: desk.department(name, order=order) for name, order in (("C", 3), ("A", 1), ("B", 2))}
    assert [sub["name"] for sub in desk.ok(LISTSUB)] == ["A", "B", "C"]
    assert desk.ok("/topapi/v2/department/listsubid", dept_id=1)["dept_id_list"] == [ids["A"], ids["B"], ids["C"]]
    assert desk.code(LISTSUB, dept_id=77) == 60003
    assert desk.code("/topapi/v2/department/listsubid", dept_id=77) == 60003
    assert desk.code("/topapi/v2/department/listparentbydept", dept_id=77) == 60003


def test_the_source_identifier_is_shown_by_get_and_by_listsub(desk: Desk) -> None:
    dept_id = desk.department("A", source_identifier="syncd:unit:1")
    assert desk.ok(LISTSUB)[0]["source_identifier"] == "syncd:unit:1"
    assert desk.ok(GET, dept_id=dept_id)["source_identifier"] == "syncd:unit:1"


def test_the_root_has_no_parent_and_counts_everybody_once(desk: Desk) -> None:
    a, b = desk.department("A"), desk.department("B")
    desk.user("ann", f"{a},{b}")
    root = desk.ok(GET, dept_id=1)
    assert "parent_id" not in root
    assert (root["member_count"], root["owning_member_count"]) == (2, 1)


def test_paths_to_the_root_are_told_by_department_and_by_person(desk: Desk) -> None:
    a = desk.department("A")
    b = desk.department("B", a)
    desk.user("ann", f"{b},1")
    assert desk.ok("/topapi/v2/department/listparentbydept", dept_id=b)["parent_id_list"] == [b, a, 1]
    paths = desk.ok("/topapi/v2/department/listparentbyuser", userid="ann")["parent_list"]
    assert [path["parent_dept_id_list"] for path in paths] == [[b, a, 1], [1]]


def test_a_department_group_gets_a_chat(desk: Desk) -> None:
    dept_id = desk.department("A", create_dept_group="true", auto_approve_apply=True)
    shown = desk.ok(GET, dept_id=dept_id)
    assert shown["dept_group_chat_id"].startswith("chat")
    assert shown["auto_approve_apply"] is True


def test_the_home_school_tree_has_ids_that_are_none(desk: Desk) -> None:
    desk.control("PUT", "settings", {"home_school": True})
    assert [sub["dept_id"] for sub in desk.ok(LISTSUB)] == [-7]
    assert desk.ok("/topapi/v2/department/listsubid", dept_id=1)["dept_id_list"] == [-7]
    assert desk.code(GET, dept_id=-7) == 40009
    assert desk.code("/topapi/v2/user/list", dept_id=-7, cursor=0, size=10) == 60003


def test_departments_are_found_by_name(desk: Desk) -> None:
    dept_id = desk.department("Research")
    found = desk.new("POST", "/v1.0/contact/departments/search", queryWord="sear", offset=0, size=10)
    assert found == (200, {"totalCount": 1, "hasMore": False, "list": [dept_id]})


def test_lists_lag_and_reads_by_id_do_not(desk: Desk) -> None:
    desk.control("PUT", "clock", {"frozen": True})
    old = desk.department("Old")
    desk.user("old", old)
    desk.control("PUT", "settings", {"list_lag_seconds": 3})
    new = desk.department("New")
    desk.user("ann", old)
    desk.ok("/topapi/v2/user/delete", userid="old")
    assert desk.get("ann")["name"] == "Ann"
    assert desk.ok(GET, dept_id=new)["name"] == "New"
    assert [sub["name"] for sub in desk.ok(LISTSUB)] == ["Old"]
    assert desk.ok("/topapi/user/listid", dept_id=old)["userid_list"] == ["old"]
    desk.control("POST", "clock", {"advance": 3})
    assert {sub["name"] for sub in desk.ok(LISTSUB)} == {"New", "Old"}
    assert desk.ok("/topapi/user/listid", dept_id=old)["userid_list"] == ["ann"]
    desk.ok("/topapi/v2/department/delete", dept_id=new)
    assert {sub["name"] for sub in desk.ok(LISTSUB)} == {"New", "Old"}
    desk.control("PUT", "settings", {"list_lag_seconds": 0})
    assert {sub["name"] for sub in desk.ok(LISTSUB)} == {"Old"}


def test_lists_of_who_may_see_share_their_limit_with_what_stays(desk: Desk) -> None:
    for number in range(50):
        desk.user(f"seer{number}")
    board = desk.department("Board", hide_dept=True, user_permits=",".join(f"seer{number}" for number in range(50)))
    assert desk.code(UPDATE, dept_id=board, dept_permits="1") == 60109
    assert desk.code(UPDATE, dept_id=board, dept_permits="1", user_permits="seer1") == 0
    assert desk.code(UPDATE, dept_id=board, dept_permits="", user_permits="") == 0
    shown = desk.ok(GET, dept_id=board)
    assert (shown["dept_permits"], shown["user_permits"]) == ([], [])
