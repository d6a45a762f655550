"""How the whole stands, for `syncd status`: does a service run, how fresh and how right is the target, what waits, and what of
that needs somebody. It judges what health says; it reads nothing itself, but who holds the service's lock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from syncd.cli.exit_codes import ExitCode
from syncd.core.errors import Problem, message
from syncd.core.health import Failure, Health
from syncd.core.values import moment
from syncd.store import holding
from syncd.store.rows import Holder

RESTORED: Final = message(
    "CLI-117",
    what="The state was put back from a backup {ago}, and not everything has been read again; nothing is written till then.",
    do="Run `syncd plan` and look at it, then `syncd sync --accept`. If a source cannot be read, mend that first.",
    example="syncd db restore, then syncd status",
)
FORMER: Final = message(
    "CLI-234",
    what="The source {name} is no longer in syncd.yaml, and {count} of it stand still: nobody leaves by that.",
    do="If it is called otherwise now: `syncd sources rename {name} NEW --reason …`. If it is not needed any more: "
    "`syncd sources forget {name} --reason …`; whom no other source knows leaves then.",
    example="a source that was taken out of syncd.yaml",
)
CLOCK: Final = message(
    "CLI-118",
    what="The clock of this machine jumped from {before} to {after}; nothing is written while that is so.",
    do="Set the clock right (timedatectl). If it is right now: syncd db trust-clock --reason '…'.",
    example="date --set '+40 days' while the service runs",
)
NOT_LOADED: Final = message(
    "CLI-119",
    what="The configuration on disk does not load since {since}, so the service works with the last good one: {what}",
    do="`syncd check` tells every mistake with its place. The service takes the file up by itself once it is right.",
    example="a rule file that was saved half-edited",
)
FAILING: Final = message(
    "CLI-180",
    what="{whom} has failed {times} since {since}: {what}",
    do="{do}",
    example="a directory whose certificate has ended",
)
LATE: Final = message(
    "CLI-181",
    what="{count} should have lost access already: {who}.",
    do="`syncd queue list` says what keeps the target from it. Until then close their accounts by hand.",
    example="the target is unreachable, and somebody's last day is over",
)
NO_ROOM: Final = message(
    "CLI-182",
    what="The disk of the state is nearly full: {free} MB are free, and the state has {size} MB.",
    do="Make room there. When it is full nothing is written any more, and nothing is lost.",
    example="backups on the same small disk as the state",
)
LEFT_ALONE: Final = message(
    "CLI-184",
    what="Target {target} is left alone until {until}, because most calls fail since {since}: {what}",
    do="{do} Nothing is lost: changes wait, single ones are tried from time to time, leavers first. `syncd sync` tries at once.",
    example="the network is down, or the application was stopped",
)
INTERFACE_ALONE: Final = message(
    "CLI-185",
    what="The interface {interface} of the target is left alone until {until}, because it fails since {since}: {what}",
    do="{do} Changes that need other interfaces are written. `syncd sync` tries it at once.",
    example="the application lost the permission to create people",
)
LEAST_FREE: Final = 200_000_000
"""Bytes. The write-ahead log of a first run takes about as much for 100,000 people."""
RESTORED_KEY: Final = "state.restored"
AHEAD_KEY: Final = "clock.ahead"
BACKUP_KEY: Final = "backup.last"
"""Keys of `syncd.engine.trust` and `syncd.cli.upkeep`, repeated because importing those would cost more than the command may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """From the source's own change to the target's confirmation, of the last confirmed changes."""

    count: int
    median: timedelta
    p99: timedelta

    @classmethod
    def of(cls, delays: tuple[timedelta, ...]) -> Delays | None:
        """Return the figures; None where nothing was confirmed yet."""
        if not delays:
            return None
        ordered = sorted(delays)
        return cls(count=len(ordered), median=ordered[len(ordered) // 2], p99=ordered[len(ordered) * 99 // 100])


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """The figures of the whole."""

    service: Holder | None = None
    """Who runs as the service; None: nobody, or that cannot be seen from here."""
    next_at: datetime | None = None
    """When the next cycle is due at the latest, if a service runs."""
    people: int = 0
    linked: int = 0
    agreeing: int = 0
    delays: Delays | None = None
    confirmed_at: datetime | None = None
    oldest_at: datetime | None = None
    by_lane: Mapping[str, int] = field(default_factory=dict)
    failing: int = 0
    leavers_late: int = 0
    config_failing: Failure | None = None
    disk_free: int | None = None
    database_bytes: int | None = None
    backup_at: datetime | None = None
    restored_at: datetime | None = None


def condition(health: Health, meta: Mapping[str, str], file: Path | None) -> Condition:
    """Return the figures that the screen shows."""
    service = holding.holder(file, holding.SERVICE) if file is not None else None
    backup, restored = meta.get(BACKUP_KEY, ""), meta.get(RESTORED_KEY, "")
    return Condition(
        service=service,
        next_at=health.next_at if service is not None else None,
        people=health.people,
        linked=health.linked,
        agreeing=health.agreeing,
        delays=Delays.of(health.delays),
        confirmed_at=health.target.confirmed_at if health.target else None,
        oldest_at=health.queue.oldest_at,
        by_lane={str(lane): number for lane, number in health.queue.by_lane.items()},
        failing=health.queue.failing,
        leavers_late=health.queue.leavers_late,
        config_failing=health.config_failing,
        disk_free=health.disk_free,
        database_bytes=health.database_bytes,
        backup_at=moment(backup.split()[0]) if backup else None,
        restored_at=moment(restored.split()[0]) if restored else None,
    )


def findings(health: Health, meta: Mapping[str, str], now: datetime) -> Iterator[tuple[ExitCode, Problem]]:
    """Yield what needs somebody, each with the exit code that says so."""
    from syncd.cli.telling.words import count, relative, some

    if restored := meta.get(RESTORED_KEY):
        yield ExitCode.HELD, RESTORED.at(ago=relative(moment(restored.split()[0]), now))
    if ahead := meta.get(AHEAD_KEY):
        before, _, after = ahead.partition(" ")
        yield ExitCode.HELD, CLOCK.at(before=before, after=after)
    if bad := health.config_failing:
        yield ExitCode.PARKED, NOT_LOADED.at(since=relative(bad.since, now), what=bad.what)
    yield from _failing(health, now)
    yield from _left_alone(health, now)
    if health.queue.leavers_late:
        whom = count(health.queue.leavers_late, "leaver")
        yield ExitCode.TARGET, LATE.at(count=whom, who=some(health.queue.late_labels))
    if health.disk_free is not None and health.disk_free < LEAST_FREE:
        free, size = health.disk_free // 1_000_000, (health.database_bytes or 0) // 1_000_000
        yield ExitCode.PARKED, NO_ROOM.at(free=free, size=size)


def _left_alone(health: Health, now: datetime) -> Iterator[tuple[ExitCode, Problem]]:
    from syncd.cli.telling.words import relative, when

    target = health.target
    if target is None:
        return
    if target.quarantine_until is not None and (why := target.quarantine_why) is not None:
        words = {"since": relative(why.since, now), "what": why.what, "do": why.do}
        yield ExitCode.TARGET, LEFT_ALONE.at(target=target.name, until=when(target.quarantine_until, now), **words)
    for interface, why in target.circuits_why.items():
        words = {"since": relative(why.since, now), "what": why.what, "do": why.do}
        until = when(target.circuits[interface], now)
        yield ExitCode.TARGET, INTERFACE_ALONE.at(interface=interface, until=until, **words)


def _failing(health: Health, now: datetime) -> Iterator[tuple[ExitCode, Problem]]:
    from syncd.cli.telling.words import count, relative

    whom = [(ExitCode.SOURCE, f"Source {one.name}", one.failing) for one in health.sources]
    if health.target is not None:
        whom.append((ExitCode.TARGET, f"Target {health.target.name}", health.target.failing))
    whom.append((ExitCode.PARKED, "The audit log", health.audit_failing))
    for code, name, failure in whom:
        if failure is not None:
            words = {"times": count(failure.times, "time"), "since": relative(failure.since, now)}
            yield code, FAILING.at(whom=name, what=failure.what, do=failure.do, **words)
