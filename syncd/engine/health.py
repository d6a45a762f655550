"""How syncd stands, from the state and from what only a running service knows. It asks nobody and judges nothing.

One picture for `syncd status`, readiness, metrics and alerts. It costs what is open in the queue, never what there are people.
Importing it imports neither SQLAlchemy nor a connector.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from syncd.core.health import Failure, Health, QueueHealth, SourceHealth, TargetHealth
from syncd.core.model import Kind, LinkState, Reason, SourceName
from syncd.core.values import moment
from syncd.engine import failures, left_alone
from syncd.store.glance import Ask, Asked, Glance, asking, asking_file, glance
from syncd.store.vitals import Vitals, vitals

if TYPE_CHECKING:
    from syncd.engine.world import World

EXPIRES: Final = "expires:"
"""Before what a certificate or secret is for: the key of the instant at which it ends."""
UNWRITTEN: Final = frozenset({"STO-001", "STO-003", "STO-004", "STO-007", "STO-008", "STO-012"})
"""Messages of `syncd.store.errors`, which needs SQLAlchemy, that say: nothing can be kept."""
_TROUBLING: Final = (Reason.PARKED, Reason.AMBIGUOUS, Reason.FAILED, Reason.MISPLACED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What only the running service knows."""

    started_at: datetime
    next_at: datetime | None = None
    watching: Mapping[SourceName, str] = field(default_factory=dict)
    failing: Mapping[SourceName, Failure] = field(default_factory=dict)
    """Sources that cannot be read or watched; they win over what the state says."""
    target_failing: Failure | None = None
    """What the last work on everybody failed with, where it was no source; a code of `UNWRITTEN`: the state, not the target."""
    clock_jumps: int = 0
    confirmed: Mapping[str, int] = field(default_factory=dict)
    """Changes that the target confirmed since the start, by op and kind, as `Tally.confirmed` has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whom:
    """Whose health is asked for."""

    sources: tuple[str, ...]
    target: str
    every: timedelta | None = None
    """Between two cycles; None where it is not known, and then not when the next one is due."""
    leavers_within: timedelta = timedelta(hours=1)
    file: Path | None = None
    """The database, where it is a file."""


def health(world: World, *, service: Live | None = None, every: timedelta | None = None) -> Health:
    """Return how everything stands now, in one reading of the store. `every` is `schedule.every`."""
    whom = Whom(
        sources=tuple(world.seats),
        target=world.target_name,
        every=every,
        leavers_within=world.leavers.within,
        file=world.store.file,
    )
    with world.store.reading() as tx:
        return health_of(asking(tx), whom, now=world.now(), service=service)


def of_file(file: Path, whom: Whom, *, now: datetime) -> Health:
    """Return the same from an SQLite file, without SQLAlchemy. Raises `syncd.store.glance.Unready`."""
    with asking_file(file) as ask:
        return health_of(ask, whom, now=now)


def health_of(ask: Ask, whom: Whom, *, now: datetime, service: Live | None = None) -> Health:
    """Ask the store, and return how everything stands."""
    seen = glance(ask, Asked(sources=whom.sources, target=whom.target), now)
    counted = vitals(ask, target=whom.target, late=now - whom.leavers_within, file=whom.file)
    return combined(seen, counted, whom, now=now, service=service)


def combined(seen: Glance, counted: Vitals, whom: Whom, *, now: datetime, service: Live | None = None) -> Health:
    """Put what the store knows and what the service knows into one picture."""
    run_at = next((run.finished_at for run in seen.runs if run.finished_at and not _failed(run.result)), None)
    holds = [hold for hold in seen.holds if hold.expires_at > now]
    # A partner who is an external contact is cared for as well as one who has an account.
    people = [seen.links.get(kind, {}) for kind in (Kind.PERSON, Kind.CONTACT)]
    linked = sum(some.get(LinkState.LINKED, 0) for some in people)
    return Health(
        at=now,
        version=_version(),
        started_at=service.started_at if service else None,
        run_at=run_at,
        next_at=_next(service, run_at, whom),
        sources=tuple(_source(SourceName(name), seen, service) for name in whom.sources),
        target=_target(seen, counted, whom, now, service),
        queue=_queue(seen, counted),
        delays=counted.delays,
        people=linked + sum(some.get(LinkState.PENDING, 0) for some in people) + counted.unlinked,
        linked=linked,
        agreeing=max(linked - counted.unsettled, 0),
        aside=sum(sum(seen.asides.get(reason, {}).values()) for reason in _TROUBLING),
        misplaced=sum(seen.asides.get(Reason.MISPLACED, {}).values()),
        misplaced_labels=counted.misplaced_labels,
        undecided=counted.undecided,
        undecided_labels=counted.undecided_labels,
        untold=counted.untold,
        untold_labels=counted.untold_labels,
        untold_code=counted.untold_code,
        held={hold.id: hold.count for hold in holds},
        held_since=min((hold.created_at for hold in holds), default=None),
        audit_head=seen.head[0] if seen.head else 0,
        audit_failing=failures.known(seen.meta, failures.AUDIT),
        config_failing=failures.known(seen.meta, failures.CONFIG),
        disk_free=counted.disk_free,
        database_bytes=counted.file_bytes,
        expiring=_expiring(seen.meta),
        clock_jumps=service.clock_jumps if service else 0,
        confirmed=service.confirmed if service else {},
        database_failing=_unwritten(service),
        alerts=counted.alerts,
    )


def _unwritten(service: Live | None) -> Failure | None:
    failing = service.target_failing if service else None
    return failing if failing is not None and failing.code in UNWRITTEN else None


def _failed(result: str) -> bool:
    return result.startswith("failed")


@lru_cache(maxsize=1)
def _version() -> str:
    from importlib.metadata import version

    return version("syncd")


def _next(service: Live | None, run_at: datetime | None, whom: Whom) -> datetime | None:
    if service is not None and service.next_at is not None:
        return service.next_at
    return None if run_at is None or whom.every is None else run_at + whom.every


def _source(name: SourceName, seen: Glance, service: Live | None) -> SourceHealth:
    read, good = seen.reads.get(name), seen.good.get(name)
    failing = service.failing.get(name) if service else None
    return SourceHealth(
        name=name,
        read_at=read.finished_at if read else None,
        proven_at=good.finished_at if good else None,
        records=good.count if good else 0,
        watching=service.watching.get(name, "") if service else "",
        failing=failing or failures.known(seen.meta, failures.SOURCE + name),
    )


def _target(seen: Glance, counted: Vitals, whom: Whom, now: datetime, service: Live | None) -> TargetHealth:
    failing = service.target_failing if service and not _unwritten(service) else None
    alone = left_alone.kept(seen.meta.get(left_alone.KEY), at=now)
    shut = {name: rest for name, rest in sorted(alone.interfaces.items()) if rest.shut}
    return TargetHealth(
        name=whom.target,
        confirmed_at=counted.confirmed_at,
        seen_at=seen.observed_at,
        quarantine_until=alone.target.until if alone.target and alone.target.shut else None,
        quarantine_why=alone.target.why if alone.target and alone.target.shut else None,
        circuits={name: rest.until for name, rest in shut.items()},
        circuits_why={name: rest.why for name, rest in shut.items()},
        failing=failing or failures.known(seen.meta, failures.TARGET),
        drifted=counted.drifted,
        unconfirmed=seen.removals.late,
        unconfirmed_labels=seen.removals.late_labels,
        records_failing=failures.known(seen.meta, failures.LEAVE_RECORDS),
    )


def _queue(seen: Glance, counted: Vitals) -> QueueHealth:
    return QueueHealth(
        ready=seen.queue.ready,
        running=seen.queue.running,
        pending=seen.queue.pending,
        parked=seen.queue.parked,
        blocked=seen.queue.blocked,
        oldest_at=counted.oldest_at,
        by_lane=counted.by_lane,
        failing=counted.failing,
        failing_labels=counted.failing_labels,
        failing_why=_why(counted),
        leavers_late=counted.leavers_late,
        late_labels=counted.late_labels,
        parked_labels=counted.parked_labels,
    )


def _why(counted: Vitals) -> Failure | None:
    why = counted.failing_why
    if why is None:
        return None
    return Failure(since=why.since, times=why.times, code=why.told.code, what=why.told.what, do=why.told.do)


def _expiring(meta: Mapping[str, str]) -> dict[str, datetime]:
    return {key.removeprefix(EXPIRES): moment(at) for key, at in meta.items() if key.startswith(EXPIRES)}
