"""The vocabulary of `when:`: what a rule can look for, and how it is found in a snapshot of health.

Each word is a pure function of the snapshot and of one measure: a length of time, a number, or bytes. Nothing here decides who
hears of it; nothing is read but what it is handed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from syncd.core.alerting import Deaf, Found
from syncd.core.health import Failure, Health, SourceHealth


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What rules look at: how syncd stands, and what only the alerts know of themselves."""

    health: Health
    deaf: tuple[Deaf, ...] = ()
    """Channels that do not take messages."""
    jumped_at: datetime | None = None
    """When the clock was last seen to jump."""


class Needs(StrEnum):
    """The setting of a rule that carries its word's measure."""

    AFTER = "after"
    """So long, or longer."""
    WITHIN = "within"
    """So soon, or so recently."""
    OVER = "over"
    """More than so many."""
    UNDER = "under"
    """Fewer bytes than this."""
    NOTHING = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """The measure of one rule; what its word does not need is not looked at."""

    length: timedelta = timedelta(0)
    number: int = 0


Look = Callable[[Situation, Measure], Iterable[Found]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word of the vocabulary."""

    name: str
    needs: Needs
    labels: tuple[str, ...]
    """By what its findings can be grouped."""
    look: Look


def source_failing(at: Situation, _: Measure) -> Iterator[Found]:
    """A source cannot be read."""
    for source in at.health.sources:
        if source.failing:
            yield _of_source(source, source.failing.since, _why(source.failing))


def source_stale(at: Situation, measure: Measure) -> Iterator[Found]:
    """A source was not read well for so long."""
    for source in at.health.sources:
        read = source.read_at or at.health.started_at
        if read and at.health.at - read >= measure.length:
            yield _of_source(source, read, {})


def source_unproven(at: Situation, measure: Measure) -> Iterator[Found]:
    """A source was not read in full and proven complete for so long: nobody can be taken for gone on its word."""
    for source in at.health.sources:
        proven = source.proven_at or at.health.started_at
        if proven and at.health.at - proven >= measure.length:
            yield _of_source(source, proven, {})


def target_failing(at: Situation, _: Measure) -> Iterator[Found]:
    """The target cannot be reached, or refuses us."""
    target = at.health.target
    if target and target.failing:
        yield Found(
            id=target.name,
            labels={"target": target.name},
            since=target.failing.since,
            words={"target": target.name, **_why(target.failing)},
        )


def target_quarantine(at: Situation, _: Measure) -> Iterator[Found]:
    """The target is left alone because most calls failed; slow probes go on."""
    target = at.health.target
    if target and target.quarantine_until:
        why = target.quarantine_why
        words = {"target": target.name, "until": _stamp(target.quarantine_until), **(_why(why) if why else _UNKNOWN)}
        yield Found(id=target.name, labels={"target": target.name}, since=why.since if why else None, words=words)


def target_circuit(at: Situation, _: Measure) -> Iterator[Found]:
    """An interface of the target is left alone."""
    target = at.health.target
    for interface, until in sorted(target.circuits.items()) if target else ():
        why = target.circuits_why.get(interface) if target else None
        words = {"target": target.name if target else "", "interface": interface, "until": _stamp(until)}
        words |= _why(why) if why else _UNKNOWN
        yield Found(id=interface, labels={"interface": interface}, since=why.since if why else None, words=words)


def target_drift(at: Situation, measure: Measure) -> Iterator[Found]:
    """Somebody changed objects by hand in the target."""
    target = at.health.target
    if target and target.drifted > measure.number:
        words = {"target": target.name, "count": _number(target.drifted)}
        yield Found(id=target.name, labels={"target": target.name}, words=words, number=target.drifted)


def change_failing(at: Situation, measure: Measure) -> Iterator[Found]:
    """Changes of people failed three times or more and are tried again."""
    queue = at.health.queue
    if queue.failing > measure.number:
        why = queue.failing_why
        yield Found(
            id="",
            since=why.since if why else None,
            words={"count": _number(queue.failing), **(_why(why) if why else _UNKNOWN)},
            who=queue.failing_labels,
            number=queue.failing,
        )


def change_parked(at: Situation, measure: Measure) -> Iterator[Found]:
    """Changes were refused for good and wait for a person."""
    queue = at.health.queue
    if queue.parked > measure.number:
        words = {"count": _number(queue.parked)}
        yield Found(id="", words=words, who=queue.parked_labels, number=queue.parked)


def people_undecided(at: Situation, measure: Measure) -> Iterator[Found]:
    """Records of which a person has to say whose they are."""
    if at.health.undecided > measure.number:
        words = {"count": _number(at.health.undecided)}
        yield Found(id="", words=words, who=at.health.undecided_labels, number=at.health.undecided)


def people_misplaced(at: Situation, measure: Measure) -> Iterator[Found]:
    """Outsiders would stand among insiders, or insiders among outsiders."""
    if at.health.misplaced > measure.number:
        words = {"count": _number(at.health.misplaced)}
        yield Found(id="", words=words, who=at.health.misplaced_labels, number=at.health.misplaced)


def leaver_late(at: Situation, measure: Measure) -> Iterator[Found]:
    """Leavers keep their account for longer than `leavers.within`."""
    queue = at.health.queue
    if queue.leavers_late > measure.number:
        words = {"count": _number(queue.leavers_late)}
        yield Found(id="", words=words, who=queue.late_labels, number=queue.leavers_late)


def removal_unconfirmed(at: Situation, measure: Measure) -> Iterator[Found]:
    """People were removed a day ago or longer, and the target's own records do not say so."""
    target = at.health.target
    if target and target.unconfirmed > measure.number:
        words = {"target": target.name, "count": _number(target.unconfirmed)}
        yield Found(
            id=target.name,
            labels={"target": target.name},
            words=words,
            who=target.unconfirmed_labels,
            number=target.unconfirmed,
        )


def joiner_untold(at: Situation, measure: Measure) -> Iterator[Found]:
    """Managers could not be told of joiners, three times or more."""
    if at.health.untold > measure.number:
        words = {"count": _number(at.health.untold), "code": at.health.untold_code}
        yield Found(id="", words=words, who=at.health.untold_labels, number=at.health.untold)


def guard_held(at: Situation, _: Measure) -> Iterator[Found]:
    """The guard holds changes that wait for an approval."""
    for hold, count in sorted(at.health.held.items()):
        words = {"hold": hold, "count": _number(count)}
        yield Found(id=hold, labels={"hold": hold}, since=at.health.held_since, words=words, number=count)


def queue_backlog(at: Situation, measure: Measure) -> Iterator[Found]:
    """More changes than this are open."""
    queue = at.health.queue
    waiting = queue.ready + queue.running + queue.pending
    if waiting > measure.number:
        words = {"count": _number(waiting), "limit": _number(measure.number)}
        yield Found(id="", since=queue.oldest_at, words=words, number=waiting)


def queue_delay(at: Situation, measure: Measure) -> Iterator[Found]:
    """The oldest open change is about something that happened so long ago."""
    oldest = at.health.queue.oldest_at
    if oldest and at.health.at - oldest >= measure.length:
        yield Found(id="", since=oldest, words={})


def cycle_late(at: Situation, measure: Measure) -> Iterator[Found]:
    """No cycle ended well for so long."""
    last = at.health.run_at or at.health.started_at
    if last and at.health.at - last >= measure.length:
        yield Found(id="", since=last, words={})


def audit_failing(at: Situation, _: Measure) -> Iterator[Found]:
    """The audit log cannot be written, or does not verify: nothing is written to the target."""
    if at.health.audit_failing:
        yield Found(id="", since=at.health.audit_failing.since, words=_why(at.health.audit_failing))


def config_failing(at: Situation, _: Measure) -> Iterator[Found]:
    """The configuration on disk does not load; the last good one runs."""
    if at.health.config_failing:
        yield Found(id="", since=at.health.config_failing.since, words=_why(at.health.config_failing))


def disk_free(at: Situation, measure: Measure) -> Iterator[Found]:
    """Less than this is free where the database lies."""
    free = at.health.disk_free
    if free is not None and free < measure.number:
        yield Found(id="", words={"free": _bytes(free), "limit": _bytes(measure.number)})


def expiring(at: Situation, measure: Measure) -> Iterator[Found]:
    """A certificate or secret ends within this time, or has ended."""
    for name, ends in sorted(at.health.expiring.items()):
        if ends - at.health.at <= measure.length:
            yield Found(id=name, labels={"name": name}, words={"name": name, "ends": _stamp(ends)})


def clock_jumped(at: Situation, measure: Measure) -> Iterator[Found]:
    """The machine's clock jumped, within this time."""
    if at.jumped_at and at.health.at - at.jumped_at < measure.length:
        yield Found(id="", since=at.jumped_at, words={})


def delivery_failing(at: Situation, measure: Measure) -> Iterator[Found]:
    """A channel of alerts failed so often that somebody must look."""
    for deaf in at.deaf:
        if deaf.attempts > measure.number:
            words = {"channel": deaf.channel, "count": _number(deaf.waiting)}
            words |= {"code": deaf.code, "what": deaf.what, "do": deaf.do}
            yield Found(id=deaf.channel, labels={"channel": deaf.channel}, since=deaf.since, words=words)


def _of_source(source: SourceHealth, since: datetime, words: Mapping[str, str]) -> Found:
    return Found(id=source.name, labels={"source": source.name}, since=since, words={"source": source.name, **words})


_UNKNOWN: Final = {"code": "", "what": "", "do": ""}


def _why(failure: Failure) -> dict[str, str]:
    return {"code": failure.code, "what": failure.what, "do": failure.do}


def _number(number: int) -> str:
    return f"{number:,}"


def _stamp(moment: datetime) -> str:
    """Return an instant for `texts`, which says it in the readers' time zone."""
    return moment.isoformat()


def _bytes(number: int) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number} {unit}"
        number //= 1024
    return f"{number} TiB"


_SOURCE: Final = ("source",)
_TARGET: Final = ("target",)
_ALL: Final = (
    ("source.failing", Needs.NOTHING, _SOURCE, source_failing),
    ("source.stale", Needs.AFTER, _SOURCE, source_stale),
    ("source.unproven", Needs.AFTER, _SOURCE, source_unproven),
    ("target.failing", Needs.NOTHING, _TARGET, target_failing),
    ("target.quarantine", Needs.NOTHING, _TARGET, target_quarantine),
    ("target.circuit", Needs.NOTHING, ("interface",), target_circuit),
    ("target.drift", Needs.OVER, _TARGET, target_drift),
    ("change.failing", Needs.OVER, (), change_failing),
    ("change.parked", Needs.OVER, (), change_parked),
    ("people.misplaced", Needs.OVER, (), people_misplaced),
    ("people.undecided", Needs.OVER, (), people_undecided),
    ("leaver.late", Needs.OVER, (), leaver_late),
    ("removal.unconfirmed", Needs.OVER, _TARGET, removal_unconfirmed),
    ("joiner.untold", Needs.OVER, (), joiner_untold),
    ("guard.held", Needs.NOTHING, ("hold",), guard_held),
    ("queue.backlog", Needs.OVER, (), queue_backlog),
    ("queue.delay", Needs.AFTER, (), queue_delay),
    ("cycle.late", Needs.AFTER, (), cycle_late),
    ("audit.failing", Needs.NOTHING, (), audit_failing),
    ("config.failing", Needs.NOTHING, (), config_failing),
    ("disk.free", Needs.UNDER, (), disk_free),
    ("expiring", Needs.WITHIN, ("name",), expiring),
    ("clock.jumped", Needs.WITHIN, (), clock_jumped),
    ("delivery.failing", Needs.OVER, ("channel",), delivery_failing),
)
WORDS: Final[Mapping[str, Word]] = {
    name: Word(name=name, needs=needs, labels=labels, look=look) for name, needs, labels, look in _ALL
}
"""Every word of `when:`."""
DELIVERY: Final = "delivery.failing"
"""The word whose messages never go to the channel that they are about."""
