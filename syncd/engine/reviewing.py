"""Decisions of people about who is who: a proposal accepted or rejected, a wrong join split, two who are one joined.

Each is kept with its reason, holds until somebody decides otherwise, and works on what is remembered: no source and no target is
asked, and nothing is written by it. An account never changes hands: whoever keeps it keeps the subject that is linked to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from syncd.core.correlation import subject_for
from syncd.core.errors import NeedsHuman, message
from syncd.core.matching import Cause, Pair, Proposal, Sign, joint, weigh
from syncd.core.model import Kind, Link, LinkState, NativeId, SourceName, SubjectId
from syncd.core.welcome import carried
from syncd.engine import marking
from syncd.engine.joining import spoken
from syncd.engine.linking import settled
from syncd.engine.world import World
from syncd.store import Transaction
from syncd.store.proposals import ProposalRow, ProposalState
from syncd.store.rows import RecordState, StagedRecord

NO_PROPOSAL: Final = message(
    "LNK-010",
    what="No proposal that waits for a decision is called {id!r}.",
    do="`syncd links review` shows them with their ids.",
    example="syncd links review 00000000 --accept --reason …",
)
OVER: Final = message(
    "LNK-011",
    what="The record {record} does not wait for a decision any more.",
    do="Run `syncd plan`, and see `syncd links review` again.",
    example="syncd links review 1a2b3c4d --accept --reason … after the record is gone from its source",
)
NOT_THEIRS: Final = message(
    "LNK-012",
    what="{label} has no record {record}.",
    do="The records are: {records}.",
    example="syncd links split 'Li Wei' --record hr:nobody --keeps rest --reason …",
)
ONLY_ONE: Final = message(
    "LNK-013",
    what="{label} has this one record only, so there is nothing to split.",
    do="`syncd links show {label!r}` shows the records of a person.",
    example="syncd links split for somebody whom one source knows",
)
BOTH_LINKED: Final = message(
    "LNK-014",
    what="{one} and {other} have an account each: {accounts}.",
    do="Decide which one is to go, `syncd links unbind` it, join them, and delete that account in the target: it is left alone.",
    example="syncd links join 'Li Wei' 00042 --reason … where both were created",
)
THE_SAME: Final = message(
    "LNK-015",
    what="{one} and {other} cannot be joined: {why}.",
    do="Name two people who were read, or two departments, by something that only one of each has.",
    example="syncd links join 'Li Wei' 'Li Wei' --reason …",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Who decided, when, and why."""

    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A proposal with everything that a person needs to decide it."""

    id: str
    row: ProposalRow
    record: StagedRecord
    others: tuple[StagedRecord, ...]
    """What is known of the one who it may be."""
    link: Link | None
    """The account of that one."""
    signs: tuple[Sign, ...]


class Keeps(StrEnum):
    """Who keeps the account when a join is split."""

    RECORD = "record"
    """The record that is split off."""
    REST = "rest"
    """All others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parted:
    """What became of a join that was split."""

    keeping: SubjectId
    """Who keeps the account, and everything that is remembered."""
    new: SubjectId
    moved: tuple[StagedRecord, ...]
    """Whose records begin anew."""
    link: Link | None


# --- proposals --------------------------------------------------------------------------------------------------------


def reviews(tx: Transaction, target: str) -> list[Review]:
    """Return what waits for a decision, the oldest first."""
    found = (review(tx, target, row) for row in tx.proposals.all(ProposalState.OPEN))
    return [one for one in found if one is not None]


def review(tx: Transaction, target: str, row: ProposalRow) -> Review | None:
    """Return a proposal with both sides; None where the record is gone or has found its person."""
    pair = row.pair
    record = tx.records.get(pair.source, pair.kind, pair.native_id)
    if record is None or record.subject is not None or record.absent_since is not None:
        return None
    others = tuple(tx.records.of_subject(pair.subject))
    present = [one for one in others if one.absent_since is None] or others
    return Review(
        id=pair.id,
        row=row,
        record=record,
        others=others,
        link=tx.links.get(target, pair.subject),
        signs=weigh(record.facts, [one.facts for one in present]),
    )


def find(tx: Transaction, id_: str) -> ProposalRow:
    """Return the open proposal that an id, or the only beginning of one, names. Raises NeedsHuman."""
    found = [row for row in tx.proposals.all(ProposalState.OPEN) if id_ and row.pair.id.startswith(id_)]
    if len(found) != 1:
        raise NeedsHuman(NO_PROPOSAL.at(id=id_))
    return found[0]


def accept(tx: Transaction, world: World, row: ProposalRow, decision: Decision) -> SubjectId:
    """Join the record to whom it may be. What else was proposed of it is over. Raises NeedsHuman."""
    record = _open_record(tx, row.pair)
    _give(tx, world, [record], row.pair.subject, at=decision.at)
    others = [one for one in tx.proposals.of_record(record.source, row.pair.kind, record.native_id) if _is_open(one)]
    tx.proposals.drop(one.pair for one in others)
    tx.proposals.put([_decided(row, ProposalState.ACCEPTED, decision)])
    tx.marks.add([one.pair.subject for one in others], reason="who is who was decided", at=decision.at)
    return row.pair.subject


def reject(tx: Transaction, row: ProposalRow, decision: Decision) -> bool:
    """Keep the two apart, as long as neither says something else of itself; returns whether the record is still open, because it
    may be somebody else. Raises NeedsHuman."""
    record = _open_record(tx, row.pair)
    tx.proposals.put([_decided(row, ProposalState.REJECTED, decision)])
    tx.marks.add([row.pair.subject], reason="who is who was decided", at=decision.at)
    return any(map(_is_open, tx.proposals.of_record(record.source, row.pair.kind, record.native_id)))


def _open_record(tx: Transaction, pair: Pair) -> StagedRecord:
    record = tx.records.get(pair.source, pair.kind, pair.native_id)
    if record is None or record.subject is not None or record.absent_since is not None:
        raise NeedsHuman(OVER.at(record=f"{pair.source}:{pair.native_id}"))
    return record


def _is_open(row: ProposalRow) -> bool:
    return row.state is ProposalState.OPEN


def _decided(row: ProposalRow, state: ProposalState, decision: Decision) -> ProposalRow:
    return replace(row, state=state, decided_at=decision.at, by=decision.by, reason=decision.reason)


# --- by hand ----------------------------------------------------------------------------------------------------------


def split(
    tx: Transaction, world: World, subject: SubjectId, named: tuple[str, str], *, keeps: Keeps, decision: Decision
) -> Parted:
    """Take a record, `named` by source and id, out of a join that was wrong. The two are kept apart from then on.

    Raises NeedsHuman.
    """
    rows = tx.records.of_subject(subject)
    record = _named(rows, named)
    rest = [row for row in rows if row is not record]
    if not rest:
        raise NeedsHuman(ONLY_ONE.at(label=record.label))
    settled(tx, subject)
    moved, staying = ([record], rest) if keeps is Keeps.REST else (rest, [record])
    new = _unused(tx, world, moved[0])
    _give(tx, world, moved, new, at=decision.at)
    tx.proposals.put(_apart(world, moved, staying, subject, decision))
    tx.proposals.put(_apart(world, staying, moved, new, decision))
    tx.queue.supersede([subject], at=decision.at)
    tx.marks.add([subject], reason="a join was split", at=decision.at)
    return Parted(keeping=subject, new=new, moved=tuple(moved), link=tx.links.get(world.target_name, subject))


def _named(rows: Sequence[StagedRecord], named: tuple[str, str]) -> StagedRecord:
    for row in rows:
        if (row.source, row.native_id) == named:
            return row
    records = ", ".join(f"{row.source}:{row.native_id}" for row in rows)
    label = rows[0].label if rows else ""
    raise NeedsHuman(NOT_THEIRS.at(label=label, record=":".join(named), records=records))


def _unused(tx: Transaction, world: World, row: StagedRecord) -> SubjectId:
    """Return a subject that was never anybody: the one of the record's own, or the next one that is free."""
    kind, number = spoken(world, row).kind, 1
    subject = subject_for(row.source, kind, row.native_id)
    while tx.records.of_subject(subject) or tx.links.get(world.target_name, subject) is not None:
        number += 1
        subject = subject_for(row.source, kind, NativeId(f"{row.native_id}\0{number}"))
    return subject


def _apart(
    world: World, rows: Sequence[StagedRecord], others: Sequence[StagedRecord], subject: SubjectId, decision: Decision
) -> list[ProposalRow]:
    """Return that these records are not the subject of those others."""
    said = [one.facts for one in others if one.state is RecordState.MAPPED]
    return [_by_hand(row, subject, others[0].label, joint(row.facts, said, world.join.names), decision) for row in rows]


def _by_hand(
    row: StagedRecord,
    subject: SubjectId,
    other: str,
    digest: bytes,
    decision: Decision,
    *,
    state: ProposalState = ProposalState.REJECTED,
) -> ProposalRow:
    pair = Pair(source=row.source, kind=row.kind, native_id=row.native_id, subject=subject)
    proposal = Proposal(pair=pair, label=row.label, other=other, step="", cause=Cause.HAND, digest=digest)
    return ProposalRow(
        proposal=proposal,
        state=state,
        found_at=decision.at,
        decided_at=decision.at,
        by=decision.by,
        reason=decision.reason,
    )


def join_two(tx: Transaction, world: World, one: StagedRecord, other: StagedRecord, decision: Decision) -> SubjectId:
    """Make two one: whoever is linked keeps the subject and takes the other's records. Raises NeedsHuman."""
    kind = _joinable(world, one, other)
    links = {row.subject: link for row in (one, other) if row.subject and (link := _link(tx, world, row.subject))}
    if len(links) > 1:
        accounts = ", ".join(link.target_id for link in links.values())
        raise NeedsHuman(BOTH_LINKED.at(one=one.label, other=other.label, accounts=accounts))
    keeping = next(iter(links), None) or one.subject or other.subject or subject_for(one.source, kind, one.native_id)
    moved = [row for each in (one, other) if each.subject != keeping for row in _all_of(tx, each)]
    for subject in {keeping, *(row.subject for row in moved if row.subject is not None)}:
        settled(tx, subject)
        tx.queue.supersede([subject], at=decision.at)
    for former in {row.subject for row in moved if row.subject is not None}:
        _carry_words(tx, former, keeping, at=decision.at)
    _give(tx, world, moved, keeping, at=decision.at)
    tx.proposals.put(_by_hand(row, keeping, other.label, b"", decision, state=ProposalState.ACCEPTED) for row in moved)
    return keeping


def _carry_words(tx: Transaction, former: SubjectId, keeping: SubjectId, *, at: datetime) -> None:
    """Let what was said of somebody, and to somebody, be of whom they are now: otherwise managers hear that the hire is off, and
    then of the same joiner again."""
    said = tx.words.about([former, keeping])
    tx.words.keep(carried(said.get(former, ()), said.get(keeping, ()), keeping, at=at))
    tx.words.keep(
        [replace(word, to=replace(word.to, subject=keeping)) for word in tx.words.to(former) if not word.waits]
    )


def _joinable(world: World, one: StagedRecord, other: StagedRecord) -> Kind:
    """Return what both are."""
    kinds = {spoken(world, row).kind for row in (one, other)}
    same = (one.subject is not None and one.subject == other.subject) or _key(one) == _key(other)
    why = "they are one already" if same else "they are not of one kind" if len(kinds) > 1 else ""
    if why:
        raise NeedsHuman(THE_SAME.at(one=one.label, other=other.label, why=why))
    return kinds.pop()


def _key(row: StagedRecord) -> tuple[SourceName, Kind, NativeId]:
    return row.source, row.kind, row.native_id


def _all_of(tx: Transaction, row: StagedRecord) -> list[StagedRecord]:
    return tx.records.of_subject(row.subject) if row.subject is not None else [row]


def _link(tx: Transaction, world: World, subject: SubjectId) -> Link | None:
    link = tx.links.get(world.target_name, subject)
    return None if link is None or link.state is LinkState.REMOVED else link


def _give(tx: Transaction, world: World, rows: Iterable[StagedRecord], subject: SubjectId, *, at: datetime) -> None:
    """Join records to a subject, and mark everybody whom that concerns."""
    some = list(rows)
    tx.records.set_subjects((*_key(row), subject) for row in some)
    names = {name for row in some for name in marking.names_of(row, world.looked_up_by)}
    former = {row.subject for row in some if row.subject is not None}
    tx.marks.add({subject} | former | marking.concerned(tx, names), reason="who is who was decided", at=at)
