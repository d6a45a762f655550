"""What wakes the engine: somebody may have changed, here or in the target. A wake says who or when, never what.

Everything is read again and computed again, so a wake that is lost, repeated or out of order corrupts nothing. Frozen values.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from syncd.core.model import Kind, SourceName, TargetId
from syncd.core.values import Values


class WakeReason(StrEnum):
    """Who rang."""

    NOTIFICATION = "notification"
    """The source told it (change notification, refreshAndPersist, persistent search)."""
    POLL = "poll"
    """A cheap look found that something has changed."""
    PUSH = "push"
    """Records were pushed to us (SCIM)."""
    WEBHOOK = "webhook"
    BROKER = "broker"
    CLOCK = "clock"
    WRITTEN = "written"
    """We wrote to the source ourselves: it is read to see what it made of that."""
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wake:
    """A source wants to be read: what changed since its cursor, never only what is named here."""

    source: SourceName
    reason: WakeReason
    event_at: datetime | None = None
    """When it happened, where whoever rang knows; aware UTC. Delay is measured from here."""
    who: tuple[str, ...] = ()
    """Whom it is said to be about, as the sender calls them, at most 100; for `explain` and the log, never relied upon."""
    key: str = ""
    """The sender's id of the event, at most 255 characters: one that comes again is one event. Empty where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """An object of the target was changed by somebody, perhaps by ourselves."""

    kind: Kind
    target_id: TargetId
    at: datetime
    """When, as the target says; aware UTC."""
    key: str
    """The target's id of the event; one that comes again is one event."""
    gone: bool = False
    """The object is no longer there."""
    seen: Values | None = None
    """What the event shows of the fields now, normalised, references as target ids; None where it only names the object."""
    by: str = ""
    """Who did it, in the target's words, where it says so; never logged without `personal_data`."""


__all__ = ["Touched", "Wake", "WakeReason"]
