"""New records find the subject that they speak of. A join once made is kept; what is not certain is proposed and left open.

Records are joined portion by portion, the strongest source first, each portion knowing what was joined before: the outcome is
that of joining all at once, and memory does not grow with the number of records.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from syncd.core.correlation import Correlated, JoinRules, Statement, correlated
from syncd.core.matching import Proposal, compared
from syncd.core.model import Aside, Kind, NativeId, SourceName, SubjectId
from syncd.core.values import is_empty
from syncd.engine import marking
from syncd.engine.part import statement
from syncd.engine.world import World
from syncd.store import Transaction
from syncd.store.rows import ALIKE, RecordState, StagedRecord

PORTION: Final = 1_000
Key = tuple[SourceName, Kind, NativeId]


def join(tx: Transaction, world: World) -> tuple[Aside, ...]:
    """Join every record that has no subject yet; return those that could be several, or are only probably somebody."""
    asides: list[Aside] = []
    proposals: list[Proposal] = []
    everybody = tx.meta.get(marking.WHOLE) is not None
    for source in world.seats:
        after: tuple[str, str] | None = None
        while rows := tx.records.unjoined(source, after=after, limit=PORTION):
            after = (rows[-1].kind, rows[-1].native_id)
            found, joined = _portion(tx, world, rows)
            tx.records.set_subjects((*key, subject) for key, subject in joined.items())
            if not everybody:
                tx.marks.add(set(joined.values()), reason="a new record", at=world.now())
            asides += found.asides
            proposals += found.proposals
    changed = tx.proposals.settle(proposals, at=world.now())
    if changed:
        tx.marks.add(changed, reason="who is who is open, or open no more", at=world.now())
    return tuple(asides)


def _portion(tx: Transaction, world: World, rows: Sequence[StagedRecord]) -> tuple[Correlated, dict[Key, SubjectId]]:
    """Return who is who among these records, and the subjects that those of them have found."""
    fresh = [spoken(world, row) for row in rows]
    known, departed = _candidates(tx, world, fresh)
    # A record of one kind may state something of another: a group that is a department.
    stated = {(row.source, row.kind, row.native_id): one.kind for row, one in zip(rows, fresh, strict=True)}
    stored = {(source, stated[source, kind, one], one): kind for source, kind, one in stated}
    apart = {
        replace(pair, kind=stated[pair.source, pair.kind, pair.native_id]): sum_
        for pair, sum_ in tx.proposals.apart(stated).items()
    }
    found = correlated([*known, *fresh], world.join, departed, apart=apart)
    proposals = [
        replace(one, pair=replace(pair, kind=stored[pair.source, pair.kind, pair.native_id]))
        for one in found.proposals
        for pair in (one.pair,)
    ]
    joined = {
        (one.source, one.kind, one.native_id): subject
        for subject, statements in found.groups.items()
        for one in statements
        if one.subject is None
    }
    of_row = {
        (source, kind, native_id): subject
        for (source, kind, native_id), as_ in stated.items()
        if (subject := joined.get((source, as_, native_id))) is not None
    }
    return replace(found, proposals=tuple(proposals)), of_row


def spoken(world: World, row: StagedRecord) -> Statement:
    """Return what a record says, also one of a source that is no longer configured: its people are still who they are."""
    seat = world.seats.get(row.source)
    return statement(row, seat.rules.gives(row.kind) if seat is not None else row.kind)


def _candidates(tx: Transaction, world: World, fresh: Iterable[Statement]) -> tuple[list[Statement], list[Statement]]:
    """Return what is known of those who share a number or an address with somebody new: of those who are there, and of those
    who are gone."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for one in fresh:
        for name, word in _words(world.join, one):
            wanted[name].add(word)
    subjects = {
        row.subject
        for name, values in wanted.items()
        for key in (name, ALIKE + name)
        for row in tx.records.meant(key, values, absent_too=True)
        if row.subject is not None
    }
    known: list[Statement] = []
    departed: list[Statement] = []
    for row in tx.records.of_subjects(sorted(subjects)):
        if row.state is RecordState.MAPPED:
            (known if row.absent_since is None else departed).append(spoken(world, row))
    return known, departed


def _words(rules: JoinRules, one: Statement) -> Iterator[tuple[str, str]]:
    """Yield by what others are looked up who may be the same: of each step the first attribute, which all must share."""
    for step in rules.steps(one.source):
        name = step.attributes[0]
        if step.key(one.facts) is not None and not is_empty(value := one.facts.get(name)):
            yield name, compared(name, value)
