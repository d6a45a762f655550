"""How subjects leave the target: people out of sight first and removed when their grace is over, units when they are empty.

Nobody leaves here unless the caller says so, and nobody whom the target does not show completely.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from syncd.core.difference import ROLES, compare, units_of
from syncd.core.draft import Draft
from syncd.core.errors import message
from syncd.core.model import (
    HOLDING_UNIT,
    Change,
    Desired,
    Effect,
    FieldChange,
    Kind,
    Lane,
    Link,
    LinkState,
    Observed,
    Op,
    Reason,
    SubjectId,
    TargetId,
)
from syncd.core.ordering import RANK_LEAVERS, RANK_UNITS_UP
from syncd.core.values import Value

UNIT_NOT_OURS: Final = message(
    "PLN-004",
    what="The department {label} was there before syncd and is not removed by it.",
    do="Remove it by hand in the DingTalk console if nobody needs it, or leave it.",
    example="A department that was adopted disappears from Active Directory.",
)


ROLE_NOT_OURS: Final = message(
    "PLN-020",
    what="The role {label} was there before syncd and is not removed by it.",
    do="Remove it by hand in the DingTalk console if nobody needs it, or leave it.",
    example="A role that was adopted by its name, and whose group is gone from the source.",
)

_GOING: Final[Mapping[Kind, tuple[Effect, ...]]] = {
    Kind.PERSON: (Effect.LEAVE,),
    Kind.UNIT: (Effect.UNIT_REMOVE,),
    # Whoever still has it loses it: it is held together with those who lose it by themselves.
    Kind.GROUP: (Effect.REVOKE, Effect.ROLE_REMOVE),
    Kind.CONTACT: (Effect.CONTACT_REMOVE,),
}


def leave(draft: Draft, subject: SubjectId, reason: str) -> None:
    """Write down how a subject that is gone leaves the target: out of sight first, removed when the grace is over."""
    link = draft.links.get(subject)
    if link is None or link.state is LinkState.REMOVED:
        return
    seen = draft.object_of(subject)
    if seen is None and not draft.terms.complete:
        return
    label = seen.label if seen is not None else subject
    gone = Desired(subject=subject, kind=link.kind, label=label, fields={}, active=False)
    if seen is not None and draft.guarded(seen):
        draft.put_aside(Reason.PROTECTED, gone, "a protected account is never touched")
    elif link.kind is Kind.UNIT:
        _leave_unit(draft, gone, link, seen, reason)
    elif link.kind is Kind.GROUP:
        _leave_role(draft, gone, link, reason)
    elif link.kind is Kind.CONTACT:
        # There is nothing to come back to and nobody to lock out: a contact that is made again is the same.
        _go(draft, gone, Op.REMOVE, link, reason=reason, rank=RANK_LEAVERS, fields=())
    elif draft.terms.hold_leavers and seen is not None and not _over(draft, link):
        _hold(draft, gone, link, seen, reason)
    else:
        why = f"{reason}; the grace period has ended" if draft.terms.hold_leavers and seen is not None else reason
        _go(draft, gone, Op.REMOVE, link, reason=why, rank=RANK_LEAVERS, fields=())


def _over(draft: Draft, link: Link) -> bool:
    return link.state is LinkState.OFFBOARDED and draft.terms.now - link.since >= draft.terms.grace


def _hold(draft: Draft, gone: Desired, link: Link, seen: Observed, reason: str) -> None:
    """Put somebody out of sight; again, if somebody has brought the account back by hand. The grace goes on from the first."""
    held: Value = ({"unit": HOLDING_UNIT},)
    none: Value = ()
    roles = {ROLES: none} if ROLES in draft.terms.fields[link.kind] else {}
    wish = replace(gone, fields={"departments": held, "manager": None, **roles})
    fields = compare(wish, seen, draft.terms.fields[link.kind], draft.names)
    if link.state is not LinkState.OFFBOARDED:
        _go(draft, gone, Op.OFFBOARD, link, reason=reason, rank=RANK_LEAVERS, fields=fields)
    elif fields:
        why = f"{reason}; somebody brought the account back into sight"
        _go(draft, gone, Op.OFFBOARD, link, reason=why, rank=RANK_LEAVERS, fields=fields)


def _leave_unit(draft: Draft, gone: Desired, link: Link, seen: Observed | None, reason: str) -> None:
    if link.adopted:
        draft.warn(gone.subject, UNIT_NOT_OURS.at(label=gone.label))
        draft.put_aside(Reason.PROTECTED, gone, "it was there before syncd")
        return
    depth = _observed_depth(draft, seen)
    _go(draft, gone, Op.REMOVE, link, reason=reason, rank=RANK_UNITS_UP + max(0, 900 - depth), fields=())


def _leave_role(draft: Draft, gone: Desired, link: Link, reason: str) -> None:
    if link.adopted:
        draft.warn(gone.subject, ROLE_NOT_OURS.at(label=gone.label))
        draft.put_aside(Reason.PROTECTED, gone, "it was there before syncd")
        return
    _go(draft, gone, Op.REMOVE, link, reason=reason, rank=RANK_UNITS_UP, fields=())


def _observed_depth(draft: Draft, seen: Observed | None) -> int:
    depth = 0
    while seen is not None and depth < 100:
        parent = seen.fields.get("parent")
        seen = draft.seen.get((Kind.UNIT, TargetId(str(parent)))) if parent else None
        depth += 1
    return depth


def _go(
    draft: Draft, gone: Desired, op: Op, link: Link, *, reason: str, rank: int, fields: tuple[FieldChange, ...]
) -> None:
    person = gone.kind in (Kind.PERSON, Kind.CONTACT)
    draft.changes.append(
        Change(
            op=op,
            subject=gone.subject,
            kind=gone.kind,
            label=gone.label,
            reason=reason,
            effects=_GOING[gone.kind],
            lane=Lane.LEAVER if person else Lane.REST,
            rank=rank,
            target_id=link.target_id,
            fields=fields,
            needs=(HOLDING_UNIT,) if op is Op.OFFBOARD and draft.makes(HOLDING_UNIT) else (),
        )
    )


def empty_units_last(draft: Draft) -> None:
    """Let the removal of a unit wait for everybody in it, and for the units below it, whose changes are in this plan."""
    going = {change.subject: change for change in draft.changes if change.op is Op.REMOVE and change.kind is Kind.UNIT}
    if not going:
        return
    inside = _inside(draft)
    leaving = _those_who_leave(draft)
    # The lowest first: a unit that stays keeps the one above it.
    for subject in sorted(going, key=lambda one: going[one].rank):
        staying = [one for one in inside.get(subject, ()) if one not in leaving.get(subject, set())]
        if staying:
            draft.changes.remove(going[subject])
            draft.put_aside(Reason.PARKED, _gone(going[subject]), f"{len(staying)} who are still in it stay there")
            for left in leaving.values():
                left.discard(subject)
    draft.changes = [
        replace(change, needs=tuple(sorted({*change.needs, *leaving.get(change.subject, ())} - {change.subject})))
        if change.subject in going and change.op is Op.REMOVE
        else change
        for change in draft.changes
    ]


def _gone(change: Change) -> Desired:
    return Desired(subject=change.subject, kind=change.kind, label=change.label, fields={}, active=False)


def _inside(draft: Draft) -> dict[str, list[str]]:
    """Return who is in each unit now, people and units, strangers by their ids."""
    spec = draft.terms.fields[Kind.PERSON].get("departments")
    found: dict[str, list[str]] = defaultdict(list)
    for (kind, target_id), seen in draft.seen.items():
        own = draft.names.subject(kind, target_id)
        if kind is Kind.PERSON and spec is not None:
            for unit in units_of(draft.names.translate("departments", seen.fields.get("departments"), spec)):
                found[unit].append(own)
        elif kind is Kind.UNIT and seen.fields.get("parent"):
            found[draft.names.subject(Kind.UNIT, str(seen.fields["parent"]))].append(own)
    return found


def _those_who_leave(draft: Draft) -> dict[str, set[SubjectId]]:
    """Return who leaves which unit in this plan."""
    found: dict[str, set[SubjectId]] = defaultdict(set)
    for change in draft.changes:
        seen = draft.object_of(change.subject) or draft.adopted.get(change.subject)
        if seen is None:
            continue
        for unit in _units_left(draft, change, seen):
            found[unit].add(change.subject)
    return found


def _units_left(draft: Draft, change: Change, seen: Observed) -> frozenset[str]:
    if change.kind is Kind.UNIT:
        held = seen.fields.get("parent")
        moves = change.op is Op.REMOVE or any(item.name == "parent" for item in change.fields)
        return frozenset({draft.names.subject(Kind.UNIT, str(held))}) if held and moves else frozenset()
    spec = draft.terms.fields[Kind.PERSON].get("departments")
    before = draft.names.translate("departments", seen.fields.get("departments"), spec) if spec is not None else None
    if change.op is Op.REMOVE:
        return units_of(before)
    return next(
        (units_of(before) - units_of(item.after) for item in change.fields if item.name == "departments"), frozenset()
    )
