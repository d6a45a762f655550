"""What an append-only, hash-chained record is, and the port through which it is kept.

The audit room decides what a record says and proves the chain; the store keeps the rows, in the caller's transaction. Neither
imports the other. Nothing here computes a hash or opens a database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

Tx = TypeVar("Tx", contravariant=True)
"""The store's transaction, which the audit room passes through without looking at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One stored record. `body` is what is hashed, byte for byte; the other words repeat it, to be searched by."""

    sequence: int
    """From 1, without gaps."""
    at: datetime
    type: str
    run: str
    change: str
    subject: str
    body: bytes
    prev: bytes
    """The hash of the row before; 32 zero bytes before the first."""
    hash: bytes
    """SHA-256 over `prev` and `body`."""


class AuditRows(Protocol[Tx]):
    """Where audit records are kept.

    Rules: 1. `append` takes part in the caller's transaction: both are kept or neither. 2. A row that is kept is never
    changed or deleted, and `append` refuses a sequence that is not the next one by raising. 3. `iterate` yields by sequence.
    """

    def tail(self, tx: Tx) -> tuple[int, bytes] | None:
        """Return the last row's sequence and hash, None if there is none."""
        ...

    def append(self, tx: Tx, rows: Sequence[AuditRow]) -> None: ...

    def iterate(self, tx: Tx, *, after: int = 0) -> Iterator[AuditRow]:
        """Yield the rows whose sequence is greater than `after`."""
        ...
