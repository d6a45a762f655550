"""Verification: a sound log is proven, and every tampering is named with its first record."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from support.audited import edited, entry, log_of, resealed, rows, written
from support.stores import NOON, after
from syncd.audit.chain import Head, seal
from syncd.audit.entries import EntryType
from syncd.audit.verify import FaultKind, verify
from syncd.core.ledger import AuditRow
from syncd.store import Store

# --- verification ---


def test_a_sound_log_is_proven_to_its_head(store: Store) -> None:
    found = written(store)
    head = Head(sequence=6, hash=found[-1].hash)

    verdict = verify(found, expected=head)

    assert verdict.sound
    assert (verdict.entries, verdict.head, verdict.clock_went_back) == (6, head, None)
    assert verdict.open_intents == ("r1.1",), "begun again, and without an outcome so far"
    assert verify([]).head is None


TAMPERED: dict[str, tuple[Callable[[list[AuditRow]], Sequence[AuditRow]], FaultKind, int]] = {
    "edit": (lambda r: [*r[:2], edited(r[2]), *r[3:]], FaultKind.EDITED, 3),
    "edit and reseal one": (lambda r: [*resealed([*r[:2], edited(r[2])], 2), *r[3:]], FaultKind.UNLINKED, 4),
    "edit a column": (lambda r: [*r[:2], replace(r[2], subject="person:eve"), *r[3:]], FaultKind.EDITED, 3),
    "edit the time": (lambda r: [*r[:2], replace(r[2], at=after(days=1)), *r[3:]], FaultKind.EDITED, 3),
    "not a record": (
        lambda r: [*r[:2], replace(r[2], body=b"x", hash=seal(r[2].prev, b"x")), *r[3:]],
        FaultKind.EDITED,
        3,
    ),
    "delete": (lambda r: [*r[:2], *r[3:]], FaultKind.MISSING, 3),
    "delete and renumber": (
        lambda r: [*r[:2], *(replace(x, sequence=x.sequence - 1) for x in r[3:])],
        FaultKind.REORDERED,
        3,
    ),
    "delete the first": (lambda r: r[1:], FaultKind.MISSING, 1),
    "reorder": (lambda r: [*r[:2], r[3], r[2], *r[4:]], FaultKind.MISSING, 3),
    "swap contents": (
        lambda r: [*r[:2], replace(r[3], sequence=3), replace(r[2], sequence=4), *r[4:]],
        FaultKind.REORDERED,
        3,
    ),
    "insert a copy": (lambda r: [*r[:3], r[2], *r[3:]], FaultKind.REORDERED, 3),
    "truncate": (lambda r: r[:4], FaultKind.TRUNCATED, 5),
    "truncate to nothing": (lambda _: [], FaultKind.TRUNCATED, 1),
    "write anew": (lambda r: resealed([*r[:2], edited(r[2]), *r[3:]], 2), FaultKind.REPLACED, 6),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_each_tampering_is_named_with_its_first_record(new_store: Callable[[], Store], name: str) -> None:
    tamper, kind, sequence = TAMPERED[name]
    found = written(new_store())

    verdict = verify(tamper(found), expected=Head(sequence=6, hash=found[-1].hash))

    assert verdict.fault is not None
    assert (verdict.fault.kind, verdict.fault.sequence) == (kind, sequence)
    assert str(sequence) in verdict.fault.problem.what
    assert verdict.fault.problem.code.startswith("AUD-")
    assert verdict.entries < 6


def test_tampering_with_the_file_is_found(database_file: Path, new_store: Callable[[], Store]) -> None:
    store = new_store()
    written(store)
    store.close()
    with closing(sqlite3.connect(database_file)) as connection:
        connection.executescript("DROP TRIGGER audit_no_update; UPDATE audit SET at = at - 1 WHERE sequence = 4")

    verdict = verify(rows(new_store()))

    assert verdict.fault is not None
    assert (verdict.fault.kind, verdict.fault.sequence) == (FaultKind.EDITED, 4)


def test_a_record_whose_bytes_were_made_a_text_is_named_as_any_other(
    database_file: Path, new_store: Callable[[], Store]
) -> None:
    store = new_store()
    written(store)
    store.close()
    with closing(sqlite3.connect(database_file)) as connection:
        connection.executescript("DROP TRIGGER audit_no_update; UPDATE audit SET body = 'nothing' WHERE sequence = 4")

    verdict = verify(rows(new_store()))

    assert verdict.fault is not None
    assert (verdict.fault.kind, verdict.fault.sequence) == (FaultKind.EDITED, 4)


def test_a_clock_that_went_back_is_told_and_is_no_fault(store: Store) -> None:
    with store.transaction() as tx:
        log_of(store).append(tx, [entry()], at=NOON)
        log_of(store).append(tx, [entry(EntryType.CONFIRMED)], at=NOON - timedelta(hours=1))

    verdict = verify(rows(store))

    assert verdict.sound
    assert verdict.clock_went_back == 3
    assert verdict.open_intents == ()


def test_a_head_can_be_written_down_and_read_again() -> None:
    head = Head(sequence=12, hash=bytes(range(32)))

    assert Head.parse(f" {head}\n") == head
    for wrong in ("12", "0:" + "00" * 32, "12:00", "x:" + "00" * 32):
        with pytest.raises(ValueError):
            Head.parse(wrong)
