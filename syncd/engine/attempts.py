"""Attempts at changes: under way, finished, and counted. Values only; nothing here calls, settles or stores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from syncd.core.model import Change, Op, SubjectId
from syncd.core.outcome import Applied, Outcome
from syncd.engine.quarantine import Told, attempt
from syncd.store.rows import QueuedChange


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A change that is under way, as it was sent."""

    queued: QueuedChange
    wire: Change
    began: datetime
    asked: bool
    """Whether the target is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A change that was tried, and what came of it."""

    call: Call
    outcome: Outcome

    @property
    def queued(self) -> QueuedChange:
        return self.call.queued

    @property
    def wire(self) -> Change:
        return self.call.wire

    @property
    def was_there(self) -> bool:
        """Tell of a creation whether it may have met an object that an earlier one made, which may have said more."""
        if self.wire.op is not Op.CREATE:
            return False
        return self.queued.again or (isinstance(self.outcome, Applied) and bool(self.outcome.detail))

    def told(self, interface: Callable[[Change], str], now: datetime) -> Told | None:
        """Return what it says of the target; None where the target was not asked."""
        if not self.call.asked:
            return None
        change = self.queued.change
        tried = attempt(change, interface(change), self.outcome, began=self.call.began, ended=now)
        return Told(tried=tried, before=self.queued.problem is not None) if tried is not None else None


@dataclass(slots=True)
class Tally:
    """What came of the changes of one drain; only `confirmed` is success."""

    confirmed: Counter[str] = field(default_factory=Counter)
    """By op and kind, such as `create person`."""
    deferred: int = 0
    rejected: int = 0
    pending: int = 0
    attempts: int = 0
    troubles: dict[SubjectId, tuple[str, str]] = field(default_factory=dict)
    """Label and problem of each subject whose last attempt did not succeed."""

    @property
    def done(self) -> int:
        return sum(self.confirmed.values())
