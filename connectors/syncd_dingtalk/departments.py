"""A department in our fields and on DingTalk's wire, both ways. Pure; it asks nobody and decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import UNSET, UnsetType

from syncd.core.model import ROOT_UNIT, Kind, Observed, TargetId
from syncd.core.values import Value, Values, is_empty
from syncd_dingtalk import chats
from syncd_dingtalk.fields import PERMIT_LIMIT
from syncd_dingtalk.people import Unsayable, department_id
from syncd_dingtalk.shapes import Department

_TEXTS: Final = ("name", "brief", "telephone", "code")
_FLAGS: Final = (
    "hide_dept",
    "outer_dept",
    "outer_dept_only_self",
    "create_dept_group",
    "auto_add_user",
    "auto_approve_apply",
    chats.BELOW,
)
_PERMITS: Final = ("dept_permits", "user_permits", "outer_permit_depts", "outer_permit_users")
_TOGETHER: Final = (("dept_permits", "user_permits"), ("outer_permit_depts", "outer_permit_users"))
"""Lists that share one limit. Documented of the first pair (`department/update`); of the second it is our caution."""
UPDATE_ONLY: Final = frozenset({"code", "auto_add_user", "managers", chats.BELOW, *chats.APART, chats.OWNER})
"""What `department/create` does not take (its page lists none of them; managers and owners must be members first)."""


def to_wire(fields: Values, *, root: TargetId) -> dict[str, object]:
    """Return the parameters of `department/create` or `department/update` that say `fields`. Raises `Unsayable`."""
    body: dict[str, object] = {}
    for name, value in fields.items():
        if name in _TEXTS:
            body[name] = "" if value is None else str(value)  # an empty text clears: recalled, not documented
        elif name in _FLAGS or name in chats.APART:
            body[name] = bool(value)
        elif name in _PERMITS:
            body[name] = ",".join(_texts(value))  # an empty list empties: recalled, not documented
        else:
            body.update(_special(name, value, root))
    for names in _TOGETHER:
        if sum(len(_texts(fields.get(name))) for name in names) > PERMIT_LIMIT:
            raise Unsayable(names[0], f"at most {PERMIT_LIMIT} can be named together with `{names[1]}`")
    return body


def _special(name: str, value: Value, root: TargetId) -> dict[str, object]:
    match name:
        case "parent":
            above = root if value in (None, "", ROOT_UNIT) else str(value)
            return {"parent_id": department_id(above, name)}
        case "order" if value is None:
            return {}
        case "order" if isinstance(value, int | float) and value >= 1:
            return {"order": int(value)}
        case "order":
            raise Unsayable(name, "it is not a number above 0")
        case "managers" if is_empty(value):
            # Documented: only `force_update_fields` empties it, and an empty list must never be sent.
            return {"force_update_fields": "dept_manager_userid_list"}
        case chats.OWNER:
            return {"org_dept_owner": _texts(value)[0]} if not is_empty(value) else {}
        case "managers":
            return {"dept_manager_userid_list": ",".join(_texts(value))}
    raise Unsayable(name, "DingTalk has no such field")


def _texts(value: Value) -> list[str]:
    return [str(item) for item in value] if isinstance(value, Sequence) and not isinstance(value, str) else []


def from_wire(department: Department) -> Observed:
    """Return a department as observed; `department` is what `department/get` answers."""
    fields: dict[str, Value] = {
        "name": department.name.strip(),
        "parent": None if department.parent_id is None else str(department.parent_id),
        "order": department.order,
        **{name: getattr(department, name) for name in _FLAGS},
        **{name: _ids(getattr(department, name)) for name in _PERMITS},
        "brief": department.brief or None,
        "telephone": department.telephone or None,
        "code": department.code or None,
        "managers": _ids(department.dept_manager_userid_list),
        **{name: _side(department, name) for name in chats.APART},
        chats.OWNER: (department.org_dept_owner,) if department.org_dept_owner else None,
    }
    return Observed(
        target_id=TargetId(str(department.dept_id)),
        kind=Kind.UNIT,
        label=department.name.strip() or str(department.dept_id),
        fields=fields,
        mark=department.source_identifier or "",
    )


def _side(department: Department, name: str) -> bool:
    """Return whom a chat takes in from below. Where DingTalk does not show it, it is as we write it without a rule: so a rule
    that says otherwise is written again after each look at everything, which does no harm."""
    shown: bool | UnsetType = getattr(department, name)
    return bool(getattr(department, chats.APART[name])) if shown is UNSET else bool(shown)


def _ids(values: Sequence[object]) -> Value:
    return tuple(sorted({str(value) for value in values})) or None
