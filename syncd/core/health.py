"""How syncd stands at one instant: what status, readiness, metrics and alerts look at. Frozen values; nothing is judged here.

Whoever needs a figure that is missing here adds it here, so that the screen, the page, the metric and the alert never disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from syncd.core.model import Lane, SourceName


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Something that goes wrong: since when, how often in a row, and what was said last."""

    since: datetime
    times: int
    code: str
    """The code of the message, such as `AD-012`."""
    what: str
    do: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHealth:
    """One source."""

    name: SourceName
    read_at: datetime | None
    """When a read of it last ended well, delta or full."""
    proven_at: datetime | None
    """When it was last read in full and proven complete."""
    records: int
    watching: str = ""
    """How changes are noticed right now (`refreshAndPersist`, `DirSync each second`), empty: by the schedule only."""
    failing: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueHealth:
    """The queue."""

    ready: int = 0
    running: int = 0
    pending: int = 0
    parked: int = 0
    blocked: int = 0
    oldest_at: datetime | None = None
    """When the source changed (or, where it does not say, when we noticed) what the oldest open, unparked change is about."""
    by_lane: Mapping[Lane, int] = field(default_factory=dict)
    """Open, unparked changes by lane."""
    failing: int = 0
    """Open changes that have failed at least three times."""
    leavers_late: int = 0
    """Leavers whose change has been open for longer than `leavers.within`."""
    failing_labels: tuple[str, ...] = ()
    """Labels of the first ten changes that `failing` counts."""
    failing_why: Failure | None = None
    """What most of them fail with."""
    late_labels: tuple[str, ...] = ()
    """Labels of the first ten leavers that `leavers_late` counts."""
    parked_labels: tuple[str, ...] = ()
    """Labels of the first ten parked changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetHealth:
    """The target."""

    name: str
    confirmed_at: datetime | None
    """When it last confirmed anything."""
    seen_at: datetime | None
    """When it was last looked at as a whole."""
    quarantine_until: datetime | None = None
    """Not called before, but for a probe; None where it is not in quarantine."""
    quarantine_why: Failure | None = None
    """Since when, and what the last probe failed with."""
    circuits: Mapping[str, datetime] = field(default_factory=dict)
    """Interfaces that are left alone, until when."""
    circuits_why: Mapping[str, Failure] = field(default_factory=dict)
    failing: Failure | None = None
    drifted: int = 0
    """Objects that somebody changed by hand and that wait for a decision."""
    unconfirmed: int = 0
    """People whom we removed more than a day before its own records were last read, and of whom those say nothing."""
    unconfirmed_labels: tuple[str, ...] = ()
    """Labels of the first ten of them."""
    records_failing: Failure | None = None
    """Those records cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Everything, at `at`."""

    at: datetime
    version: str
    started_at: datetime | None
    """When this service started; None outside of it."""
    run_at: datetime | None
    """When a cycle last ended well."""
    next_at: datetime | None
    """When the next cycle is due at the latest."""
    sources: tuple[SourceHealth, ...] = ()
    target: TargetHealth | None = None
    queue: QueueHealth = field(default_factory=QueueHealth)
    delays: tuple[timedelta, ...] = ()
    """From the source's own change to the target's confirmation, of the last confirmed changes, at most 1,000, newest first."""
    confirmed: Mapping[str, int] = field(default_factory=dict)
    """Changes that the target confirmed since the service started, by op and kind (`create person`); empty outside of it."""
    people: int = 0
    """People who are in the org tree and wanted in the target."""
    linked: int = 0
    """Those of them who have an object in the target (coverage)."""
    agreeing: int = 0
    """Those of them whose object is known to be as it should be (accuracy)."""
    aside: int = 0
    """Records that the rules put aside."""
    misplaced: int = 0
    """People who would stand among insiders though they are outsiders, or the other way round; `aside` counts them, too."""
    misplaced_labels: tuple[str, ...] = ()
    """Labels of the first ten of them."""
    undecided: int = 0
    """Records of which a person has to say whose they are; `aside` counts them, too."""
    undecided_labels: tuple[str, ...] = ()
    """Labels of the first ten of them."""
    untold: int = 0
    """Words to managers about joiners that could not be sent three times or more."""
    untold_labels: tuple[str, ...] = ()
    """Labels of the first ten joiners."""
    untold_code: str = ""
    """What most of these words failed with."""
    held: Mapping[str, int] = field(default_factory=dict)
    """Changes that wait for an approval, by hold id."""
    held_since: datetime | None = None
    audit_head: int = 0
    """The sequence of the last audit record."""
    audit_failing: Failure | None = None
    database_failing: Failure | None = None
    """The state cannot be written."""
    config_failing: Failure | None = None
    """The configuration on disk is not the one that runs, because it does not load."""
    disk_free: int | None = None
    """Bytes free where the database lies; None for a server's."""
    database_bytes: int | None = None
    expiring: Mapping[str, datetime] = field(default_factory=dict)
    """Certificates and secrets by what they are for, with when they end."""
    clock_jumps: int = 0
    """How often the clock was seen to jump since the start."""
    alerts: Mapping[str, int] = field(default_factory=dict)
    """Open alerts by severity."""


__all__ = ["Failure", "Health", "QueueHealth", "SourceHealth", "TargetHealth"]
