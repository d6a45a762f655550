"""The nouns of alerts: what was found, one case of it from the first look to its end, silences, and messages on their way.

Frozen values; `syncd.alerts` decides, `syncd.store` keeps, the engine delivers. Nothing here judges or knows a clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from syncd.core.ports import Alert


class Severity(StrEnum):
    """How much it matters: `critical` wakes somebody at night, `warning` waits for the morning, `info` is good to know."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Stage(StrEnum):
    """Where a case stands."""

    PENDING = "pending"
    """Seen, but not yet for as long as its rule asks."""
    OPEN = "open"
    RESOLVED = "resolved"


class News(StrEnum):
    """Why a message is sent."""

    OPENED = "opened"
    CHANGED = "changed"
    """Something joined what the alert is about."""
    REPEATED = "repeated"
    ESCALATED = "escalated"
    """Nobody acknowledged it in time."""
    RESOLVED = "resolved"
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing that a rule found: a source that is silent, a hold that waits."""

    id: str
    """Tells it from others that the same rule finds: a source's name, a hold's id; empty where there is one only."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """By what it can be grouped and explained: `source`, `target`, `interface`, `hold`, `name`, `channel`."""
    since: datetime | None = None
    """Since when it is so, where the health says it."""
    words: Mapping[str, str] = field(default_factory=dict)
    """What fills the braces of its text."""
    who: tuple[str, ...] = ()
    """People and departments concerned, by label; shown only where `alerts.personal_data` permits."""
    number: int = 0
    """How many are concerned, `who` and others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """Somebody has taken a case up: no repetition and no escalation until it ends."""

    by: str
    at: datetime
    until: datetime | None = None
    """When it counts no longer; None: until the case is over."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One problem, from its first sight to its end. The same problem later is another episode of the same key."""

    key: str
    """The rule and what it is about, at most 255 characters."""
    rule: str
    severity: Severity
    stage: Stage
    episode: int
    since: datetime
    """Since when it is so, as far as known."""
    seen_at: datetime
    """When this episode was first seen."""
    found: tuple[Found, ...]
    opened_at: datetime | None = None
    gone_at: datetime | None = None
    """Since when an open case is not seen any more; it is resolved when that has lasted."""
    resolved_at: datetime | None = None
    told: Mapping[str, datetime] = field(default_factory=dict)
    """Channels to which messages were made in this episode, with the time of the last one."""
    told_at: datetime | None = None
    """When the last message to the ordinary channels was made."""
    told_ids: tuple[str, ...] = ()
    """What that message was about."""
    messages: int = 0
    """Messages made in this episode: numbers their keys."""
    escalated_at: datetime | None = None
    acknowledged: Acknowledgement | None = None
    explained_at: datetime | None = None
    """When another open case last explained this one."""
    hushed: str = ""
    """Why nobody is told at the moment, for people; empty where nothing keeps it back."""
    openings: tuple[datetime, ...] = ()
    """When it came lately, earlier episodes included: what comes and goes is held open for longer."""

    @property
    def number(self) -> int:
        """Return how many are concerned."""
        return sum(one.number for one in self.found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Somebody does not want to hear of some cases for a while. They go on, and are told afterwards if they still are."""

    id: str
    matching: str
    """A rule's name or a case's key, with `*` as a wildcard."""
    by: str
    reason: str
    at: datetime
    until: datetime


class NoteState(StrEnum):
    """Where a message stands. Nothing leaves WAITING unseen: each end is kept and shown by `syncd alerts history`."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    OVERTAKEN = "overtaken"
    """A newer message about the same case went out instead."""
    WITHDRAWN = "withdrawn"
    """Its channel is no longer configured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One message on its way to one channel."""

    id: str
    """Made from the case, so that a step that is taken twice makes it once."""
    channel: str
    case: str
    episode: int
    news: News
    alert: Alert
    created_at: datetime
    due_at: datetime
    first: bool = False
    """No message of this episode went to this channel before."""
    state: NoteState = NoteState.WAITING
    attempts: int = 0
    failed_at: datetime | None = None
    """When the first attempt failed."""
    code: str = ""
    """What the last attempt failed with."""
    what: str = ""
    do: str = ""
    settled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deaf:
    """A channel that does not take messages."""

    channel: str
    since: datetime
    attempts: int
    waiting: int
    code: str
    what: str
    do: str


__all__ = [
    "Acknowledgement",
    "Case",
    "Deaf",
    "Found",
    "News",
    "Note",
    "NoteState",
    "Severity",
    "Silence",
    "Stage",
]
