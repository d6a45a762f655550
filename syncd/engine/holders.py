"""No object has two owners: what a change is said to have made or adopted may be somebody else's. Decides, and writes nothing.

An account that is found when an answer was lost can be that of somebody who leaves, whose number is the new one's: whoever
looked for it at the target knows accounts and no owners. The change waits until the other one has gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from syncd.core.model import Change, Kind, Op, SubjectId, TargetId
from syncd.core.outcome import Applied, Deferred
from syncd.engine.attempts import Finished
from syncd.store import Transaction
from syncd.store.errors import TAKEN

WAIT: Final = timedelta(seconds=5)
"""Until it is looked again whether the other one has gone; the queue's schedule takes over soon."""
_TAKES: Final = frozenset({Op.CREATE, Op.ADOPT})


def one_each(tx: Transaction, target: str, finished: Sequence[Finished], *, now: datetime) -> list[Finished]:
    """Return what was tried, where an object that belongs to somebody else was not taken after all."""
    held = _holders(tx, target, finished)
    return [_judged(done, held, target, now) for done in finished]


def _holders(tx: Transaction, target: str, finished: Iterable[Finished]) -> dict[tuple[Kind, TargetId], SubjectId]:
    wanted: dict[Kind, set[TargetId]] = {}
    for done in finished:
        if done.wire.op in _TAKES and isinstance(done.outcome, Applied):
            wanted.setdefault(done.wire.kind, set()).add(done.outcome.target_id)
    return {
        (kind, target_id): link.subject
        for kind, ids in wanted.items()
        for target_id, link in tx.links.by_objects(target, kind, ids).items()
    }


def _judged(done: Finished, held: dict[tuple[Kind, TargetId], SubjectId], target: str, now: datetime) -> Finished:
    change, outcome = done.wire, done.outcome
    if change.op not in _TAKES or not isinstance(outcome, Applied):
        return done
    holder = held.setdefault((change.kind, outcome.target_id), change.subject)
    if holder == change.subject:
        return done
    return replace(done, outcome=later(change, outcome.target_id, target, holder, now=now, read_back=True))


def later(
    change: Change, target_id: TargetId, target: str, holder: SubjectId, *, now: datetime, read_back: bool
) -> Deferred:
    """Return that a change waits until somebody else has gone, whose object it would take; `read_back` where it may be made."""
    problem = TAKEN.at(kind=change.kind, target_id=target_id, target=target, holder=holder, subject=change.subject)
    return Deferred(problem=problem, retry_at=now + WAIT, read_back=read_back)
