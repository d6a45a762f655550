"""Joiners whose accounts are made before they begin: kept out of sight until the first day begins where they work. Pure.

It says what is wanted of somebody at a moment, whatever was before. Outsiders are never made ahead: the department in which
joiners wait is an internal one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from syncd.core.calendar import begins_at, zone_of
from syncd.core.difference import ROLES, units_of
from syncd.core.model import JOINERS_UNIT, Aside, Desired, Entity, FieldChange, Kind, Reason
from syncd.core.values import Value, Values


def waiting(
    person: Entity,
    wanted: Desired | Aside,
    *,
    at: datetime,
    ahead: timedelta | None,
    there: bool,
    otherwise: str,
) -> Desired | Aside:
    """Return what is wanted of somebody who may not have begun: nothing until `ahead` of the first day, unless the account is
    `there`; then the account, out of sight; from the first day on `wanted`, as always without `ahead`.

    `otherwise` is the zone (IANA name) of those of whom no source says where they work.
    """
    if ahead is None or person.kind is not Kind.PERSON or not isinstance(wanted, Desired):
        return wanted
    begins = begins_at(person.facts, otherwise)
    if begins is None or begins <= at:
        return wanted
    outsider = is_outsider(person.facts)
    if not there and is_too_early(person.facts, at=at, ahead=ahead, otherwise=otherwise):
        return _not_yet(person, begins if outsider else begins - ahead, otherwise)
    return wanted if outsider else _out_of_sight(wanted)


def moments(facts: Values, *, after: datetime, ahead: timedelta | None, otherwise: str) -> tuple[datetime, ...]:
    """Return when time alone changes what is wanted of a joiner: the account is made, and it comes into sight."""
    begins = begins_at(facts, otherwise) if ahead is not None else None
    if ahead is None or begins is None or begins <= after:
        return ()
    return (begins - ahead, begins) if ahead and begins - after > ahead and not is_outsider(facts) else (begins,)


def is_too_early(facts: Values, *, at: datetime, ahead: timedelta | None, otherwise: str) -> bool:
    """Tell whether somebody who has no account gets none yet."""
    begins = begins_at(facts, otherwise) if ahead is not None else None
    return begins is not None and ahead is not None and begins > at and (is_outsider(facts) or begins - at > ahead)


def keeps_back(one: Desired) -> bool:
    """Tell whether somebody is wanted out of sight until the first day."""
    return one.kind is Kind.PERSON and units_of(one.fields.get("departments")) == {JOINERS_UNIT}


def first_day(fields: Sequence[FieldChange]) -> str:
    """Return in words what a change has to do with a first day; empty where it has nothing to do with one."""
    for item in fields:
        if item.name == "departments":
            before, after = units_of(item.before), units_of(item.after)
            if after == {JOINERS_UNIT} != before:
                return "out of sight until the first day"
            if before == {JOINERS_UNIT} != after:
                return "comes into sight"
    return ""


def is_outsider(facts: Values) -> bool:
    """Tell whether somebody is said to be an outsider."""
    return facts.get("outsider") is True


def _out_of_sight(wanted: Desired) -> Desired:
    """Return the account without what shows it: departments, the manager's list of reports, and what a role gives."""
    fields: dict[str, Value] = {**wanted.fields, "departments": ({"unit": JOINERS_UNIT},)}
    if "manager" in fields:
        fields["manager"] = None
    if ROLES in fields:
        fields[ROLES] = ()
    return replace(wanted, fields=fields)


def _not_yet(person: Entity, at: datetime, otherwise: str) -> Aside:
    day = f"{at.astimezone(zone_of(person.facts, otherwise)):%Y-%m-%d}"
    why = f"the first day is {person.facts['hireDate']}; the account is made on {day}"
    return Aside(reason=Reason.AHEAD, kind=Kind.PERSON, name=person.subject, label=person.label, why=why)
