"""What the queue gives and takes: where a change stands, what became of it, how many wait. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from syncd.core.model import Change, ChangeId, RunId, SubjectId
from syncd.store.told import Told


class QueueState(StrEnum):
    """Where a change stands. READY, RUNNING and PENDING are open; PARKED waits for a person; the others are over."""

    READY = "ready"
    """Waits for its turn, or for `due_at`."""
    RUNNING = "running"
    """Handed to the writer. Left so by a process that died: see `Queue.interrupted`."""
    PENDING = "pending"
    """The platform took it and waits for somebody; it is claimed again, with `again`, at `due_at`."""
    PARKED = "parked"
    """Refused for good, until its record, rule or settings change or an operator retries it."""
    DONE = "done"
    SUPERSEDED = "superseded"
    """A later plan wants something else."""
    DROPPED = "dropped"
    """An operator took it out."""


OPEN_STATES: Final = (QueueState.READY, QueueState.RUNNING, QueueState.PENDING)
WAITING_STATES: Final = (QueueState.READY, QueueState.PENDING, QueueState.PARKED)
"""What a later plan supersedes: everything that is neither over nor in the writer's hands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedChange:
    """An accepted change and where it stands. `id` is also the idempotency key for the target."""

    id: ChangeId
    run_id: RunId
    change: Change
    state: QueueState
    attempt: int
    """Counted attempts so far: 0 before the first. The writer counts, in its `Settlement`."""
    due_at: datetime
    again: bool
    """An earlier attempt may have reached the platform: read back before writing."""
    problem: Told | None
    created_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What became of one running change.

    READY and PENDING need `due_at`. If a newer plan waits for the same subject already, READY, PENDING and PARKED become
    SUPERSEDED, and `again` passes to the newer changes.
    """

    change_id: ChangeId
    subject: SubjectId
    state: QueueState
    attempt: int
    due_at: datetime | None = None
    problem: Told | None = None
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What `Queue.accept` did with a plan's changes."""

    ids: tuple[ChangeId, ...]
    """One id per change, in the order given. An equal change that waited already keeps its id, attempts and due time."""
    kept: frozenset[ChangeId]
    """Those of `ids` that were there before."""
    superseded: tuple[ChangeId, ...]
    """Earlier changes of the same subjects that are over now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """A ready change that cannot run because another one is parked."""

    change_id: ChangeId
    subject: SubjectId
    label: str
    by: ChangeId
    by_subject: SubjectId
    by_label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCounts:
    """How many changes stand where. `due` are the ready and pending ones whose time has come; `blocked` wait for parked ones."""

    ready: int = 0
    running: int = 0
    pending: int = 0
    parked: int = 0
    due: int = 0
    blocked: int = 0

    @property
    def open(self) -> int:
        """Return how many changes are not over and not parked."""
        return self.ready + self.running + self.pending
