"""Is what syncd knows and does fresh enough? Pure: a health and limits in, reasons why not out. It restarts and alerts
nobody.

A process that runs and does nothing is the failure that counts here. What only concerns some people (a parked change, a
hold) makes nobody unready; nor does a configuration on disk that does not load, because the last good one runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from syncd.config.durations import spelled
from syncd.config.parts import ScheduleSettings
from syncd.config.web import MonitoringSettings
from syncd.core.errors import Problem, foreign
from syncd.core.health import Failure, Health, SourceHealth
from syncd.web import messages

_LEAST: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How old things may be."""

    run: timedelta
    read: timedelta
    proven: timedelta


def freshness(monitoring: MonitoringSettings, schedule: ScheduleSettings) -> Freshness:
    """Return the limits of the settings; those that are not given follow from the schedule."""
    run = monitoring.run_within or max(3 * (schedule.every + schedule.jitter), _LEAST)
    return Freshness(
        run=run,
        read=monitoring.read_within or run,
        proven=monitoring.proven_within or 2 * schedule.full_every + timedelta(hours=1),
    )


def reasons(health: Health, limits: Freshness) -> tuple[Problem, ...]:
    """Return why syncd is not ready; none if it is."""
    return (
        *_run(health, limits),
        *(each for one in health.sources for each in _source(one, health.at, limits)),
        *_can(health),
    )


def _run(health: Health, limits: Freshness) -> Iterator[Problem]:
    if health.run_at is None:
        yield messages.NEVER_RUN.at()
    elif health.at - health.run_at > limits.run:
        yield messages.NO_RUN.at(age=_age(health.run_at, health.at), limit=spelled(limits.run))


def _source(source: SourceHealth, now: datetime, limits: Freshness) -> Iterator[Problem]:
    """Before its first read, that no synchronization has ended well is reason enough."""
    for told, at, limit in (
        (messages.NOT_READ, source.read_at, limits.read),
        (messages.NOT_PROVEN, source.proven_at, limits.proven),
    ):
        if at is not None and now - at > limit:
            yield told.at(source=source.name, age=_age(at, now), limit=spelled(limit))


def _can(health: Health) -> Iterator[Problem]:
    for told, failing in (
        (messages.AUDIT_FAILS, health.audit_failing),
        (messages.STORE_FAILS, health.database_failing),
    ):
        if failing is not None:
            yield told.at(age=_since(failing, health.at), code=failing.code)
    target = health.target
    if target is not None and target.quarantine_until is not None and target.quarantine_until > health.at:
        yield messages.QUARANTINED.at(target=foreign(target.name))


def _since(failing: Failure, now: datetime) -> str:
    return _age(failing.since, now)


def _age(at: datetime, now: datetime) -> str:
    """Return the two largest units: `2d4h`, `15m`."""
    seconds = max(int((now - at).total_seconds()), 0)
    unit = next((each for each in (86_400, 3_600, 60) if seconds >= each), 1)
    smaller = {86_400: 3_600, 3_600: 60}.get(unit, unit)
    return spelled(timedelta(seconds=seconds - seconds % smaller))
