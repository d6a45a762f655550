"""External contacts and their labels (old API, `/topapi/extcontact/*`), with the documented checks and codes.

Of the codes 60200 to 60205 only the range is documented; which of them says what is a guess here. No interface makes labels, so
those of the sandbox are always the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from syncd_dingtalk.sandbox import answers
from syncd_dingtalk.sandbox.answers import Answer, Business
from syncd_dingtalk.sandbox.fields import check_name, mobile_of
from syncd_dingtalk.sandbox.records import Contact
from syncd_dingtalk.sandbox.routes import Call, Route, old
from syncd_dingtalk.sandbox.tenant import Tenant
from syncd_dingtalk.sandbox.wire import Params, mapping_of

LABELS: Final[Mapping[str, Mapping[int, str]]] = {
    "Relation": {7_000_101: "Partner", 7_000_102: "Supplier", 7_000_103: "Customer"},
    "Level": {7_000_201: "Important", 7_000_202: "Ordinary"},
    "Region": {7_000_301: "East", 7_000_302: "Ordinary"},
}
"""The groups of labels, with one name that two of them have."""
MOST_LABELS: Final = 20
MOST_SHARED: Final = 20
_PAGE: Final = 100
_TEXTS: Final = ("title", "company_name", "address", "remark")


def create(call: Call) -> Answer:
    """Add a contact; `userid` stands beside `errcode`. 22005: the number is another contact's."""
    tenant, said = call.tenant, _said(call.params)
    code, number = mobile_of(tenant, f"+{said.needed('state_code', code=40036)}-{said.needed('mobile', code=40036)}")
    if any((one.state_code, one.mobile) == (code, number) for one in tenant.contacts.values()):
        raise Business(22005)
    contact = Contact(
        userid=tenant.hexed(f"contact/{tenant.next_serial()}", 9),
        name=check_name(tenant, said.needed("name", code=40036)),
        mobile=number,
        state_code=code,
        label_ids=_labels(said),
        follower_user_id=_follower(tenant, said),
        share_dept_ids=_share_depts(tenant, said) or (),
        share_user_ids=_share_users(tenant, said) or (),
        **{name: said.text(name) or "" for name in _TEXTS},
    )
    tenant.put("contacts", contact.userid, contact)
    return answers.beside(userid=contact.userid)


def update(call: Call) -> Answer:
    """Change a contact: name, labels and follower have to be said, what else is not said stays. The number never changes."""
    tenant, said = call.tenant, _said(call.params)
    contact = _contact(tenant, said.needed("user_id", code=40003))
    depts, users = _share_depts(tenant, said), _share_users(tenant, said)
    fresh = replace(
        contact,
        name=check_name(tenant, said.needed("name", code=40036)),
        label_ids=_labels(said),
        follower_user_id=_follower(tenant, said),
        share_dept_ids=contact.share_dept_ids if depts is None else depts,
        share_user_ids=contact.share_user_ids if users is None else users,
        **{name: said.text(name) or "" for name in _TEXTS if name in said},
    )
    if fresh != contact:
        tenant.put("contacts", contact.userid, fresh)
    return answers.done()


def delete(call: Call) -> Answer:
    """Remove a contact: 33012 if there is none."""
    contact = _contact(call.tenant, call.params.needed("user_id", code=33012), code=33012)
    call.tenant.drop("contacts", contact.userid)
    return answers.done()


def get(call: Call) -> Answer:
    """Return a contact: 33012 if there is none."""
    return answers.result(_shown(_contact(call.tenant, call.params.needed("user_id", code=33012), code=33012)))


def list_(call: Call) -> Answer:
    """Return a page, beside `errcode`; that there are more is not said."""
    offset, size = _page(call.params)
    every = list(call.tenant.contacts.values())
    return answers.beside(results=[_shown(one) for one in every[offset : offset + size]])


def labels(call: Call) -> Answer:
    """Return a page of the groups of labels."""
    offset, size = _page(call.params)
    groups = [
        {"name": group, "color": -15220075, "labels": [{"id": key, "name": name} for key, name in some.items()]}
        for group, some in LABELS.items()
    ]
    return answers.beside(results=groups[offset : offset + size])


def _said(params: Params) -> Params:
    """Return what `contact` says: an object, or its JSON where a form was sent."""
    value: Any = params.raw.get("contact")
    if isinstance(value, str):
        value = mapping_of(value, 40035)
    if not isinstance(value, dict):
        raise Business(40036)
    return Params(value)


def _contact(tenant: Tenant, userid: str, code: int = 60200) -> Contact:
    contact = tenant.contacts.get(userid)
    if contact is None:
        raise Business(code)
    return contact


def _labels(said: Params) -> tuple[int, ...]:
    ids = said.ids("label_ids", 60203) or []
    if not ids:
        raise Business(60204)
    known = {key for group in LABELS.values() for key in group}
    if len(ids) > MOST_LABELS or not known >= set(ids):
        raise Business(60203)
    return tuple(ids)


def _follower(tenant: Tenant, said: Params) -> str:
    userid = said.needed("follower_user_id", code=40036)
    if userid not in tenant.live.users:
        raise Business(60121)
    return userid


def _share_depts(tenant: Tenant, said: Params) -> tuple[int, ...] | None:
    """Return the departments that see a contact, None where nothing is said. The code for one that is not there is a guess."""
    if "share_dept_ids" not in said:
        return None
    ids = said.ids("share_dept_ids", 40036) or []
    if len(ids) > MOST_SHARED:
        raise Business(40036)
    if any(one not in tenant.live.departments for one in ids):
        raise Business(60003)
    return tuple(dict.fromkeys(ids))


def _share_users(tenant: Tenant, said: Params) -> tuple[str, ...] | None:
    """Return the colleagues who see a contact, None where nothing is said. The code for one who is not there is a guess."""
    if "share_user_ids" not in said:
        return None
    ids = said.texts("share_user_ids", 40036) or []
    if len(ids) > MOST_SHARED:
        raise Business(40036)
    if any(one not in tenant.live.users for one in ids):
        raise Business(60121)
    return tuple(dict.fromkeys(ids))


def _page(params: Params) -> tuple[int, int]:
    offset, size = params.whole("offset", 40068) or 0, params.whole("size", 40069) or 20
    if offset < 0:
        raise Business(40068)
    if not 1 <= size <= _PAGE:
        raise Business(40069)
    return offset, size


def _shown(contact: Contact) -> dict[str, Any]:
    return {
        "userid": contact.userid,
        "name": contact.name,
        "mobile": contact.mobile,
        "state_code": contact.state_code,
        "title": contact.title,
        "company_name": contact.company_name,
        "address": contact.address,
        "remark": contact.remark,
        "follower_user_id": contact.follower_user_id,
        "label_ids": list(contact.label_ids),
        "share_dept_ids": list(contact.share_dept_ids),
        "share_user_ids": list(contact.share_user_ids),
    }


_READ: Final = "qyapi_ext_read"
_WRITE: Final = "qyapi_ext_write"
ROUTES: Final[tuple[Route, ...]] = (
    old("/topapi/extcontact/create", create, _WRITE),
    old("/topapi/extcontact/update", update, _WRITE),
    old("/topapi/extcontact/delete", delete, _WRITE),
    old("/topapi/extcontact/get", get, _READ),
    old("/topapi/extcontact/list", list_, _READ),
    old("/topapi/extcontact/listlabelgroups", labels, _READ),
)
