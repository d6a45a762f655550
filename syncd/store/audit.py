"""Rows of the audit log, behind the port `syncd.core.ledger.AuditRows`. Never reads what they say, and never computes a hash."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import bindparam, insert, select
from sqlalchemy.exc import DBAPIError

from syncd.core.ledger import AuditRow
from syncd.store import tables
from syncd.store.columns import from_micros, micros
from syncd.store.errors import cause, not_logged
from syncd.store.statements import Answer, Many, stream
from syncd.store.transaction import Transaction

_T: Final = tables.audit
_TAIL: Final = select(_T.c.sequence, _T.c.hash).order_by(_T.c.sequence.desc()).limit(1)
_APPEND: Final = Many(insert(_T))
_AFTER: Final = select(_T).where(_T.c.sequence > bindparam("after")).order_by(_T.c.sequence)
_ABOUT: Final = _AFTER.where(_T.c.subject == bindparam("about"))
_DURING: Final = _AFTER.where(_T.c.run == bindparam("during"))


class AuditTable:
    """The port, for `AuditLog(AuditTable(), …)`. Triggers refuse gaps, changes and deletions, whoever asks."""

    def tail(self, tx: Transaction) -> tuple[int, bytes] | None:
        """Return the last row's sequence and hash, None if there is none."""
        row = tx.connection.execute(_TAIL).first()
        return None if row is None else (row.sequence, row.hash)

    def append(self, tx: Transaction, rows: Sequence[AuditRow]) -> None:
        """Append rows, in order. Raises NeedsHuman where the log alone does not take them."""
        if not rows:
            return
        try:
            _APPEND.run(tx.connection, [_fields(row) for row in rows])
        except DBAPIError as error:
            raise not_logged(error, str(tx.connection.engine.url.render_as_string(hide_password=True))) from cause(
                error
            )

    def iterate(self, tx: Transaction, *, after: int = 0) -> Iterator[AuditRow]:
        """Yield the rows whose sequence is greater than `after`."""
        return map(_row, stream(tx.connection, _AFTER, {"after": after}))

    def about(self, tx: Transaction, subject: str, *, after: int = 0) -> Iterator[AuditRow]:
        """Yield a subject's rows (through an index)."""
        return map(_row, stream(tx.connection, _ABOUT, {"after": after, "about": subject}))

    def during(self, tx: Transaction, run: str, *, after: int = 0) -> Iterator[AuditRow]:
        """Yield a run's rows (through an index)."""
        return map(_row, stream(tx.connection, _DURING, {"after": after, "during": run}))


def _fields(row: AuditRow) -> dict[str, object]:
    return {
        "sequence": row.sequence,
        "at": micros(row.at),
        "type": row.type,
        "run": row.run,
        "change": row.change,
        "subject": row.subject,
        "body": row.body,
        "prev": row.prev,
        "hash": row.hash,
    }


def _row(row: Answer) -> AuditRow:
    return AuditRow(
        sequence=row.sequence,
        at=from_micros(row.at),
        type=row.type,
        run=row.run,
        change=row.change,
        subject=row.subject,
        body=_bytes(row.body),
        prev=_bytes(row.prev),
        hash=_bytes(row.hash),
    )


def _bytes(kept: object) -> bytes:
    """Return what was kept as bytes: whoever tampers with SQLite's file may leave a text, and the proof has to name it."""
    return kept if isinstance(kept, bytes) else str(kept).encode()
