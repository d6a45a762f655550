"""What an operator changes by hand: alone on the database, and logged in the same transaction with who, what and why.

Nothing is kept unless its record in the audit log is kept with it. The target is never asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from syncd.cli.call import Stopped
from syncd.cli.exit_codes import ExitCode
from syncd.core.errors import message

if TYPE_CHECKING:
    from syncd.audit.entries import AuditEntry, EntryType
    from syncd.cli.session import Session
    from syncd.core.model import ChangeId, SubjectId, TargetId
    from syncd.core.values import Value
    from syncd.store import Store, Transaction

NO_REASON: Final = message(
    "CLI-112",
    what="A reason is missing.",
    do="Say why with --reason 'in your own words'; the audit log keeps it.",
    example="syncd hold release leave-1a2b3c4d --reason ''",
)


def operator() -> str:
    """Return the account of the person at the keyboard, as the audit log will name it."""
    from syncd.audit.entries import account

    return account()


@dataclass(frozen=True, slots=True)
class Operation:
    """One command of an operator, under way."""

    tx: Transaction
    at: datetime
    by: str
    command: str
    reason: str
    _entries: list[AuditEntry] = field(default_factory=list)

    def log(
        self,
        *,
        subject: SubjectId | None = None,
        label: str = "",
        change: ChangeId | None = None,
        target_id: TargetId | None = None,
        facts: Mapping[str, Value] | None = None,
    ) -> None:
        """Record one thing that was done, for the audit log."""
        from syncd.audit.entries import AuditEntry, EntryType

        self._entries.append(
            AuditEntry(
                type=EntryType.OPERATOR_COMMAND,
                subject=subject,
                label=label,
                change=change,
                target_id=target_id,
                reason=self.reason,
                facts={"command": self.command, "by": self.by, **(facts or {})},
            )
        )

    def tell(self, type_: EntryType, facts: Mapping[str, Value]) -> None:
        """Record besides, in the log's own word, what the command brought about."""
        from syncd.audit.entries import AuditEntry

        self._entries.append(AuditEntry(type=type_, reason=self.reason, facts={"by": self.by, **facts}))


@contextmanager
def operating(session: Session, command: str, *, reason: str, alone: bool = True) -> Iterator[Operation]:
    """Do what is in the block, with what it logs: all of it or nothing. Raises Busy (exit 9).

    With `alone` False it is done beside a service at work: for what no cycle reads or writes, and for what a cycle obeys whenever
    it comes, because a mark of the same transaction has it look again.
    """
    from syncd.audit.entries import Actor
    from syncd.audit.log import AuditLog

    if not reason.strip():
        raise Stopped(ExitCode.USAGE, [NO_REASON.at()])
    service, store, by = f"syncd {command}", session.store, operator()
    # The rule about people's values has no part here: these entries hold none.
    log = AuditLog(store.audit, actor=replace(Actor.here(service), user=by))
    with store.exclusive(service) if alone else nullcontext(), store.transaction() as tx:
        operation = Operation(tx, session.now(), by, command, reason.strip())
        yield operation
        if operation._entries:
            log.append(tx, operation._entries, at=operation.at)


class _Undo(Exception):
    """Leaves a transaction without keeping anything."""


@contextmanager
def rehearsal(store: Store) -> Iterator[Transaction]:
    """Compute as if for real, beside whoever writes, and keep nothing: new joins and made-up values are forgotten."""
    try:
        with store.reading() as tx:
            yield tx
            raise _Undo
    except _Undo:
        return
