"""Proves the log, or names the first record that is wrong and how. Reads rows as they are kept; trusts none of them.

What an unkeyed chain shows by itself: an edited, missing, inserted or re-ordered record. What it shows only against a head
that was remembered elsewhere (`expected`): a log that was cut off, or written anew from some record on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from syncd.audit.chain import GENESIS, Head, seal
from syncd.audit.entries import OUTCOMES, EntryType
from syncd.core.errors import Problem, message
from syncd.core.ledger import AuditRow
from syncd.core.values import instant

_DO: Final = (
    "Treat everything from this record on as unproven. Keep the database as it is, compare it with backups and exports, "
    "and find out who could write to it."
)
_EDITED: Final = message(
    "AUD-001",
    what="Audit record {sequence} was edited: {detail}.",
    do=_DO,
    example="UPDATE audit SET body = … after the triggers were dropped",
)
_MISSING: Final = message(
    "AUD-002",
    what="Audit record {sequence} is missing: {detail}.",
    do=_DO,
    example="DELETE FROM audit WHERE sequence = 12 after the triggers were dropped",
)
_REORDERED: Final = message(
    "AUD-003",
    what="Audit record {sequence} is out of order: {detail}.",
    do=_DO,
    example="two records that changed places",
)
_UNLINKED: Final = message(
    "AUD-004",
    what="Audit record {sequence} does not follow the one before it: {detail}.",
    do=_DO,
    example="a record that was edited and sealed again, or one that was put in between",
)
_TRUNCATED: Final = message(
    "AUD-005",
    what="The audit log ends too early: {detail}. Record {sequence} is the first one missing.",
    do=_DO,
    example="the last records were deleted, or an old backup was put back",
)
_REPLACED: Final = message(
    "AUD-006",
    what="The audit log is not the one that was remembered: {detail}. It differs at record {sequence} or before.",
    do=_DO,
    example="a log that was written anew from some record on, every hash included",
)


class FaultKind(StrEnum):
    """What is wrong with a record."""

    EDITED = "edited"
    MISSING = "missing"
    REORDERED = "reordered"
    UNLINKED = "unlinked"
    TRUNCATED = "truncated"
    REPLACED = "replaced"


_MESSAGES: Final = {
    FaultKind.EDITED: _EDITED,
    FaultKind.MISSING: _MISSING,
    FaultKind.REORDERED: _REORDERED,
    FaultKind.UNLINKED: _UNLINKED,
    FaultKind.TRUNCATED: _TRUNCATED,
    FaultKind.REPLACED: _REPLACED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The first thing that is wrong."""

    kind: FaultKind
    sequence: int
    problem: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a verification found."""

    entries: int
    """Records that are proven: all of them, or those before the fault."""
    head: Head | None
    """The last proven record. Remember it somewhere that the administrators of this machine cannot write."""
    fault: Fault | None = None
    open_intents: tuple[str, ...] = ()
    """Changes that were begun and have no outcome in the log: under way now, or of a process that died."""
    clock_went_back: int | None = None
    """The first record that is older than the one before it. No fault, but worth a question."""

    @property
    def sound(self) -> bool:
        """Tell whether nothing is wrong."""
        return self.fault is None


def verify(rows: Iterable[AuditRow], *, expected: Head | None = None) -> Verdict:
    """Walk the whole log once, in constant memory but for changes under way; stop at the first fault."""
    walk = _Walk(expected)
    for row in rows:
        if fault := walk.step(row):
            return walk.verdict(fault)
    return walk.verdict(walk.end())


class _Walk:
    """How far a verification has come."""

    def __init__(self, expected: Head | None) -> None:
        self._expected = expected
        self._head = Head(sequence=0, hash=GENESIS)
        self._at: datetime | None = None
        self._went_back: int | None = None
        self._open: dict[str, None] = {}

    def verdict(self, fault: Fault | None) -> Verdict:
        head = self._head if self._head.sequence else None
        return Verdict(
            entries=self._head.sequence,
            head=head,
            fault=fault,
            open_intents=tuple(self._open),
            clock_went_back=self._went_back,
        )

    def step(self, row: AuditRow) -> Fault | None:
        """Return what is wrong with the next row, None if nothing is."""
        due = self._head.sequence + 1
        if row.sequence > due:
            return _fault(FaultKind.MISSING, due, f"the next one there is {row.sequence}")
        if row.sequence < due:
            return _fault(FaultKind.REORDERED, row.sequence, f"it comes where {due} should")
        if fault := _own(row) or self._linked(row):
            return fault
        self._note(row)
        return None

    def end(self) -> Fault | None:
        """Return what is wrong with where the log ends."""
        if self._expected is None or self._expected.sequence <= self._head.sequence:
            return None
        detail = f"it has {self._head.sequence} records, and record {self._expected.sequence} was remembered"
        return _fault(FaultKind.TRUNCATED, self._head.sequence + 1, detail)

    def _linked(self, row: AuditRow) -> Fault | None:
        if row.prev != self._head.hash:
            detail = f"it was sealed to something else than record {row.sequence - 1}"
            return _fault(FaultKind.UNLINKED, row.sequence, detail)
        if self._expected and self._expected.sequence == row.sequence and self._expected.hash != row.hash:
            return _fault(FaultKind.REPLACED, row.sequence, f"the hash of record {row.sequence} is another")
        return None

    def _note(self, row: AuditRow) -> None:
        self._head = Head(sequence=row.sequence, hash=row.hash)
        if self._at is not None and row.at < self._at and self._went_back is None:
            self._went_back = row.sequence
        self._at = row.at
        if row.type == EntryType.INTENDED:
            self._open[row.change] = None
        elif row.type in OUTCOMES:
            self._open.pop(row.change, None)


def _own(row: AuditRow) -> Fault | None:
    """Return what is wrong with a row in itself: its seal, and whether its columns say what its body says."""
    if seal(row.prev, row.body) != row.hash:
        return _fault(FaultKind.EDITED, row.sequence, "its content and its hash do not belong together")
    try:
        body: Any = json.loads(row.body)
        said = {name: body.get(name, "") for name in ("seq", "prev", "at", "type", "run", "change", "subject")}
    except (ValueError, AttributeError):
        return _fault(FaultKind.EDITED, row.sequence, "its content is not a record")
    if said["seq"] != row.sequence:
        return _fault(FaultKind.REORDERED, row.sequence, f"it was written as record {said['seq']}")
    for name, kept in _columns(row).items():
        if said[name] != kept:
            return _fault(FaultKind.EDITED, row.sequence, f"its column {name!r} says something else than its content")
    return None


def _columns(row: AuditRow) -> dict[str, str]:
    return {
        "prev": row.prev.hex(),
        "at": instant(row.at),
        "type": row.type,
        "run": row.run,
        "change": row.change,
        "subject": row.subject,
    }


def _fault(kind: FaultKind, sequence: int, detail: str) -> Fault:
    return Fault(kind=kind, sequence=sequence, problem=_MESSAGES[kind].at(sequence=sequence, detail=detail))
