"""Reads every source and applies the rules, for an assessment only. It stores nothing, writes nothing, and joins nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from syncd.core.correlation import Statement
from syncd.core.errors import NeedsHuman, TryAgain
from syncd.core.model import Aside, Desired, Entity, Kind, NativeId, SourceRecord
from syncd.core.orgtree import OrgTree, grow
from syncd.core.ports import Target
from syncd.engine.assess import Remark, Report, SourceHealth, assess
from syncd.engine.explain import first_candidate
from syncd.engine.roles import with_roles
from syncd.engine.surroundings import around
from syncd.engine.tree import passed_over
from syncd.engine.world import Seat, World
from syncd.mapping import Mapped


@dataclass(slots=True)
class _Heard:
    """What the sources say, gathered."""

    statements: list[Statement] = field(default_factory=list)
    asides: list[Aside] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)


async def examine(world: World) -> Report:
    """Read all sources to their end and judge what they say. A source that cannot be read is a finding, and raises nothing."""
    heard = _Heard()
    sources = [await _read(seat, heard) for seat in world.seats.values()]
    refers = {name: seat.rules.refers for name, seat in world.seats.items()}
    tree = grow(heard.statements, replace(world.join, refers=refers))
    if world.outbound.gives_roles:
        tree = with_roles(tree, tree.entities, world.outbound)
    target = world.make_target()
    wishes = [_wished(world, target, tree, one) for one in tree.entities.values() if not passed_over(one, world)]
    return assess(
        tree.entities.values(),
        asides=[*heard.asides, *tree.asides, *(wish for wish in wishes if isinstance(wish, Aside))],
        remarks=heard.remarks,
        desired=[wish for wish in wishes if isinstance(wish, Desired)],
        fields=target.fields,
        sources=sources,
        now=world.now(),
    )


async def _read(seat: Seat, heard: _Heard) -> SourceHealth:
    records: Counter[Kind] = Counter()
    health = SourceHealth(name=seat.name)
    try:
        async with seat.make() as source:
            async for page in source.read(None):
                records.update(record.kind for record in page.records)
                _hear(seat, page.records, heard)
                newest = max((r.changed_at for r in page.records if r.changed_at is not None), default=health.newest)
                newest = newest if health.newest is None or newest is None else max(newest, health.newest)
                notes = (*health.notes, *page.notes)
                health = replace(health, newest=newest, notes=notes, completeness=page.completeness)
    except (TryAgain, NeedsHuman) as failure:
        health = replace(health, failure=failure.problem)
    return replace(health, records=dict(records))


def _hear(seat: Seat, records: Iterable[SourceRecord], heard: _Heard) -> None:
    for record in records:
        mapped = seat.rules.map(record)
        if isinstance(mapped, Mapped):
            statements = list(_statements(seat, record, mapped))
            heard.statements += statements
            name, label = f"{seat.name}/{record.native_id}", statements[0].label
            heard.remarks += [Remark(name=name, label=label, problem=problem) for problem in mapped.warnings]
        else:
            heard.asides.append(mapped)


def _statements(seat: Seat, record: SourceRecord, mapped: Mapped) -> Iterable[Statement]:
    yield Statement(
        source=seat.name,
        native_id=record.native_id,
        kind=mapped.kind,
        facts=mapped.facts,
        origins=mapped.origins,
        aliases=record.aliases,
    )
    for unit in mapped.units:
        facts = {**unit.facts, **({"parent": unit.parent} if unit.parent else {})}
        yield Statement(source=seat.name, native_id=NativeId(unit.key), kind=Kind.UNIT, facts=facts)


def _wished(world: World, target: Target, tree: OrgTree, entity: Entity) -> Desired | Aside:
    wish = world.outbound.map(entity, around(tree, entity, first_candidate))
    if isinstance(wish, Desired):
        return replace(wish, fields=target.normalise(wish.kind, wish.fields))
    return wish
