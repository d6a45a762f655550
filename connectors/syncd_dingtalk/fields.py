"""What DingTalk can hold of a person and of a department, with its limits, and how it writes values down.

The tables are what rules are checked against; `normalise` says a value the way DingTalk stores it, so that the plan has no
phantom differences. Nothing here talks to anybody, looks at a clock, or knows the names of DingTalk's wire fields.

Limits are those of the address-book pages for `user/create` and `department/create`, and of the checks in the official SDK.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Final

from syncd.core.fields import FieldSpec, FieldType
from syncd.core.model import ROOT_UNIT, Kind
from syncd.core.values import Value, Values, is_empty
from syncd_dingtalk import chats
from syncd_dingtalk.fields_contact import CONTACT
from syncd_dingtalk.mobiles import Region, mobile

CHINA: Final = timezone(timedelta(hours=8))
"""The days that people see are days in China, which has had no summer time since 1991. (That DingTalk means midnight
there is recalled, not documented; documented are milliseconds.)"""

USER_ORDER_TOP: Final = 2**53 - 1
"""Among the members of a department DingTalk puts the *larger* order first, elsewhere smaller is first. Our fields
say "smaller first"; the wire value of a member's order is this number minus ours. DingTalk's own orders are large
(about 1.8e14), so a person to whom we give an order stands before everybody to whom nobody gave one."""

MEMBERSHIP_LIMIT: Final = 100
"""Departments of one person in one `user/create` (the official SDK refuses more)."""
PERMIT_LIMIT: Final = 50
"""People and departments together that may see a hidden department. Documented; the SDK's own check says 200."""


def _text(doc: str, limit: int | None = None, *, clearable: bool = True, unique: bool = False) -> FieldSpec:
    # That an empty text clears is recalled, not documented; a live tenant has to confirm it (`syncd check --online` cannot).
    return FieldSpec(type=FieldType.TEXT, max_length=limit, clearable=clearable, unique=unique, doc=doc)


def _flag(doc: str, *, needs: str = "", shuts: bool = False) -> FieldSpec:
    return FieldSpec(type=FieldType.FLAG, needs=needs, shuts=shuts, doc=doc)


def _late(doc: str, *, of_members: bool = False) -> FieldSpec:
    return FieldSpec(type=FieldType.REFERENCES, late=True, clearable=True, of_members=of_members, doc=doc)


def _permits(doc: str, *, needs: str) -> FieldSpec:
    # "Takes effect when …": the pages on `department/create` and `department/update` say it of each of the four lists.
    return FieldSpec(type=FieldType.REFERENCES, late=True, clearable=True, max_items=PERMIT_LIMIT, needs=needs, doc=doc)


PERSON: Final[Mapping[str, FieldSpec]] = MappingProxyType(
    {
        "userid": FieldSpec(
            type=FieldType.TEXT,
            required=True,
            immutable=True,
            unique=True,
            max_length=64,
            # The character set is recalled: DingTalk documents only the length.
            pattern=r"[A-Za-z0-9_.@-]{1,64}",
            doc="The account's id. Never changes: derive it from something that a rename leaves alone.",
        ),
        "name": FieldSpec(type=FieldType.TEXT, required=True, max_length=80, doc="The name that colleagues see."),
        "mobile": FieldSpec(
            type=FieldType.TEXT,
            required=True,
            unique=True,
            signs_in=True,
            max_length=20,
            pattern=r"\+?[0-9][0-9 -]{4,18}",
            doc="The mobile number that the person logs in with. DingTalk does not change it; see `mobile_change`.",
        ),
        "hide_mobile": _flag("Hide the number on the profile; calls and DING still work."),
        "telephone": _text("The desk number or extension.", 50, unique=True),
        "job_number": _text(
            "The number that the company gave the person. DingTalk does not insist that it is unique.", 50
        ),
        "title": _text("The job title.", 200),
        "email": FieldSpec(
            type=FieldType.TEXT,
            unique=True,
            clearable=True,
            max_length=50,
            pattern=r"[^@\s]+@[^@\s]+",
            doc="The address shown on the profile.",
        ),
        # Clearing it would unbind the mailbox (the page on enterprise accounts), so a rule cannot.
        "org_email": _text("The company mailbox; holds only where DingTalk's mail is in use.", 100, clearable=False),
        "work_place": _text("Where the person works.", 100),
        "remark": _text("A note on the profile.", 2000),
        "departments": FieldSpec(
            type=FieldType.MEMBERSHIPS,
            required=True,
            doc="All departments of the person (at most 100), each with an order (smaller stands earlier) and a title.",
        ),
        "extension": FieldSpec(
            type=FieldType.MAPPING,
            max_length=2000,
            clearable=True,
            doc="Fields that an administrator has added to the profile, by name. Only the keys that rules name are touched.",
        ),
        "senior_mode": _flag("Not everybody may call this person."),
        "hired_date": FieldSpec(type=FieldType.DATE, doc="The first working day, as a day in China."),
        "manager": FieldSpec(type=FieldType.REFERENCE, clearable=True, late=True, doc="The line manager."),
        "login_email": FieldSpec(
            type=FieldType.TEXT,
            max_length=64,
            signs_in=True,
            doc="The address that an e-mail account logs in with; others ignore it.",
        ),
        "roles": FieldSpec(
            type=FieldType.REFERENCES,
            clearable=True,
            shared=True,
            doc="The roles that the rules under `group` and `roles` make. What else somebody has is not touched.",
        ),
        "unionid": FieldSpec(
            type=FieldType.TEXT,
            read_only=True,
            doc="The id of the person for all applications of one developer. DingTalk makes it up; it can be written back.",
        ),
        "avatar": FieldSpec(
            type=FieldType.TEXT,
            read_only=True,
            doc="Where DingTalk shows the picture: an address, not the picture. It can be written back.",
        ),
    }
)

UNIT: Final[Mapping[str, FieldSpec]] = MappingProxyType(
    {
        "name": FieldSpec(
            type=FieldType.TEXT,
            required=True,
            max_length=64,
            forbidden="-,，",
            doc="The department's name. No two departments under one parent share one.",
        ),
        "parent": FieldSpec(
            type=FieldType.REFERENCE, doc="The department above; without one, the root of the settings."
        ),
        "order": FieldSpec(type=FieldType.NUMBER, doc="The place among its siblings, above 0; smaller stands earlier."),
        "hide_dept": _flag("Hide the department from everybody who is not permitted.", shuts=True),
        "dept_permits": _permits(
            "Departments that see it though it is hidden; at most 50 together with `user_permits`.", needs="hide_dept"
        ),
        "user_permits": _permits(
            "People who see it though it is hidden; at most 50 together with `dept_permits`.", needs="hide_dept"
        ),
        "outer_dept": _flag("Its members see only themselves, and what they are permitted to.", shuts=True),
        "outer_dept_only_self": _flag(
            "Its members see their own department and what is below it; otherwise each sees only themselves.",
            needs="outer_dept",
        ),
        "outer_permit_depts": _permits(
            "Departments that its members see besides; at most 50 together with `outer_permit_users`.",
            needs="outer_dept",
        ),
        "outer_permit_users": _permits(
            "People whom its members see besides; at most 50 together with `outer_permit_depts`.", needs="outer_dept"
        ),
        "auto_approve_apply": _flag("Accept people who ask to join without asking."),
        "brief": _text("What the department is for.", 255),
        "telephone": _text("The department's number.", 50),
        "code": _text("The department's code, such as a cost centre.", 30),
        # 60068 = the department's manager is not a member of it (DingTalk global error codes)
        "managers": _late("Who leads the department; DingTalk insists that they are members of it.", of_members=True),
        **chats.FIELDS,
    }
)

ROLE: Final[Mapping[str, FieldSpec]] = MappingProxyType(
    {
        "name": FieldSpec(
            type=FieldType.TEXT,
            required=True,
            doc="The role's name, unique in its group. Its length is not documented.",
        ),
        "role_group": FieldSpec(
            type=FieldType.TEXT,
            required=True,
            immutable=True,  # no interface moves a role to another group
            doc="The group of roles in which it stands; made if it is not there.",
        ),
    }
)

FIELDS: Final[Mapping[Kind, Mapping[str, FieldSpec]]] = MappingProxyType(
    {Kind.PERSON: PERSON, Kind.UNIT: UNIT, Kind.GROUP: ROLE, Kind.CONTACT: CONTACT}
)


def normalise(kind: Kind, fields: Values, *, region: Region) -> Values:
    """Return `fields` as DingTalk would store them: pure, idempotent, raises nothing. A value of a type that the field
    cannot hold stays as it is, and the rules' own check tells about it. References are never looked into."""
    known = _STORING.get(kind, _NOTHING).get
    stored: dict[str, Value] = {}
    for name, value in fields.items():
        store = known(name)
        if store is _stored_text and type(value) is str:  # most fields, without a call
            stored[name] = value.strip() or None
        elif store is None:
            stored[name] = value
        elif name == "mobile" and isinstance(value, str):
            stored[name] = mobile(value, region=region)
        elif name == "parent" and is_empty(value):
            stored[name] = ROOT_UNIT
        elif name == chats.OWNER:
            stored[name] = _stored_in_order(value)
        else:
            stored[name] = store(value)
    return stored


def settled(fields: Values) -> Values:
    """Return what is wanted of a department without what its own flags make void: a list of those who see a department that is
    not hidden is emptied, so that nobody sees it by an old list on the day when it is hidden. Idempotent."""
    fields = chats.settled(fields)
    void = {name: fields.get(spec.needs) for name, spec in UNIT.items() if spec.needs and name in fields}
    return {
        **fields,
        **{name: False if UNIT[name].type is FieldType.FLAG else None for name, flag in void.items() if flag is False},
    }


# --- the other types --------------------------------------------------------------------------------------------------


def _stored_text(value: Value) -> Value:
    return (value.strip() or None) if isinstance(value, str) else value


def _stored_flag(value: Value) -> Value:
    return False if value is None else value  # every flag of the address book is off by default


def _stored_number(value: Value) -> Value:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _stored_date(value: Value) -> Value:
    """Return a date as `2026-11-22`; an instant becomes the day that it falls on in China."""
    if not isinstance(value, str) or not value.strip():
        return None if isinstance(value, str) else value
    text = value.strip()
    if len(text) <= len("2026-11-22"):
        return text
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo is None else moment.astimezone(CHINA)).date().isoformat()
    except (ValueError, OverflowError):
        return text


def _stored_texts(value: Value) -> Value:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return value
    return tuple(_stored_text(item) for item in value)


def _stored_mapping(value: Value) -> Value:
    """Return a mapping of trimmed texts; a blank one is None, which means that the key is to be cleared."""
    if not isinstance(value, Mapping):
        return value
    return {key.strip(): None if is_empty(item) else _as_text(item) for key, item in sorted(value.items())}


def _as_text(value: Value) -> Value:
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _stored_references(value: Value) -> Value:
    """Return references without repetitions, in one order: DingTalk keeps sets here. No reference at all is None."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return value
    if not all(isinstance(item, str) for item in value):
        return value
    return tuple(sorted({str(item) for item in value})) or None


def _stored_in_order(value: Value) -> Value:
    """Return references without repetitions, in the order given: the first who can is taken."""
    if not isinstance(value, tuple | list) or not all(isinstance(item, str) for item in value):
        return value
    return tuple(dict.fromkeys(value)) or None


def _stored_memberships(value: Value) -> Value:
    """Return memberships in the order given (the first is the main one), each unit once, titles trimmed."""
    if type(value) is tuple and len(value) == 1 and _is_bare(value[0]):
        return value  # nearly everybody: one department, without anything to trim
    if not isinstance(value, Sequence) or isinstance(value, str):
        return value
    kept: dict[str, Value] = {}
    for item in value:
        if not isinstance(item, Mapping) or not isinstance(item.get("unit"), str):
            return value
        kept.setdefault(str(item["unit"]), _stored_membership(item))
    return tuple(kept.values()) or None


def _is_bare(item: Value) -> bool:
    """Tell whether a membership names a unit and says nothing else."""
    return type(item) is dict and len(item) == 1 and isinstance(item.get("unit"), str)


def _stored_membership(item: Mapping[str, Value]) -> Mapping[str, Value]:
    member: dict[str, Value] = {"unit": item["unit"]}
    if not is_empty(order := _stored_number(item.get("order"))):
        member["order"] = order
    if not is_empty(title := _stored_text(item.get("title"))):
        member["title"] = title
    return member


def _stored_in_its_own_way(value: Value) -> Value:
    """Return what is no text of a field that `normalise` knows by its name."""
    return _stored_text(value)


_BY_NAME: Final = frozenset({"mobile", "parent", chats.OWNER})
_STORED: Final[Mapping[FieldType, Callable[[Value], Value]]] = {
    FieldType.TEXT: _stored_text,
    FieldType.NUMBER: _stored_number,
    FieldType.FLAG: _stored_flag,
    FieldType.DATE: _stored_date,
    FieldType.TEXTS: _stored_texts,
    FieldType.MAPPING: _stored_mapping,
    FieldType.REFERENCE: _stored_text,
    FieldType.REFERENCES: _stored_references,
    FieldType.MEMBERSHIPS: _stored_memberships,
}
_STORING: Final[Mapping[Kind, Mapping[str, Callable[[Value], Value]]]] = {
    kind: {name: _stored_in_its_own_way if name in _BY_NAME else _STORED[spec.type] for name, spec in specs.items()}
    for kind, specs in FIELDS.items()
}
"""How DingTalk stores each field, asked for 20 times for each person."""
_NOTHING: Final[Mapping[str, Callable[[Value], Value]]] = {}


# --- days and orders on the wire --------------------------------------------------------------------------------------


def milliseconds(day: str) -> int | None:
    """Return midnight in China of an ISO date, in milliseconds since 1970; None for what is not a date."""
    try:
        return int(datetime.fromisoformat(day).replace(tzinfo=CHINA).timestamp()) * 1000
    except ValueError:
        return None


def day(stamp: int) -> str:
    """Return the ISO date in China on which `stamp` (milliseconds since 1970) falls."""
    return (datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=stamp)).astimezone(CHINA).date().isoformat()


def turned(order: int) -> int:
    """Return a member's order on the wire for ours, and ours for the one on the wire."""
    return USER_ORDER_TOP - order
