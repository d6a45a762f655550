"""What the store costs: the writer's own transaction, the claim, and what a cycle that changes nothing has to read.

Processor time of this process, on a database file with `synchronous=FULL`, with 100,000 open changes and records in it.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.figures import Figure
from syncd.audit.entries import Actor, AuditEntry, EntryType
from syncd.audit.log import AuditLog
from syncd.core.model import (
    Change,
    Effect,
    FieldChange,
    Kind,
    Lane,
    Link,
    LinkState,
    NativeId,
    Observed,
    Op,
    RunId,
    SourceName,
    SubjectId,
    TargetId,
)
from syncd.core.outcome import Fact, FactType
from syncd.store import Store, Transaction
from syncd.store.rows import QueuedChange, QueueState, RecordState, Settlement, StagedRecord

PEOPLE = 100_000
GROUP = 64
ROUNDS = 30
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
AD = SourceName("ad")


def run() -> list[Figure]:
    """Measure, and return the figures."""
    with _store() as store:
        log = AuditLog(store.audit, actor=Actor.here("benchmark"))
        staged = _seconds(lambda: _stage(store))
        with store.transaction() as tx:
            tx.queue.accept(RunId("r1"), [_change(number) for number in range(PEOPLE)], at=NOON)
        claims, settles = zip(*(_turn(store, log) for _ in range(ROUNDS)), strict=True)
        digests = statistics.median(_seconds(lambda: _digests(store)) for _ in range(5))
    claim, settle = 1000 * statistics.median(claims), 1000 * statistics.median(settles) / GROUP
    return [
        _figure(f"claim {GROUP} of {PEOPLE:,} open changes, and log the intents", claim, "ms", goal=10),
        _figure("settle, link, observe, audit and tell one change", settle, "ms", goal=0.25),
        _figure(f"digests of {PEOPLE:,} records", digests, "s", goal=0.3),
        _figure(f"stage {PEOPLE:,} new records with 3 keys", staged, "s"),
    ]


def _figure(name: str, value: float, unit: str, *, goal: float | None = None) -> Figure:
    return Figure(
        name=name,
        value=value,
        unit=unit,
        goal="" if goal is None else f"≤ {goal}",
        met=goal is None or value <= goal,
        note=f"CPU, groups of {GROUP}, SQLite, synchronous=FULL",
    )


@contextmanager
def _store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory(prefix="syncd-benchmark-") as folder:
        store = Store.open(f"sqlite:///{Path(folder) / 'syncd.db'}", now=lambda: NOON)
        yield store
        store.close()


def _seconds(do: Callable[[], object]) -> float:
    before = time.process_time()
    do()
    return time.process_time() - before


def _turn(store: Store, log: AuditLog[Transaction]) -> tuple[float, float]:
    """Return what one claim and one settlement cost."""
    claimed: list[QueuedChange] = []
    return _seconds(lambda: claimed.extend(_claim(store, log))), _seconds(lambda: _settle(store, log, claimed))


def _claim(store: Store, log: AuditLog[Transaction]) -> list[QueuedChange]:
    with store.transaction() as tx:
        claimed = tx.queue.claim(NOON, GROUP)
        log.append(tx, [_entry(one, EntryType.INTENDED) for one in claimed], at=NOON)
    return claimed


def _settle(store: Store, log: AuditLog[Transaction], claimed: list[QueuedChange]) -> None:
    with store.transaction() as tx:
        tx.queue.settle_many([_settlement(one) for one in claimed], at=NOON)
        tx.links.put_many("dingtalk", [_link(one) for one in claimed])
        tx.observed.put_many("dingtalk", [_observed(one) for one in claimed], at=NOON)
        log.append(tx, [_entry(one, EntryType.CONFIRMED) for one in claimed], at=NOON)
        tx.feed.append([_fact(one) for one in claimed])


def _digests(store: Store) -> None:
    with store.reading() as tx:
        assert len(tx.records.digests(AD)) == PEOPLE


def _stage(store: Store) -> None:
    with store.transaction() as tx:
        tx.records.put_many(_record(number) for number in range(PEOPLE))


def _change(number: int) -> Change:
    return Change(
        op=Op.UPDATE,
        subject=SubjectId(f"person:{number}"),
        kind=Kind.PERSON,
        label=f"Person {number}",
        reason="title changed",
        effects=(Effect.UPDATE,),
        lane=Lane.REST,
        rank=1000,
        target_id=TargetId(f"u{number}"),
        fields=(
            FieldChange(name="title", before="Engineer", after="Senior engineer"),
            FieldChange(name="departments", before=({"unit": "unit:1"},), after=({"unit": "unit:2"},)),
        ),
        needs=(SubjectId("unit:2"),),
    )


def _settlement(one: QueuedChange) -> Settlement:
    return Settlement(change_id=one.id, subject=one.change.subject, state=QueueState.DONE, attempt=1)


def _target_id(one: QueuedChange) -> TargetId:
    return one.change.target_id or TargetId("")


def _link(one: QueuedChange) -> Link:
    return Link(
        subject=one.change.subject,
        kind=Kind.PERSON,
        target_id=_target_id(one),
        state=LinkState.LINKED,
        since=NOON,
    )


def _observed(one: QueuedChange) -> Observed:
    fields = {f"field {number}": "a short text" for number in range(12)}
    return Observed(target_id=_target_id(one), kind=Kind.PERSON, label=one.change.label, fields=fields)


def _entry(one: QueuedChange, type_: EntryType) -> AuditEntry:
    return AuditEntry(
        type=type_,
        run=one.run_id,
        change=one.id,
        subject=one.change.subject,
        label=one.change.label,
        target_id=one.change.target_id,
        op=one.change.op,
        fields=one.change.fields,
        reason=one.change.reason,
    )


def _fact(one: QueuedChange) -> Fact:
    return Fact(
        sequence=0,
        at=NOON,
        type=FactType.CHANGED,
        subject=one.change.subject,
        kind=Kind.PERSON,
        target_id=_target_id(one),
        label=one.change.label,
        fields=one.change.fields,
    )


def _record(number: int) -> StagedRecord:
    words = {f"attribute {place}": "some text" for place in range(12)}
    return StagedRecord(
        source=AD,
        kind=Kind.PERSON,
        native_id=NativeId(f"guid-{number:08}"),
        digest=number.to_bytes(16),
        rules_digest=bytes(16),
        state=RecordState.MAPPED,
        label=f"Person {number}",
        attributes=words,
        aliases=(f"CN=Person {number},OU=Staff,DC=example,DC=com",),
        facts=words,
        keys=(("employeeNumber", str(number)), ("userName", f"p{number}"), ("emails.work", f"p{number}@example.com")),
    )
