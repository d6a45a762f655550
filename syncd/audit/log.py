"""Appends to the audit log, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from syncd.audit.entries import Actor, AuditEntry
from syncd.core.ledger import AuditRows

Tx = TypeVar("Tx")


class ValuesRule(StrEnum):
    """How old and new values are recorded."""

    FULL = "full"
    MASKED = "masked"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The end of the log: remember it elsewhere, and a cut-off log shows."""

    sequence: int
    hash: bytes


class AuditLog(Generic[Tx]):
    """The log."""

    def __init__(
        self, rows: AuditRows[Tx], *, actor: Actor, values: ValuesRule = ValuesRule.FULL, key: bytes = b""
    ) -> None:
        """`key` is the secret of the rule DIGEST (at least 16 bytes)."""
        raise NotImplementedError

    def append(self, tx: Tx, entries: Sequence[AuditEntry], *, at: datetime) -> Head:
        """Append entries and return the new head. Raises what the store raises; then nothing is kept."""
        raise NotImplementedError

    def head(self, tx: Tx) -> Head | None:
        """Return the end of the log."""
        raise NotImplementedError
