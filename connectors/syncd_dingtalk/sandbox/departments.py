"""Creating, changing, deleting and reading departments (old API, `/topapi/v2/department/*`).

Ids are the server's. Missing parameters keep what is there. Managers and group owners must be members already.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from syncd_dingtalk.sandbox import access, answers, chats, events
from syncd_dingtalk.sandbox.answers import Answer, Business
from syncd_dingtalk.sandbox.directory import Directory
from syncd_dingtalk.sandbox.fields import check_words
from syncd_dingtalk.sandbox.records import ROOT, Department
from syncd_dingtalk.sandbox.routes import Call, Route, old
from syncd_dingtalk.sandbox.tenant import Tenant
from syncd_dingtalk.sandbox.users import WRITE, known_user
from syncd_dingtalk.sandbox.wire import Params

MAX_LEVELS: Final = 20
"""Levels of the tree, the root counted (help centre page; whether the root counts is a guess)."""
PERMITS: Final = 50
"""Entries of the visibility lists; documents say 50, the official client checks 200: the smaller one holds here."""
_HOME_SCHOOL: Final = -7
_FLAGS: Final = (
    "hide_dept",
    "outer_dept",
    "outer_dept_only_self",
    "create_dept_group",
    "auto_approve_apply",
)
_SHOWN_FLAGS: Final = (*_FLAGS, "auto_add_user", "group_contain_sub_dept")
_CHAT_SIDES: Final = ("group_contain_outer_dept", "group_contain_hidden_dept")
_UPDATE_FLAGS: Final = (*_SHOWN_FLAGS, *_CHAT_SIDES)
_TEXTS: Final = (("source_identifier", 1000), ("brief", 255), ("telephone", 50), ("extension", 2000))
"""Field and limit in characters; the length of source_identifier is not documented."""


def create(call: Call) -> Answer:
    """Add a department and return its id."""
    tenant, params = call.tenant, call.params
    name = _name(tenant, params.needed("name", code=40035))
    parent_id = params.needed_whole("parent_id", 40035)
    _check_parent(call, parent_id)
    _check_room(tenant, parent_id)
    _check_sibling(tenant, parent_id, name, None)
    fields = _written(tenant, params, _FLAGS)
    dept_id = tenant.number()
    department = Department(**{"dept_id": dept_id, "name": name, "parent_id": parent_id, "order": dept_id, **fields})
    tenant.put("departments", dept_id, chats.opened(tenant, department))
    events.department(tenant, "create", dept_id, call.origin)
    return answers.result({"dept_id": dept_id})


def _name(tenant: Tenant, name: str) -> str:
    """Return a department's name: 60001 for its length, 60009 for its characters, 60022 for its words."""
    if not name.strip() or len(name) > 64:
        raise Business(60001)
    if any(character in name for character in "-,，"):
        raise Business(60009)
    check_words(tenant, name)
    return name


def _check_parent(call: Call, parent_id: int) -> None:
    if parent_id not in call.tenant.live.departments:
        raise Business(60004)
    access.check_department(call.tenant, call.app, parent_id)


def _check_room(tenant: Tenant, parent_id: int, height: int = 1) -> None:
    """Refuse what the tree has no room for: 60002 too deep, 60110 too many."""
    live, settings = tenant.live, tenant.settings
    if len(live.ancestors(parent_id)) + height > MAX_LEVELS:
        raise Business(60002)
    if len(live.children.get(parent_id, ())) >= settings.children_limit:
        raise Business(60110)
    if settings.department_limit is not None and len(live.departments) >= settings.department_limit:
        raise Business(60110)


def _check_sibling(tenant: Tenant, parent_id: int, name: str, own: int | None) -> None:
    taken = tenant.live.children.get(parent_id, {}).get(name)
    if taken is not None and taken != own:
        raise Business(tenant.settings.duplicate_department_code)


def _written(
    tenant: Tenant, params: Params, flags: tuple[str, ...], department: Department | None = None
) -> dict[str, Any]:
    """Return the fields that the parameters set, checked, except name, parent and people."""
    fields: dict[str, Any] = {}
    for name in flags:
        if (flag := params.flag(name)) is not None:
            fields[name] = flag
    for name, limit in _TEXTS:
        if (text := params.text(name, limit)) is not None:
            fields[name] = text
    if (order := params.whole("order", 40011)) is not None:
        if order <= 0:
            raise Business(40011)
        fields["order"] = order
    return fields | _permits(tenant, params, department)


def _permits(tenant: Tenant, params: Params, department: Department | None) -> dict[str, Any]:
    """Return the visibility lists: 60109 for more than 50 entries of a pair, with those that stay, or unknown ones."""
    fields: dict[str, Any] = {}
    for depts, users in (("dept_permits", "user_permits"), ("outer_permit_depts", "outer_permit_users")):
        dept_ids, userids = params.ids(depts, 60109), params.texts(users, 60109)
        kept = (getattr(department, depts), getattr(department, users)) if department is not None else ((), ())
        together = [after if after is not None else was for after, was in zip((dept_ids, userids), kept, strict=True)]
        if (dept_ids or userids) and sum(map(len, together)) > PERMITS:
            raise Business(60109)
        if dept_ids is not None:
            fields[depts] = tuple(dept_ids)
        if userids is not None:
            fields[users] = tuple(userids)
        if not tenant.live.departments.keys() >= set(dept_ids or ()) or not tenant.live.users.keys() >= set(
            userids or ()
        ):
            raise Business(60109)
    return fields


def update(call: Call) -> Answer:
    """Change what is sent and keep the rest."""
    tenant, params = call.tenant, call.params
    department = _known(call, params.needed_whole("dept_id", 40009))
    if department.dept_id == ROOT:
        raise Business(60018)
    fields = _written(tenant, params, _UPDATE_FLAGS, department)
    if (code := params.text("code", 30)) is not None:
        fields["code"] = code
    fields |= _moved(call, department) | _people(tenant, params, department)
    store(tenant, department, fields, call.origin)
    return answers.done()


def _moved(call: Call, department: Department) -> dict[str, Any]:
    """Return the new name and parent: 60004, 60010, 60002 and 60110 for the place, 60021 for the name at the place."""
    tenant, params = call.tenant, call.params
    name = _name(tenant, params.text("name") or "") if "name" in params else department.name
    parent_id = params.whole("parent_id", 40035)
    parent_id = department.parent_id if parent_id is None else parent_id
    if parent_id != department.parent_id:
        _check_parent(call, parent_id)
        if department.dept_id in tenant.live.ancestors(parent_id):
            raise Business(60010)
        _check_room(tenant, parent_id, tenant.live.height(department.dept_id))
    _check_sibling(tenant, parent_id, name, department.dept_id)
    return {"name": name, "parent_id": parent_id}


def _people(tenant: Tenant, params: Params, department: Department) -> dict[str, Any]:
    """Return managers and group owner: both must be members of this department. Only a forced update clears managers."""
    members = tenant.live.members.get(department.dept_id, {})
    fields: dict[str, Any] = {}
    managers = params.texts("dept_manager_userid_list", 40031)
    if managers:
        if not members.keys() >= set(managers):
            raise Business(40031)
        fields["managers"] = tuple(dict.fromkeys(managers))
    elif "dept_manager_userid_list" in (params.texts("force_update_fields") or ()):
        fields["managers"] = ()
    if owner := params.text("org_dept_owner"):
        if owner not in members:
            raise Business(40093)
        fields["org_dept_owner"] = owner
    return fields


def store(tenant: Tenant, department: Department, fields: dict[str, Any], origin: str) -> None:
    """Put a department's checked changes and raise the event; nothing happens where nothing differs."""
    fresh = chats.opened(tenant, replace(department, **fields))
    if fresh != department:
        tenant.put("departments", department.dept_id, fresh)
        events.department(tenant, "modify", department.dept_id, origin)


def delete(call: Call) -> Answer:
    """Remove a department: 60007 the root, 60005 with members anywhere below, 60006 with sub-departments (or cascade)."""
    tenant = call.tenant
    department = _known(call, call.params.needed_whole("dept_id", 400002))
    if department.dept_id == ROOT:
        raise Business(60007)
    below = list(tenant.live.subtree(department.dept_id))
    if any(tenant.live.members.get(dept_id) for dept_id in below):
        raise Business(60005)
    if len(below) > 1 and not tenant.settings.cascade_department_delete:
        raise Business(60006)
    for dept_id in reversed(below):
        tenant.drop("departments", dept_id)
        events.department(tenant, "remove", dept_id, call.origin)
    return answers.done()


def _known(call: Call, dept_id: int) -> Department:
    """Return a department: 40009 for ids that are none (home-school's are negative), 60003 unknown, 50004 out of scope."""
    if dept_id <= 0:
        raise Business(40009)
    department = call.tenant.live.departments.get(dept_id)
    if department is None:
        raise Business(60003)
    access.check_department(call.tenant, call.app, dept_id)
    return department


# --- reading --------------------------------------------------------------------------------------------------------


def get(call: Call) -> Answer:
    """Return one department with everything."""
    tenant = call.tenant
    department = _known(call, call.params.needed_whole("dept_id", 400002))
    live, dept_id = tenant.live, department.dept_id
    shown: dict[str, Any] = {
        name: getattr(department, name) for name in ("dept_id", "name", *_SHOWN_FLAGS, "order", "code")
    }
    if tenant.settings.chat_sides_shown:
        shown |= {name: getattr(department, name) for name in _CHAT_SIDES}
    if dept_id != ROOT:
        shown["parent_id"] = department.parent_id
    shown |= {
        "from_union_org": False,
        "dept_manager_userid_list": department.managers,
        "outer_permit_depts": [other for other in department.outer_permit_depts if other in live.departments],
        "outer_permit_users": [userid for userid in department.outer_permit_users if userid in live.users],
        "dept_permits": [other for other in department.dept_permits if other in live.departments],
        "user_permits": [userid for userid in department.user_permits if userid in live.users],
        "member_count": _members_below(live, dept_id),
        "owning_member_count": len(live.members.get(dept_id, ())),
    }
    for name in ("source_identifier", "dept_group_chat_id", "org_dept_owner", "brief", "telephone"):
        if value := getattr(department, name):
            shown[name] = value
    if department.extension:
        shown["extention"] = department.extension  # sic: the platform spells the answer's key so
    return answers.result(shown)


def _members_below(live: Directory, dept_id: int) -> int:
    if dept_id == ROOT:
        return len(live.users)
    return len({userid for below in live.subtree(dept_id) for userid in live.members.get(below, ())})


def listsub(call: Call) -> Answer:
    """Return the sub-departments of one department, one level, those in scope only; the smallest order first."""
    tenant, directory, dept_id = call.tenant, call.tenant.listed, call.params.whole("dept_id", 400002)
    dept_id = ROOT if dept_id is None else dept_id
    _check_listed(directory, dept_id)
    shown = [_brief(sub) for sub in directory.below(dept_id) if access.sees_department(tenant, call.app, sub.dept_id)]
    if dept_id == ROOT and tenant.settings.home_school:
        home = Department(dept_id=_HOME_SCHOOL, name="家校通讯录", parent_id=ROOT, order=1)
        shown.append(_brief(home))
    return answers.result(shown)


def _brief(department: Department) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "dept_id": department.dept_id,
        "name": department.name,
        "parent_id": department.parent_id,
        "create_dept_group": department.create_dept_group,
        "auto_add_user": department.auto_add_user,
    }
    if department.source_identifier:
        shown["source_identifier"] = department.source_identifier
    return shown


def _check_listed(directory: Directory, dept_id: int) -> None:
    if dept_id not in directory.departments:
        raise Business(60003)


def listsubid(call: Call) -> Answer:
    """Return the ids of the sub-departments, one level, not limited by the data scope."""
    directory, dept_id = call.tenant.listed, call.params.needed_whole("dept_id", 400002)
    _check_listed(directory, dept_id)
    ids = [sub.dept_id for sub in directory.below(dept_id)]
    if dept_id == ROOT and call.tenant.settings.home_school:
        ids.append(_HOME_SCHOOL)
    return answers.result({"dept_id_list": ids})


def listparentbydept(call: Call) -> Answer:
    """Return the ids from a department up to the root."""
    dept_id = call.params.needed_whole("dept_id", 400002)
    if dept_id not in call.tenant.live.departments:
        raise Business(60003)
    return answers.result({"parent_id_list": call.tenant.live.ancestors(dept_id)})


def listparentbyuser(call: Call) -> Answer:
    """Return, for each of a person's places, the ids from the department up to the root; not limited by the data scope."""
    user = known_user(call.tenant, call.app, call.params, scoped=False)
    paths = [{"parent_dept_id_list": call.tenant.live.ancestors(place.dept_id)} for place in user.memberships]
    return answers.result({"parent_list": paths})


_READ: Final = "qyapi_get_department_list"
ROUTES: Final[tuple[Route, ...]] = (
    old("/topapi/v2/department/create", create, WRITE),
    old("/topapi/v2/department/update", update, WRITE),
    old("/topapi/v2/department/delete", delete, WRITE),
    old("/topapi/v2/department/get", get, _READ),
    old("/topapi/v2/department/listsub", listsub, _READ),
    old("/topapi/v2/department/listsubid", listsubid, _READ),
    old("/topapi/v2/department/listparentbydept", listparentbydept, _READ),
    old("/topapi/v2/department/listparentbyuser", listparentbyuser, _READ),
)
