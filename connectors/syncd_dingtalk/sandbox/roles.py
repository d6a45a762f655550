"""Roles and role groups (old API). Three paths have no `/topapi` prefix, and most bodies are camelCase (sic).

The default group and its roles belong to the platform: they can be read, not changed and not given.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from syncd_dingtalk.sandbox import access, answers, events
from syncd_dingtalk.sandbox.answers import Answer, Business
from syncd_dingtalk.sandbox.records import Role, RoleGroup
from syncd_dingtalk.sandbox.routes import Call, Route, old
from syncd_dingtalk.sandbox.tenant import Tenant
from syncd_dingtalk.sandbox.users import WRITE
from syncd_dingtalk.sandbox.wire import Params

MOST_ROLES: Final = 20
MOST_ADDED: Final = 20
MOST_REMOVED: Final = 100
MOST_SCOPED: Final = 50


def add_group(call: Call) -> Answer:
    """Add a role group; the answer has `groupId` beside `errcode`."""
    tenant, name = call.tenant, call.params.needed("name", code=34018)
    if any(group.name == name for group in tenant.role_groups.values()):
        raise Business(34021)
    group_id = tenant.number()
    tenant.put("role_groups", group_id, RoleGroup(group_id=group_id, name=name))
    events.role_changed(tenant, "add", group_id)
    return answers.beside(groupId=group_id)


def add(call: Call) -> Answer:
    """Add a role to a group: 34018 no name, 34020 bad group, 34021 the name exists in the group."""
    tenant, name = call.tenant, call.params.needed("roleName", code=34018)
    group = tenant.role_groups.get(call.params.needed_whole("groupId", 34020))
    if group is None or group.system:
        raise Business(34020)
    _check_name(tenant, group.group_id, name)
    role_id = tenant.number()
    tenant.put("roles", role_id, Role(role_id=role_id, group_id=group.group_id, name=name))
    events.role_changed(tenant, "add", role_id)
    return answers.beside(roleId=role_id)


def _check_name(tenant: Tenant, group_id: int, name: str) -> None:
    if any(role.name == name and role.group_id == group_id for role in tenant.roles.values()):
        raise Business(34021)


def update(call: Call) -> Answer:
    """Rename a role: 660000 no name, 33011 no such role, 23004 the platform's own."""
    tenant, name = call.tenant, call.params.needed("roleName", code=660000)
    role = _own(tenant, call.params, "roleId")
    if role.name != name:
        _check_name(tenant, role.group_id, name)
        tenant.put("roles", role.role_id, replace(role, name=name))
        events.role_changed(tenant, "modify", role.role_id)
    return answers.done()


def delete(call: Call) -> Answer:
    """Delete a role and take it from everybody: 33011, 23004. That it must be empty first is recalled and not enforced."""
    role = _own(call.tenant, call.params, "role_id")
    call.tenant.drop("roles", role.role_id)
    events.role_changed(call.tenant, "del", role.role_id)
    return answers.done()


def _role(tenant: Tenant, role_id: int | None) -> Role:
    role = tenant.roles.get(role_id or 0)
    if role is None:
        raise Business(33011)
    return role


def _own(tenant: Tenant, params: Params, name: str) -> Role:
    """Return a role that apps may change."""
    role = _role(tenant, params.whole(name, 33011))
    if role.system:
        raise Business(23004)
    return role


def _pairs(call: Call, most_users: int) -> tuple[list[Role], list[str]]:
    role_ids = call.params.ids("roleIds", 33011) or []
    userids = call.params.texts("userIds", 33012) or []
    if not 1 <= len(role_ids) <= MOST_ROLES:
        raise Business(33011)
    if not 1 <= len(userids) <= most_users:
        raise Business(33012)
    roles = [_role(call.tenant, role_id) for role_id in role_ids]
    if any(role.system for role in roles):
        raise Business(23004)
    for userid in userids:
        if (user := call.tenant.live.users.get(userid)) is None:
            raise Business(33012)
        access.check_user(call.tenant, call.app, user)
    return roles, userids


def give(call: Call) -> Answer:
    """Give up to 20 roles to up to 20 people."""
    roles, userids = _pairs(call, MOST_ADDED)
    changed = []
    for role in roles:
        fresh = {userid: () for userid in userids if userid not in role.holders}
        if fresh:
            call.tenant.put("roles", role.role_id, replace(role, holders={**role.holders, **fresh}))
            changed.append(role.role_id)
    if changed:
        events.role_members(call.tenant, "add", userids, changed)
    return answers.done()


def take(call: Call) -> Answer:
    """Take up to 20 roles from up to 100 people."""
    roles, userids = _pairs(call, MOST_REMOVED)
    changed = []
    for role in roles:
        holders = {userid: scope for userid, scope in role.holders.items() if userid not in userids}
        if len(holders) != len(role.holders):
            call.tenant.put("roles", role.role_id, replace(role, holders=holders))
            changed.append(role.role_id)
    if changed:
        events.role_members(call.tenant, "remove", userids, changed)
    return answers.done()


def scope(call: Call) -> Answer:
    """Set the departments that a role covers for one holder; none means everybody."""
    tenant, params = call.tenant, call.params
    userid = params.needed("userid", 64, 40003)
    role_id = params.whole("role_id", 60301)
    role = tenant.roles.get(role_id or 0)
    if role is None:
        raise Business(60301)
    if userid not in role.holders:
        raise Business(46004)
    dept_ids = params.ids("dept_ids", 60003) or []
    if len(dept_ids) > MOST_SCOPED:
        raise Business(400002)
    if not tenant.live.departments.keys() >= set(dept_ids):
        raise Business(60003)
    tenant.put("roles", role.role_id, replace(role, holders={**role.holders, userid: tuple(dept_ids)}))
    return answers.done()


# --- reading --------------------------------------------------------------------------------------------------------


def _page(params: Params, most: int) -> tuple[int, int]:
    """Return offset and size; both or neither, 20 from the start without."""
    offset, size = params.whole("offset", 40068), params.whole("size", 40069)
    if offset is None and size is None:
        return 0, 20
    if size is None or not 1 <= size <= most:
        raise Business(40069)
    if offset is None or offset < 0:
        raise Business(40068)
    return offset, size


def _paged(items: list[Any], offset: int, size: int) -> Answer:
    page: dict[str, Any] = {"hasMore": offset + size < len(items), "list": items[offset : offset + size]}
    if page["hasMore"]:
        page["nextCursor"] = offset + size
    return answers.result(page)


def list_(call: Call) -> Answer:
    """Return the groups with their roles."""
    offset, size = _page(call.params, 200)
    groups = [
        {
            "groupId": group.group_id,
            "name": group.name,
            "roles": [{"id": role.role_id, "name": role.name} for role in _roles_of(call.tenant, group.group_id)],
        }
        for group in call.tenant.role_groups.values()
    ]
    return _paged(groups, offset, size)


def _roles_of(tenant: Tenant, group_id: int) -> list[Role]:
    return [role for role in tenant.roles.values() if role.group_id == group_id]


def get(call: Call) -> Answer:
    """Return a role's name and group, beside `errcode`."""
    role = _role(call.tenant, call.params.whole("roleId", 33011))
    return answers.beside(role={"name": role.name, "groupId": role.group_id})


def get_group(call: Call) -> Answer:
    """Return a group's name and roles, beside `errcode`."""
    group = call.tenant.role_groups.get(call.params.needed_whole("group_id", 400002))
    if group is None:
        raise Business(400002)
    roles = [{"role_id": role.role_id, "role_name": role.name} for role in _roles_of(call.tenant, group.group_id)]
    return answers.beside(role_group={"group_name": group.name, "roles": roles})


def holders(call: Call) -> Answer:
    """Return who has a role, and for which departments."""
    role = _role(call.tenant, call.params.whole("role_id", 33011))
    offset, size = _page(call.params, 100)
    live = call.tenant.live
    shown = [
        {
            "userid": userid,
            "name": live.users[userid].name,
            "manageScopes": [
                {"dept_id": dept_id, "name": live.departments[dept_id].name}
                for dept_id in dept_ids
                if dept_id in live.departments
            ],
        }
        for userid, dept_ids in role.holders.items()
    ]
    return _paged(shown, offset, size)


_READ: Final = "qyapi_get_department_list"
ROUTES: Final[tuple[Route, ...]] = (
    old("/role/add_role_group", add_group, WRITE),
    old("/role/add_role", add, WRITE),
    old("/role/update_role", update, WRITE),
    old("/topapi/role/deleterole", delete, WRITE),
    old("/topapi/role/addrolesforemps", give, WRITE),
    old("/topapi/role/removerolesforemps", take, WRITE),
    old("/topapi/role/scope/update", scope, WRITE),
    old("/topapi/role/list", list_, _READ),
    old("/topapi/role/getrole", get, _READ),
    old("/topapi/role/getrolegroup", get_group, _READ),
    old("/topapi/role/simplelist", holders, "qyapi_get_department_member"),
)
