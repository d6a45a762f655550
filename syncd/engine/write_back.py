"""What flows back to the sources: computed from what the target holds and what the record holds, and nothing else.

Level-triggered: nothing remembers what was written. When the record comes back with the value, there is no difference any more.
Only for people who are linked, whose account is not protected, whose source's last full read was proven, and who have no other
change in the same plan: what that comes to is seen first. What would not come back as it went out is left aside. Asks nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from syncd.core.difference import same
from syncd.core.errors import Problem, message
from syncd.core.model import (
    Aside,
    Change,
    Desired,
    Effect,
    Entity,
    FieldChange,
    Kind,
    Lane,
    Link,
    LinkState,
    NativeId,
    Observed,
    Op,
    Plan,
    Reason,
    SourceName,
    SourceRecord,
    SubjectId,
    TargetId,
)
from syncd.core.ordering import RANK_BACK
from syncd.core.outcome import Applied, Deferred, Outcome
from syncd.core.plan import fingerprint
from syncd.core.values import Value, Values, is_empty
from syncd.core.wakes import Wake, WakeReason
from syncd.engine.sight import value_of
from syncd.engine.tree import Standing, want
from syncd.engine.world import World
from syncd.mapping import Mapped
from syncd.mapping.functions import Unfit
from syncd.mapping.write_back import When, WriteBack, text_of
from syncd.store.drifts import DriftState

if TYPE_CHECKING:
    from syncd.core.ports import Target
    from syncd.store import Transaction
    from syncd.store.drifts import Drift

TWO_RECORDS: Final = message(
    "WBK-001",
    what="{label}: nothing is written back to {source}, which has {count} records of this person.",
    do="Let the rules exclude all but one of them, or separate them in the source.",
    example="Somebody with two accounts in one directory, joined by the employee number.",
)
COMES_BACK_OTHERWISE: Final = message(
    "WBK-002",
    what="{label}: {field} is not written back to {attribute} of {source}: the rules would make something else of it again.",
    do="Add `via` to the rule at `write_back`, so that what is written reads as what the target holds; or revert the edit.",
    example="write_back: {mobile: {from: mobile, when: drift}}   # while a rule takes the last eight digits of `mobile`",
)
NOT_SAYABLE: Final = message(
    "WBK-003",
    what="{label}: {field} cannot be written back to {attribute} of {source}: {why}",
    do="{do}",
    example="A number that `via: [e164]` does not understand.",
)
SEPARATOR: Final = "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is to be written back, and of whom something is not."""

    changes: tuple[Change, ...] = ()
    asides: tuple[Aside, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Person:
    """What is known of somebody on both sides."""

    link: Link
    seen: Observed
    record: NativeId
    held: Values
    drifts: Mapping[str, Drift]
    whole: bool
    """Whether the account was looked at whole since we last wrote it: only then is what it does not show empty."""


def added(
    tx: Transaction, world: World, target: Target, plan: Plan, *, asked: Collection[SubjectId], standing: Standing
) -> Plan:
    """Return a plan together with what is written back of those who are `asked` for and have nothing else in it."""
    if not world.returned:
        return plan
    busy = {change.subject for change in plan.changes}
    free = [one for one in sorted(asked) if one not in busy and one in standing.tree.entities]
    found = differences(tx, world, target, free, standing=standing)
    changes = (*plan.changes, *found.changes)
    return replace(
        plan,
        changes=changes,
        aside=(*plan.aside, *found.asides),
        fingerprint=fingerprint(changes) if plan.fingerprint else "",
    )


def differing(tx: Transaction, world: World, target: Target, subjects: Collection[SubjectId]) -> set[SubjectId]:
    """Return of whom something may have to be written back; whether it comes back as it goes out is not looked at."""
    if not world.returned:
        return set()
    found = differences(tx, world, target, sorted(subjects))
    return {one.subject for one in found.changes} | {SubjectId(one.name) for one in found.asides}


def differences(
    tx: Transaction,
    world: World,
    target: Target,
    subjects: Collection[SubjectId],
    *,
    standing: Standing | None = None,
) -> Found:
    """Return what differs. Of somebody who is in several sources one is written to at a time, in the order of their names."""
    changes: dict[SubjectId, Change] = {}
    asides: dict[SubjectId, Aside] = {}
    for source, rules in sorted(world.returned.items()):
        full = tx.reads.last_full(source)
        if full is None or not full.proven:
            continue  # whoever is seen by halves is not written to
        open_ = [one for one in subjects if one not in changes]
        for subject, person in _people(tx, world, source, open_, asides):
            fields, problem = _fields(world, target, source, subject, person, rules, standing)
            if fields:
                changes[subject] = _change(source, subject, person, fields)
            if problem is not None:
                asides.setdefault(subject, _aside(subject, person.seen.label, problem))
    return Found(changes=tuple(changes[one] for one in sorted(changes)), asides=tuple(asides.values()))


def _people(
    tx: Transaction,
    world: World,
    source: SourceName,
    subjects: Collection[SubjectId],
    asides: dict[SubjectId, Aside],
) -> Iterator[tuple[SubjectId, _Person]]:
    """Yield those to whom something may be written back, with both sides of them."""
    name = world.target_name
    links = {
        subject: link
        for subject, link in tx.links.get_many(name, subjects).items()
        if link.kind is Kind.PERSON and link.state is LinkState.LINKED
    }
    seen = tx.observed.get_many(name, Kind.PERSON, [link.target_id for link in links.values()])
    drifts: dict[SubjectId, dict[str, Drift]] = {}
    for drift in tx.drifts.of(name, links):
        drifts.setdefault(drift.subject, {})[drift.field] = drift
    clears = any(rule.clear for rule in world.returned[source])
    for subject, records in tx.records.held(source, Kind.PERSON, links).items():
        item = seen.get(links[subject].target_id)
        if item is None or item.protected or world.guard.protected(item):
            continue
        if len(records) > 1:
            problem = TWO_RECORDS.at(label=item.label, source=source, count=len(records))
            asides.setdefault(subject, _aside(subject, item.label, problem))
            continue
        ((native_id, held),) = records
        yield (
            subject,
            _Person(
                link=links[subject],
                seen=item,
                record=native_id,
                held=held,
                drifts=drifts.get(subject, {}),
                whole=clears and _seen_whole(tx, name, item),
            ),
        )


def _seen_whole(tx: Transaction, target: str, item: Observed) -> bool:
    row, last = tx.observed.get(target, Kind.PERSON, item.target_id), tx.observed.last_full_at(target)
    return row is not None and last is not None and row.at <= last


def _fields(
    world: World,
    target: Target,
    source: SourceName,
    subject: SubjectId,
    person: _Person,
    rules: Collection[WriteBack],
    standing: Standing | None,
) -> tuple[tuple[FieldChange, ...], Problem | None]:
    """Return what is to be written to a record, and the first thing that is not."""
    fields: list[FieldChange] = []
    problem: Problem | None = None
    for rule in rules:
        if not _licensed(rule, person):
            continue
        words = {"label": person.seen.label, "field": rule.field, "attribute": rule.attribute, "source": source}
        try:
            wanted = rule.said(value_of(person.seen, rule.field))
        except Unfit as unfit:
            why = unfit.problem
            problem = problem or NOT_SAYABLE.at(rule.place, why=why.what, do=why.do, **words)
            continue
        held = person.held.get(rule.attribute)
        if (is_empty(wanted) and (is_empty(held) or not _may_clear(rule, person))) or wanted == held:
            continue
        if standing is not None and not _comes_back(world, target, source, subject, person, rule, wanted, standing):
            problem = problem or COMES_BACK_OTHERWISE.at(rule.place, **words)
            continue
        fields.append(
            FieldChange(
                name=rule.attribute,
                before=held if isinstance(held, str) else text_of(held),
                after=wanted,
                rule=rule.place,
            )
        )
    return tuple(fields), problem


def _licensed(rule: WriteBack, person: _Person) -> bool:
    """Tell whether the target may decide about an attribute now."""
    if rule.field in person.seen.unreadable:
        return False
    if rule.when is When.ALWAYS:
        return True
    drift = person.drifts.get(rule.field)
    return drift is not None and drift.state is DriftState.ACCEPTED


def _may_clear(rule: WriteBack, person: _Person) -> bool:
    return rule.clear and (person.whole or rule.when is When.DRIFT)


def _comes_back(
    world: World,
    target: Target,
    source: SourceName,
    subject: SubjectId,
    person: _Person,
    rule: WriteBack,
    wanted: str | None,
    standing: Standing,
) -> bool:
    """Tell whether the rules make of the record, once it is written, what the target holds: else the two would never agree."""
    if rule.when is When.ALWAYS:
        return True  # no rule leads from the attribute to the field: rules that do are refused
    rules, entity = world.seats[source].rules, standing.tree.entities[subject]
    before = _meaning(rules, person, person.held)
    after = _meaning(rules, person, {**person.held, rule.attribute: wanted})
    if before is None or after is None:
        return False
    turned = {
        name: after.get(name)
        for name in before.keys() | after.keys()
        if before.get(name) != after.get(name) and _from(entity, name, source)
    }
    then = want(standing.tree, replace(entity, facts={**entity.facts, **turned}), world, _first)
    if not isinstance(then, Desired):
        return False
    fields = target.normalise(Kind.PERSON, then.fields)
    seen = target.normalise(Kind.PERSON, {rule.field: value_of(person.seen, rule.field)})
    if rule.field not in fields:
        return False
    held, wished = seen.get(rule.field), fields[rule.field]
    return (is_empty(held) and is_empty(wished)) or same(held, wished, target.fields[Kind.PERSON][rule.field])


def _first(field: str, candidates: Iterator[str]) -> str:
    """Return the first candidate: what is unique is no matter of what is written back."""
    for candidate in candidates:
        return candidate
    raise LookupError(field)


def _from(entity: Entity, name: str, source: SourceName) -> bool:
    origin = entity.origins.get(name)
    return origin is None or origin.source == source


def _meaning(rules: object, person: _Person, attributes: Mapping[str, Value]) -> Values | None:
    said = {name: value for name, value in attributes.items() if value is not None}
    record = SourceRecord(native_id=person.record, kind=Kind.PERSON, digest=b"", attributes=said)
    mapped = rules.map(record)  # type: ignore[attr-defined]
    return mapped.facts if isinstance(mapped, Mapped) else None


def _change(source: SourceName, subject: SubjectId, person: _Person, fields: tuple[FieldChange, ...]) -> Change:
    return Change(
        op=Op.WRITE_BACK,
        subject=subject,
        kind=Kind.PERSON,
        label=person.seen.label,
        reason=f"written back to {source}",
        effects=(Effect.WRITE_BACK,),
        lane=Lane.REST,
        rank=RANK_BACK,
        target_id=record_name(source, person.record),
        fields=fields,
    )


def settled(tx: Transaction, world: World, done: Iterable[tuple[Change, Outcome]], now: datetime) -> None:
    """After changes were tried: look again at those of whom the target has news, and have sources read that were written to."""
    if not world.returned:
        return
    marked: set[SubjectId] = set()
    written: set[SourceName] = set()
    for change, outcome in done:
        if change.op is Op.WRITE_BACK:
            if not (isinstance(outcome, Deferred) and outcome.whole_target):
                written.add(record_of(change)[0])
        elif isinstance(outcome, Applied) and change.kind is Kind.PERSON:
            marked.add(change.subject)
    tx.marks.add(sorted(marked), reason="what flows back may differ", at=now)
    rung = sorted(written & world.seats.keys())
    tx.wakes.put([Wake(source=one, reason=WakeReason.WRITTEN) for one in rung], at=now)


def record_name(source: SourceName, record: NativeId) -> TargetId:
    """Return what a record is called in a change."""
    return TargetId(f"{source}{SEPARATOR}{record}")


def record_of(change: Change) -> tuple[SourceName, NativeId]:
    """Return the record that a change writes to."""
    source, _, record = (change.target_id or "").partition(SEPARATOR)
    return SourceName(source), NativeId(record)


def _aside(subject: SubjectId, label: str, problem: Problem) -> Aside:
    return Aside(reason=Reason.PARKED, kind=Kind.PERSON, name=subject, label=label, problems=(problem,))


__all__ = ["Found", "added", "differences", "differing", "record_name", "record_of"]
