"""Appends to the audit log, inside the caller's transaction: both are kept or neither.

A record is the canonical JSON of what is said, sealed to the record before. What is hashed is what is stored; nobody ever has
to write a record again to verify it. Signatures, witnesses and erasure come on top of this chain; nothing here reads old
records except the last one's hash.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Generic, TypeVar

from syncd.audit.body import Piece, field, items, piece, plain, quoted, record
from syncd.audit.chain import GENESIS, Head, seal
from syncd.audit.entries import Actor, AuditEntry, EntryType
from syncd.audit.masking import KEY_BYTES, ValuesRule, digested, masked
from syncd.core.ledger import AuditRow, AuditRows
from syncd.core.model import FieldChange
from syncd.core.values import instant

Tx = TypeVar("Tx")

FORMAT: Final = "syncd-audit-1"
"""Named in the first record: a reader of another decade knows what it looks at."""


class AuditLog(Generic[Tx]):
    """The log of one database, as written by one process."""

    def __init__(
        self, rows: AuditRows[Tx], *, actor: Actor, values: ValuesRule = ValuesRule.FULL, key: bytes = b""
    ) -> None:
        """`key` is the secret of the rule DIGEST, at least 16 bytes; the other rules need none."""
        if values is ValuesRule.DIGEST and len(key) < KEY_BYTES:
            raise ValueError(f"the rule {values} needs a key of at least {KEY_BYTES} bytes")
        self._rows = rows
        self._values = values
        self._key = key
        self._actor = piece({"user": actor.user, "service": actor.service, "host": actor.host, "pid": actor.pid})

    def append(self, tx: Tx, entries: Sequence[AuditEntry], *, at: datetime) -> Head | None:
        """Append entries; return the new end of the log (None only if it is empty and there was nothing to append).

        The first append opens the log with a record of its own. Raises what the store raises; then nothing is kept.
        """
        head = self.head(tx)
        if not entries:
            return head
        if head is None:
            opened = AuditEntry(type=EntryType.OPENED, facts={"format": FORMAT, "values": self._values.value})
            entries = [opened, *entries]
        rows = list(self._sealed(entries, head or Head(sequence=0, hash=GENESIS), at))
        self._rows.append(tx, rows)
        return Head(sequence=rows[-1].sequence, hash=rows[-1].hash)

    def head(self, tx: Tx) -> Head | None:
        """Return the end of the log, None for an empty one."""
        tail = self._rows.tail(tx)
        return None if tail is None else Head(sequence=tail[0], hash=tail[1])

    def _sealed(self, entries: Iterable[AuditEntry], head: Head, at: datetime) -> Iterable[AuditRow]:
        stamp, prev = piece(instant(at)), head.hash
        for sequence, entry in enumerate(entries, head.sequence + 1):
            said = self._said(entry)
            said |= {"seq": str(sequence), "at": stamp, "prev": f'"{prev.hex()}"', "actor": self._actor}
            body = record(said)
            row = AuditRow(
                sequence=sequence,
                at=at,
                type=entry.type.value,
                run=entry.run or "",
                change=entry.change or "",
                subject=entry.subject or "",
                body=body,
                prev=prev,
                hash=seal(prev, body),
            )
            prev = row.hash
            yield row

    def _said(self, entry: AuditEntry) -> dict[str, Piece]:
        """Return the words of a record, empty ones left out."""
        words = {
            "type": entry.type.value,
            "run": entry.run,
            "change": entry.change,
            "subject": entry.subject,
            "label": entry.label,
            "target": entry.target_id,
            "op": entry.op,
            "reason": entry.reason,
            "plan": entry.plan,
            "config": entry.config,
        }
        said = {name: quoted(word) for name, word in words.items() if word}
        if entry.fields:
            said["fields"] = items([self._field(field) for field in entry.fields])
        if entry.facts:
            said["facts"] = piece(entry.facts)
        return said

    def _field(self, change: FieldChange) -> Piece:
        before, after = change.before, change.after
        match self._values:
            case ValuesRule.FULL:
                pass
            case ValuesRule.MASKED:
                before, after = masked(before), masked(after)
            case ValuesRule.DIGEST:
                before, after = digested(plain(before), self._key), digested(plain(after), self._key)
        return field(change.name, before, after, change.rule)


__all__ = ["FORMAT", "AuditLog", "Head", "ValuesRule"]
