"""From stored records to the org tree, and from the tree to what the target shall hold. Reads the store; writes only joins.

Who is leaving is decided here, from what the records of a subject say: absent by proof, out of scope by rule, or inactive.
A subject with a parked record is never leaving.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from syncd.core.calendar import has_left
from syncd.core.correlation import Statement
from syncd.core.errors import Problem, message
from syncd.core.model import (
    HOLDING_UNIT,
    ROOT_UNIT,
    Aside,
    Desired,
    Entity,
    Kind,
    Link,
    LinkState,
    NativeId,
    Reason,
    SourceName,
    SubjectId,
)
from syncd.core.orgtree import OrgTree, grow
from syncd.core.values import Values
from syncd.engine.world import World
from syncd.mapping import Around
from syncd.store import Transaction
from syncd.store.rows import RecordState, StagedRecord

RECORD_WARNING: Final = message(
    "ENG-030",
    what="{label}: {what}",
    do="{do}",
    example="A work e-mail address that is none, in a rule that says `on_error: skip_field`.",
)
Unique = Callable[[SubjectId], Callable[[str, Iterator[str]], str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The org tree, and what the records say of subjects that are not, or not wholly, in it."""

    tree: OrgTree
    since: Mapping[SubjectId, datetime]
    """When a source last changed one of the subject's records, by its own account."""
    parked: frozenset[SubjectId]
    gone: Mapping[SubjectId, str]
    """Subjects without a single living record: why they leave."""
    asides: tuple[Aside, ...]
    warnings: tuple[Problem, ...] = ()
    """What the inbound rules left out of records that they mapped."""


def stand(tx: Transaction, world: World) -> Standing:
    """Grow the org tree from the stored records and keep the joins that are new."""
    statements: list[Statement] = []
    departed: list[Statement] = []
    others: dict[SubjectId, list[StagedRecord]] = defaultdict(list)
    since: dict[SubjectId, datetime] = {}
    asides: list[Aside] = []
    warnings: list[Problem] = []
    kinds: dict[tuple[SourceName, Kind, NativeId], Kind] = {}
    for row in tx.records.iterate():
        if row.source not in world.seats:
            if row.subject is not None:
                others[row.subject].append(row)
                asides += [_unheard(row)] if row.absent_since is None else []
            continue
        if row.state is RecordState.MAPPED and row.absent_since is None:
            statements.append(_statement(row, world.seats[row.source].rules.gives(row.kind)))
            kinds[row.source, statements[-1].kind, row.native_id] = row.kind
            warnings += [
                RECORD_WARNING.at(told.place, label=row.label, what=told.what, do=told.do) for told in row.problems
            ]
            if row.subject is not None and row.changed_at is not None:
                since[row.subject] = max(row.changed_at, since.get(row.subject, row.changed_at))
        elif row.subject is not None:
            others[row.subject].append(row)
            if row.absent_since is not None and row.state is RecordState.MAPPED:
                departed.append(_statement(row, world.seats[row.source].rules.gives(row.kind)))
        if row.absent_since is None and row.state is not RecordState.MAPPED:
            asides.append(_aside(row))
    tree = grow(statements, world.join, departed)
    _keep_joins(tx, statements, tree, kinds)
    living = {one.subject for one in statements} | tree.entities.keys()
    parked, gone = _departed(others, living, world)
    return Standing(
        tree=tree,
        since=since,
        parked=parked,
        gone=gone,
        asides=(*asides, *tree.asides),
        warnings=(*warnings, *tree.warnings),
    )


def _statement(row: StagedRecord, kind: Kind) -> Statement:
    return Statement(
        source=row.source,
        native_id=row.native_id,
        kind=kind,
        facts=row.facts,
        origins=row.origins,
        aliases=row.aliases,
        subject=row.subject,
    )


def _aside(row: StagedRecord) -> Aside:
    why = "; ".join(f"{told.what} {told.do}".strip() for told in row.problems)
    reason = Reason.EXCLUDED if row.state is RecordState.EXCLUDED else Reason.PARKED
    return Aside(reason=reason, kind=row.kind, name=f"{row.source}/{row.native_id}", label=row.label, why=why)


def _unheard(row: StagedRecord) -> Aside:
    """A source that is taken out of the configuration makes nobody a leaver; but nobody is left unsaid either."""
    why = f"the source {row.source} is no longer in the configuration"
    name = f"{row.source}/{row.native_id}"
    return Aside(reason=Reason.PARKED, kind=row.kind, name=name, label=row.label, why=why)


def _keep_joins(
    tx: Transaction,
    statements: Sequence[Statement],
    tree: OrgTree,
    kinds: Mapping[tuple[SourceName, Kind, NativeId], Kind],
) -> None:
    """Remember which subject each new record belongs to. `kinds` says what the source calls what the tree calls otherwise."""
    joined = {
        (source, entity.kind, native_id): subject
        for subject, entity in tree.entities.items()
        for source, native_id in entity.records
    }
    fresh = []
    for one in statements:
        key = (one.source, one.kind, one.native_id)
        if one.subject is None and (subject := joined.get(key)) is not None:
            fresh.append((one.source, kinds[key], one.native_id, subject))
    if fresh:
        tx.records.set_subjects(fresh)


def _departed(
    others: Mapping[SubjectId, Sequence[StagedRecord]], living: Collection[SubjectId | None], world: World
) -> tuple[frozenset[SubjectId], dict[SubjectId, str]]:
    parked: set[SubjectId] = set()
    gone: dict[SubjectId, str] = {}
    for subject, rows in others.items():
        if any(row.source not in world.seats and row.absent_since is None for row in rows):
            # Its source is no longer configured. That is a change of the configuration, never a leaver.
            parked.add(subject)
        elif any(row.state is RecordState.PARKED and row.absent_since is None for row in rows):
            parked.add(subject)
        elif subject not in living:
            excluded = [row for row in rows if row.state is RecordState.EXCLUDED and row.absent_since is None]
            if excluded:
                told = excluded[0].problems
                gone[subject] = f"out of scope: {told[0].what}" if told else "out of scope"
            elif world.leavers.absent_leaves:
                gone[subject] = "gone from " + ", ".join(sorted({row.source for row in rows}))
    return frozenset(parked), gone


# --- what the target shall hold -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the target shall hold, who leaves and why, and who is left as they are."""

    desired: Mapping[SubjectId, Desired]
    leaving: Mapping[SubjectId, str]
    asides: tuple[Aside, ...]
    warnings: tuple[Problem, ...]


def wish(
    standing: Standing,
    world: World,
    links: Mapping[SubjectId, Link],
    *,
    normalise: Callable[[Kind, Values], Values],
    hidden: Values,
    unique: Unique,
) -> Wishes:
    """Map the org tree out. Pure but for `unique`, which keeps the values that it hands out."""
    desired: dict[SubjectId, Desired] = {}
    leaving = {subject: why for subject, why in standing.gone.items() if subject not in standing.parked}
    asides: list[Aside] = list(standing.asides)
    warnings: list[Problem] = list(standing.warnings)
    for kind in (Kind.UNIT, Kind.PERSON):
        for entity in standing.tree.of(kind):
            if entity.subject in standing.parked and entity.subject in links:
                continue
            if kind is Kind.PERSON and has_left(entity.facts, world.now(), world.leavers.timezone):
                leaving[entity.subject] = f"the last working day was {entity.facts['endDate']}"
                continue
            match world.outbound.map(entity, around(standing.tree, entity, unique(entity.subject))):
                case Aside() as aside if aside.reason is Reason.EXCLUDED:
                    asides.append(aside)
                    leaving[entity.subject] = f"out of scope: {aside.why}"
                case Aside() as aside:
                    asides.append(aside)
                case Desired(active=False):
                    leaving[entity.subject] = "inactive in " + _source_of(entity, "active")
                case Desired() as one:
                    warnings += one.warnings
                    fields = normalise(
                        kind, _rooted(entity, one.fields, world) if entity.subject in links else one.fields
                    )
                    desired[entity.subject] = replace(one, fields=fields, since=standing.since.get(entity.subject))
    if world.leavers.hold and _needs_holding(leaving, links):
        desired[HOLDING_UNIT] = _holding(world, normalise, hidden)
    return Wishes(desired=desired, leaving=leaving, asides=tuple(asides), warnings=tuple(warnings))


def _rooted(entity: Entity, fields: Values, world: World) -> Values:
    """Let a unit without a parent stand below the root: it may have been moved there. A parent that nobody knows is kept."""
    if entity.kind is not Kind.UNIT or fields.get("parent") or "parent" in entity.unresolved:
        return fields
    return {**fields, "parent": ROOT_UNIT} if "parent" in world.outbound.fills(Kind.UNIT) else fields


def around(tree: OrgTree, entity: Entity, unique: Callable[[str, Iterator[str]], str]) -> Around:
    """Return what outbound rules may look at besides the entity."""
    if entity.kind is Kind.UNIT:
        parent = entity.facts.get("parent")
        unit = tree.entities.get(SubjectId(parent)) if isinstance(parent, str) else None
        return Around(unit=unit, path=tree.path(entity.subject), unique=unique)
    names = entity.facts.get("units")
    units = (
        tuple(found for name in names if (found := tree.entities.get(SubjectId(str(name)))))
        if isinstance(names, tuple | list)
        else ()
    )
    manager = entity.facts.get("manager")
    return Around(
        unit=units[0] if units else None,
        units=units,
        path=tree.path(units[0].subject) if units else (),
        manager=tree.entities.get(SubjectId(manager)) if isinstance(manager, str) else None,
        unique=unique,
    )


def _source_of(entity: Entity, name: str) -> str:
    origin = entity.origins.get(name)
    return origin.source if origin is not None else "its source"


def _needs_holding(leaving: Mapping[SubjectId, str], links: Mapping[SubjectId, Link]) -> bool:
    """The holding department is made for the first leaver and stays while somebody waits in it."""
    return HOLDING_UNIT in links or any(
        (link := links.get(subject)) is not None and link.kind is Kind.PERSON and link.state is not LinkState.REMOVED
        for subject in leaving
    )


def _holding(world: World, normalise: Callable[[Kind, Values], Values], hidden: Values) -> Desired:
    fields = {"name": world.leavers.department, "parent": ROOT_UNIT, **hidden}
    return Desired(
        subject=HOLDING_UNIT, kind=Kind.UNIT, label=world.leavers.department, fields=normalise(Kind.UNIT, fields)
    )
