"""Whether links and the target agree, and how they are brought together again. Works on what is remembered; asks nobody.

A link is the licence to touch an object, so a repair makes one only on proof: our own mark on the object. It never guesses by
name or number; that is for a person (`syncd links bind`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from syncd.core.errors import NeedsHuman, message
from syncd.core.model import HOLDING_UNITS, Kind, Link, LinkState, Observed, SubjectId, TargetId
from syncd.store import Transaction
from syncd.store.rows import QueueState

LINKED_ALREADY: Final = message(
    "LNK-001",
    what="{subject} is linked to {kind} {target_id} already.",
    do="If that is wrong, `syncd links unbind` it first.",
    example="syncd links bind 'Li Wei' 10023 --reason … for somebody who has an account",
)
NOT_SEEN: Final = message(
    "LNK-002",
    what="There was no {kind} {target_id} in the target when it was last looked at ({at}).",
    do="Check the id. If the object is newer than that, run `syncd plan --fresh` and try again.",
    example="syncd links bind 'Li Wei' 99999 --reason …",
)
UNDER_WAY: Final = message(
    "LNK-003",
    what="A change of {label} was under way when its process ended, and nobody knows yet what came of it.",
    do="Run `syncd sync` first: it reads back what happened.",
    example="syncd links bind right after a crash",
)
NOT_LINKED: Final = message(
    "LNK-004",
    what="{subject} is not linked to anything.",
    do="`syncd links list --unlinked` shows who is not, and which objects nobody is linked to.",
    example="syncd links unbind 'Li Wei' --reason … twice",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlinked:
    """An object that carries a mark, and the subject whose mark it is."""

    observed: Observed
    subject: SubjectId | None
    """None: no subject of ours has this mark. Another syncd made it, or its subject is long gone."""
    other: Link | None = None
    """The link of that subject to another object, if it has one."""

    @property
    def repairable(self) -> bool:
        return self.subject is not None and self.other is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Where links and the last look at the target disagree."""

    links: int
    """How many links there are that are not removed."""
    observed_at: datetime | None
    missing: tuple[Link, ...] = ()
    """Linked to an object that was not there. The next plan makes it again, if the look was complete."""
    marked: tuple[Unlinked, ...] = ()
    """Objects with our mark that nobody is linked to."""
    doubled: tuple[tuple[SubjectId, tuple[TargetId, ...]], ...] = ()
    """Subjects whose mark is on several objects."""
    orphaned: tuple[Link, ...] = ()
    """Links of subjects of whom no record is left. They are left alone."""

    @property
    def sound(self) -> bool:
        return not (self.missing or self.marked or self.doubled or self.orphaned)


def check(tx: Transaction, target: str, mark: Callable[[SubjectId], str]) -> Check:
    """Compare every link with the last look at the target. Without a look, nothing is called missing.

    `mark` is the target's (`Target.mark`): what an object of a subject carries where it can carry something.
    """
    links = tx.links.by_target(target)
    seen = {(row.observed.kind, row.observed.target_id): row.observed for row in tx.observed.iterate(target)}
    observed_at = tx.observed.last_full_at(target)
    known = {row.subject for row in tx.records.iterate() if row.subject is not None} | HOLDING_UNITS
    whose = {mark(subject): subject for subject in sorted(known | {link.subject for link in links.values()})}
    by_subject = {link.subject: link for link in links.values()}
    marks: dict[SubjectId, list[TargetId]] = defaultdict(list)
    marked: list[Unlinked] = []
    for place, observed in seen.items():
        subject = whose.get(observed.mark)
        if subject is not None:
            marks[subject].append(observed.target_id)
        if observed.mark and place not in links:
            other = by_subject.get(subject) if subject is not None else None
            marked.append(Unlinked(observed=observed, subject=subject, other=other))
    return Check(
        links=len(links),
        observed_at=observed_at,
        missing=_ordered(link for place, link in links.items() if observed_at is not None and place not in seen),
        marked=tuple(marked),
        doubled=tuple((subject, tuple(ids)) for subject, ids in sorted(marks.items()) if len(ids) > 1),
        orphaned=_ordered(link for link in links.values() if link.subject not in known),
    )


def _ordered(links: Iterable[Link]) -> tuple[Link, ...]:
    return tuple(sorted(links, key=lambda link: link.subject))


def repair(tx: Transaction, target: str, found: Check, *, at: datetime) -> tuple[Link, ...]:
    """Link every object that carries our mark to the subject that it names, where that is not in doubt."""
    doubled = {subject for subject, _ in found.doubled}
    made = tuple(
        Link(
            subject=one.subject,
            kind=one.observed.kind,
            target_id=one.observed.target_id,
            state=LinkState.LINKED,
            since=at,
        )
        for one in found.marked
        if one.subject is not None and one.other is None and one.subject not in doubled
    )
    tx.links.put_many(target, made)
    tx.queue.supersede([link.subject for link in made], at=at)
    tx.marks.add([link.subject for link in made], reason="linked by hand", at=at)
    return made


def bind(tx: Transaction, target: str, subject: SubjectId, kind: Kind, target_id: TargetId, *, at: datetime) -> Link:
    """Link a subject to an object that was there. Raises NeedsHuman; STO-009 if another subject holds it.

    What waited for the subject is superseded: the next plan starts from the new link.
    """
    old = tx.links.get(target, subject)
    if old is not None and old.state is not LinkState.REMOVED:
        raise NeedsHuman(LINKED_ALREADY.at(subject=subject, kind=old.kind, target_id=old.target_id))
    seen = tx.observed.get(target, kind, target_id)
    if seen is None:
        last = tx.observed.last_full_at(target)
        raise NeedsHuman(
            NOT_SEEN.at(kind=kind, target_id=target_id, at=f"{last:%Y-%m-%d %H:%M} UTC" if last else "never")
        )
    settled(tx, subject)
    link = Link(subject=subject, kind=kind, target_id=target_id, state=LinkState.LINKED, since=at, adopted=True)
    tx.links.put(target, link)
    tx.queue.supersede([subject], at=at)
    tx.marks.add([subject], reason="linked by hand", at=at)
    return link


def kind_of(tx: Transaction, target: str, kind: Kind, target_id: TargetId) -> Kind:
    """Return as what a subject of a kind is linked: a person also as an external contact, where that is what the id is of."""
    if kind is not Kind.PERSON or tx.observed.get(target, Kind.PERSON, target_id) is not None:
        return kind
    return Kind.CONTACT if tx.observed.get(target, Kind.CONTACT, target_id) is not None else kind


def unbind(tx: Transaction, target: str, subject: SubjectId, *, at: datetime) -> Link:
    """Forget a subject's link; its object is left as it is. Raises NeedsHuman."""
    link = tx.links.get(target, subject)
    if link is None or link.state is LinkState.REMOVED:
        raise NeedsHuman(NOT_LINKED.at(subject=subject))
    settled(tx, subject)
    tx.links.drop(target, [subject])
    tx.queue.supersede([subject], at=at)
    tx.marks.add([subject], reason="linked by hand", at=at)
    return link


def settled(tx: Transaction, subject: SubjectId) -> None:
    """Refuse while nobody knows what came of a change."""
    running = next((row for row in tx.queue.for_subject(subject) if row.state is QueueState.RUNNING), None)
    if running is not None:
        raise NeedsHuman(UNDER_WAY.at(label=running.change.label))
