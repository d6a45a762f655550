"""The sandbox's roles: their three paths without prefix, camelCase bodies, limits and the platform's own group."""

from __future__ import annotations

import pytest

from desks.sandbox import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


def group_of(desk: Desk, name: str = "Teams") -> int:
    made: int = desk.old("/role/add_role_group", name=name)["groupId"]
    return made


def role_of(desk: Desk, group: int, name: str = "Nurse") -> int:
    made: int = desk.old("/role/add_role", roleName=name, groupId=group)["roleId"]
    return made


def platform_role(desk: Desk) -> int:
    return next(role.role_id for role in desk.tenant.roles.values() if role.system)


def test_a_role_is_made_renamed_given_taken_and_deleted(desk: Desk) -> None:
    group = group_of(desk)
    role = role_of(desk, group)
    desk.user("ann")
    desk.ok("/topapi/role/addrolesforemps", roleIds=str(role), userIds="ann")
    desk.ok("/role/update_role", roleId=role, roleName="Doctor")
    assert desk.old("/topapi/role/getrole", roleId=role)["role"] == {"name": "Doctor", "groupId": group}
    assert desk.get("ann")["role_list"] == [{"id": role, "name": "Doctor", "group_name": "Teams"}]
    desk.ok("/topapi/role/removerolesforemps", roleIds=role, userIds="ann")
    assert "role_list" not in desk.get("ann")
    desk.ok("/topapi/role/deleterole", role_id=role)
    assert desk.code("/topapi/role/getrole", roleId=role) == 33011
    types = [event["type"] for event in desk.control("GET", "events")]
    assert types == [
        "label_conf_add",
        "label_conf_add",
        "user_add_org",
        "label_user_change",
        "label_conf_modify",
        "label_user_change",
        "label_conf_del",
    ]


def test_names_and_groups_of_roles_are_checked(desk: Desk) -> None:
    group = group_of(desk)
    role_of(desk, group)
    assert desk.code("/role/add_role", roleName="", groupId=group) == 34018
    assert desk.code("/role/add_role", roleName="x", groupId=7) == 34020
    assert desk.code("/role/add_role", roleName="Nurse", groupId=group) == 34021
    assert desk.code("/role/add_role_group", name="Teams") == 34021
    assert desk.code("/role/update_role", roleId=role_of(desk, group, "x"), roleName="Nurse") == 34021
    assert desk.code("/role/update_role", roleId=7, roleName="x") == 33011
    assert desk.code("/role/update_role", roleId=7) == 660000


def test_the_platforms_own_roles_cannot_be_changed_or_given(desk: Desk) -> None:
    own = platform_role(desk)
    desk.user("ann")
    assert desk.code("/role/update_role", roleId=own, roleName="x") == 23004
    assert desk.code("/topapi/role/deleterole", role_id=own) == 23004
    assert desk.code("/topapi/role/addrolesforemps", roleIds=own, userIds="ann") == 23004
    assert desk.code("/role/add_role", roleName="x", groupId=desk.tenant.roles[own].group_id) == 34020


def test_at_most_20_roles_and_20_people_are_given_and_100_taken_at_once(desk: Desk) -> None:
    role = role_of(desk, group_of(desk))
    people = [desk.user(f"u{n}") for n in range(101)]
    assert desk.code("/topapi/role/addrolesforemps", roleIds=role, userIds=",".join(people[:21])) == 33012
    assert desk.code("/topapi/role/addrolesforemps", roleIds=",".join([str(role)] * 21), userIds="u0") == 33011
    assert desk.code("/topapi/role/addrolesforemps", roleIds=role, userIds="nobody") == 33012
    assert desk.code("/topapi/role/addrolesforemps", roleIds=role, userIds=",".join(people[:20])) == 0
    assert desk.code("/topapi/role/removerolesforemps", roleIds=role, userIds=",".join(people)) == 33012
    assert desk.code("/topapi/role/removerolesforemps", roleIds=role, userIds=",".join(people[:100])) == 0
    assert desk.ok("/topapi/role/simplelist", role_id=role)["list"] == []


def test_lists_take_offset_and_size_together_or_neither(desk: Desk) -> None:
    for n in range(21):
        group_of(desk, f"G{n}")
    first = desk.ok("/topapi/role/list")
    assert (len(first["list"]), first["hasMore"], first["nextCursor"]) == (20, True, 20)
    rest = desk.ok("/topapi/role/list", offset=20, size=200)
    assert ([group["name"] for group in rest["list"]], rest["hasMore"]) == (["G19", "G20"], False)
    assert "nextCursor" not in rest
    assert desk.code("/topapi/role/list", offset=0) == 40069
    assert desk.code("/topapi/role/list", size=20) == 40068
    assert desk.code("/topapi/role/list", offset=0, size=201) == 40069
    assert desk.code("/topapi/role/simplelist", role_id=platform_role(desk), offset=0, size=101) == 40069


def test_a_group_shows_its_roles_in_snake_case(desk: Desk) -> None:
    group = group_of(desk)
    role = role_of(desk, group)
    shown = desk.old("/topapi/role/getrolegroup", group_id=group)["role_group"]
    assert shown == {"group_name": "Teams", "roles": [{"role_id": role, "role_name": "Nurse"}]}
    assert desk.code("/topapi/role/getrolegroup", group_id=7) == 400002


def test_a_role_can_cover_some_departments_for_one_holder(desk: Desk) -> None:
    role, dept_id = role_of(desk, group_of(desk)), desk.department("Ward")
    scope = "/topapi/role/scope/update"
    desk.user("ann")
    assert desk.code(scope, userid="ann", role_id=role, dept_ids=dept_id) == 46004
    desk.ok("/topapi/role/addrolesforemps", roleIds=role, userIds="ann")
    assert desk.code(scope, userid="ann", role_id=7) == 60301
    assert desk.code(scope, role_id=role) == 40003
    assert desk.code(scope, userid="ann", role_id=role, dept_ids="77") == 60003
    assert desk.code(scope, userid="ann", role_id=role, dept_ids=",".join(["1"] * 51)) == 400002
    assert desk.code(scope, userid="ann", role_id=role, dept_ids=dept_id) == 0
    holder = desk.ok("/topapi/role/simplelist", role_id=role)["list"][0]
    assert holder["manageScopes"] == [{"dept_id": dept_id, "name": "Ward"}]
