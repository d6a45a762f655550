"""A part of the world that is whole enough: those who are asked for, and everybody whom they stand under or refer to.

It takes the place of reading everybody: what comes of it for those who are asked for is what would come of the whole. Reads the
store; writes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from syncd.core.attributes import REFERRING
from syncd.core.correlation import JoinRules, Statement, folded
from syncd.core.model import Kind, SourceName, SubjectId
from syncd.core.values import Value
from syncd.engine.believing import rules_of_now
from syncd.engine.lookup import Lookup
from syncd.engine.marking import names_of
from syncd.engine.staging import texts_of
from syncd.engine.world import World
from syncd.store import Transaction
from syncd.store.offboardings import Offboarding
from syncd.store.rows import RecordState, StagedRecord

_UP = {Kind.PERSON: ("units", "manager"), Kind.UNIT: ("parent",), Kind.GROUP: ()}
"""What leads from somebody to those above, by kind."""
_NAMED: Final = {
    Kind.UNIT: tuple(name for name in REFERRING[Kind.UNIT] if name != "parent"),
    Kind.PERSON: ("visibleToUnits", "visibleToPersons"),
    Kind.GROUP: (),
}
"""How others are named besides: who leads a unit, who belongs to it, whom its rights speak of; who sees a contact."""
_GROUP = f"{Kind.GROUP}:"


@dataclass(slots=True, kw_only=True)
class Part:
    """Records by subject, as statements where they speak, as rows where they do not."""

    asked: frozenset[SubjectId]
    lookup: Lookup
    join: JoinRules
    """Those of now: whose word is too old is known."""
    above: bool = True
    """Whether those are there, too, who are above those who are asked for."""
    groups: dict[SubjectId, list[Statement]] = field(default_factory=dict)
    others: dict[SubjectId, list[StagedRecord]] = field(default_factory=dict)
    since: dict[SubjectId, datetime] = field(default_factory=dict)
    rows: dict[SubjectId, list[StagedRecord]] = field(default_factory=dict)
    """Of those who are asked for."""
    ghosts: dict[SubjectId, list[Statement]] = field(default_factory=dict)
    """Of people of whom no record is there any more: what the last ones said. Nobody is made of it; they had a manager."""
    past: dict[tuple[SourceName, str], SubjectId] = field(default_factory=dict)
    """Who is meant by the texts of managers that nobody goes by any more."""
    offboarded: dict[SubjectId, Offboarding] = field(default_factory=dict)
    """Everybody who leaves because an operator says so, asked for or not."""
    open: frozenset[SubjectId] = frozenset()
    """Of those who are asked for: who may be somebody whose record waits for a decision."""
    left: dict[SubjectId, dict[str, bytes]] = field(default_factory=dict)
    """Of those who are asked for: the fields that somebody changed by hand and that are left alone, with what was wanted then."""


def gather(
    tx: Transaction, world: World, asked: Collection[SubjectId], *, lookup: Lookup | None = None, above: bool = True
) -> Part:
    """Return the part of the world that `asked` is planned from. Without `above`, only they themselves, and the groups that
    become their roles."""
    part = Part(asked=frozenset(asked), lookup=lookup or Lookup(world), join=rules_of_now(tx, world), above=above)
    part.offboarded = tx.offboardings.all()
    part.left = tx.drifts.left(world.target_name, part.asked)
    part.open = tx.proposals.waiting(part.asked)
    _load(tx, world, part, sorted(part.asked))
    if above:
        _companions(tx, world, part)
        _climb(tx, world, part)
    if world.outbound.gives_roles:
        _groups(tx, world, part)
    return part


def _load(tx: Transaction, world: World, part: Part, subjects: Sequence[SubjectId]) -> list[Statement]:
    """Add the records of subjects; returns what they state."""
    made: list[Statement] = []
    for row in tx.records.of_subjects(subjects):
        if row.subject is None:
            continue
        if row.subject in part.asked:
            part.rows.setdefault(row.subject, []).append(row)
        if row.source in world.seats and row.state is RecordState.MAPPED and row.absent_since is None:
            one = statement(row, world.seats[row.source].rules.gives(row.kind))
            if row.subject not in part.asked:
                one = _as_context(one, part, world.looked_up_by)
            part.groups.setdefault(row.subject, []).append(one)
            made.append(one)
            if row.changed_at is not None:
                part.since[row.subject] = max(row.changed_at, part.since.get(row.subject, row.changed_at))
        else:
            part.others.setdefault(row.subject, []).append(row)
            if row.kind is Kind.PERSON and row.state is RecordState.MAPPED and row.source in world.seats:
                ghost = statement(row, world.seats[row.source].rules.gives(row.kind))
                part.ghosts.setdefault(row.subject, []).append(ghost)
                made.append(ghost)
    part.lookup.learn(tx, made)
    return made


def statement(row: StagedRecord, kind: Kind) -> Statement:
    """Return what a stored record says."""
    return Statement(
        source=row.source,
        native_id=row.native_id,
        kind=kind,
        facts=row.facts,
        origins=row.origins,
        aliases=row.aliases,
        subject=row.subject,
    )


def _as_context(one: Statement, part: Part, by: Collection[str]) -> Statement:
    """Leave out the members of a unit that nobody asked for, but those who are asked for: there may be thousands."""
    members = one.facts.get("members")
    if not members:
        return one
    asked = {name for rows in part.rows.values() for row in rows for name in names_of(row, by)}
    kept = tuple(text for text in texts_of(members) if folded(text) in asked)
    return replace(one, facts={**one.facts, "members": kept})


def _companions(tx: Transaction, world: World, part: Part) -> None:
    """Add the units that name those who are asked for as their members, and whom units that are asked for name."""
    names = {
        name
        for subject, rows in part.rows.items()
        if any(one.kind is Kind.PERSON for one in part.groups.get(subject, ()))
        for row in rows
        for name in names_of(row, world.looked_up_by)
    }
    found = [one for one in tx.records.referring(names) if one.attribute == "members"] if names else []
    units = {one.subject for one in found if one.subject is not None}
    others = {
        other
        for subject in part.asked
        for one in part.groups.get(subject, ())
        for name in _NAMED[one.kind]
        if name in one.facts
        for other in (*_meant(part, one, name), *(_past(tx, world, part, one, name) if name == "managers" else ()))
    }
    _load(tx, world, part, sorted((units | others) - part.groups.keys() - part.others.keys()))


def _climb(tx: Transaction, world: World, part: Part) -> None:
    """Add everybody above, step by step."""
    met = set(part.groups) | set(part.others) | part.asked
    up = {**_UP, Kind.PERSON: (*_UP[Kind.PERSON], "deputy")} if world.leavers.deputies else _UP
    frontier = [one for said in (part.groups, part.ghosts) for statements in said.values() for one in statements]
    while frontier:
        found = {other for one in frontier for name in up[one.kind] for other in _meant(part, one, name)}
        found |= {
            other for one in frontier if one.kind is Kind.PERSON for other in _past(tx, world, part, one, "manager")
        }
        ahead = sorted(found - met)
        met.update(ahead)
        frontier = _load(tx, world, part, ahead) if ahead else []


def _groups(tx: Transaction, world: World, part: Part) -> None:
    """Add the groups that people who are asked for are in, and the groups that those are in; of their members only these."""
    people = [row for rows in part.rows.values() for row in rows if row.kind is Kind.PERSON]
    names = {name for row in people for name in names_of(row, world.looked_up_by)}
    said = [one for subject in {row.subject for row in people if row.subject} for one in part.groups.get(subject, ())]
    own = {group for one in said for group in _meant(part, one, "groups")}
    rows: dict[SubjectId, list[StagedRecord]] = {}
    ahead = own | naming(tx, names)
    while ahead := ahead - rows.keys():
        found = tx.records.of_subjects(sorted(ahead))
        rows.update({subject: [row for row in found if row.subject == subject] for subject in ahead})
        further = {name for row in found for name in names_of(row, world.looked_up_by)}
        names |= further
        ahead = naming(tx, further)
    made = [_only(row, names, world) for some in rows.values() for row in some if _speaks(row, world)]
    for subject in rows.keys() - part.asked:
        part.groups.pop(subject, None)
    for one in made:
        if one.subject is not None and one.subject not in part.asked:
            part.groups.setdefault(one.subject, []).append(one)
    part.lookup.learn(tx, made)


def naming(tx: Transaction, names: Collection[str]) -> set[SubjectId]:
    """Return the groups that name any of these as their members."""
    return {
        one.subject
        for one in (tx.records.referring(names) if names else ())
        if one.attribute == "members" and one.subject is not None and one.subject.startswith(_GROUP)
    }


def _speaks(row: StagedRecord, world: World) -> bool:
    return row.source in world.seats and row.state is RecordState.MAPPED and row.absent_since is None


def _only(row: StagedRecord, names: Collection[str], world: World) -> Statement:
    """Return what a group's record says, with those of its members who go by these names: there may be thousands."""
    one = statement(row, world.seats[row.source].rules.gives(row.kind))
    if "members" not in one.facts:
        return one
    kept = tuple(text for text in texts_of(one.facts["members"]) if folded(text) in names)
    return replace(one, facts={**one.facts, "members": kept})


def _meant(part: Part, one: Statement, name: str) -> Iterator[SubjectId]:
    value: Value = one.facts.get(name)
    for text in texts_of(value):
        if (subject := part.lookup.find(one.source, one.kind, name, text)) is not None:
            yield subject


def _past(tx: Transaction, world: World, part: Part, one: Statement, name: str) -> Iterator[SubjectId]:
    """Yield whom a text means that nobody goes by any more: their reports are handed over to whoever was above them."""
    if not world.leavers.hand_over:
        return
    for text in texts_of(one.facts.get(name)):
        if part.lookup.find(one.source, one.kind, name, text) is not None:
            continue
        if (subject := part.lookup.departed(tx, one.source, one.kind, name, text)) is not None:
            part.past[one.source, text] = subject
            yield subject
