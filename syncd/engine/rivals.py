"""Who has to be planned for together with a few: whoever holds what they take, and whoever waits for what they give up.

A name among siblings or an address has one holder. Whoever was told to take it before its holder was told to give it up has been
refused, or still waits; and two who swap can only do so by steps that a plan for both of them knows (`syncd.core.turns`). So a
plan for a few is widened by those whose own changes are open, and by nobody else: of all others it would say nothing. Nothing
about what is wanted is decided here, and only the store is asked.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from syncd.core.model import Change, Kind, Op, SubjectId
from syncd.core.ports import Target
from syncd.engine.planning import Computed
from syncd.store import Transaction

_PLACE: Final = ("name", "parent")
"""What no two departments have both alike."""


def rivals(
    tx: Transaction, target: Target, made: Computed, chosen: Collection[SubjectId], *, settled: Collection[SubjectId]
) -> set[SubjectId]:
    """Return who else has to be seen by a plan for `chosen`: one step, so that who is found is planned for and asked again.

    Those whose change is in the writer's hands are among them; `settled` are those of the chosen of whom that was so until now,
    who may have given something up.
    """
    found: set[SubjectId] = set()
    for kind in (Kind.UNIT, Kind.PERSON):
        only = only_one_has(kind, target)
        passing = [one for one in made.plan.changes if one.kind is kind and _passes_on(one, only)]
        ahead = {other for one in passing for other in one.after if other.startswith(f"{kind}:")} - set(chosen)
        given = {one.subject for one in passing if one.op is not Op.CREATE}
        given |= {one for one in settled if one.startswith(f"{kind}:")}
        found |= tx.queue.open_of(ahead) if ahead else set()
        waiting = tx.queue.waiting_for(given) if given else []
        found |= {one.subject for one in waiting if one.kind is kind and _passes_on(one, only)}
    return found - set(chosen)


def only_one_has(kind: Kind, target: Target) -> Collection[str]:
    """Return the fields of which no two objects have the same value."""
    if kind is Kind.UNIT:
        return _PLACE
    return [name for name, spec in target.fields.get(kind, {}).items() if spec.unique]


def _passes_on(change: Change, only: Collection[str]) -> bool:
    return change.op is Op.REMOVE or any(item.name in only for item in change.fields)


__all__ = ["only_one_has", "rivals"]
