"""A log to tamper with: entries, and six records written by two appends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from support.stores import NOON
from syncd.audit.chain import GENESIS, Head, seal
from syncd.audit.entries import Actor, AuditEntry, EntryType
from syncd.audit.log import AuditLog
from syncd.core.errors import Place
from syncd.core.ledger import AuditRow
from syncd.core.model import ChangeId, FieldChange, RunId, SubjectId, TargetId
from syncd.store import Store, Transaction

ACTOR = Actor(user="syncd", service="daemon", host="hr1.example.com", pid=42)
ADA = SubjectId("person:ada")
MOBILE = FieldChange(
    name="mobile", before="+8613800000000", after=None, rule=Place(file="mappings/dingtalk.yaml", line=7, column=3)
)
UNIT = FieldChange(name="departments", before=({"unit": "unit:1", "order": 3},), after=({"unit": "unit:2"},))


def entry(type_: EntryType = EntryType.INTENDED, **words: object) -> AuditEntry:
    made = AuditEntry(
        type=type_,
        run=RunId("r1"),
        change=ChangeId("r1.1"),
        subject=ADA,
        label="Ada Example",
        target_id=TargetId("u1"),
        op="update",
        fields=(MOBILE, UNIT),
        reason="phoneNumbers.mobile changed",
    )
    return replace(made, **words)  # type: ignore[arg-type]


def log_of(store: Store, **words: Any) -> AuditLog[Transaction]:
    return AuditLog(store.audit, actor=ACTOR, **words)


def append(store: Store, *entries: AuditEntry, **words: Any) -> Head:
    with store.transaction() as tx:
        head = log_of(store, **words).append(tx, entries, at=NOON)
    assert head is not None
    return head


def rows(store: Store) -> list[AuditRow]:
    with store.reading() as tx:
        return list(store.audit.iterate(tx))


def written(store: Store, **words: Any) -> list[AuditRow]:
    """Write six records with two appends and return them."""
    append(store, entry(), entry(EntryType.CONFIRMED), **words)
    append(store, entry(change=ChangeId("r1.2")), entry(EntryType.DEFERRED, change=ChangeId("r1.2")), entry(), **words)
    return rows(store)


def resealed(found: Sequence[AuditRow], start: int) -> list[AuditRow]:
    """Return the rows as somebody leaves them who writes the chain anew from `start` on, every hash included."""
    made = list(found[:start])
    for row in found[start:]:
        prev = made[-1].hash if made else GENESIS
        body = row.body.replace(row.prev.hex().encode(), prev.hex().encode())
        made.append(replace(row, prev=prev, body=body, hash=seal(prev, body)))
    return made


def edited(row: AuditRow) -> AuditRow:
    return replace(row, body=row.body.replace(b"Ada Example", b"Eve Example"))
