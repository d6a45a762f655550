"""What new rules would do, before they are active: the same stored records through both, person by person. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from syncd.core.correlation import Statement
from syncd.core.difference import same
from syncd.core.errors import Place
from syncd.core.fields import FieldSpec
from syncd.core.model import Aside, Desired, Entity, FieldChange, Kind, NativeId, SourceName, SourceRecord, SubjectId
from syncd.core.orgtree import OrgTree, grow
from syncd.core.outsiders import apart
from syncd.core.ports import Target
from syncd.core.values import is_empty
from syncd.engine.explain import first_candidate
from syncd.engine.heads import joined
from syncd.engine.roles import with_roles
from syncd.engine.staging import DERIVED
from syncd.engine.surroundings import around
from syncd.engine.world import World
from syncd.mapping import InboundRules, Mapped, OutboundRules
from syncd.store import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """How new rules change one subject."""

    subject: SubjectId
    kind: Kind
    label: str
    fields: tuple[FieldChange, ...]
    before: str = ""
    """Why it was left aside under the old rules, empty if it was not; `absent` if it did not exist."""
    after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """Everybody whom new rules change, and how many they do not."""

    shifts: tuple[Shift, ...]
    unchanged: int


def impact(
    tx: Transaction,
    world: World,
    target: Target,
    *,
    inbound: Mapping[SourceName, InboundRules] | None = None,
    outbound: OutboundRules | None = None,
) -> Impact:
    """Return who would change, and how, if these rules took the place of the active ones."""
    records = _records(tx)
    old = _outcome(records, world, target, {name: seat.rules for name, seat in world.seats.items()}, world.outbound)
    rules = {name: (inbound or {}).get(name, seat.rules) for name, seat in world.seats.items()}
    new = _outcome(records, world, target, rules, outbound or world.outbound)
    shifts = []
    for subject in sorted(old.keys() | new.keys()):
        shift = _shift(subject, old.get(subject), new.get(subject), target.fields)
        if shift is not None:
            shifts.append(shift)
    return Impact(shifts=tuple(shifts), unchanged=len(old.keys() | new.keys()) - len(shifts))


Outcome = Desired | Aside


def _records(tx: Transaction) -> Sequence[tuple[SourceName, SourceRecord, SubjectId | None]]:
    found = []
    for row in tx.records.iterate():
        if row.absent_since is not None or row.digest.startswith(DERIVED):
            continue
        whole = tx.records.get(row.source, row.kind, row.native_id)
        if whole is not None and whole.attributes is not None:
            record = SourceRecord(
                native_id=row.native_id,
                kind=row.kind,
                digest=row.digest,
                attributes=whole.attributes,
                aliases=row.aliases,
            )
            found.append((row.source, record, row.subject))
    return found


def _outcome(
    records: Sequence[tuple[SourceName, SourceRecord, SubjectId | None]],
    world: World,
    target: Target,
    inbound: Mapping[SourceName, InboundRules],
    outbound: OutboundRules,
) -> dict[SubjectId, Outcome]:
    statements: list[Statement] = []
    outcome: dict[SubjectId, Outcome] = {}
    for source, record, subject in records:
        if source not in inbound:
            continue
        mapped = inbound[source].map(record)
        if isinstance(mapped, Mapped):
            statements += _statements(source, record, mapped, subject)
        else:
            outcome[subject or SubjectId(f"{source}/{record.native_id}")] = mapped
    refers = {name: rules.refers for name, rules in inbound.items()}
    tree = grow(statements, replace(world.join, refers=refers))
    if outbound.gives_roles:
        tree = with_roles(tree, tree.entities, outbound)
    for entity in tree.entities.values():
        if entity.kind is not Kind.GROUP or outbound.fills(Kind.GROUP):
            outcome[entity.subject] = _desired(tree, entity, target, outbound)
    if outbound.heads_join:
        desired = {subject: one for subject, one in outcome.items() if isinstance(one, Desired)}
        outcome |= joined(desired, tree.entities, target)
    return {**outcome, **outbound.roles}


def _statements(source: SourceName, record: SourceRecord, mapped: Mapped, subject: SubjectId | None) -> list[Statement]:
    own = Statement(
        source=source,
        native_id=record.native_id,
        kind=mapped.kind,
        facts=mapped.facts,
        origins=mapped.origins,
        aliases=record.aliases,
        subject=subject,
    )
    units = [
        Statement(
            source=source,
            native_id=NativeId(unit.key),
            kind=Kind.UNIT,
            facts={**unit.facts, **({"parent": unit.parent} if unit.parent else {})},
        )
        for unit in mapped.units
    ]
    return [own, *units]


def _desired(tree: OrgTree, entity: Entity, target: Target, outbound: OutboundRules) -> Outcome:
    wished = apart(entity, outbound.map(entity, around(tree, entity, first_candidate)), tree.entities)
    if isinstance(wished, Desired):
        return replace(wished, fields=target.normalise(wished.kind, wished.fields))
    return wished


def _shift(
    subject: SubjectId, old: Outcome | None, new: Outcome | None, specs: Mapping[Kind, Mapping[str, FieldSpec]]
) -> Shift | None:
    some = new or old
    if some is None:
        return None
    before, after = _stands(old), _stands(new)
    changes: tuple[FieldChange, ...] = ()
    if isinstance(old, Desired) and isinstance(new, Desired):
        if old.kind is new.kind:
            changes = _changes(old, new, specs[some.kind])
        else:
            before, after = f"as {old.kind}", f"as {new.kind}"
    if before == after and not changes:
        return None
    return Shift(subject=subject, kind=some.kind, label=some.label, fields=changes, before=before, after=after)


def _stands(outcome: Outcome | None) -> str:
    match outcome:
        case None:
            return "absent"
        case Aside(reason=reason, why=why):
            return f"{reason}: {why}" if why else str(reason)
        case Desired(active=active):
            return "" if active else "inactive"


def _changes(old: Desired, new: Desired, specs: Mapping[str, FieldSpec]) -> tuple[FieldChange, ...]:
    found = []
    for name in sorted(old.fields.keys() | new.fields.keys()):
        before, after = old.fields.get(name), new.fields.get(name)
        equal = (
            before == after
            or (is_empty(before) and is_empty(after))
            or (name in specs and same(after, before, specs[name]))
        )
        if not equal:
            rule = new.rules.get(name, old.rules.get(name, Place()))
            found.append(FieldChange(name=name, before=before, after=after, rule=rule))
    return tuple(found)
