"""How things stand, judged: what `syncd status` says and with which exit code it ends. It reads; it writes and asks nobody.

Monitoring asks often, so the few settings that count are read without the models of the whole configuration where that is
safe (`outlined`), and the state without SQLAlchemy where it is a file (`syncd.store.glance`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from syncd.cli import condition
from syncd.cli.condition import Condition
from syncd.cli.exit_codes import ExitCode
from syncd.cli.moments import length
from syncd.cli.standing import SourceStanding, standing
from syncd.core.errors import Misconfigured, Problem, message
from syncd.core.health import Failure
from syncd.core.values import moment
from syncd.engine.health import Whom, combined
from syncd.store import glance
from syncd.store.glance import Asked, Glance, Removals
from syncd.store.rows import HoldRow, QueueCounts, RunRow
from syncd.store.vitals import Vitals, vitals

if TYPE_CHECKING:
    from syncd.cli.session import Session

NEVER: Final = message(
    "CLI-101",
    what="Nothing has run yet on this state.",
    do="See what would be written with `syncd plan`, then write it with `syncd sync --accept`.",
    example="`syncd status` right after `syncd init`",
)
FAILED: Final = message(
    "CLI-102",
    what="The last run did not get to its end: {result}.",
    do="Run `syncd sync` to see why, or look into the log of run {run}.",
    example="the target could not be reached",
)
DIED: Final = message(
    "CLI-103",
    what="The last run began {ago} and has not said that it ended.",
    do="If no syncd is at work, it was killed; the next `syncd sync` reads back what was under way.",
    example="kill -9 in the middle of `syncd sync`",
)
NOT_CONFIRMED: Final = message(
    "CLI-104",
    what="The last run could not confirm everything; {count} changes are to be tried again, the next {next}.",
    do="`syncd queue list` names them with their problems. They are tried again by themselves.",
    example="the target was unreachable for a minute",
)
UNREAD: Final = message(
    "CLI-105",
    what="Source {source} was not read in the last run; what it said {since} stands.",
    do="Run `syncd check --online` to see what keeps it from being read. Nobody is taken for gone meanwhile.",
    example="a directory server that is down",
)
UNPROVEN: Final = message(
    "CLI-106",
    what="The last read of source {source} is not proven complete ({doubts}).",
    do="Mend the cause; the next good read heals. Nobody is taken for gone meanwhile. See `syncd status --source {source}`.",
    example="an LDAP server that stops at its size limit",
)
STALE: Final = message(
    "CLI-107",
    what="Source {source} was last read {since}; a read is due every {every}.",
    do="Check that the service runs: systemctl status syncd. Or run `syncd sync`.",
    example="the service was stopped for an upgrade and not started again",
)
HELD: Final = message(
    "CLI-108",
    what="The guard holds {count} × {effect}: {reasons}.",
    do="Look at it with `syncd hold show {hold}`, then `syncd hold release {hold} --reason …`, or mend the cause.",
    example="half a department is missing from the HR export",
)
PLANNED: Final = message(
    "CLI-109",
    what="The last run only planned: this configuration has not written before.",
    do="Look at `syncd plan`, then accept it with `syncd sync --accept`.",
    example="the first `syncd sync`, or the first after a rule was edited",
)
PARKED: Final = message(
    "CLI-110",
    what="{count} refused by the target wait for a person.",
    do="`syncd queue list --state parked` says why. Mend the record or the rule, or `syncd queue retry ID`.",
    example="a mobile number that belongs to another account",
)
ASIDE: Final = message(
    "CLI-111",
    what="{count} left as they are because they cannot be mapped or joined.",
    do="`syncd plan --all` names them; `syncd explain NAME` says why.",
    example="a person without a mobile number",
)
NOT_TOLD: Final = message(
    "CLI-116",
    what="The consumer {consumer} has not taken what it was told since {since} ({code}); it is behind by {behind}.",
    do="`syncd sync` says why, and tells it again. docs/reference/errors.md explains the code, unless the consumer is not ours.",
    example="a consumer whose own server is down",
)

PLANNED_ONLY: Final = "planned only"
SOME_NOT_CONFIRMED: Final = "some not confirmed"
"""Words of `syncd.engine.cycle.Result`, repeated because importing the engine would cost more than the whole command."""

_TROUBLING: Final = ("parked", "ambiguous", "failed", "misplaced")
"""Reasons for which somebody is left aside and that somebody has to mend. Excluded and protected are wanted."""
LEAST_STALE: Final = timedelta(hours=1)
_OVERRULING: Final = (
    "SYNCD_STATE",
    "SYNCD_SOURCES",
    "SYNCD_TARGET",
    "SYNCD_SCHEDULE",
    "SYNCD_CONSUMERS",
    "SYNCD_LEAVERS",
)
FAILING: Final = "consumer.failing:"
"""What stands before a consumer's name in the key under which the feed leaves `instant code`, while it fails."""
WHOLE: Final = "reconcile.whole"
"""The key under which the engine keeps why everybody is to be looked at, until that was done (`syncd.engine.marking.WHOLE`)."""
VERIFIED: Final = "audit.verified"
"""The key under which `syncd audit verify` leaves how far it came: `sequence hash instant`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """The few settings that status needs."""

    sources: tuple[str, ...]
    target: str
    consumers: tuple[str, ...]
    every: timedelta
    full_every: timedelta
    within: timedelta
    """How soon a leaver's account must be closed."""
    file: Path | None
    """The database, where it is a file."""

    @property
    def whom(self) -> Whom:
        """Return whose health is asked for."""
        return Whom(
            sources=self.sources, target=self.target, every=self.every, leavers_within=self.within, file=self.file
        )

    def asked(self, closely: str) -> Asked:
        """Return what to ask the store; of the source `closely`, if it is one of ours, more than of the others."""
        known = closely if closely in self.sources else ""
        return Asked(sources=self.sources, target=self.target, consumers=self.consumers, closely=known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Everything on the screen. `problems` are what needs somebody, the worst first; empty means that all is well."""

    at: datetime
    exit_code: ExitCode
    problems: tuple[Problem, ...]
    runs: tuple[RunRow, ...]
    sources: tuple[SourceStanding, ...]
    consumers: Mapping[str, int]
    """How many facts each consumer is behind the feed."""
    target: str
    observed_at: datetime | None
    objects: Mapping[str, int]
    links: Mapping[str, Mapping[str, int]]
    queue: QueueCounts
    next_due_at: datetime | None
    holds: tuple[HoldRow, ...]
    asides: Mapping[str, Mapping[str, int]]
    marked: Mapping[str, int]
    """By kind, who is looked at again in the next run, whether or not they change by then."""
    everybody: str
    """Why everybody is looked at in the next run; empty where that is not known to be needed."""
    review_at: datetime | None
    """When time alone first changes what somebody shall be."""
    offboarded: tuple[str, ...]
    """Who leaves because an operator says so, whatever the sources say."""
    removals: Removals
    """Whom syncd removed of late, and what the target's own records say of that."""
    records_failing: Failure | None
    """Why those records cannot be read."""
    audit_head: str
    """`sequence:hash`, empty without a log; what `syncd audit verify --head` takes."""
    audit_verified: str
    """The head up to which the log was last verified."""
    audit_verified_at: str
    whole: Condition
    """The figures of the whole: freshness, coverage, accuracy, what waits."""


def outlined(path: Path | None, env: Mapping[str, str]) -> Outline | None:
    """Read the settings that count in the short way. None: read the whole configuration, which tells every mistake."""
    from syncd.config.yaml import read

    named = path or (Path(env["SYNCD_CONFIG"]) if env.get("SYNCD_CONFIG") else None)
    file = named or next((one for one in (Path("syncd.yaml"), Path("/etc/syncd/syncd.yaml")) if one.exists()), None)
    if file is None or any(name.upper().startswith(_OVERRULING) for name in env):
        return None
    try:
        root = read(file).root
    except Misconfigured:
        return None
    schedule = _part(root, "schedule") or {}
    sources, target = _part(root, "sources"), _part(root, "target")
    url = (_part(root, "state") or {}).get("url", "sqlite:///var/syncd.db")
    if not sources or not target or not isinstance(target.get("type"), str) or not isinstance(url, str):
        return None
    every, full_every = length(schedule.get("every", "15m")), length(schedule.get("full_every", "24h"))
    within = length((_part(root, "leavers") or {}).get("within", "1h"))
    if (
        every is None
        or full_every is None
        or within is None
        or not url.startswith("sqlite:///")
        or len(url) == len("sqlite:///")
    ):
        return None
    database = file.resolve().parent / url.removeprefix("sqlite:///")
    consumers = tuple(_part(root, "consumers") or ())
    return Outline(
        sources=tuple(sources),
        target=target["type"],
        consumers=consumers,
        every=every,
        full_every=full_every,
        within=within,
        file=database,
    )


def _part(root: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    part = root.get(name)
    return part if isinstance(part, Mapping) else None


def look(session: Session, config: Path | None, *, source: str = "") -> Status:
    """Read how things stand and judge it; look at one source more closely."""
    now = session.now()
    outline = outlined(config, os.environ)
    if outline is not None and outline.file is not None:
        try:
            if not outline.file.exists():
                return judged(Glance(), Vitals(), outline, now, source=source)
            with glance.asking_file(outline.file) as ask:
                return _asked(ask, outline, now, source=source)
        except glance.Unready:
            pass  # a schema that is older, a file that is damaged: opening the store mends it or says what is wrong
    settings = session.settings
    outline = Outline(
        sources=tuple(settings.sources),
        target=settings.target.type,
        consumers=tuple(settings.consumers),
        every=settings.schedule.every,
        full_every=settings.schedule.full_every,
        within=settings.leavers.within,
        file=session.store.file,
    )
    with session.store.reading() as tx:
        return _asked(glance.asking(tx), outline, now, source=source)


def _asked(ask: glance.Ask, outline: Outline, now: datetime, *, source: str) -> Status:
    """Ask everything of one moment."""
    seen = glance.glance(ask, outline.asked(source), now)
    counted = vitals(ask, target=outline.target, late=now - outline.within, file=outline.file)
    return judged(seen, counted, outline, now, source=source)


def judged(seen: Glance, counted: Vitals, outline: Outline, now: datetime, *, source: str = "") -> Status:
    """Say what needs somebody, and put everything on one screen."""
    health = combined(seen, counted, outline.whom, now=now)
    found = sorted(
        [*_findings(seen, outline, now), *condition.findings(health, seen.meta, now)], key=lambda pair: -pair[0]
    )
    verified, _, verified_at = seen.meta.get(VERIFIED, "").partition(" ")
    return Status(
        at=now,
        exit_code=found[0][0] if found else ExitCode.DONE,
        problems=tuple(problem for _, problem in found),
        runs=seen.runs,
        sources=tuple(
            standing(name, seen, now=now, full_every=outline.full_every, closely=name == source)
            for name in outline.sources
        ),
        consumers=seen.behind,
        target=outline.target,
        observed_at=seen.observed_at,
        objects=seen.objects,
        links=seen.links,
        queue=seen.queue,
        next_due_at=seen.next_due_at,
        holds=tuple(hold for hold in seen.holds if hold.expires_at > now),
        asides=seen.asides,
        marked=seen.marked,
        everybody=seen.meta.get(WHOLE, ""),
        review_at=seen.review_at,
        offboarded=seen.offboarded,
        removals=seen.removals,
        records_failing=health.target.records_failing if health.target else None,
        audit_head=f"{seen.head[0]}:{seen.head[1].hex()}" if seen.head else "",
        audit_verified=verified,
        audit_verified_at=verified_at,
        whole=condition.condition(health, seen.meta, outline.file),
    )


def _findings(seen: Glance, outline: Outline, now: datetime) -> Iterator[tuple[ExitCode, Problem]]:
    from syncd.cli.telling.words import count

    if not seen.runs:
        yield ExitCode.SOURCE, NEVER.at()
        return
    yield from _of_runs(seen, now)
    for name in outline.sources:
        yield from _of_source(name, seen, outline, now)
    for name, number in seen.former.items():
        yield ExitCode.PARKED, condition.FORMER.at(name=name, count=count(number, "record"))
    for hold in seen.holds:
        if hold.expires_at > now:
            words = {"count": hold.count, "effect": hold.effect, "hold": hold.id}
            yield ExitCode.HELD, HELD.at(**words, reasons="; ".join(hold.reasons))
    if seen.queue.parked:
        yield ExitCode.PARKED, PARKED.at(count=count(seen.queue.parked, "change"))
    yield from _of_consumers(seen, now)
    troubled = {kind: 0 for reason in _TROUBLING for kind in seen.asides.get(reason, {})}
    for kind in troubled:
        number = sum(seen.asides.get(reason, {}).get(kind, 0) for reason in _TROUBLING)
        plural = {"person": "people"}.get(kind, f"{kind}s")
        yield ExitCode.PARKED, ASIDE.at(count=count(number, kind, plural))


def _of_runs(seen: Glance, now: datetime) -> Iterator[tuple[ExitCode, Problem]]:
    from syncd.cli.telling.words import relative

    last = seen.runs[0]
    if last.finished_at is None:
        if now - last.started_at > LEAST_STALE:
            yield ExitCode.PARKED, DIED.at(ago=relative(last.started_at, now))
    elif last.result.startswith("failed"):
        yield ExitCode.PARKED, FAILED.at(result=last.result, run=last.run_id)
    elif last.result == PLANNED_ONLY:
        yield ExitCode.HELD, PLANNED.at()
    elif last.result == SOME_NOT_CONFIRMED and seen.queue.ready:
        due = relative(seen.next_due_at, now) if seen.next_due_at else "with the next run"
        yield ExitCode.PARKED, NOT_CONFIRMED.at(count=seen.queue.ready, next=due)


def _of_consumers(seen: Glance, now: datetime) -> Iterator[tuple[ExitCode, Problem]]:
    from syncd.cli.telling.words import count, relative

    for name, behind in seen.behind.items():
        since, _, code = seen.meta.get(f"{FAILING}{name}", "").partition(" ")
        if since:
            words = {"since": relative(moment(since), now), "code": code, "behind": count(behind, "fact")}
            yield ExitCode.PARKED, NOT_TOLD.at(consumer=name, **words)


def _of_source(name: str, seen: Glance, outline: Outline, now: datetime) -> Iterator[tuple[ExitCode, Problem]]:
    from syncd.cli.telling.words import relative, span

    read, finished = seen.reads.get(name), next((run for run in seen.runs if _reached_the_end(run)), None)
    if read is None:
        yield ExitCode.SOURCE, UNREAD.at(source=name, since="(nothing so far)")
        return
    if not read.proven:
        doubts = [f"{fact.name}: {fact.detail}" for fact in read.facts if not fact.holds] or [
            note.what for note in read.notes
        ]
        yield ExitCode.SOURCE, UNPROVEN.at(source=name, doubts="; ".join(doubts).rstrip(".") or "no proof was given")
    since = relative(read.finished_at, now)
    # The service reads before the cycle begins that plans with it, and tells by itself which source it cannot read.
    in_a_run = any(run.run_id == read.run_id for run in seen.runs)
    if finished is not None and in_a_run and read.finished_at < finished.started_at:
        yield ExitCode.SOURCE, UNREAD.at(source=name, since=since)
    elif now - read.finished_at > max(4 * outline.every, LEAST_STALE):
        yield ExitCode.SOURCE, STALE.at(source=name, since=since, every=span(outline.every))


def _reached_the_end(run: RunRow) -> bool:
    return run.finished_at is not None and not run.result.startswith("failed")
