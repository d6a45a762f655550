"""Who has to be planned for together with a few: whoever holds what they take, and whoever waits for what they give up.

A name among siblings or an address has one holder. Whoever was told to take it before its holder was told to give it up has been
refused, or still waits; and two who swap can only do so by steps that a plan for both of them knows (`syncd.core.turns`). So a
plan for a few is widened by those whose own changes are open, and by nobody else: of all others it would say nothing. Nothing
about what is wanted is decided here, and only the store is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Final

from syncd.core.model import Change, Kind, Observed, Op, SubjectId, TargetId
from syncd.core.outcome import Applied
from syncd.core.ports import Target
from syncd.core.values import Value, is_empty
from syncd.engine.attempts import Finished
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


def freed(
    tx: Transaction,
    target: Target,
    finished: Iterable[Finished],
    before: Mapping[tuple[Kind, TargetId | None], Observed],
    *,
    at: datetime,
) -> None:
    """Have tried again who was refused what somebody has just given up. Who knew whom they wait for is planned for anyway; but
    they may have been refused what nobody knew to be held. `before` is how the objects were."""
    free: set[tuple[str, str]] = set()
    for done in finished:
        seen = before.get((done.wire.kind, done.wire.target_id))
        if seen is not None and isinstance(done.outcome, Applied):
            free |= _given_up(done.wire, seen, target)
    if free:
        try_again(tx, lambda change: any((item.name, _folded(item.after)) in free for item in change.fields), at=at)


def _given_up(change: Change, seen: Observed, target: Target) -> set[tuple[str, str]]:
    only = [name for name in only_one_has(change.kind, target) if change.kind is not Kind.UNIT]
    if change.op is not Op.REMOVE:
        only = [item.name for item in change.fields if item.name in only]
    held = {**seen.fields, "userid": seen.target_id}
    return {(name, _folded(held[name])) for name in only if not is_empty(held.get(name))}


def _folded(value: Value) -> str:
    return str(value).strip().casefold()


def try_again(tx: Transaction, which: Callable[[Change], bool], *, at: datetime) -> None:
    """Have those of the refused changes tried again."""
    tx.queue.retry([one.id for one in tx.queue.parked() if which(one.change)], at=at)


def only_one_has(kind: Kind, target: Target) -> Collection[str]:
    """Return the fields of which no two objects have the same value."""
    if kind is Kind.UNIT:
        return _PLACE
    return [name for name, spec in target.fields.get(kind, {}).items() if spec.unique]


def _passes_on(change: Change, only: Collection[str]) -> bool:
    return change.op is Op.REMOVE or any(item.name in only for item in change.fields)


__all__ = ["freed", "only_one_has", "rivals", "try_again"]
