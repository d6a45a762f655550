"""Explaining one person: every record, rule, intermediate value and winner, and what would be written. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from syncd.core.correlation import JoinRules, Statement
from syncd.core.difference import Names, units_of
from syncd.core.model import (
    HOLDING_UNITS,
    RECORD_KINDS,
    ROOT_UNIT,
    Aside,
    Change,
    Desired,
    Effect,
    Entity,
    Kind,
    Link,
    LinkState,
    NativeId,
    Observed,
    SourceName,
    SourceRecord,
    SubjectId,
    TargetId,
)
from syncd.core.orgtree import OrgTree, grow
from syncd.core.policy import judge
from syncd.core.ports import Target
from syncd.core.values import Value, Values
from syncd.core.welcome import Word
from syncd.engine import failures
from syncd.engine.believing import PassedOver, not_believed
from syncd.engine.finding import find
from syncd.engine.part import gather
from syncd.engine.planning import Computed
from syncd.engine.recall import recall
from syncd.engine.surroundings import around
from syncd.engine.tree import passed_over
from syncd.engine.window import recent_to
from syncd.engine.world import World
from syncd.mapping import InboundRules, Mapped, OutboundRules, Trace
from syncd.store import Transaction
from syncd.store.leavings import Leaving
from syncd.store.offboardings import Offboarding
from syncd.store.proposals import ProposalRow
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
    wanted: Values
    """What the target shall hold, as it would write it down; empty for somebody who is left aside or leaves."""
    seen: Values
    """What the target held when it was last seen, references as subjects (`target:<id>` for what we do not link)."""
    changes: tuple[Change, ...]
    """What would be written now."""
    asides: tuple[Aside, ...]
    held: tuple[Effect, ...] = ()
    """For which effects the guard holds the changes."""
    leaving: str = ""
    """Why the subject leaves, if it does."""
    offboarded: Offboarding | None = None
    """The operator's decision that lets them leave, while it is in force."""
    left: Leaving | None = None
    """Our removal, or the target's own record of their leaving, while they are not there."""
    handed_from: str = ""
    """Who has left, and is still named as the manager by the sources; somebody else has taken over."""
    leads: tuple[SubjectId, ...] = ()
    """The units to which the person belongs for leading them alone (`heads: add`)."""
    names: Mapping[str, str] = field(default_factory=dict)
    """What to call the subjects that are mentioned."""
    queued: tuple[QueuedChange, ...] = ()
    stale: Mapping[SourceName, datetime | None] = field(default_factory=dict)
    """Of which sources the records stand still, as they cannot be read or are not configured any more; and when they were read
    last."""
    passed_over: Mapping[str, Mapping[SourceName, PassedOver]] = field(default_factory=dict)
    """By attribute whose word does not count, and why: `join.precedence` sets terms."""
    decisions: tuple[ProposalRow, ...] = ()
    """Who the records may be besides, and what people have decided about it."""
    words: tuple[Word, ...] = ()
    """Who was, or is to be, told of their first day."""


def explain(tx: Transaction, world: World, target: Target, who: str) -> Explanation:
    """Explain a person, unit or group that a source has told of; `who` is a name, number, login, address or account id.

    Raises NeedsHuman if that is nobody or several. Joins and unique values that had to be made up are for the caller to
    give up with the transaction.
    """
    found = find(tx, who, target=world.target_name)
    recalled = recall(tx, world, target, about=lambda: _subject(tx, found))
    subject = next(iter(_subject(tx, found)), None)
    rows = _rows(tx, subject, found)
    entity = recalled.standing.tree.entities.get(subject) if subject else None
    link = recalled.sight.links.get(subject) if subject else None
    observed = _observed(recalled, link)
    seen = _seen(observed, target, recalled)
    changes = tuple(change for change in recalled.plan.changes if change.subject == subject)
    known = {subject, *(f"{row.source}/{row.native_id}" for row in rows)}
    mentioned = [
        entity.facts if entity else {},
        seen,
        *({item.name: item.after for item in one.fields} for one in changes),
    ]
    return Explanation(
        subject=subject or SubjectId(""),
        label=entity.label if entity else found.label,
        records=rows,
        inbound=_inbound(world, rows),
        entity=entity,
        outbound=_outbound(world, recalled, entity),
        link=link,
        observed=observed,
        wanted=wanted.fields if (wanted := recalled.wishes.desired.get(subject or SubjectId(""))) else {},
        seen=seen,
        changes=changes,
        asides=tuple(aside for aside in recalled.plan.aside if aside.name in known),
        held=held_for(tx, world, recalled, subject),
        leaving=recalled.wishes.leaving.get(subject, "") if subject else "",
        offboarded=tx.offboardings.all().get(subject) if subject else None,
        left=_left(tx, world, subject, there=observed is not None),
        handed_from=_handed_from(tx, recalled, subject),
        leads=_leads(recalled, entity) if world.outbound.heads_join else (),
        names={**_others(tx, world, mentioned), **_names(recalled.standing.tree, mentioned, world.own_units)},
        queued=tuple(tx.queue.for_subject(subject)) if subject else (),
        stale=_stale(tx, world, rows),
        passed_over=_passed_over(tx, world, subject) if subject else {},
        decisions=_decisions(tx, subject, rows),
        words=tuple(tx.words.about([subject]).get(subject, ())) if subject else (),
    )


def explain_record(
    inbound: InboundRules, outbound: OutboundRules, source: SourceName, record: SourceRecord
) -> Explanation:
    """Explain a record that was pasted: no source, no store and no target is asked, references stay unresolved."""
    trace, mapped = inbound.explain(record), inbound.map(record)
    entity, explained = None, None
    tree = OrgTree(entities={})
    if isinstance(mapped, Mapped):
        tree = grow(_statements(source, record, mapped), JoinRules(sources=(source,), refers={source: inbound.refers}))
        entity = next((one for one in tree.entities.values() if one.kind is mapped.kind and _is_of(one, record)), None)
        if entity is not None:
            explained = outbound.explain(entity, around(tree, entity, first_candidate))
    return Explanation(
        subject=entity.subject if entity else SubjectId(""),
        label=entity.label if entity else record.native_id,
        records=(),
        inbound=((source, trace),),
        entity=entity,
        outbound=explained,
        link=None,
        observed=None,
        wanted=explained.result if explained is not None and not isinstance(explained.result, Aside) else {},
        seen={},
        changes=(),
        asides=(mapped,) if isinstance(mapped, Aside) else (),
        names=_names(tree, [entity.facts] if entity else [], {}),
    )


def first_candidate(field: str, candidates: Iterator[str]) -> str:
    """Return the first candidate: offline nobody knows which values are taken."""
    for candidate in candidates:
        return candidate
    raise LookupError(field)


# --- what is remembered ---------------------------------------------------------------------------------------------


def _subject(tx: Transaction, found: FoundRecord) -> tuple[SubjectId, ...]:
    """Return the subject that a record belongs to, once everybody is joined."""
    row = tx.records.get(found.source, found.kind, found.native_id)
    subject = row.subject if row is not None else found.subject
    return (subject,) if subject else ()


def _handed_from(tx: Transaction, recalled: Computed, subject: SubjectId | None) -> str:
    old = recalled.standing.handed.get(subject) if subject else None
    return next((row.label for row in tx.records.of_subject(old)), str(old)) if old else ""


def _left(tx: Transaction, world: World, subject: SubjectId | None, *, there: bool) -> Leaving | None:
    return tx.leavings.of(world.target_name, [subject]).get(subject) if subject and not there else None


def _leads(recalled: Computed, entity: Entity | None) -> tuple[SubjectId, ...]:
    """Return the units that the plan adds to somebody's own."""
    wanted = recalled.wishes.desired.get(entity.subject) if entity is not None else None
    if wanted is None or entity is None or entity.kind is not Kind.PERSON or HOLDING_UNITS & units_of(_places(wanted)):
        return ()
    own = entity.facts.get("units")
    named = {str(one) for one in own} if isinstance(own, tuple | list) else set()
    return tuple(sorted(SubjectId(unit) for unit in units_of(_places(wanted)) - named))


def _places(wanted: Desired) -> Value:
    return wanted.fields.get("departments")


def _rows(tx: Transaction, subject: SubjectId | None, found: FoundRecord) -> tuple[StagedRecord, ...]:
    """Return the subject's records; of one that is not joined yet, the record itself."""
    if subject and (rows := tx.records.of_subject(subject)):
        return tuple(rows)
    one = tx.records.get(found.source, found.kind, found.native_id)
    return (one,) if one is not None else ()


def _stale(tx: Transaction, world: World, rows: Iterable[StagedRecord]) -> dict[SourceName, datetime | None]:
    """Return whose last facts stand, and since when they are the last."""
    found: dict[SourceName, datetime | None] = {}
    runs = tx.runs.last(5)
    finished = next((run for run in runs if run.finished_at is not None and not run.result.startswith("failed")), None)
    for name in sorted({row.source for row in rows}):
        read = tx.reads.last(name)
        failing = failures.read(tx.meta.get(failures.PREFIX + failures.SOURCE + name)) is not None
        # A service reads beside its runs; a run that reads has its id on what it has read.
        passed = (
            read is not None
            and finished is not None
            and any(run.run_id == read.run_id for run in runs)
            and read.finished_at < finished.started_at
        )
        if name not in world.seats or failing or passed:
            found[name] = read.finished_at if read is not None else None
    return found


def _passed_over(tx: Transaction, world: World, subject: SubjectId) -> Mapping[str, Mapping[SourceName, PassedOver]]:
    part = gather(tx, world, (subject,), above=False)
    return not_believed(tx, part.join, part.groups.get(subject, ()), world.now())


def _decisions(tx: Transaction, subject: SubjectId | None, rows: Iterable[StagedRecord]) -> tuple[ProposalRow, ...]:
    """Return what is open or was decided about who these records are, and about who else may be the subject."""
    about = tx.proposals.of_subjects([subject]) if subject else []
    own = [one for row in rows for one in tx.proposals.of_record(row.source, row.kind, row.native_id)]
    found = {one.pair: one for one in (*about, *own)}
    return tuple(sorted(found.values(), key=lambda one: (one.found_at, one.pair.id)))


def _observed(recalled: Computed, link: Link | None) -> Observed | None:
    if link is None:
        return None
    return recalled.sight.objects.get((link.kind, link.target_id))


def _seen(observed: Observed | None, target: Target, recalled: Computed) -> Values:
    """Return what the target held, in the words in which changes are told."""
    if observed is None:
        return {}
    ids: dict[Kind, dict[TargetId, SubjectId]] = {}
    for link in recalled.sight.links.values():
        if link.state is not LinkState.REMOVED:
            ids.setdefault(link.kind, {})[link.target_id] = link.subject
    names, specs = Names(ids, root=target.root), target.fields[observed.kind]
    return {name: names.translate(name, value, specs[name]) for name, value in observed.fields.items() if name in specs}


def held_for(tx: Transaction, world: World, recalled: Computed, subject: SubjectId | None) -> tuple[Effect, ...]:
    """Judge the whole plan, as a run would, and return for what the subject's changes are held."""
    now = world.now()

    def released(effect: Effect, sum_: str) -> bool:
        return tx.holds.matching(effect, sum_, now=now) is not None

    limits, recent = world.guard.limits, recent_to(tx, world, recalled.plan.changes)
    holds = judge(recalled.plan, limits, released=released, accepted=tx.queue.waiting, recent=recent).holds
    return tuple(
        hold.effect for hold in holds if any(change.subject == subject for change in (*hold.changes, *hold.waiting))
    )


# --- rules ----------------------------------------------------------------------------------------------------------


def _inbound(world: World, rows: Iterable[StagedRecord]) -> tuple[tuple[SourceName, Trace], ...]:
    return tuple(
        (row.source, world.seats[row.source].rules.explain(_record(row)))
        for row in rows
        if row.source in world.seats and row.attributes is not None
    )


def _outbound(world: World, recalled: Computed, entity: Entity | None) -> Trace | None:
    if entity is None or passed_over(entity, world):
        return None
    return world.outbound.explain(entity, around(recalled.standing.tree, entity, recalled.unique(entity.subject)))


def _record(row: StagedRecord) -> SourceRecord:
    return SourceRecord(
        native_id=row.native_id,
        kind=row.kind,
        digest=row.digest,
        attributes=row.attributes or {},
        aliases=row.aliases,
        changed_at=row.changed_at,
    )


def _statements(source: SourceName, record: SourceRecord, mapped: Mapped) -> list[Statement]:
    """Return what the record says, and the units that its path speaks of."""
    own = Statement(
        source=source,
        native_id=record.native_id,
        kind=mapped.kind,
        facts=mapped.facts,
        origins=mapped.origins,
        aliases=record.aliases,
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


def _is_of(entity: Entity, record: SourceRecord) -> bool:
    return any(native_id == record.native_id for _, native_id in entity.records)


# --- names ----------------------------------------------------------------------------------------------------------


def _names(tree: OrgTree, values: Iterable[Values], ours: Mapping[str, str]) -> dict[str, str]:
    """Return the names of the subjects that `values` mention."""
    mentioned = {text for each in values for value in each.values() for text in _texts(value)}
    names = {text: entity.label for text in mentioned if (entity := tree.entities.get(SubjectId(text))) is not None}
    return {**names, ROOT_UNIT: "the root", **ours}


def _others(tx: Transaction, world: World, values: Iterable[Values]) -> dict[str, str]:
    """Return the names of those whom `values` mention and who may be in no tree: roles, and what is referred to no more."""
    kinds = tuple(f"{kind}:" for kind in RECORD_KINDS)
    mentioned = {text for each in values for value in each.values() for text in _texts(value) if text.startswith(kinds)}
    made_up: dict[str, str] = {subject: role.label for subject, role in world.outbound.roles.items()}
    rows = tx.records.of_subjects(sorted(SubjectId(text) for text in mentioned - made_up.keys())) if mentioned else ()
    return {**made_up, **{row.subject: row.label for row in rows if row.subject is not None}}


def _texts(value: Value) -> Iterator[str]:
    match value:
        case str():
            yield value
        case None | bool() | int() | float():
            return
        case Mapping():
            for item in value.values():
                yield from _texts(item)
        case _:
            for item in value:
                yield from _texts(item)
