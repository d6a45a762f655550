"""Reading people (old API): details, lists by department, look-ups, counts, administrators.

Fields that need a permission point are missing without it, as if nobody had filled them in. `user/list` has no manager and no
roles. `listid` and `count` see everybody, whatever the app's data scope is (documented).
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from syncd_dingtalk.sandbox import access, answers
from syncd_dingtalk.sandbox.answers import Answer, Business
from syncd_dingtalk.sandbox.directory import Directory
from syncd_dingtalk.sandbox.records import ROOT, App, Membership, User
from syncd_dingtalk.sandbox.routes import Call, Route, old
from syncd_dingtalk.sandbox.tenant import Tenant
from syncd_dingtalk.sandbox.users import known_user

_ORDERS: Final = frozenset({"entry_asc", "entry_desc", "modify_asc", "modify_desc", "custom"})
_OPTIONAL: Final = ("telephone", "job_number", "title")
_PERSONAL: Final = ("email", "work_place", "remark")


def _common(app: App, user: User) -> dict[str, Any]:
    """Return what details and lists have in common."""
    shown: dict[str, Any] = {
        "userid": user.userid,
        "unionid": user.unionid,
        "name": user.name,
        "avatar": "",
        "hide_mobile": user.hide_mobile,
        "active": user.active,
        "admin": user.admin_level > 0,
        "boss": False,
        "exclusive_account": user.exclusive_account,
        "dept_id_list": [place.dept_id for place in user.memberships],
    }
    for name in _OPTIONAL:
        shown[name] = getattr(user, name)
    if user.mobile and "fieldMobile" in app.permissions:
        shown["state_code"], shown["mobile"] = user.state_code, user.mobile
    if "fieldEmail" in app.permissions:
        for name in _PERSONAL:
            if value := getattr(user, name):
                shown[name] = value
        if user.extension:
            shown["extension"] = msgspec.json.encode(user.extension).decode()
    for name in ("org_email", "hired_date"):
        if value := getattr(user, name):
            shown[name] = value
    if user.exclusive_account:
        shown |= {"exclusive_account_type": user.exclusive_account_type, "nickname": user.nickname}
        if user.login_id:
            shown["login_id"] = user.login_id
    return shown


def _details(tenant: Tenant, app: App, user: User) -> dict[str, Any]:
    shown = _common(app, user)
    departments = tenant.live.departments
    shown |= {
        "real_authed": user.active,
        "senior": user.senior,
        "dept_order_list": [{"dept_id": place.dept_id, "order": place.order} for place in user.memberships],
        "leader_in_dept": [
            {"dept_id": place.dept_id, "leader": user.userid in departments[place.dept_id].managers}
            for place in user.memberships
        ],
        "union_emp_ext": {},
    }
    if user.manager_userid:
        shown["manager_userid"] = user.manager_userid
    if user.extension_i18n:
        shown["extension_i18n"] = user.extension_i18n
    if roles := _roles(tenant, user.userid):
        shown["role_list"] = roles
    if any(place.title or place.is_main or place.work_place for place in user.memberships):
        # That titles by department (dept_title_list) are read back here is recalled, not documented.
        shown["dept_position_list"] = [_position(place) for place in user.memberships]
    if user.exclusive_account:
        shown |= {
            "exclusive_account_corp_id": tenant.settings.corp_id,
            "exclusive_account_corp_name": departments[ROOT].name,
            "disable_status": user.disabled,
        }
    return shown


def _position(place: Membership) -> dict[str, Any]:
    return {
        "dept_id": place.dept_id,
        "is_main": place.is_main,
        "title": place.title,
        "work_place": place.work_place,
    }


def _roles(tenant: Tenant, userid: str) -> list[dict[str, Any]]:
    return [
        {"id": role.role_id, "name": role.name, "group_name": tenant.role_groups[role.group_id].name}
        for role in tenant.roles.values()
        if userid in role.holders
    ]


def get(call: Call) -> Answer:
    """Return one person. Somebody invited who has not agreed yet is unknown (60121)."""
    call.params.text("language", 6, 400002)
    user = known_user(call.tenant, call.app, call.params)
    return answers.result(_details(call.tenant, call.app, user))


def _page(call: Call, *, cursor_code: int, size_code: int, dept_code: int) -> tuple[Directory, int, list[str], int]:
    """Return the directory, department, all members in the wanted order, and the cursor, after checking the page."""
    params, directory = call.params, call.tenant.listed
    dept_id = params.needed_whole("dept_id", dept_code)
    cursor = params.needed_whole("cursor", cursor_code)
    size = params.needed_whole("size", size_code)
    if not 0 <= cursor <= 100_000:
        raise Business(cursor_code)
    if not 1 <= size <= 100:
        raise Business(size_code)
    if dept_id not in directory.departments:
        raise Business(60003)
    access.check_department(call.tenant, call.app, dept_id)
    field = params.text("order_field") or "custom"
    if field not in _ORDERS:
        raise Business(cursor_code if cursor_code == 40035 else 40070)
    return directory, dept_id, _ordered(directory, dept_id, field), cursor


def _ordered(directory: Directory, dept_id: int, field: str) -> list[str]:
    """Return the members' ids; `custom` shows the largest order first (2026 update page and 2016 documents agree)."""
    if field == "custom":
        return directory.ranked(dept_id)
    ids = list(directory.members.get(dept_id, ()))
    if field.startswith("modify"):
        ids.sort(key=lambda userid: directory.users[userid].modified_at)
    return ids[::-1] if field.endswith("desc") else ids


def _paged(items: list[Any], cursor: int, size: int, total: int) -> dict[str, Any]:
    """Return a page; `next_cursor` is absent at the end."""
    page: dict[str, Any] = {"has_more": cursor + size < total, "list": items}
    if page["has_more"]:
        page["next_cursor"] = cursor + size
    return page


def list_(call: Call) -> Answer:
    """Return a page of a department's direct members with their fields."""
    directory, dept_id, ids, cursor = _page(call, cursor_code=40035, size_code=40035, dept_code=40035)
    size = call.params.needed_whole("size")
    department, places = directory.departments[dept_id], directory.members.get(dept_id, {})
    items = []
    for userid in ids[cursor : cursor + size]:
        item = _common(call.app, directory.users[userid])
        item["dept_order"] = places[userid].order
        item["leader"] = userid in department.managers
        items.append(item)
    return answers.result(_paged(items, cursor, size, len(ids)))


def listsimple(call: Call) -> Answer:
    """Return a page of a department's direct members, ids and names."""
    directory, _, ids, cursor = _page(call, cursor_code=40068, size_code=40069, dept_code=60003)
    size = call.params.needed_whole("size")
    items = [{"userid": userid, "name": directory.users[userid].name} for userid in ids[cursor : cursor + size]]
    return answers.result(_paged(items, cursor, size, len(ids)))


def listid(call: Call) -> Answer:
    """Return the ids of a department's direct members, unpaged and not limited by the data scope."""
    dept_id = call.params.needed_whole("dept_id", 400002)
    directory = call.tenant.listed
    if dept_id not in directory.departments:
        raise Business(60003)
    return answers.result({"userid_list": list(directory.members.get(dept_id, ()))})


def getbymobile(call: Call) -> Answer:
    """Return the id of the person with a number: 40104 for no number, 60121 for nobody's."""
    tenant, written = call.tenant, call.params.needed("mobile", 15, 40104)
    digits = written.removeprefix("+").replace("-", "", 1)
    if not digits.isdigit():
        raise Business(40104)
    prefix, _, rest = written.removeprefix("+").partition("-")
    userid = tenant.by_mobile.get(f"{prefix}-{rest}" if rest else f"86-{written}")
    if userid is None:
        raise Business(60121)
    access.check_user(tenant, call.app, tenant.live.users[userid])
    return answers.result({"userid": userid})


def getbyunionid(call: Call) -> Answer:
    """Return the id of the member with a unionid; external contacts are not simulated."""
    userid = call.tenant.by_unionid.get(call.params.needed("unionid", 100, 400002))
    if userid is None:
        raise Business(60121)
    return answers.result({"contact_type": 0, "userid": userid})


def count(call: Call) -> Answer:
    """Return how many members the company has; not limited by the data scope."""
    only_active = call.params.flag("only_active")
    if only_active is None:
        raise Business(400002)
    users = call.tenant.live.users
    return answers.result({"count": sum(user.active for user in users.values()) if only_active else len(users)})


def listadmin(call: Call) -> Answer:
    """Return the administrators: level 1 the main one, 2 the others."""
    admins = [user for user in call.tenant.live.users.values() if user.admin_level]
    return answers.result([{"userid": user.userid, "sys_level": user.admin_level} for user in admins])


def get_admin_scope(call: Call) -> Answer:
    """Return the departments that an administrator manages: here always the whole company."""
    user = known_user(call.tenant, call.app, call.params)
    return answers.beside(dept_ids=[ROOT] if user.admin_level else [])


def inactive(call: Call) -> Answer:
    """Return the ids of people who are (not) active, by page; departments only where they are named."""
    params, directory = call.params, call.tenant.listed
    active = params.flag("is_active")
    if active is None or not (params.text("query_date") or "").isdigit():
        raise Business(400002)
    offset, size = params.whole("offset") or 0, params.whole("size")
    size = 100 if size is None else size
    if offset < 0 or not 1 <= size <= 100:
        raise Business(400002)
    departments = params.ids("dept_ids")
    ids = [user.userid for user in directory.users.values() if user.active == active and _in(user, departments)]
    return answers.result(_paged(ids[offset : offset + size], offset, size, len(ids)))


def _in(user: User, departments: list[int] | None) -> bool:
    return not departments or any(place.dept_id in departments for place in user.memberships)


def scopes(call: Call) -> Answer:
    """Return the app's data scope (`GET /auth/scopes`)."""
    fields = [
        name for name, code in (("mobile", "fieldMobile"), ("email", "fieldEmail")) if code in call.app.permissions
    ]
    authed = {"authed_user": list(call.app.users), "authed_dept": list(call.app.departments)}
    return answers.beside(auth_user_field=fields, condition_field=[], auth_org_scopes=authed)


_READ: Final = "qyapi_get_member"
_MEMBERS: Final = "qyapi_get_department_member"
ROUTES: Final[tuple[Route, ...]] = (
    old("/topapi/v2/user/get", get, _READ),
    old("/topapi/v2/user/list", list_, _MEMBERS),
    old("/topapi/user/listsimple", listsimple, _MEMBERS),
    old("/topapi/user/listid", listid, _READ),
    old("/topapi/v2/user/getbymobile", getbymobile, "qyapi_get_member_by_mobile"),
    old("/topapi/user/getbyunionid", getbyunionid, _READ),
    old("/topapi/user/count", count, _READ),
    old("/topapi/user/listadmin", listadmin, _READ),
    old("/topapi/user/get_admin_scope", get_admin_scope, _READ),
    old("/topapi/inactive/user/v2/get", inactive, _READ),
    old("/auth/scopes", scopes, method="GET"),
)
