"""What consumers hear of a confirmed change. Pure; it stores and delivers nothing.

A fact says what was really written, not what was planned. Who joins is told whole, so that the facts alone say who somebody is
(`syncd.core.census`): also people who were there before us, and those who come back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from syncd.core.difference import units_of
from syncd.core.model import HOLDING_UNIT, Change, Effect, FieldChange, Kind, Link, LinkState, Observed, Op, TargetId
from syncd.core.outcome import Fact, FactType

Whole = Callable[[Observed], tuple[FieldChange, ...]]
"""Says an object's fields as if each had just been written: references as subjects."""
_UNHEARD_OF: Final = frozenset({LinkState.OFFBOARDED, LinkState.PENDING})
"""Links of people whom consumers take for gone, or have not heard of yet."""


def facts_of(
    change: Change,
    target_id: TargetId,
    sent: tuple[FieldChange, ...],
    *,
    link: Link | None,
    observed: Observed | None,
    whole: Whole,
    now: datetime,
) -> tuple[Fact, ...]:
    """Return what to tell. `link` is as it was before the change, `observed` the object as it is after it."""
    unheard_of = change.op is Op.ADOPT or (link is not None and link.state in _UNHEARD_OF)
    fields = whole(observed) if unheard_of and observed is not None and change.op is not Op.OFFBOARD else sent
    return tuple(
        Fact(
            sequence=0,
            at=now,
            type=type_,
            subject=change.subject,
            kind=change.kind,
            target_id=target_id,
            label=change.label,
            fields=fields,
        )
        for type_ in _types(change, sent, link)
    )


def _types(change: Change, sent: tuple[FieldChange, ...], link: Link | None) -> Sequence[FactType]:
    if change.subject == HOLDING_UNIT or change.kind in (Kind.GROUP, Kind.CONTACT):
        # Our own device, nobody's department; who has a role is said of the people; a contact is no member of the company.
        return ()
    unit, state = change.kind is Kind.UNIT, link.state if link is not None else None
    match change.op:
        case Op.CREATE | Op.ADOPT:
            return (FactType.UNIT_CREATED if unit else FactType.JOINED,)
        case Op.OFFBOARD:
            return () if state is LinkState.PENDING else (FactType.LEFT,)
        case Op.REMOVE if unit:
            return (FactType.UNIT_REMOVED,)
        case Op.REMOVE:
            return () if state in _UNHEARD_OF else (FactType.LEFT,)
        case _ if state in _UNHEARD_OF:
            return (FactType.JOINED,)
        case _ if unit and sent:
            return (FactType.UNIT_MOVED if Effect.UNIT_MOVE in change.effects else FactType.UNIT_CHANGED,)
        case _:
            return _of_person(sent)


def _of_person(sent: tuple[FieldChange, ...]) -> Sequence[FactType]:
    found: list[FactType] = []
    for item in sent:
        if item.name == "departments" and units_of(item.before) != units_of(item.after):
            found.append(FactType.MOVED)
        elif item.name == "manager":
            found.append(FactType.MANAGER_CHANGED)
        elif FactType.CHANGED not in found:
            found.append(FactType.CHANGED)
    return found
