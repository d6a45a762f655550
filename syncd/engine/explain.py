"""Explaining one person: every record, rule, intermediate value and winner, and what would be written. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from syncd.core.correlation import Statement
from syncd.core.errors import NeedsHuman, message
from syncd.core.model import (
    Aside,
    Change,
    Entity,
    Link,
    Observed,
    SourceName,
    SourceRecord,
    SubjectId,
)
from syncd.core.orgtree import grow
from syncd.core.ports import Target
from syncd.engine.observe import View
from syncd.engine.reconcile import allocator, difference
from syncd.engine.tree import Standing, around, stand, wish
from syncd.engine.world import World
from syncd.mapping import Mapped, Trace
from syncd.store import Transaction
from syncd.store.rows import FoundRecord, QueuedChange, StagedRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything about one subject."""

    subject: SubjectId
    label: str
    records: tuple[StagedRecord, ...]
    inbound: tuple[tuple[SourceName, Trace], ...]
    """How each record was mapped."""
    entity: Entity | None
    """The join: facts with their winning source."""
    outbound: Trace | None
    link: Link | None
    observed: Observed | None
    changes: tuple[Change, ...]
    """What would be written now."""
    asides: tuple[Aside, ...]
    queued: tuple[QueuedChange, ...] = ()


def explain(tx: Transaction, world: World, target: Target, who: str) -> Explanation:
    """Explain a person, unit or group that a source has told of. Keeps no unique value that it has to make up."""
    found = find(tx, who)
    standing = stand(tx, world)
    subject = found.subject or _joined(standing, found)
    rows = tuple(tx.records.of_subject(subject)) if subject else ()
    if not rows:
        one = tx.records.get(found.source, found.kind, found.native_id)
        rows = (one,) if one is not None else ()
    traces = tuple(
        (row.source, world.seats[row.source].rules.explain(_record(row)))
        for row in rows
        if row.source in world.seats and row.attributes is not None
    )
    entity = standing.tree.entities.get(subject) if subject else None
    links = tx.links.all(world.target_name)
    objects = [row.observed for row in tx.observed.iterate(world.target_name)]
    view = View(objects=objects, complete=True, certificate=None, taken_at=world.now())
    unique = allocator(tx, world, view, links)
    outbound = world.outbound.explain(entity, around(standing.tree, entity, unique(entity.subject))) if entity else None
    wishes = wish(standing, world, links, normalise=target.normalise, hidden=target.hidden, unique=unique)
    plan = difference(world, target, wishes, view, links, {subject} if subject else ())
    link = links.get(subject) if subject else None
    names = {subject, *(f"{row.source}/{row.native_id}" for row in rows)}
    return Explanation(
        subject=subject or SubjectId(""),
        label=entity.label if entity else found.label,
        records=rows,
        inbound=traces,
        entity=entity,
        outbound=outbound,
        link=link,
        observed=next(
            (item for item in objects if link and item.target_id == link.target_id and item.kind is link.kind), None
        ),
        changes=plan.changes,
        asides=tuple(aside for aside in plan.aside if aside.name in names),
        queued=tuple(tx.queue.for_subject(subject)) if subject else (),
    )


def explain_record(world: World, source: SourceName, record: SourceRecord) -> Explanation:
    """Explain a record that was pasted: no source, no store and no target is asked, references stay unresolved."""
    seat = world.seats[source]
    trace = seat.rules.explain(record)
    mapped = seat.rules.map(record)
    entity, outbound = None, None
    asides: Sequence[Aside] = ()
    if isinstance(mapped, Mapped):
        own = Statement(
            source=source,
            native_id=record.native_id,
            kind=mapped.kind,
            facts=mapped.facts,
            origins=mapped.origins,
            aliases=record.aliases,
        )
        tree = grow([own], world.join)
        entity = next(iter(tree.entities.values()), None)
        if entity is not None:
            outbound = world.outbound.explain(entity, around(tree, entity, first_candidate))
    else:
        asides = (mapped,)
    return Explanation(
        subject=entity.subject if entity else SubjectId(""),
        label=entity.label if entity else record.native_id,
        records=(),
        inbound=((source, trace),),
        entity=entity,
        outbound=outbound,
        link=None,
        observed=None,
        changes=(),
        asides=tuple(asides),
    )


def first_candidate(field: str, candidates: Iterator[str]) -> str:
    """Return the first candidate: offline nobody knows which values are taken."""
    for candidate in candidates:
        return candidate
    raise LookupError(field)


def _joined(standing: Standing, found: FoundRecord) -> SubjectId | None:
    key = (found.source, found.native_id)
    return next((subject for subject, entity in standing.tree.entities.items() if key in entity.records), None)


def _record(row: StagedRecord) -> SourceRecord:
    return SourceRecord(
        native_id=row.native_id,
        kind=row.kind,
        digest=row.digest,
        attributes=row.attributes or {},
        aliases=row.aliases,
        changed_at=row.changed_at,
    )
