"""Where a change stands in the plan, what it does to people, and how it is fingerprinted. Pure functions of single changes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from syncd.core.difference import ROLES, units_of
from syncd.core.fields import FieldSpec
from syncd.core.model import (
    HOLDING_UNITS,
    JOINERS_UNIT,
    Change,
    Desired,
    Effect,
    FieldChange,
    Kind,
    Lane,
    Op,
    SubjectId,
)
from syncd.core.values import Value, Values, canonical, is_empty

RANK_ROLES: Final = 999
"""After the departments and before the people who are to have them."""
RANK_PEOPLE: Final = 1_000
RANK_LINKS: Final = 5_000
RANK_CONTACTS: Final = 5_500
"""After the colleagues who follow them were made, and before one of those leaves."""
RANK_LEAVERS: Final = 6_000
RANK_HEIRS: Final = RANK_LEAVERS + 1
RANK_UNITS_UP: Final = 9_000
RANK_BACK: Final = 100_000
"""What is written back to sources comes after everything else, however deep departments are."""


def fingerprint(changes: Iterable[Change]) -> str:
    """Return the SHA-256 of what the changes do and why; equal changes in equal order have equal fingerprints."""
    return combined(essential(change) for change in changes)


def combined(sums: Iterable[bytes]) -> str:
    """Return the fingerprint of changes from what `essential` returned of each."""
    whole = hashlib.sha256()
    for sum_ in sums:
        whole.update(sum_)
    return whole.hexdigest()


def essential(change: Change) -> bytes:
    """Return the SHA-256 of what one change does."""
    return hashlib.sha256(canonical(essence(change))).digest()


def essence(change: Change) -> Values:
    return {
        "op": change.op,
        "subject": change.subject,
        "target": change.target_id,
        "rank": change.rank,
        "fields": [[item.name, item.before, item.after] for item in change.fields],
    }


def depths(wanted: Mapping[SubjectId, Desired], name: str) -> dict[SubjectId, int]:
    """Return how many steps each subject is below the top along reference `name`; a circle is cut where it is entered."""
    depth: dict[SubjectId, int] = {}
    for start in sorted(wanted):
        trail: list[SubjectId] = []
        on_trail: set[SubjectId] = set()
        at: SubjectId | None = start
        while at is not None and at in wanted and at not in depth and at not in on_trail:
            trail.append(at)
            on_trail.add(at)
            above = wanted[at].fields.get(name)
            at = SubjectId(str(above)) if above else None
        base = depth[at] if at is not None and at in depth else -1
        for step, subject in enumerate(reversed(trail), 1):
            depth[subject] = base + step
    return depth


def effects(kind: Kind, op: Op, fields: Sequence[FieldChange], specs: Mapping[str, FieldSpec]) -> tuple[Effect, ...]:
    if kind in _MADE_AND_CHANGED:
        return _of_others(kind, op, fields)
    unit = kind is Kind.UNIT
    match op:
        case Op.CREATE:
            return (Effect.UNIT_CREATE if unit else Effect.CREATE,)
        case Op.LINK:
            return (Effect.UNIT_UPDATE if unit else Effect.UPDATE,)
        case _:
            pass
    recognised = (Effect.ADOPT,) if op is Op.ADOPT else ()
    return (*recognised, *(_of_units if unit else _of_people)(fields, specs))


def _of_units(fields: Sequence[FieldChange], specs: Mapping[str, FieldSpec]) -> tuple[Effect, ...]:
    names = {change.name for change in fields}
    found = [Effect.UNIT_MOVE] if "parent" in names else []
    if names - {"parent"}:
        found.append(Effect.UNIT_UPDATE)
    if any(specs[change.name].shuts and change.before is True and not change.after for change in fields):
        found.append(Effect.UNIT_OPEN)
    return tuple(found)


def _of_people(fields: Sequence[FieldChange], specs: Mapping[str, FieldSpec]) -> tuple[Effect, ...]:
    found: list[Effect] = []
    for change in fields:
        if change.name == "departments" and units_of(change.before) != units_of(change.after):
            found.append(_moving(units_of(change.before), units_of(change.after)))
        if specs[change.name].signs_in and not is_empty(change.before):
            found.append(Effect.LOGIN)
    if fields and not {Effect.MOVE, Effect.LOGIN, Effect.LEAVE} & set(found):
        found.append(Effect.UPDATE)
    return tuple(dict.fromkeys(found))


def _moving(before: frozenset[str], after: frozenset[str]) -> Effect:
    """Return what it is to change departments: whoever goes out of sight is counted with the leavers, and a first day that comes
    is no move, however many begin on it."""
    if after == {JOINERS_UNIT}:
        return Effect.UPDATE if before and before <= HOLDING_UNITS else Effect.LEAVE
    return Effect.UPDATE if before == {JOINERS_UNIT} else Effect.MOVE


_MADE_AND_CHANGED: Final = {
    Kind.GROUP: (Effect.ROLE_CREATE, Effect.ROLE_UPDATE),
    Kind.CONTACT: (Effect.CONTACT_CREATE, Effect.CONTACT_UPDATE),
}


def _of_others(kind: Kind, op: Op, fields: Sequence[FieldChange]) -> tuple[Effect, ...]:
    made, changed = _MADE_AND_CHANGED[kind]
    match op:
        case Op.CREATE:
            return (made,)
        case Op.ADOPT:
            return (Effect.ADOPT, changed) if fields else (Effect.ADOPT,)
        case _:
            return (changed,)


def rights(fields: Sequence[FieldChange]) -> tuple[Effect, ...]:
    """Return whether roles are given, taken away, or both."""
    given = (Effect.GRANT,) if any(gained(item) for item in fields) else ()
    return (*given, Effect.REVOKE) if any(lost(item) for item in fields) else given


def gained(item: FieldChange) -> frozenset[SubjectId]:
    """Return the roles that a change of roles gives."""
    return _roles(item.after) - _roles(item.before) if item.name == ROLES else frozenset()


def lost(item: FieldChange) -> frozenset[SubjectId]:
    """Return the roles that a change of roles takes away."""
    return _roles(item.before) - _roles(item.after) if item.name == ROLES else frozenset()


def _roles(value: Value) -> frozenset[SubjectId]:
    return frozenset(SubjectId(str(one)) for one in value) if isinstance(value, tuple | list) else frozenset()


def lane(kind: Kind, op: Op, fields: Sequence[FieldChange]) -> Lane:
    if kind is Kind.PERSON and op is Op.CREATE:
        return Lane.JOINER
    if op is Op.ROLES:
        return Lane.SECURITY if any(lost(item) for item in fields) else Lane.REST
    moved = any(change.name == "departments" and units_of(change.before) != units_of(change.after) for change in fields)
    return Lane.SECURITY if kind is Kind.PERSON and op is Op.UPDATE and moved else Lane.REST
