"""Read and stage: what a source says is compared with what it said before; only what changed is mapped and stored.

The cursor and the proof are stored after everything that they speak of. Absence is inferred here and nowhere else, and only
from a full read that is proven, not empty and not suddenly small.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog

from syncd.audit.entries import AuditEntry, EntryType
from syncd.core.errors import Place, Problem, message
from syncd.core.model import (
    Aside,
    Completeness,
    Effect,
    Kind,
    NativeId,
    Page,
    ProofFact,
    Reason,
    RunId,
    SourceName,
    SourceRecord,
)
from syncd.core.values import Value, Values, digest
from syncd.engine.world import Seat, World
from syncd.mapping import DerivedUnit, Mapped
from syncd.store import Transaction
from syncd.store.rows import HoldRow, HoldState, ReadRow, RecordState, StagedRecord, Told

log = structlog.get_logger(__name__)

FOUND_BY: Final = ("employeeNumber", "userName", "emails.work", "phoneNumbers.mobile", "externalId")
"""The facts by which people are looked for, besides their names and ids."""
DERIVED: Final = b"\0derived"
"""How the digest of a unit begins that was made from a path of names and has no record of its own."""

UNPROVEN: Final = message(
    "ENG-001",
    what="The read of source {source} is not proven complete ({doubts}).",
    do="Nobody is taken for gone on its strength. Mend the cause; the next good read heals.",
    example="A directory server that answers with a size limit in the middle of the read.",
)
EMPTY: Final = message(
    "ENG-002",
    what="Source {source} shows nobody at all.",
    do="An empty read never means that everybody left. Check the base, the filter and the rights of the account.",
    example="A filter that matches nothing, an account that lost its right to read.",
)
SHRANK: Final = message(
    "ENG-003",
    what="Source {source} lacks {gone} of the {before} records that it had ({share:.0f} %).",
    do="If that is right, release it with `syncd hold release {hold} --reason …`; until then nobody is taken for gone.",
    example="An OU with a third of the company is moved out of the search base.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRead:
    """What came of reading one source."""

    source: SourceName
    row: ReadRow
    changed: int
    unchanged: int
    gone: int
    licensed: bool
    """Whether absence was inferred."""
    problems: tuple[Problem, ...] = ()


@dataclass(slots=True)
class _Reading:
    """A read under way."""

    known: dict[tuple[Kind, NativeId], bytes]
    seen: set[tuple[Kind, NativeId]] = field(default_factory=set)
    changed: int = 0
    pages: int = 0
    full: bool = True
    cursor: str | None = None
    completeness: Completeness | None = None
    notes: list[Problem] = field(default_factory=list)
    deleted: list[tuple[Kind, NativeId]] = field(default_factory=list)


async def read_source(world: World, seat: Seat, run_id: RunId) -> SourceRead:
    """Read a source to its end and stage what changed. Raises what the source raises; then nothing is concluded."""
    started = world.now()
    await world.store.do(lambda tx: remap(tx, seat))
    reading = _Reading(known=await world.store.look(lambda tx: tx.records.digests(seat.name)))
    async with seat.make() as source:
        async for page in source.read(None):
            await _stage_page(world, seat, reading, page)
    read = await world.store.do(lambda tx: _conclude(tx, world, seat, reading, run_id=run_id, started=started))
    log.info(
        "source.read",
        source=seat.name,
        changed=read.changed,
        unchanged=read.unchanged,
        gone=read.gone,
        proven=read.row.proven,
    )
    return read


async def _stage_page(world: World, seat: Seat, reading: _Reading, page: Page) -> None:
    """Compare a page with what is known; map and store what differs."""
    changed = []
    for record in page.records:
        key = (record.kind, record.native_id)
        reading.seen.add(key)
        if reading.known.get(key) != record.digest:
            changed.append(record)
    if changed:
        rows = tuple(staged(seat, changed))
        await world.store.do(lambda tx: tx.records.put_many(rows))
    reading.changed += len(changed)
    reading.pages += 1
    reading.full = reading.full and page.full
    reading.notes += page.notes
    reading.deleted += [key for key in reading.known if key[1] in set(page.deletions)] if page.deletions else []
    if page.completeness is not None:
        reading.completeness, reading.cursor = page.completeness, page.cursor


def staged(seat: Seat, records: Iterable[SourceRecord]) -> Iterator[StagedRecord]:
    """Map records and yield their rows, and the rows of units that their paths speak of."""
    units: dict[str, tuple[DerivedUnit, Place]] = {}
    for record in records:
        match seat.rules.map(record):
            case Mapped() as mapped:
                rule = mapped.origins.get("units", Place())
                units.update((unit.key, (unit, rule)) for unit in mapped.units)
                yield _row(seat, record, mapped)
            case Aside() as aside:
                yield _left_aside(seat, record, aside)
    for unit, rule in units.values():
        yield _derived(seat, unit, rule)


def _row(seat: Seat, record: SourceRecord, mapped: Mapped) -> StagedRecord:
    names = ("displayName", "name.formatted", "userName", "externalId")
    label = next((str(mapped.facts[name]) for name in names if mapped.facts.get(name)), record.native_id)
    return StagedRecord(
        source=seat.name,
        kind=record.kind,
        native_id=record.native_id,
        digest=record.digest,
        rules_digest=seat.rules.digest,
        state=RecordState.MAPPED,
        label=label,
        attributes=dict(record.attributes),
        aliases=record.aliases,
        facts=mapped.facts,
        origins=mapped.origins,
        keys=_keys(mapped.facts),
        problems=tuple(Told.of(problem) for problem in mapped.warnings),
        changed_at=record.changed_at,
    )


def _left_aside(seat: Seat, record: SourceRecord, aside: Aside) -> StagedRecord:
    excluded = aside.reason is Reason.EXCLUDED
    told = [Told.of(problem) for problem in aside.problems]
    if aside.why and not told:
        told = [Told(code="", what=aside.why, do="")]
    return StagedRecord(
        source=seat.name,
        kind=record.kind,
        native_id=record.native_id,
        digest=record.digest,
        rules_digest=seat.rules.digest,
        state=RecordState.EXCLUDED if excluded else RecordState.PARKED,
        label=aside.label,
        attributes=dict(record.attributes),
        aliases=record.aliases,
        keys=_keys(seat.rules.known(record, FOUND_BY)),
        problems=tuple(told),
        changed_at=record.changed_at,
    )


def _keys(facts: Values) -> tuple[tuple[str, str], ...]:
    """Return by what a record is looked for. A search folds case, so these do."""
    return tuple((name, str(facts[name]).casefold()) for name in FOUND_BY if facts.get(name))


def _derived(seat: Seat, unit: DerivedUnit, rule: Place) -> StagedRecord:
    facts: dict[str, Value] = {**unit.facts, **({"parent": unit.parent} if unit.parent else {})}
    return StagedRecord(
        source=seat.name,
        kind=Kind.UNIT,
        native_id=NativeId(unit.key),
        digest=DERIVED + digest(facts)[:8],
        rules_digest=seat.rules.digest,
        state=RecordState.MAPPED,
        label=str(unit.facts.get("displayName", unit.key)),
        facts=facts,
        origins=dict.fromkeys(facts, rule),
    )


def remap(tx: Transaction, seat: Seat) -> int:
    """Map stored records again whose rules have changed since; returns how many."""
    old = [row for row in tx.records.outdated(seat.name, seat.rules.digest) if row.attributes is not None]
    records = [
        SourceRecord(
            native_id=row.native_id,
            kind=row.kind,
            digest=row.digest,
            attributes=row.attributes or {},
            aliases=row.aliases,
            changed_at=row.changed_at,
        )
        for row in old
    ]
    if records:
        tx.records.put_many(tuple(staged(seat, records)))
    return len(records)


def _conclude(
    tx: Transaction, world: World, seat: Seat, reading: _Reading, *, run_id: RunId, started: datetime
) -> SourceRead:
    """Decide what the read proves, mark who is gone, and store the proof and the cursor: last of all."""
    now = world.now()
    derived = {key for key, sum_ in reading.known.items() if sum_.startswith(DERIVED)}
    missing = sorted(reading.known.keys() - reading.seen - derived) if reading.full else []
    completeness = reading.completeness or Completeness(
        facts=(ProofFact(name="end of read", holds=False, detail="the source never said that it was finished"),)
    )
    problems = _doubts(tx, world, seat, reading, completeness, missing, run_id=run_id, now=now)
    licensed = reading.full and not problems
    gone = [*(missing if licensed else []), *reading.deleted]
    if gone:
        tx.records.mark_absent(seat.name, gone, at=now)
    _retire_derived(tx, seat, derived, now)
    row = ReadRow(
        source=seat.name,
        run_id=run_id,
        started_at=started,
        finished_at=now,
        full=reading.full,
        proven=completeness.proven and licensed,
        facts=completeness.facts,
        count=len(reading.seen),
        cursor=reading.cursor,
        notes=tuple(Told.of(note) for note in (*reading.notes, *problems)),
    )
    tx.reads.put(row)
    facts: dict[str, Value] = {
        "source": seat.name,
        "count": row.count,
        "proven": row.proven,
        "proof": {fact.name: fact.holds for fact in row.facts},
    }
    world.audit.append(tx, [AuditEntry(type=EntryType.READ_DONE, run=run_id, facts=facts)], at=now)
    return SourceRead(
        source=seat.name,
        row=row,
        changed=reading.changed,
        unchanged=len(reading.seen) - reading.changed,
        gone=len(gone),
        licensed=licensed,
        problems=(*reading.notes, *problems),
    )


def _doubts(
    tx: Transaction,
    world: World,
    seat: Seat,
    reading: _Reading,
    completeness: Completeness,
    missing: Sequence[tuple[Kind, NativeId]],
    *,
    run_id: RunId,
    now: datetime,
) -> list[Problem]:
    if not completeness.proven:
        doubts = "; ".join(f"{fact.name}: {fact.detail}" for fact in completeness.doubts) or "no proof was given"
        return [UNPROVEN.at(source=seat.name, doubts=doubts)]
    if not missing:
        return []
    if not any(kind is Kind.PERSON for kind, _ in reading.seen) and any(kind is Kind.PERSON for kind, _ in missing):
        return [EMPTY.at(source=seat.name)]
    before = sum(not sum_.startswith(DERIVED) for sum_ in reading.known.values())
    share = 100 * len(missing) / before
    if before < world.guard.shrink_minimum or share < world.guard.shrink_percent:
        return []
    sum_ = hashlib.sha256(repr((seat.name, missing)).encode()).hexdigest()
    if tx.holds.matching(Effect.SOURCE_SHRUNK, sum_, now=now) is not None:
        return []
    hold = HoldRow(
        id=f"shrunk-{sum_[:8]}",
        run_id=run_id,
        effect=Effect.SOURCE_SHRUNK,
        fingerprint=sum_,
        reasons=(f"{seat.name} lost {len(missing)} of {before} records ({share:.0f} %)",),
        count=len(missing),
        names=tuple(native_id for _, native_id in missing[:50]),
        created_at=now,
        expires_at=now + world.guard.hold_expires,
        state=HoldState.OPEN,
    )
    tx.holds.put(hold)
    entry = AuditEntry(
        type=EntryType.HOLD_OPENED, run=run_id, reason=hold.reasons[0], facts={"hold": hold.id, "count": hold.count}
    )
    world.audit.append(tx, [entry], at=now)
    return [SHRANK.at(source=seat.name, gone=len(missing), before=before, share=share, hold=hold.id)]


def _retire_derived(tx: Transaction, seat: Seat, derived: set[tuple[Kind, NativeId]], now: datetime) -> None:
    """A unit made from paths goes when nobody's path names it, or one below it, any more."""
    if not derived:
        return
    parents: dict[str, str] = {}
    used: set[str] = set()
    for row in tx.records.iterate(source=seat.name):
        if row.absent_since is not None:
            continue
        if row.kind is Kind.UNIT:
            parents[row.native_id] = str(row.facts.get("parent") or "")
        elif row.kind is Kind.PERSON:
            units = row.facts.get("units")
            used.update(str(unit) for unit in units if unit) if isinstance(units, tuple | list) else None
    for unit in tuple(used):
        while (unit := parents.get(unit, "")) and unit not in used:
            used.add(unit)
    idle = [key for key in derived if key[1] not in used]
    if idle:
        tx.records.mark_absent(seat.name, idle, at=now)
