"""Offboarding by an operator: somebody leaves at once, whatever the sources say, until the sources agree or it is taken back.

The decision is a row of the state. Planning obeys it as it obeys a source, so the guard, the queue and the audit log see an
ordinary leaver. Nothing here writes to the target, and nothing here decides for an operator.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from syncd.audit.entries import AuditEntry, EntryType
from syncd.core.errors import NeedsHuman, message
from syncd.core.model import Kind, SubjectId
from syncd.engine.finding import find
from syncd.engine.marking import reports
from syncd.engine.tree import told_of
from syncd.store import Transaction
from syncd.store.offboardings import Offboarding
from syncd.store.rows import FoundRecord

if TYPE_CHECKING:
    from syncd.engine.reconcile import Reconciliation
    from syncd.engine.world import World

NOT_A_PERSON: Final = message(
    "OFB-001",
    what="{label} is a {kind}; only people are offboarded.",
    do="Name a person. A department goes when its record goes.",
    example="syncd offboard Engineering --now",
)
NOT_JOINED: Final = message(
    "OFB-002",
    what="{label} was read, but is not joined to a person yet.",
    do="Run `syncd plan`; if the record stays aside, `syncd explain {label!r}` says why.",
    example="syncd offboard for a record of which it is not clear whose it is",
)
ALREADY: Final = message(
    "OFB-003",
    what="{label} was offboarded already, by {by} at {at}.",
    do="Nothing more is needed. `syncd explain {label!r}` shows how far it is; `--undo` takes it back.",
    example="syncd offboard 'Li Wei' --now twice",
)
NOT_OFFBOARDED: Final = message(
    "OFB-004",
    what="No offboarding of {label} is in force.",
    do="`syncd status` lists those that are. If the sources say that somebody has left, correct the sources.",
    example="syncd offboard 'Li Wei' --undo, after HR has ended the employment itself",
)


def who_is(tx: Transaction, target: str, who: str) -> tuple[SubjectId, FoundRecord]:
    """Return the person whom an operator means. Raises NeedsHuman: nobody, several, no person, or a record that is not joined."""
    found = find(tx, who, target=target)
    if found.kind is not Kind.PERSON:
        raise NeedsHuman(NOT_A_PERSON.at(label=found.label, kind=found.kind))
    if found.subject is None:
        raise NeedsHuman(NOT_JOINED.at(label=found.label))
    return found.subject, found


def offboard(
    tx: Transaction, world: World, who: SubjectId, label: str, *, by: str, reason: str, at: datetime
) -> Offboarding:
    """Let somebody leave from now on. Raises NeedsHuman where that was decided before."""
    known = tx.offboardings.all().get(who)
    if known is not None:
        raise NeedsHuman(ALREADY.at(label=label, by=known.decided_by, at=f"{known.decided_at:%Y-%m-%d %H:%M} UTC"))
    row = Offboarding(subject=who, label=label, decided_at=at, decided_by=by, reason=reason)
    tx.offboardings.put(row)
    tx.marks.add({who, *reports(tx, world, [who])}, reason="offboarded by an operator", at=at)
    return row


def undo(tx: Transaction, world: World, who: SubjectId, label: str, *, at: datetime) -> Offboarding:
    """Take it back: from now on the sources decide again. Raises NeedsHuman where nothing is in force."""
    known = tx.offboardings.all().get(who)
    if known is None:
        raise NeedsHuman(NOT_OFFBOARDED.at(label=label))
    tx.offboardings.drop([who])
    tx.marks.add({who, *reports(tx, world, [who])}, reason="an offboarding was taken back", at=at)
    return known


def ended(tx: Transaction, world: World, found: Reconciliation) -> None:
    """End the decisions with which the sources agree: from now on they decide alone, so that who is hired again comes back.

    Part of the transaction that accepts the plan."""
    leaving = found.wishes.leaving
    over = [row for row in tx.offboardings.all().values() if leaving.get(row.subject, told_of(row)) != told_of(row)]
    if not over:
        return
    tx.offboardings.drop(row.subject for row in over)
    entries = [
        AuditEntry(
            type=EntryType.OFFBOARDING_ENDED,
            run=found.run_id,
            subject=row.subject,
            label=row.label,
            reason=leaving[row.subject],
            facts={"by": row.decided_by},
        )
        for row in over
    ]
    world.audit.append(tx, entries, at=world.now())
