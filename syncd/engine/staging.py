"""From a source's records to the rows that are stored: mapped, or left aside with the reason. Stores nothing itself."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Final

from syncd.core.attributes import REFERRING
from syncd.core.correlation import folded, subject_for
from syncd.core.errors import Place
from syncd.core.matching import compared
from syncd.core.model import Aside, Kind, NativeId, Reason, SourceRecord, SubjectId
from syncd.core.values import Value, Values, digest
from syncd.engine.world import Seat, World
from syncd.mapping import DerivedUnit, Mapped
from syncd.store import codec
from syncd.store.rows import ALIKE, RecordState, StagedRecord, Told

DERIVED: Final = b"\0derived"
"""How the digest of a unit begins that was made from a path of names and has no record of its own."""
_NAMES: Final = ("displayName", "name.formatted", "userName", "externalId")


def stamp(world: World, seat: Seat) -> bytes:
    """Return the digest of everything that decides how a record of this source is mapped and found."""
    by = repr((world.looked_up_by, world.program, world.join.names))
    return hashlib.blake2b(seat.rules.digest + by.encode(), digest_size=16).digest()


def staged(
    world: World,
    seat: Seat,
    records: Iterable[SourceRecord],
    *,
    new: Container[tuple[Kind, NativeId]] = frozenset(),
) -> Iterator[StagedRecord]:
    """Map records and yield their rows, and the rows of units that their paths speak of.

    `new` are those who cannot be anybody who is known, and so begin a subject of their own at once.
    """
    units: dict[str, tuple[DerivedUnit, Place]] = {}
    mapped_by = stamp(world, seat)
    for record in records:
        match seat.rules.map(record):
            case Mapped() as mapped:
                if mapped.units:
                    rule = mapped.origins.get("units", Place())
                    units.update((unit.key, (unit, rule)) for unit in mapped.units)
                subject = None
                if (record.kind, record.native_id) in new:
                    subject = subject_for(seat.name, seat.rules.gives(record.kind), record.native_id)
                yield _row(world, seat, record, mapped, mapped_by, subject)
            case Aside() as aside:
                yield _left_aside(world, seat, record, aside, mapped_by)
    for unit, rule in units.values():
        yield _derived(seat, unit, rule, mapped_by)


def meanings(
    world: World, seat: Seat, records: Iterable[SourceRecord]
) -> Iterator[tuple[tuple[Kind, NativeId], bytes]]:
    """Map records and yield the digests of what they mean (`StagedRecord.facts_digest`), without making rows of them."""
    for record in records:
        match seat.rules.map(record):
            case Mapped() as mapped:
                facts = _by_id(seat, record, mapped.facts) if record.references else mapped.facts
                meant = _meaning(RecordState.MAPPED, facts, record, bool(mapped.warnings), seat.rules.held(record))
            case Aside() as aside:
                known = seat.rules.known(record, world.looked_up_by)
                meant = _meaning(_state(aside), known, record, True)
        yield (record.kind, record.native_id), meant


def _row(
    world: World,
    seat: Seat,
    record: SourceRecord,
    mapped: Mapped,
    mapped_by: bytes,
    subject: SubjectId | None,
) -> StagedRecord:
    facts: Values = _by_id(seat, record, mapped.facts) if record.references else mapped.facts
    label = next((str(facts[name]) for name in _NAMES if facts.get(name)), record.native_id)
    return StagedRecord(
        source=seat.name,
        kind=record.kind,
        native_id=record.native_id,
        digest=record.digest,
        rules_digest=mapped_by,
        state=RecordState.MAPPED,
        label=label,
        attributes=dict(record.attributes),
        aliases=record.aliases,
        facts=facts,
        origins=mapped.origins,
        keys=_keys(world, facts),
        problems=tuple(Told.of(problem) for problem in mapped.warnings),
        subject=subject,
        changed_at=record.changed_at,
        fingerprint=record.fingerprint,
        review_at=record.review_at,
        facts_digest=_meaning(RecordState.MAPPED, facts, record, bool(mapped.warnings), seat.rules.held(record)),
        refers=tuple(_refers(seat, record, facts)),
        references=record.references,
    )


def _left_aside(world: World, seat: Seat, record: SourceRecord, aside: Aside, mapped_by: bytes) -> StagedRecord:
    state = _state(aside)
    told = [Told.of(problem) for problem in aside.problems]
    if aside.why and not told:
        told = [Told(code="", what=aside.why, do="")]
    known = seat.rules.known(record, world.looked_up_by)
    return StagedRecord(
        source=seat.name,
        kind=record.kind,
        native_id=record.native_id,
        digest=record.digest,
        rules_digest=mapped_by,
        state=state,
        label=aside.label,
        attributes=dict(record.attributes),
        aliases=record.aliases,
        keys=_keys(world, known),
        problems=tuple(told),
        changed_at=record.changed_at,
        fingerprint=record.fingerprint,
        review_at=record.review_at,
        facts_digest=_meaning(state, known, record, True),
        references=record.references,
    )


def _state(aside: Aside) -> RecordState:
    return RecordState.EXCLUDED if aside.reason is Reason.EXCLUDED else RecordState.PARKED


def _meaning(state: RecordState, facts: Values, record: SourceRecord, told: bool, held: Values | None = None) -> bytes:
    """Return the digest by which a record is seen to mean what it meant; what it `held` of what is written back is part of it."""
    # As the store writes them, which costs a fifth of `canonical` and differs from it in fractions only.
    said = codec.encode((facts, state, told, record.aliases, held or None))
    return hashlib.blake2b(said, digest_size=16).digest()


def _keys(world: World, facts: Values) -> tuple[tuple[str, str], ...]:
    """Return by what a record is looked for. A search folds case, so these do; and in what form records are found to be alike,
    where that is another one."""
    found = [(name, folded(facts[name])) for name in world.looked_up_by if facts.get(name)]
    said = dict(found)
    alike = ((name, compared(name, facts[name])) for name in world.joined_by if name in said)
    return (*found, *((ALIKE + name, word) for name, word in alike if word != said[name]))


def _refers(seat: Seat, record: SourceRecord, facts: Values) -> Iterator[tuple[str, str]]:
    """Yield whom the facts name, by attribute."""
    for name in REFERRING[seat.rules.gives(record.kind)]:
        if value := facts.get(name):
            for text in texts_of(value):
                yield name, folded(text)


def texts_of(value: Value) -> tuple[str, ...]:
    """Return the names in a reference's value."""
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(str(item) for item in value if item)  # type: ignore[union-attr]


def _by_id(seat: Seat, record: SourceRecord, facts: Values) -> Values:
    """Return the facts with the texts that name others as those others' ids, where the source says them."""
    ids: Mapping[str, NativeId] = record.references
    changed: dict[str, Value] = {}
    for name in REFERRING[seat.rules.gives(record.kind)]:
        value = facts.get(name)
        if isinstance(value, str):
            changed[name] = ids.get(value, value)
        elif value is not None:
            changed[name] = tuple(ids.get(text, text) for text in texts_of(value))
    return {**facts, **changed} if changed else facts


def _derived(seat: Seat, unit: DerivedUnit, rule: Place, mapped_by: bytes) -> StagedRecord:
    facts: dict[str, Value] = {**unit.facts, **({"parent": unit.parent} if unit.parent else {})}
    sum_ = digest(facts)
    return StagedRecord(
        source=seat.name,
        kind=Kind.UNIT,
        native_id=NativeId(unit.key),
        digest=DERIVED + sum_[:8],
        rules_digest=mapped_by,
        state=RecordState.MAPPED,
        label=str(unit.facts.get("displayName", unit.key)),
        facts=facts,
        origins=dict.fromkeys(facts, rule),
        facts_digest=sum_,
        refers=(("parent", folded(unit.parent)),) if unit.parent else (),
    )
