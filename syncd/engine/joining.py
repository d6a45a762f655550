"""New records find the subject that they speak of. A join once made is kept; an ambiguity is named and left open.

Records are joined portion by portion, the strongest source first, each portion knowing what was joined before: the outcome is
that of joining all at once, and memory does not grow with the number of records.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from syncd.core.correlation import Statement, correlate, folded
from syncd.core.model import Aside, Kind, NativeId, SourceName, SubjectId
from syncd.core.values import is_empty
from syncd.engine import marking
from syncd.engine.part import statement
from syncd.engine.world import World
from syncd.store import Transaction
from syncd.store.rows import RecordState, StagedRecord

PORTION: Final = 1_000


def join(tx: Transaction, world: World) -> tuple[Aside, ...]:
    """Join every record that has no subject yet; return those that could be several."""
    asides: list[Aside] = []
    everybody = tx.meta.get(marking.WHOLE) is not None
    for source in world.seats:
        after: tuple[str, str] | None = None
        while rows := tx.records.unjoined(source, after=after, limit=PORTION):
            after = (rows[-1].kind, rows[-1].native_id)
            found, open_ = _portion(tx, world, rows)
            tx.records.set_subjects(
                (row.source, row.kind, row.native_id, subject)
                for row in rows
                if (subject := found.get((row.source, row.kind, row.native_id))) is not None
            )
            if not everybody:
                tx.marks.add(set(found.values()), reason="a new record", at=world.now())
            asides += open_
    return tuple(asides)


def _portion(
    tx: Transaction, world: World, rows: Sequence[StagedRecord]
) -> tuple[dict[tuple[SourceName, Kind, NativeId], SubjectId], tuple[Aside, ...]]:
    fresh = [(row, statement(row, world.seats[row.source].rules.gives(row.kind))) for row in rows]
    known, departed = _candidates(tx, world, [one for _, one in fresh])
    groups, asides = correlate([*known, *(one for _, one in fresh)], world.join, departed)
    joined = {
        (one.source, one.kind, one.native_id): subject
        for subject, statements in groups.items()
        for one in statements
        if one.subject is None
    }
    found = {
        (row.source, row.kind, row.native_id): subject
        for row, one in fresh
        if (subject := joined.get((one.source, one.kind, one.native_id))) is not None
    }
    return found, asides


def _candidates(tx: Transaction, world: World, fresh: Iterable[Statement]) -> tuple[list[Statement], list[Statement]]:
    """Return what is known of those who share a number or an address with somebody new: of those who are there, and of those
    who are gone."""
    several, anybody_gone = len(world.join.sources) > 1, tx.records.anybody_absent()
    if not several and not anybody_gone:
        return [], []
    wanted: dict[str, set[str]] = defaultdict(set)
    for one in fresh:
        for name in world.join.correlate:
            if not is_empty(value := one.facts.get(name)):
                wanted[name].add(folded(value))
    subjects = {
        row.subject
        for name, values in wanted.items()
        for row in tx.records.meant(name, values, absent_too=True)
        if row.subject is not None
    }
    known: list[Statement] = []
    departed: list[Statement] = []
    for row in tx.records.of_subjects(sorted(subjects)):
        if row.source not in world.seats or row.state is not RecordState.MAPPED:
            continue
        one = statement(row, world.seats[row.source].rules.gives(row.kind))
        (known if row.absent_since is None else departed).append(one)
    return known, departed
