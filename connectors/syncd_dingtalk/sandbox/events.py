"""Which event each change raises, in the shapes of the Stream subscription of internal apps.

Every write raises its event, an app's own included: a synchronizer sees its echo. Delivery is elsewhere.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from syncd_dingtalk.sandbox.records import User
from syncd_dingtalk.sandbox.tenant import Tenant

_CHINA: Final = timezone(timedelta(hours=8))
_DIFFED: Final = (
    ("name", "name"),
    ("telephone", "telephone"),
    ("email", "email"),
    ("job_number", "jobNumber"),
    ("work_place", "workPlace"),
    ("title", "title"),
    ("remark", "remark"),
    ("manager_userid", "managerUserid"),
)
"""Fields that a change event compares; the mobile number and memberships are not among them (event page's sample)."""


def _stamp(tenant: Tenant) -> str:
    return str(tenant.clock.millis())


def joined(tenant: Tenant, userid: str, origin: str) -> None:
    tenant.raise_event("user_add_org", {"timeStamp": _stamp(tenant), "userId": [userid]}, origin)


def activated(tenant: Tenant, userid: str, origin: str) -> None:
    tenant.raise_event("user_active_org", {"userId": [userid]}, origin)


def left(tenant: Tenant, userid: str, origin: str) -> None:
    tenant.raise_event("user_leave_org", {"timeStamp": _stamp(tenant), "userId": [userid]}, origin)


def changed(tenant: Tenant, old: User, new: User, origin: str) -> None:
    """Raise `user_modify_org` with what was and what is; cleared keys are missing from `curr`."""
    diff = {"userid": new.userid, "prev": _shown(old), "curr": _shown(new)}
    data = {"timeStamp": _stamp(tenant), "userId": [new.userid], "diffInfo": diff}
    tenant.raise_event("user_modify_org", data, origin)


def _shown(user: User) -> dict[str, Any]:
    shown: dict[str, Any] = {name: value for field, name in _DIFFED if (value := getattr(user, field))}
    if user.hired_date is not None:
        shown["hiredDate"] = datetime.fromtimestamp(user.hired_date / 1000, UTC).astimezone(_CHINA).date().isoformat()
    return shown


def department(tenant: Tenant, what: str, dept_id: int, origin: str) -> None:
    """Raise `org_dept_create`, `org_dept_modify` or `org_dept_remove`."""
    tenant.raise_event(f"org_dept_{what}", {"deptId": [dept_id]}, origin)


def role_members(tenant: Tenant, what: str, userids: list[str], role_ids: list[int]) -> None:
    """Raise `label_user_change`; `what` is `add` or `remove`."""
    data = {"userIdList": userids, "action": what, "labelIdList": role_ids}
    tenant.raise_event("label_user_change", data, "api")


def role_changed(tenant: Tenant, what: str, role_id: int, **more: Any) -> None:
    """Raise `label_conf_add`, `label_conf_modify` or `label_conf_del`."""
    data = {"labelIdList": [role_id], **more} if what == "del" else {"scope": "1", "labelIdList": [role_id], **more}
    tenant.raise_event(f"label_conf_{what}", data, "api")


def administrator(tenant: Tenant, what: str, userid: str) -> None:
    """Raise `org_admin_add` or `org_admin_remove`."""
    tenant.raise_event(f"org_admin_{what}", {"timeStamp": _stamp(tenant), "userId": [userid]}, "console")
