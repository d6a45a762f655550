"""The queue of accepted changes. Never talks to the target and never retries by itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from syncd.core.model import LANES, Change, ChangeId, Lane, RunId, SubjectId
from syncd.store.rows import Accepted, Blocked, QueueCounts, QueuedChange, QueueState, Settlement


class Queue:
    """Accepted changes and where they stand."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def accept(self, run_id: RunId, changes: Sequence[Change], *, at: datetime) -> Accepted:
        """Queue a plan's changes. Waiting ones of the same subjects are superseded, except equal ones, which stay as they are."""
        raise NotImplementedError

    def supersede(self, subjects: Iterable[SubjectId], *, at: datetime) -> list[ChangeId]:
        """End the ready, pending and parked changes of these subjects."""
        raise NotImplementedError

    def supersede_absent(self, present: Collection[SubjectId], *, at: datetime) -> list[ChangeId]:
        """End the ready and parked changes of every subject not in `present`. Pending ones stay."""
        raise NotImplementedError

    def claim(self, now: datetime, limit: int, *, lanes: Sequence[Lane] = LANES) -> list[QueuedChange]:
        """Take up to `limit` due changes, lanes in this order, then rank, then age; they are RUNNING afterwards."""
        raise NotImplementedError

    def settle(self, settlement: Settlement, *, at: datetime) -> None:
        """Note what became of a running change."""
        raise NotImplementedError

    def settle_many(self, settlements: Sequence[Settlement], *, at: datetime) -> None:
        """The same for many, in a few statements."""
        raise NotImplementedError

    def interrupted(self, *, at: datetime) -> list[QueuedChange]:
        """Make changes left running by a dead process ready again, with `again`; call it once, at start, alone."""
        raise NotImplementedError

    def retry(self, ids: Iterable[ChangeId], *, at: datetime) -> list[ChangeId]:
        """Make waiting (also parked) changes due now, attempts at 0. Returns those that were."""
        raise NotImplementedError

    def drop(self, ids: Iterable[ChangeId], *, at: datetime) -> list[ChangeId]:
        """Take waiting changes out. Returns those that were."""
        raise NotImplementedError

    def get(self, change_id: ChangeId) -> QueuedChange | None:
        """Return one."""
        raise NotImplementedError

    def standing(self, *states: QueueState, limit: int = 1000) -> list[QueuedChange]:
        """Return changes in these states (all open ones if none is named), in the order of service."""
        raise NotImplementedError

    def parked(self) -> list[QueuedChange]:
        """Return the parked changes."""
        raise NotImplementedError

    def for_subject(self, subject: SubjectId, *, limit: int = 50) -> list[QueuedChange]:
        """Return a subject's changes, newest first."""
        raise NotImplementedError

    def counts(self, now: datetime) -> QueueCounts:
        """Count."""
        raise NotImplementedError

    def blocked(self, *, limit: int = 1000) -> list[Blocked]:
        """Return the ready changes that wait for a parked one."""
        raise NotImplementedError

    def next_due_at(self) -> datetime | None:
        """Return when the next change becomes due, past times included; None if none waits for a time only."""
        raise NotImplementedError
