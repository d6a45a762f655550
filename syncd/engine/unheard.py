"""What became of changes of which nobody heard: looked at where nothing that comes later would find out, and then told.

What a dead process was at, and a change whose answer was lost, is read back by the next attempt, and by whatever takes its
place. But what takes its place may say nothing of it: somebody who was to go is back and nothing differs, a title is again what
it was. Then a look is queued, which belongs to no plan and is superseded by none. Whoever turns out to be gone, to be otherwise,
or to be there after all is planned for again. Nothing here asks the target.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from syncd.audit.entries import EntryType
from syncd.core.model import Change, ChangeId, Kind, Link, LinkState, Op, RunId, SubjectId, TargetId
from syncd.core.outcome import Applied, Deferred, Rejected
from syncd.core.ports import Target
from syncd.core.values import is_empty
from syncd.engine import drift_judging
from syncd.engine.attempts import Finished
from syncd.engine.claiming import intent
from syncd.engine.drift_judging import News
from syncd.engine.rivals import only_one_has, try_again
from syncd.engine.world import World
from syncd.store import Transaction
from syncd.store.rows import QueueState
from syncd.structured import structlog

log = structlog.get_logger(__name__)

_TELLS: Final = frozenset({Op.CREATE, Op.REMOVE, Op.OFFBOARD})
"""What comes after one of these is found by it, or does not matter any more."""
_NOT_LOOKED_AT: Final = frozenset({Op.CREATE, Op.WRITE_BACK})
"""An unanswered creation stays until it is read back; what is written back is a source's."""
_RANK: Final = 0
"""Before everything: whoever waits for the subject waits for the truth."""


async def recover(world: World) -> list[ChangeId]:
    """Hand back changes that a dead process was at: their outcome is unknown, so they are read back before anything else."""

    def take_back(tx: Transaction) -> list[ChangeId]:
        now = world.now()
        left = tx.queue.interrupted(at=now)
        entries = [
            replace(intent(queued), type=EntryType.UNKNOWN, reason="the process ended before the outcome was known")
            for queued in left
        ]
        world.audit.append(tx, entries, at=now)
        return [queued.id for queued in left]

    left = await world.store.do(take_back)
    if left:
        log.warning("queue.recovered", changes=len(left))
    return left


# --- before: what would be forgotten -----------------------------------------------------------------------------------


def look(tx: Transaction, run_id: RunId, ended: Sequence[ChangeId], now: Collection[Change], *, at: datetime) -> None:
    """Have those looked at of whom one of the changes that have `ended` may have happened, where none of those of `now` tells."""
    if ended and (some := tx.queue.unheard(ended)):
        told = _told({one.subject for one in some}, now)
        looks = {one.subject: _look(one) for one in some if not _finds_out(one, told[one.subject])}
        tx.queue.look(run_id, list(looks.values()), at=at)


def _told(subjects: Collection[SubjectId], now: Iterable[Change]) -> dict[SubjectId, list[Change]]:
    found: dict[SubjectId, list[Change]] = defaultdict(list)
    for one in now:
        if one.subject in subjects:
            found[one.subject].append(one)
    return found


def _finds_out(ended: Change, later: Sequence[Change]) -> bool:
    """Tell whether what comes later, which is read back first, meets all that a change may have done."""
    if ended.op in _NOT_LOOKED_AT or ended.target_id is None or any(one.op in _TELLS for one in later):
        return True
    if ended.op is Op.REMOVE:
        return bool(later)
    return {item.name for item in ended.fields} <= {item.name for one in later for item in one.fields}


def _look(ended: Change) -> Change:
    reason = f"nobody heard what came of an earlier change ({ended.op})"
    return replace(ended, op=Op.LOOK, reason=reason, effects=(), rank=_RANK, fields=(), needs=(), after=(), since=None)


# --- after: what has been found ----------------------------------------------------------------------------------------


def settled(tx: Transaction, world: World, target: Target, finished: Sequence[Finished], *, at: datetime) -> None:
    """Have planned for again who is not as was thought, now that these are settled."""
    found = [done for done in finished if done.was_there]
    if found:
        _known_at_last(tx, target, found, at=at)
    for done in finished:
        if done.wire.op is Op.LOOK and isinstance(done.outcome, Applied):
            _seen(tx, world, target, done, at=at)
        elif isinstance(done.outcome, Rejected) and done.outcome.gone:
            _gone(tx, world, target, done.wire, at=at)
        elif isinstance(done.outcome, Deferred) and done.outcome.read_back:
            _overtaken(tx, done, at=at)


def _known_at_last(tx: Transaction, target: Target, found: Collection[Finished], *, at: datetime) -> None:
    """Have those looked at whose creation met what an earlier one made, and have tried again what others were refused.

    Whoever it was made for may have left while nobody knew of it. And it may have held what others want: no plan knew whom they
    wait for, so none would see that it has been given up.
    """
    tx.marks.add({done.wire.subject for done in found}, reason="a creation was read back", at=at)
    if any(isinstance(done.outcome, Applied) for done in found):
        _try_refused(tx, target, at=at)


def _try_refused(tx: Transaction, target: Target, *, at: datetime) -> None:
    """Have everybody tried again who was refused, and takes what only one may have."""
    try_again(tx, lambda change: _takes(change, only_one_has(change.kind, target)), at=at)


def _takes(change: Change, only: Collection[str]) -> bool:
    return any(item.name in only and not is_empty(item.after) for item in change.fields)


def _seen(tx: Transaction, world: World, target: Target, done: Finished, *, at: datetime) -> None:
    """What was seen is kept by now. Whoever is gone is planned for as such."""
    outcome = done.outcome
    if isinstance(outcome, Applied) and outcome.seen is None:
        _gone(tx, world, target, done.wire, at=at)
    tx.marks.add({done.wire.subject}, reason="an object was looked at", at=at)


def _gone(tx: Transaction, world: World, target: Target, wire: Change, *, at: datetime) -> None:
    """Somebody's object is not there: we removed it and nobody heard of it, or somebody did so by hand."""
    name, id_ = world.target_name, wire.target_id
    if id_ is None:
        return
    if not _removed_by_us(tx, wire.subject):
        news = News(kind=wire.kind, target_id=id_, now=None, event_at=at, how="write")
        drift_judging.learn(tx, world, target, [news])
        return
    tx.observed.drop(name, wire.kind, id_)
    link = tx.links.get_many(name, [wire.subject]).get(wire.subject)
    if link is not None and (link.kind, link.target_id) == (wire.kind, id_):
        tx.links.put_many(name, [_over(link, wire.kind, id_, at)])
    tx.marks.add({wire.subject}, reason="a removal was read back", at=at)
    _try_refused(tx, target, at=at)


def _over(link: Link, kind: Kind, id_: TargetId, at: datetime) -> Link:
    return replace(link, kind=kind, target_id=id_, state=LinkState.REMOVED, since=at)


def _removed_by_us(tx: Transaction, subject: SubjectId) -> bool:
    """Tell whether the last thing that was done to somebody's object, apart from what was refused, may have been its removal."""
    for one in tx.queue.for_subject(subject):
        if one.state is QueueState.DONE and one.change.op is not Op.LOOK:
            return one.change.op is Op.REMOVE
        if one.change.op is Op.REMOVE and one.again:
            return True
    return False


def _overtaken(tx: Transaction, done: Finished, *, at: datetime) -> None:
    """What was under way while a newer plan was made has been superseded by it now."""
    queued = done.queued
    row = tx.queue.get(queued.id)
    if row is not None and row.state is QueueState.SUPERSEDED:
        open_ = {QueueState.READY, QueueState.PENDING, QueueState.PARKED}
        later = [one.change for one in tx.queue.for_subject(done.wire.subject) if one.state in open_]
        look(tx, queued.run_id, [queued.id], later, at=at)


__all__ = ["look", "recover", "settled"]
