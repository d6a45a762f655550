"""Who has to be looked at again: subjects that are not known to be in agreement with their objects in the target.

A mark is set in the transaction that stores its cause, and taken away in the one that stores its consequence; so a process that
dies in between loses none. Who refers to somebody who comes, goes or changes is marked too. Nothing here computes a plan.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from syncd.core.correlation import folded
from syncd.core.granting import is_made_up
from syncd.core.model import Kind, LinkState, SubjectId
from syncd.engine.world import World
from syncd.store import Transaction
from syncd.store.rows import StagedRecord

if TYPE_CHECKING:
    from syncd.core.model import NativeId, SourceName
    from syncd.store.rows import Was

WHOLE: Final = "reconcile.whole"
"""Where it is kept why everybody has to be looked at; absent when nobody has to but those who are marked."""
MOST: Final = 5_000
"""From so many changed records on, looking at everybody is cheaper than finding out who refers to whom."""
MOST_TOLD: Final = 25_000
"""The same where somebody may leave in a burst: of deltas, and of whatever a service reads because it was woken. A look at
everybody lets the writer stand still."""

_GONE: Final = frozenset({LinkState.OFFBOARDED, LinkState.REMOVED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """A record that means something else than before, and what it was called then."""

    row: StagedRecord
    was: Was | None
    names: frozenset[str]
    """By what others could refer to it before."""
    refers: frozenset[str]
    """Whom it referred to as its members before."""


def whole(tx: Transaction, why: str) -> None:
    """Ask that everybody is looked at."""
    if tx.meta.get(WHOLE) is None:
        tx.meta.set(WHOLE, why)


def mark(tx: Transaction, world: World, turned: Sequence[Turned]) -> None:
    """Mark the subjects of records that mean something else, and whoever that concerns."""
    own: set[SubjectId] = set()
    texts: set[str] = set()
    units: set[str] = set()
    members: set[str] = set()
    for one in turned:
        subject = one.row.subject or (one.was.subject if one.was is not None else None)
        if subject is not None:
            own.add(subject)
        now = names_of(one.row, world.looked_up_by)
        old = one.was
        if (
            one.row.kind is Kind.PERSON
            or old is None
            or old.absent
            or old.state is not one.row.state
            or now != one.names
        ):
            texts |= now | one.names
        if one.row.kind is not Kind.PERSON:
            units |= now
            members |= one.refers ^ members_of(one.row)
    own |= concerned(tx, texts)
    if units and world.looks_above:
        own |= below(tx, units)
    if members:
        own |= _with_theirs(tx, world, tx.records.named(members))
    tx.marks.add(_with_reports(tx, world, own), reason="a record changed", at=world.now())


def leave(tx: Transaction, world: World, source: SourceName, ids: Collection[tuple[Kind, NativeId]]) -> None:
    """Mark the subjects of records that are gone, and who refers to them; called while they are still there."""
    if len(ids) > MOST:
        whole(tx, "many records are gone")
        return
    found = tx.records.was(source, ids)
    own = {was.subject for was in found.values() if was.subject is not None}
    names = tx.records.names(source, ids)
    texts = {name for some in names.values() for name in some} | {folded(native_id) for _, native_id in ids}
    own |= concerned(tx, texts)
    members = tx.records.members(source, [one for one in ids if one[0] is not Kind.PERSON])
    if members:
        own |= _with_theirs(tx, world, tx.records.named({name for some in members.values() for name in some}))
    tx.marks.add(_with_reports(tx, world, own), reason="a record is gone", at=world.now())


def freed(tx: Transaction, subjects: Collection[SubjectId], now: datetime) -> None:
    """Mark those whose account is gone: they may be made external contacts."""
    tx.marks.add(subjects, reason="the account is gone", at=now)


def left(tx: Transaction, world: World, subjects: Collection[SubjectId]) -> None:
    """Mark the external contacts that were shared with those who are out of sight now, or gone."""
    names = {name for row in tx.records.of_subjects(sorted(subjects)) for name in names_of(row, world.looked_up_by)}
    rows = tx.records.referring(names) if names else ()
    found = {one.subject for one in rows if one.attribute == "visibleToPersons" and one.subject is not None}
    tx.marks.add(found, reason="somebody who is named has left", at=world.now())


def given(tx: Transaction, world: World, roles: Collection[SubjectId]) -> None:
    """Mark who is to have roles that have just been made: they may have been planned for without them."""
    if not roles:
        return
    if any(map(is_made_up, roles)):
        whole(tx, "a role of the rules was made")
        return
    rows = tx.records.of_subjects(sorted(roles))
    found = _with_theirs(tx, world, roles) | concerned(
        tx, {n for row in rows for n in names_of(row, world.looked_up_by)}
    )
    if len(found) > MOST:
        whole(tx, "a role of very many was made")
    else:
        tx.marks.add(found - set(roles), reason="a role was made", at=world.now())


def _with_theirs(tx: Transaction, world: World, subjects: Collection[SubjectId]) -> set[SubjectId]:
    """Return these and, where groups become roles, the members of those among them that are groups, however deep."""
    found = set(subjects)
    ahead = set(subjects) if world.outbound.gives_roles else set()
    while groups := sorted(one for one in ahead if one.startswith(f"{Kind.GROUP}:")):
        by_source: dict[SourceName, list[tuple[Kind, NativeId]]] = {}
        for row in tx.records.of_subjects(groups):
            by_source.setdefault(row.source, []).append((row.kind, row.native_id))
        members = [name for source, ids in by_source.items() for name in tx.records.members(source, ids).values()]
        ahead = tx.records.named({name for some in members for name in some}) - found if members else set()
        found |= ahead
    return found


def concerned(tx: Transaction, texts: Collection[str]) -> set[SubjectId]:
    """Return who refers to any of these names."""
    return {one.subject for one in tx.records.referring(texts) if one.subject is not None} if texts else set()


def reports(tx: Transaction, world: World, subjects: Collection[SubjectId]) -> set[SubjectId]:
    """Return who names these people, and who names those among them who are out of sight: whoever takes over follows from it."""
    found: set[SubjectId] = set()
    ahead = {one for one in subjects if one.startswith(f"{Kind.PERSON}:")} if world.leavers.hand_over else set()
    while ahead:
        names = {name for row in tx.records.of_subjects(sorted(ahead)) for name in names_of(row, world.looked_up_by)}
        new = concerned(tx, names) - found - set(subjects)
        found |= new
        ahead = out_of_sight(tx, world, new)
    return found


def out_of_sight(tx: Transaction, world: World, subjects: Collection[SubjectId]) -> set[SubjectId]:
    """Return those of these people who have left, or never came: others take over from them."""
    people = [one for one in subjects if one.startswith(f"{Kind.PERSON}:")]
    links = tx.links.get_many(world.target_name, people) if people else {}
    return {one for one in people if (link := links.get(one)) is None or link.state in _GONE}


def _with_reports(tx: Transaction, world: World, subjects: set[SubjectId]) -> set[SubjectId]:
    """Add those whom others who have left, and who are marked themselves, pass on."""
    if not world.leavers.hand_over or len(subjects) > MOST:
        return subjects
    left = out_of_sight(tx, world, subjects)
    # Before the first plan nobody is in sight, and everybody is looked at anyhow.
    return subjects | reports(tx, world, left) if left and tx.links.any(world.target_name) else subjects


def below(tx: Transaction, texts: Iterable[str]) -> set[SubjectId]:
    """Return everybody in units of these names, and in the units below them."""
    found: set[SubjectId] = set()
    ahead, met = set(texts), set[str]()
    while ahead:
        met |= ahead
        rows = tx.records.referring(ahead)
        found |= {one.subject for one in rows if one.subject is not None}
        by_source: dict[SourceName, list[tuple[Kind, NativeId]]] = {}
        for one in rows:
            if one.kind is not Kind.PERSON:
                by_source.setdefault(one.source, []).append((one.kind, one.native_id))
        ahead = {
            name
            for source, ids in by_source.items()
            for names in tx.records.names(source, ids).values()
            for name in names
        } - met
    return found


def names_of(row: StagedRecord, by: Collection[str]) -> frozenset[str]:
    """Return by what others can refer to a record; `by` are the facts by which records are found."""
    return frozenset(
        {
            folded(row.native_id),
            *map(folded, row.aliases),
            *(folded(value) for _, value in row.keys),
            *(folded(value) for name in by if (value := row.facts.get(name))),
        }
    )


def members_of(row: StagedRecord) -> frozenset[str]:
    """Return whom a record names as its members."""
    return frozenset(folded(text) for name, text in row.refers if name == "members")
