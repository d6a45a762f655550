"""What came of a change, and what is told of it to others. Frozen values; nothing here decides.

An outcome is a value and is matched: `Applied | Pending | Deferred | Rejected`. Only `Applied` is success.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from syncd.core.errors import Problem
from syncd.core.model import FieldChange, Kind, Observed, SubjectId, TargetId
from syncd.core.values import Values

# --- what came of a change ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The target confirmed the change. `detail` says how where it matters (`adopted`, `already so`, `read back`)."""

    target_id: TargetId
    detail: str = ""
    learned: Values = field(default_factory=dict)
    """Fields that the target made up and told in its answer (a `unionid`)."""
    seen: Observed | None = None
    """Of a look, the object as it is; None if there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """The target accepted the change, and it waits for somebody else (an invitation). Look again at or after `review_at`."""

    target_id: TargetId | None
    problem: Problem
    review_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred:
    """Nothing was changed; the same change may succeed after `retry_at`."""

    problem: Problem
    retry_at: datetime
    read_back: bool = False
    """The change may have been made after all, and reading back failed too: the next attempt reads back first."""
    whole_target: bool = False
    """True when the cause is not this subject (outage, quota, missing permission): its attempts are not counted, unless
    others are answered meanwhile."""
    one_interface: bool = False
    """With `whole_target`: the cause is one interface of the target, as far as it can tell; others may work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The target refuses this change of this subject for good. It is parked until its record, rule or settings change."""

    problem: Problem
    gone: bool = False
    """True when the object that was to be changed is not there: who plans next has to know."""


Outcome = Applied | Pending | Deferred | Rejected


# --- what is told to others -----------------------------------------------------------------------------------------


class FactType(StrEnum):
    """What happened to whom, in words that consumers act on."""

    JOINED = "joined"
    MOVED = "moved"
    CHANGED = "changed"
    MANAGER_CHANGED = "manager_changed"
    LEFT = "left"
    UNIT_CREATED = "unit_created"
    UNIT_CHANGED = "unit_changed"
    UNIT_MOVED = "unit_moved"
    UNIT_REMOVED = "unit_removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that was confirmed. `sequence` grows by at least one with each fact, in the order of confirmation."""

    sequence: int
    at: datetime
    type: FactType
    subject: SubjectId
    kind: Kind
    target_id: TargetId
    label: str
    fields: tuple[FieldChange, ...] = ()
