"""Creating, changing and deleting people (old API, `/topapi/v2/user/*`), with the documented checks and codes.

Parameter limits are those of the create and update pages of 2026-08; where the pages print no codes (create and update), the
global table's code for the case is used. Reading is in `people`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from syncd_dingtalk.sandbox import access, answers
from syncd_dingtalk.sandbox.answers import Answer, Business
from syncd_dingtalk.sandbox.events import changed, joined, left
from syncd_dingtalk.sandbox.fields import (
    check_email,
    check_extension,
    check_name,
    check_new_login,
    check_unused,
    mobile_of,
    places_of,
    texts_of,
    userid_of,
)
from syncd_dingtalk.sandbox.records import ROOT, App, Invitation, Leaver, Membership, User
from syncd_dingtalk.sandbox.routes import Call, Route, old
from syncd_dingtalk.sandbox.tenant import Tenant
from syncd_dingtalk.sandbox.wire import Params

WRITE: Final = "qyapi_manage_addresslist"
REINVITE_MS: Final = 24 * 3600 * 1000


def create(call: Call) -> Answer:
    """Add a person, or invite them (40103). The answer spells `unionId`, reads spell `unionid`."""
    tenant = call.tenant
    user = _new(call)
    check_unused(tenant, user)
    _check_caps(tenant)
    if not user.exclusive_account:
        _invite(tenant, user, call.params.needed("mobile"))
    tenant.put("users", user.userid, user)
    joined(tenant, user.userid, call.origin)
    return answers.result({"userid": user.userid, "unionId": user.unionid})


def _new(call: Call) -> User:
    """Return the person that the parameters describe, each field checked by itself."""
    tenant, params = call.tenant, call.params
    name = check_name(tenant, params.needed("name"))
    exclusive = params.flag("exclusive_account") or False
    if exclusive:
        check_new_login(tenant, params)
    state_code, mobile = ("", "") if exclusive else mobile_of(tenant, params.needed("mobile"))
    places = places_of(tenant, params, limit=100)
    if places is None:
        raise Business(400002, "缺少参数 dept_id_list")
    for place in places:
        access.check_department(tenant, call.app, place.dept_id)
    userid = userid_of(tenant, params)
    account = f"{state_code}-{mobile}" if mobile else f"{tenant.settings.corp_id}/{params.text('login_id') or userid}"
    now = tenant.clock.millis()
    return User(
        userid=userid,
        unionid=tenant.unionid_of(account),
        name=name,
        mobile=mobile,
        state_code=state_code,
        memberships=places,
        active=tenant.settings.activate_on_create or exclusive,
        exclusive_account=exclusive,
        exclusive_account_type=(params.text("exclusive_account_type") or "") if exclusive else "",
        login_id=(params.text("login_id", 64) or "") if exclusive else "",
        created_at=now,
        modified_at=now,
        **_written(tenant, params, None),
    )


def _check_caps(tenant: Tenant) -> None:
    settings, count = tenant.settings, len(tenant.live.users)
    if settings.user_limit is not None and count >= settings.user_limit:
        raise Business(40020)
    # Weekly and total caps of adding members surface as -1 (common-errors page); their numbers are not published.
    if settings.add_limit is not None and count >= settings.add_limit:
        raise Business(-1)


def _invite(tenant: Tenant, user: User, written: str) -> None:
    """Refuse with 40103 where the person has to agree first. Within 24 h, asking again does not invite again."""
    settings, number = tenant.settings, user.number
    if not settings.invite_all and written not in settings.invite_mobiles:
        return
    waiting = tenant.invitations.get(number)
    if waiting is None or user.created_at - waiting.invited_at >= REINVITE_MS:
        tenant.put("invitations", number, Invitation(number=number, user=user, invited_at=user.created_at))
    raise Business(40103)


def accept(tenant: Tenant, number: str) -> str:
    """Let somebody agree to an invitation: they join, active at once, and the event tells so. Return the userid."""
    invitation = tenant.invitations[number]
    tenant.drop("invitations", number)
    user = invitation.user
    places = tuple(place for place in user.memberships if place.dept_id in tenant.live.departments)
    if not places:
        places = (Membership(dept_id=ROOT, order=tenant.next_order()),)
    if user.manager_userid not in tenant.live.users:
        user = replace(user, manager_userid="")
    if user.userid in tenant.live.users:
        raise Business(60102)
    user = replace(user, memberships=places, active=True, modified_at=tenant.clock.millis())
    check_unused(tenant, user)
    tenant.put("users", user.userid, user)
    joined(tenant, user.userid, "person")
    return user.userid


def _written(tenant: Tenant, params: Params, user: User | None) -> dict[str, Any]:
    """Return the fields of a person that the parameters set, checked, except name, number and places."""
    fields = texts_of(params)
    if "email" in fields:
        check_email(fields["email"])
    if (hide := params.flag("hide_mobile")) is not None:
        fields["hide_mobile"] = hide
    if (senior := params.flag("senior_mode")) is not None:
        fields["senior"] = senior
    if (hired := params.whole("hired_date")) is not None:
        if hired < 1:
            raise Business(40035)
        fields["hired_date"] = hired
    if manager := params.text("manager_userid"):
        if manager not in tenant.live.users:
            raise Business(60128)
        fields["manager_userid"] = manager
    if extension := params.text("extension", 2000, 60122):
        sent = check_extension(tenant, extension)
        append = user is not None and params.whole("ext_attrs_update_mode") == 1
        fields["extension"] = {**user.extension, **sent} if user is not None and append else sent
    return fields


def update(call: Call) -> Answer:
    """Change what is sent and keep the rest. `dept_id_list` replaces every membership."""
    tenant, params = call.tenant, call.params
    user = known_user(tenant, call.app, params)
    if tenant.settings.position_management and ("title" in params or "dept_id_list" in params):
        raise Business(12150)
    _check_same_number(tenant, user, params)
    fields = _written(tenant, params, user)
    if "name" in params:
        fields["name"] = check_name(tenant, params.text("name") or "")
    if user.exclusive_account:
        fields |= _exclusive(params)
    forced = params.texts("force_update_fields") or []
    if "manager_userid" in forced and not params.text("manager_userid"):
        fields["manager_userid"] = ""
    places = places_of(tenant, params, limit=300, user=user)
    if places is not None and places != user.memberships:
        for place in places:
            access.check_department(tenant, call.app, place.dept_id)
        fields["memberships"] = places
    fields = {key: value for key, value in fields.items() if getattr(user, key) != value}
    if fields:
        store(tenant, user, fields, call.origin)
    return answers.done()


def _check_same_number(tenant: Tenant, user: User, params: Params) -> None:
    """Refuse to change the mobile number; the documents' remedy is to delete and to create again."""
    written = params.text("mobile")
    if written and not user.exclusive_account and mobile_of(tenant, written) != (user.state_code, user.mobile):
        raise Business(tenant.settings.mobile_change_code)


def _exclusive(params: Params) -> dict[str, Any]:
    """Return what only enterprise accounts can change. The id is `login_id` on creation and `loginId` here."""
    login = params.text("loginId", 64)
    return {"login_id": login} if login else {}


def store(tenant: Tenant, user: User, fields: dict[str, Any], origin: str) -> User:
    """Put a person's checked changes: uniqueness, places that were left, the event."""
    fresh = replace(user, **fields, modified_at=tenant.clock.millis())
    check_unused(tenant, fresh)
    tenant.put("users", user.userid, fresh)
    if "memberships" in fields:
        stays = {place.dept_id for place in fresh.memberships}
        for place in user.memberships:
            if place.dept_id not in stays:
                _retire(tenant, place.dept_id, user.userid)
    changed(tenant, user, fresh, origin)
    return fresh


def _retire(tenant: Tenant, dept_id: int, userid: str) -> None:
    """End somebody's office in a department: managers and group owners have to be members."""
    department = tenant.live.departments[dept_id]
    if userid in department.managers or userid == department.org_dept_owner:
        managers = tuple(manager for manager in department.managers if manager != userid)
        owner = "" if userid == department.org_dept_owner else department.org_dept_owner
        tenant.put("departments", dept_id, replace(department, managers=managers, org_dept_owner=owner))


def delete(call: Call) -> Answer:
    """Remove a person; the main administrator stays."""
    user = known_user(call.tenant, call.app, call.params)
    if user.admin_level == 1:
        # That the creator cannot be removed is documented for the HR call; the code of this call was not found.
        raise Business(400002, "主管理员不能删除")
    remove(call.tenant, user, call.origin)
    return answers.done()


def remove(tenant: Tenant, user: User, origin: str, *, reason: str = "") -> None:
    """Remove a person with everything that refers to them, and keep the leave record. Its `reason` is what `origin` says,
    unless it is given."""
    for place in user.memberships:
        _retire(tenant, place.dept_id, user.userid)
    for report in list(tenant.reports.get(user.userid, ())):
        tenant.put("users", report, replace(tenant.live.users[report], manager_userid=""))
    for role in [role for role in tenant.roles.values() if user.userid in role.holders]:
        holders = {userid: scope for userid, scope in role.holders.items() if userid != user.userid}
        tenant.put("roles", role.role_id, replace(role, holders=holders))
    tenant.drop("users", user.userid)
    sequence = tenant.next_serial()
    leaver = Leaver(
        sequence=sequence,
        userid=user.userid,
        name=user.name,
        state_code=user.state_code,
        mobile=user.mobile,
        left_at=tenant.clock.millis(),
        reason=reason or ("oapi" if origin == "api" else "delete"),
    )
    tenant.put("leavers", sequence, leaver)
    left(tenant, user.userid, origin)


def known_user(tenant: Tenant, app: App, params: Params, *, scoped: bool = True) -> User:
    """Return the person named by `userid`: 400002 absent, 33012 malformed, 60121 unknown, 50002 outside of the scope."""
    userid = params.text("userid")
    if userid is None:
        raise Business(400002)
    if not 1 <= len(userid) <= 64:
        raise Business(33012)
    user = tenant.live.users.get(userid)
    if user is None:
        raise Business(60121)
    if scoped:
        access.check_user(tenant, app, user)
    return user


ROUTES: Final[tuple[Route, ...]] = (
    old("/topapi/v2/user/create", create, WRITE),
    old("/topapi/v2/user/update", update, WRITE),
    old("/topapi/v2/user/delete", delete, WRITE),
)
