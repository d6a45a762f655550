"""A person in our fields and on DingTalk's wire, both ways. Pure; it asks nobody and decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import UNSET

from syncd.core.model import Kind, Observed, TargetId
from syncd.core.values import Value, Values, is_empty
from syncd_dingtalk.fields import MEMBERSHIP_LIMIT, day, milliseconds, turned
from syncd_dingtalk.mobiles import Region, mobile
from syncd_dingtalk.shapes import Person

_MAINLAND: Final = "86"
_TEXTS: Final = (
    "name",
    "telephone",
    "job_number",
    "title",
    "email",
    "org_email",
    "work_place",
    "remark",
    "login_email",
)
_FLAGS: Final = ("hide_mobile", "senior_mode")
HIDEABLE: Final = ("mobile", "email", "work_place", "remark", "extension")
"""Fields that answers lack without the permission to see them; all but `mobile` are also lacking where they are empty."""
DETAILS: Final = frozenset({"manager", "senior_mode"})
"""Fields that lists lack."""


class Unsayable(Exception):
    """A value that has no form on the wire: `field` names it, `why` says it in words without the value."""

    def __init__(self, field: str, why: str) -> None:
        self.field, self.why = field, why
        super().__init__(f"{field}: {why}")


# --- to the wire ------------------------------------------------------------------------------------------------------


def to_wire(fields: Values, *, creating: bool) -> dict[str, object]:
    """Return the parameters of `user/create` or `user/update` that say `fields`. Raises `Unsayable`."""
    body: dict[str, object] = {}
    for name, value in fields.items():
        if creating and value is None:
            continue
        if name in _TEXTS:
            body[name] = "" if value is None else str(value)  # an empty text clears: recalled, not documented
        elif name in _FLAGS:
            body[name] = bool(value)
        else:
            body.update(_special(name, value))
    if not creating and "extension" in body:
        body["ext_attrs_update_mode"] = 1  # 1 keeps keys that are not sent; the default clears them
    return body


def _special(name: str, value: Value) -> dict[str, object]:
    match name:
        case "userid" | "mobile":
            return {name: str(value)}
        case "hired_date":
            stamp = milliseconds(str(value))
            if stamp is None or stamp < 1:
                raise Unsayable(name, "it is not a date after 1970")
            return {name: stamp}
        case "manager":
            # Documented: only `force_update_fields` empties it; that it must not be sent empty besides is our caution.
            return {"force_update_fields": "manager_userid"} if is_empty(value) else {"manager_userid": str(value)}
        case "departments":
            return _memberships(value)
        case "extension":
            return {"extension": _extension(value)}
    raise Unsayable(name, "DingTalk has no such field")


def _memberships(value: Value) -> dict[str, object]:
    places = [item for item in _items(value) if isinstance(item, Mapping)]
    if not 1 <= len(places) <= MEMBERSHIP_LIMIT:
        raise Unsayable("departments", f"a person belongs to 1 to {MEMBERSHIP_LIMIT} departments")
    ids = [department_id(str(item["unit"]), "departments") for item in places]
    body: dict[str, object] = {"dept_id_list": ",".join(map(str, ids))}
    orders = [
        {"dept_id": dept_id, "order": turned(order)}
        for dept_id, item in zip(ids, places, strict=True)
        if isinstance(order := item.get("order"), int)
    ]
    titles = [
        {"dept_id": dept_id, "title": title}
        for dept_id, item in zip(ids, places, strict=True)
        if isinstance(title := item.get("title"), str)
    ]
    return body | ({"dept_order_list": orders} if orders else {}) | ({"dept_title_list": titles} if titles else {})


def department_id(text: str, field: str) -> int:
    """Return a department's id as DingTalk writes it. Raises `Unsayable`."""
    if not text.isdecimal():
        raise Unsayable(field, "a department's id is a number")
    return int(text)


def _extension(value: Value) -> str:
    """Return the fields of administrators as the JSON text that DingTalk wants; an empty text empties a key (recalled)."""
    keys = value if isinstance(value, Mapping) else {}
    return msgspec.json.encode({key: "" if item is None else str(item) for key, item in keys.items()}).decode()


def _items(value: Value) -> Sequence[Value]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


# --- from the wire ----------------------------------------------------------------------------------------------------


def from_wire(
    person: Person,
    *,
    region: Region,
    unreadable: frozenset[str] = frozenset(),
    orders: Mapping[int, int] | None = None,
    protected: bool = False,
    roles: Sequence[str] | None = None,
) -> Observed:
    """Return a person as observed. `orders` are the orders by department where lists told them one by one, `roles` those that
    somebody has, None where nobody asked."""
    fields: dict[str, Value] = {
        "userid": person.userid,
        "name": person.name.strip(),
        "mobile": _number(person, region),
        "hide_mobile": person.hide_mobile,
        "telephone": person.telephone or None,
        "job_number": person.job_number or None,
        "title": person.title or None,
        "email": person.email or None,
        "org_email": person.org_email or None,
        "work_place": person.work_place or None,
        "remark": person.remark or None,
        "departments": _places(person, orders or {}),
        "extension": _read_extension(person.extension),
        "senior_mode": person.senior is True,
        "hired_date": day(person.hired_date) if person.hired_date else None,
        "manager": person.manager_userid or None,
        "login_email": person.login_email or None,
        "unionid": person.unionid or None,
        "avatar": person.avatar or None,
    }
    if roles is not None:
        fields["roles"] = tuple(sorted(roles)) or None
    return Observed(
        target_id=TargetId(person.userid),
        kind=Kind.PERSON,
        label=person.name.strip() or person.userid,
        fields={name: value for name, value in fields.items() if name not in unreadable},
        protected=protected,
        unreadable=unreadable,
    )


def _number(person: Person, region: Region) -> str | None:
    if person.mobile is UNSET or not person.mobile:
        return None
    if person.mobile.startswith("+"):
        return mobile(person.mobile, region=region)
    return mobile(f"+{person.state_code or _MAINLAND}{person.mobile}", region=region)


def _places(person: Person, orders: Mapping[int, int]) -> tuple[Value, ...]:
    told = {place.dept_id: place.order for place in person.dept_order_list or ()} or orders
    titles = {place.dept_id: place.title for place in person.dept_position_list or ()}
    places: list[Value] = []
    for dept_id in person.dept_id_list:
        if dept_id <= 0:  # the home-school tree, which is not the organization's
            continue
        place: dict[str, Value] = {"unit": str(dept_id)}
        if dept_id in told:
            place["order"] = turned(told[dept_id])
        if titles.get(dept_id):
            place["title"] = titles[dept_id]
        places.append(place)
    return tuple(places)


def _read_extension(text: str | msgspec.UnsetType | None) -> Values:
    if not isinstance(text, str):
        return {}
    try:
        keys = msgspec.json.decode(text, type=dict[str, object])
    except msgspec.DecodeError:
        return {}
    return {key: str(value).strip() for key, value in sorted(keys.items()) if value not in ("", None)}
