"""Read and stage: what a source says is compared with what it said before; only what changed is mapped and stored.

What is known by its fingerprint is neither decoded nor mapped; what means what it meant is stored and goes no further; of the
rest the subjects are marked. The cursor and the proof are stored after everything that they speak of. Absence is inferred in
`syncd.engine.absence` and nowhere else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Container
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

from syncd.audit.entries import AuditEntry, EntryType
from syncd.core.errors import Problem
from syncd.core.known import NOTHING_KNOWN
from syncd.core.model import Completeness, Kind, NativeId, Page, ProofFact, RunId, SourceName, SourceRecord
from syncd.core.values import Value
from syncd.core.wakes import Wake
from syncd.engine import absence, marking
from syncd.engine.beginning import Beginning, asked_ahead, beginning, is_mapped, note_mapped
from syncd.engine.reading import FEW, Fingerprints, Reading
from syncd.engine.staging import meanings, staged, stamp
from syncd.engine.world import Seat, World
from syncd.store import Transaction
from syncd.store.rows import ReadRow, StagedRecord, Told
from syncd.store.wakes import Waiting
from syncd.structured import structlog

log = structlog.get_logger(__name__)

PORTION: Final = 1_000
"""Records that are mapped again at a time."""


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


Ending = Callable[[Callable[[Transaction], SourceRead]], Awaitable[SourceRead]]
"""Runs the transaction that ends a read, with what belongs to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How much of a source is to be read."""

    full: bool = False
    """Everything, also where the source could say what changed."""
    again: bool = False
    """Everything, and nothing is taken for known: each record is decoded and mapped."""
    quiet: bool = False
    """Of a delta that tells of nobody only the cursor is kept."""
    beside: bool = False
    """Very many can be planned for bit by bit, beside the writer: also of a read of everything, they are marked one by one."""
    at: str | None = None
    """Where the last read ended, as far as is known: the source is asked from there while the store is asked whether it is so."""
    heard: Wake | None = None
    """What a watch has told, and is stored nowhere."""
    began: Callable[[bool], object] = lambda _: None
    """Called with each page that is not held back, before anything of it is stored; and told whether anything is."""
    ending: Ending | None = None
    """How the last transaction is run; by itself where it is None."""


async def read_source(world: World, seat: Seat, run_id: RunId, asked: Asked | None = None) -> SourceRead:
    """Read a source to its end and stage what changed. Raises what the source raises; then nothing is concluded."""
    asked = asked or Asked()
    reading, begins = await _read(world, seat, asked)
    if not begins.mapped:
        # After the read: rules that look at more than before find it only now, and of a source that fails the old facts stand.
        await _let_go(world, seat, reading)
        await remap(world, seat)
    ending = asked.ending or world.store.do
    read = await ending(lambda tx: _end(tx, world, seat, reading, run_id=run_id))
    log.info(
        "source.read",
        source=seat.name,
        full=read.row.full,
        changed=read.changed,
        unchanged=read.unchanged,
        gone=read.gone,
        proven=read.row.proven,
    )
    return read


async def _read(world: World, seat: Seat, asked: Asked) -> tuple[Reading, Beginning]:
    """Read a source to its end; return what came of it that is not stored yet, and where it began."""
    known, started = Fingerprints(set()), world.now()
    async with seat.make() as source:
        # First of all: what is kept from now on, after whoever rings later, is not answered by what the source is asked now.
        looking = asyncio.ensure_future(beginning(world, seat, full=asked.full or asked.again))
        async with asked_ahead(source, asked.at, NOTHING_KNOWN if asked.again else known) as ahead:
            begins = await looking
            reading = Reading(
                known=known,
                started=started,
                all_decoded=asked.again,
                woken=begins.woken,
                event_at=_first_at(begins.woken, asked.heard),
                quiet=asked.quiet,
                most=marking.MOST_TOLD if asked.beside and begins.cursor is not None else marking.MOST,
            )
            if begins.full:
                await _fetch_known(world, seat, reading)
            if begins.cursor is None:
                # What a process left behind that died in its first read.
                await world.store.do(lambda tx: tx.records.end_bulk())
            try:
                async for page in ahead.pages(begins):
                    if not reading.holds(page):
                        # Of a page on which everybody is known nothing is stored: planning goes on beside it.
                        asked.began(bool(page.records or reading.held))
                        await _let_go(world, seat, reading)
                        await _stage_page(world, seat, reading, page)
            finally:
                if begins.cursor is None:
                    await world.store.do(lambda tx: tx.records.end_bulk())
    return reading, begins


async def _fetch_known(world: World, seat: Seat, reading: Reading) -> None:
    """Have the fingerprints of the source's records, once, unless nothing is to be taken for known."""
    if not (reading.all_decoded or reading.fetched):
        reading.known.left |= await world.store.look(lambda tx: tx.records.fingerprints(seat.name, at=reading.started))
        reading.fetched = True


async def _let_go(world: World, seat: Seat, reading: Reading) -> None:
    """Store the pages that were held back: it is no small delta."""
    held, reading.held = reading.held, []
    for page in held:
        await _stage_page(world, seat, reading, page)


async def _stage_page(world: World, seat: Seat, reading: Reading, page: Page) -> None:
    """Compare a page with what is known; map and store what differs."""
    if page.records:
        _met(reading, page)
        reading.changed += await world.store.do(lambda tx: _keep(tx, world, seat, page, reading))
    _learn(reading, page)
    if page.full or len(reading.yielded) > FEW:
        # A delta that turned out to be everything, or much.
        await _fetch_known(world, seat, reading)
        reading.known.left.difference_update([record.fingerprint for record in page.records])


def _met(reading: Reading, page: Page) -> None:
    marks = [hash((record.kind, record.native_id)) for record in page.records]
    reading.repeated = reading.unsearched and not reading.yielded.isdisjoint(marks)
    reading.yielded.update(marks)
    reading.people += sum(record.kind is Kind.PERSON for record in page.records)


def _learn(reading: Reading, page: Page) -> None:
    """Take note of what a page says besides its records."""
    reading.unchanged += page.unchanged
    reading.full = reading.full and page.full
    reading.notes += page.notes
    reading.deleted.update(page.deletions)
    if page.completeness is not None:
        reading.completeness, reading.cursor = page.completeness, page.cursor


def _keep(tx: Transaction, world: World, seat: Seat, page: Page, reading: Reading) -> int:
    """Store records and mark whom they concern; returns how many say something new."""
    records, most = page.records, reading.most if page.full else marking.MOST_TOLD
    if reading.repeated:
        tx.records.end_bulk()
        reading.unsearched = False
    keys = [(record.kind, record.native_id) for record in records]
    was = {} if reading.unsearched else tx.records.was(seat.name, keys)
    mapped_by, fresh, same = stamp(world, seat), [], []
    meaning = dict(meanings(world, seat, records)) if reading.all_decoded else {}
    for record in records:
        key = (record.kind, record.native_id)
        old = was.get(key)
        known = old is not None and not old.absent and old.digest == record.digest and old.rules_digest == mapped_by
        if old is None or not known or (meaning and meaning.get(key) != old.facts_digest):
            fresh.append(record)
        elif old.fingerprint != record.fingerprint:
            same.append((record.kind, record.native_id, record.fingerprint, record.review_at, record.changed_at))
    tx.records.touch(seat.name, same)
    if fresh:
        alone = _is_alone(tx, world, seat)
        new = {key for record in fresh if (key := (record.kind, record.native_id)) not in was} if alone else frozenset()
        fresh = _dated(fresh, reading.event_at)
        many = reading.changed + len(fresh) > most
        put(tx, world, seat, fresh, many=many, new=new, was=was, searched=not reading.unsearched)
        if many and not reading.unsearched and all(tx.reads.last(one) is None for one in world.seats):
            # Whoever is stored came in this read, and no record but those that come will be: who comes again is known.
            reading.unsearched = (
                alone and not seat.rules.makes_units and tx.records.count(seat.name).total() == len(reading.yielded)
            )
            tx.records.begin_bulk(ids=reading.unsearched)
    return len(fresh)


def _is_alone(tx: Transaction, world: World, seat: Seat) -> bool:
    """Tell whether a new record is nobody whom we know: with one source that was never read before. Later it may be somebody
    whose old record goes in the very same read."""
    first = len(world.seats) == 1 and tx.reads.last(seat.name) is None
    return first and not tx.records.anybody_absent() and not {*tx.records.sources()} - {seat.name}


def _first_at(*told: Waiting | Wake | None) -> datetime | None:
    return min((one.event_at for one in told if one is not None and one.event_at is not None), default=None)


def _dated(records: list[SourceRecord], at: datetime | None) -> list[SourceRecord]:
    """Let records whose source does not say when it changed them have changed when somebody first rang for them."""
    if at is None:
        return records
    return [replace(one, changed_at=at) if one.changed_at is None else one for one in records]


def put(
    tx: Transaction,
    world: World,
    seat: Seat,
    records: Collection[SourceRecord],
    *,
    many: bool,
    new: Container[tuple[Kind, NativeId]] = frozenset(),
    was: absence.WasBy | None = None,
    searched: bool = True,
) -> None:
    """Map records, store them, and mark whoever is concerned by those that mean something else than before. `was` says what is
    known of them, where that was just asked. Where they are not `searched` for, very many that nobody knows are put."""
    rows = tuple(staged(world, seat, records, new=new))
    if many:
        marking.whole(tx, "many records changed")
        tx.records.put_many(rows, new=not searched)
        return
    ids = [(row.kind, row.native_id) for row in rows]
    known = {(record.kind, record.native_id) for record in records} if was is not None else set()
    # What is derived from records has not been asked for.
    rest = [key for key in ids if key not in known]
    was = {**(was or {}), **(tx.records.was(seat.name, rest) if rest else {})}
    turned = [row for row in rows if _turned(row, was)]
    keys = [(row.kind, row.native_id) for row in turned if (row.kind, row.native_id) in was]
    names = tx.records.names(seat.name, keys)
    members = tx.records.members(seat.name, [key for key in keys if key[0] is not Kind.PERSON])
    tx.records.put_many(rows)
    empty: frozenset[str] = frozenset()
    marking.mark(
        tx,
        world,
        [
            marking.Turned(
                row=row,
                was=was.get((row.kind, row.native_id)),
                names=names.get((row.kind, row.native_id), empty),
                refers=members.get((row.kind, row.native_id), empty),
            )
            for row in turned
        ],
    )


def _turned(row: StagedRecord, was: absence.WasBy) -> bool:
    old = was.get((row.kind, row.native_id))
    return old is None or old.absent or old.facts_digest != row.facts_digest


async def remap(world: World, seat: Seat) -> int:
    """Map stored records again whose rules have changed since; returns how many."""
    if await world.store.look(lambda tx: is_mapped(tx, world, seat)):
        return 0
    done = 0
    while some := await world.store.do(partial(_remap_some, world=world, seat=seat, done=done)):
        done += some
    await world.store.do(lambda tx: note_mapped(tx, world, seat))
    return done


def _remap_some(tx: Transaction, *, world: World, seat: Seat, done: int) -> int:
    # What has no attributes was made from another record, and is made again with it.
    old = list(tx.records.outdated(seat.name, stamp(world, seat), limit=PORTION))
    tx.records.stamp(
        seat.name, [(row.kind, row.native_id) for row in old if row.attributes is None], stamp(world, seat)
    )
    records = [
        SourceRecord(
            native_id=row.native_id,
            kind=row.kind,
            digest=row.digest,
            attributes=row.attributes or {},
            aliases=row.aliases,
            changed_at=row.changed_at,
            fingerprint=row.fingerprint,
            review_at=row.review_at,
            references=dict(row.references),
        )
        for row in old
        if row.attributes is not None
    ]
    if records:
        put(tx, world, seat, records, many=done + len(records) > marking.MOST)
    return len(old)


def _end(tx: Transaction, world: World, seat: Seat, reading: Reading, *, run_id: RunId) -> SourceRead:
    """Store what was held back, and conclude. It changes nothing but the database, so it can be done again."""
    reading = replace(reading, yielded=set(reading.yielded), notes=list(reading.notes), deleted=set(reading.deleted))
    for page in reading.held:
        if page.records:
            _met(reading, page)
            reading.changed += _keep(tx, world, seat, page, reading)
        _learn(reading, page)
    return _conclude(tx, world, seat, reading, run_id=run_id)


def _conclude(tx: Transaction, world: World, seat: Seat, reading: Reading, *, run_id: RunId) -> SourceRead:
    """Decide what the read proves, mark who is gone, and store the proof and the cursor: last of all."""
    now = world.now()
    completeness = reading.completeness or Completeness(
        facts=(ProofFact(name="end of read", holds=False, detail="the source never said that it was finished"),)
    )
    found = absence.infer(tx, world, seat, reading, completeness, run_id=run_id, now=now)
    if found.gone:
        marking.leave(tx, world, seat.name, found.gone)
        tx.records.mark_absent(seat.name, found.gone, at=now)
    if reading.changed or found.gone:
        absence.retire_derived(tx, world, seat)
    row = ReadRow(
        source=seat.name,
        run_id=run_id,
        started_at=reading.started,
        finished_at=now,
        full=reading.full,
        proven=completeness.proven and not found.problems,
        facts=completeness.facts,
        count=reading.count,
        cursor=reading.cursor,
        notes=tuple(Told.of(note) for note in (*reading.notes, *found.problems)),
    )
    if reading.woken is not None:
        tx.wakes.done(seat.name, upto=reading.woken.upto, at=now)
    idle = not (reading.full or reading.changed or found.gone or row.notes)
    if not (reading.quiet and idle and tx.reads.go_on(row)):
        _record_read(tx, world, row)
    return SourceRead(
        source=seat.name,
        row=row,
        changed=reading.changed,
        unchanged=reading.count - reading.changed,
        gone=len(found.gone),
        licensed=not found.problems,
        problems=(*reading.notes, *found.problems),
    )


def _record_read(tx: Transaction, world: World, row: ReadRow) -> None:
    """Keep what a read proved, and log it."""
    tx.reads.put(row)
    facts: dict[str, Value] = {
        "source": row.source,
        "full": row.full,
        "count": row.count,
        "proven": row.proven,
        "proof": {fact.name: fact.holds for fact in row.facts},
    }
    world.audit.append(tx, [AuditEntry(type=EntryType.READ_DONE, run=row.run_id, facts=facts)], at=row.finished_at)
