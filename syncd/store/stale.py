"""Takes back what a state that is older than the world claims to know, so that everything is read and looked at anew.

It forgets certainties, never people: links, records and the audit log stay. What follows from that is for the engine to decide.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, case, delete, text, update

from syncd.store.columns import micros
from syncd.store.rows import HoldState, QueueState
from syncd.store.tables import changes, counters, feed_cursors, holds, meta, reads, runs
from syncd.store.transaction import Transaction

LEAP: Final = 1_000_000
"""By how much every counter goes on: numbers that were given after the backup must not mean something else now."""

_NO_CURSORS: Final = update(reads).values(cursor=None)
_NO_FUTURE: Final = delete(reads).where(reads.c.finished_at > bindparam("now"))
# The audit log keeps when they said that they were; here they would be the last ones for ever.
_NOW: Final = update(runs).where(runs.c.started_at > bindparam("now")).values(started_at=bindparam("now"))
_NOT_SEEN: Final = delete(meta).where(meta.c.key.like("observed.last_full:%"))
_END: Final = (
    update(changes)
    .where(text("state IN ('ready', 'running', 'pending', 'parked')"))
    .values(state=QueueState.SUPERSEDED.value, settled_at=bindparam("now"), waits_for=None)
)
_EARLIER: Final = changes.c.due_at - bindparam("back", type_=changes.c.due_at.type)
_DUE: Final = (
    update(changes)
    .where(text("state IN ('ready', 'pending')"), changes.c.due_at > bindparam("now"))
    .values(due_at=case((bindparam("now") < _EARLIER, _EARLIER), else_=bindparam("now")))
)
_UNTRIED: Final = (
    update(changes)
    .where(text("state = 'ready' AND attempt = 0"), changes.c.due_at > bindparam("now"))
    .values(due_at=bindparam("now"))
)
_NOT_ASKED: Final = delete(meta).where(meta.c.key.like("leavings.%"))
_CLOSE: Final = (
    update(holds)
    .where(holds.c.state.in_([HoldState.OPEN.value, HoldState.RELEASED.value]))
    .values(state=HoldState.DROPPED.value)
)
_UNHEARD: Final = delete(feed_cursors)
_GO_ON: Final = update(counters).values(value=counters.c.value + LEAP)


def forget_all(tx: Transaction, *, at: datetime) -> None:
    """Forget what was certain when an older state was the newest.

    Every source is read in full, and the target looked at as a whole; what waited in the queue is over, because it may have been
    done since; approvals are void; consumers are told everything again.
    """
    now = {"now": micros(at)}
    for statement in (_NO_CURSORS, _NOT_SEEN, _CLOSE, _UNHEARD, _GO_ON):
        tx.connection.execute(statement)
    tx.connection.execute(_END, now)


def forget_future(tx: Transaction, *, at: datetime, back: timedelta) -> None:
    """Forget what a clock that was ahead by `back` left behind: reads that end in the future, and waits that began there. What
    was never tried waits for nothing; what is to be tried again comes earlier by as much, whenever it was tried."""
    tx.connection.execute(_NO_CURSORS)
    tx.connection.execute(_NO_FUTURE, {"now": micros(at)})
    tx.connection.execute(_NOW, {"now": micros(at)})
    tx.connection.execute(_NOT_SEEN)
    tx.connection.execute(_NOT_ASKED)
    tx.connection.execute(_UNTRIED, {"now": micros(at)})
    tx.connection.execute(_DUE, {"now": micros(at), "back": back // timedelta(microseconds=1)})
