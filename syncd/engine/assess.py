"""Is the data good enough to be rolled out? Findings with names and next steps, fill rates, and how many people are ready.

Pure: everything comes in as arguments, nothing is read or written, and the same input gives the same report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from syncd.core.attributes import ATTRIBUTES
from syncd.core.errors import Problem
from syncd.core.fields import FieldSpec
from syncd.core.model import RECORD_KINDS, Aside, Completeness, Desired, Entity, Kind, Reason
from syncd.core.values import is_empty
from syncd.engine import assess_checks
from syncd.engine.assess_checks import Hit, Severity, Subjects

_SAMPLES: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHealth:
    """How one source was read."""

    name: str
    records: Mapping[Kind, int] = field(default_factory=dict)
    completeness: Completeness | None = None
    newest: datetime | None = None
    """The latest change that the source itself reports, None where it reports none."""
    notes: tuple[Problem, ...] = ()
    failure: Problem | None = None
    """Why the read ended before its end, None if it did not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One kind of trouble, with everybody whom it concerns."""

    code: str
    severity: Severity
    what: str
    do: str
    count: int
    samples: tuple[str, ...] = ()
    """At most ten labels, in alphabetical order."""
    subjects: frozenset[str] = frozenset()
    """Everybody concerned, by SubjectId or `source/native_id`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What a rule had to say about one record that it mapped all the same, such as a phone number that it left out."""

    name: str
    """`source/native_id`."""
    label: str
    problem: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """How many of the active objects of a kind have an attribute."""

    kind: Kind
    attribute: str
    filled: int
    total: int

    @property
    def percent(self) -> float:
        """Return the share, 0 to 100."""
        return 100 * self.filled / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was found out about the data at one moment."""

    at: datetime
    sources: tuple[SourceHealth, ...]
    population: Mapping[Kind, int]
    """Active objects of each kind, those left aside included."""
    ready: int
    """Active people whom no blocker and no warning concerns."""
    findings: tuple[Finding, ...]
    """The most severe first."""
    fill: tuple[Fill, ...]

    @property
    def score(self) -> int:
        """Return the share of people who are ready, in whole percent, rounded down: 100 means everybody."""
        people = self.population.get(Kind.PERSON, 0)
        return 100 * self.ready // people if people else 0


def assess(
    entities: Iterable[Entity],
    *,
    asides: Iterable[Aside] = (),
    remarks: Iterable[Remark] = (),
    desired: Iterable[Desired] = (),
    fields: Mapping[Kind, Mapping[str, FieldSpec]],
    sources: Sequence[SourceHealth] = (),
    now: datetime,
) -> Report:
    """Judge the org tree that the rules make of the sources, and what the target would be asked to hold.

    `asides` are the records and subjects that rules left out; those excluded on purpose are no finding.
    """
    subjects = Subjects(entities)
    left = [aside for aside in asides if aside.reason is not Reason.EXCLUDED]
    hits = [
        *_of_sources(sources, now),
        *assess_checks.of_asides(left),
        *_of_remarks(remarks, subjects),
        *assess_checks.of_people(subjects),
        *assess_checks.of_units(subjects),
        *assess_checks.of_fields(desired, fields),
    ]
    found = _without_echoes(list(_findings(hits)))
    findings = tuple(sorted(found, key=lambda each: (each.severity.rank, each.code, each.what)))
    return _report(subjects, left, findings, sources=sources, now=now)


def _report(
    subjects: Subjects,
    left: Sequence[Aside],
    findings: tuple[Finding, ...],
    *,
    sources: Sequence[SourceHealth],
    now: datetime,
) -> Report:
    known = {entity.subject for entity in subjects.all}
    outside = [aside for aside in left if aside.name not in known]
    population = Counter(entity.kind for entity in subjects.active) + Counter(aside.kind for aside in outside)
    touched = {name for each in findings if each.severity is not Severity.HINT for name in each.subjects}
    ready = sum(entity.subject not in touched for entity in subjects.people)
    return Report(
        at=now,
        sources=tuple(sources),
        population={kind: population[kind] for kind in RECORD_KINDS},
        ready=ready,
        findings=findings,
        fill=tuple(_fill(subjects)),
    )


def _of_sources(sources: Sequence[SourceHealth], now: datetime) -> Iterator[Hit]:
    for source in sources:
        if source.failure is not None:
            yield Hit(message=assess_checks.UNREAD, words={"source": source.name, "reason": source.failure.what})
            continue
        if source.completeness is None or not source.completeness.proven:
            doubts = source.completeness.doubts if source.completeness else ()
            reason = "; ".join(f"{fact.name}: {fact.detail}" for fact in doubts) or "it gave no proof"
            yield Hit(message=assess_checks.UNPROVEN, words={"source": source.name, "reason": reason})
        if source.newest is not None and now - source.newest > assess_checks.STALE_AFTER:
            words = {"source": source.name, "days": (now - source.newest).days}
            yield Hit(message=assess_checks.STALE, words=words)


def _of_remarks(remarks: Iterable[Remark], subjects: Subjects) -> Iterator[Hit]:
    joined = {f"{source}/{native_id}": entity for entity in subjects.all for source, native_id in entity.records}
    for remark in remarks:
        entity = joined.get(remark.name)
        subject, label = (entity.subject, entity.label) if entity is not None else (remark.name, remark.label)
        problem = remark.problem
        yield Hit(message=problem.message, words=problem.words, subject=subject, label=label, severity=Severity.WARNING)


def _without_echoes(findings: Sequence[Finding]) -> list[Finding]:
    """Drop doubles in the source where the target's own complaint names the same people: one trouble, one finding."""
    taken = [each.subjects for each in findings if each.code == assess_checks.TAKEN.code]
    same = assess_checks.SAME.code
    return [each for each in findings if each.code != same or not any(each.subjects <= others for others in taken)]


def _findings(hits: Iterable[Hit]) -> Iterator[Finding]:
    """Group hits that say the same into one finding each."""
    groups: dict[tuple[str, str, Severity], list[Hit]] = {}
    for hit in hits:
        severity = hit.severity or assess_checks.severity_of(hit.message)
        groups.setdefault((hit.message.code, hit.what, severity), []).append(hit)
    for (code, what, severity), same in groups.items():
        labels = sorted({hit.label for hit in same if hit.label})
        yield Finding(
            code=code,
            severity=severity,
            what=what,
            do=same[0].do,
            count=len(same),
            samples=tuple(labels[:_SAMPLES]),
            subjects=frozenset(hit.subject for hit in same if hit.subject),
        )


def _fill(subjects: Subjects) -> Iterator[Fill]:
    for kind in (Kind.PERSON, Kind.UNIT):
        entities = [entity for entity in subjects.active if entity.kind is kind]
        used = {name for entity in entities for name in entity.facts}
        order = {name: at for at, name in enumerate(ATTRIBUTES[kind])}
        for name in sorted(used, key=lambda each: (order.get(each, len(order)), each)):
            filled = sum(not is_empty(entity.facts.get(name)) for entity in entities)
            yield Fill(kind=kind, attribute=name, filled=filled, total=len(entities))
