"""What the writer is to do next: taken from the queue, and each intent logged, in a transaction of its own or in somebody else's.

A round that has just queued a change has it taken in the very same transaction, where the pen is free (`syncd.engine.pen`): then
the disk is flushed once until the target is called. It calls nobody, and what it takes is running as soon as that transaction is
stored: whoever began it either hands it to a writer, or has it read back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from syncd.audit.entries import AuditEntry, EntryType
from syncd.core.circuits import Circuits, Parted
from syncd.core.model import Change
from syncd.core.ports import Target
from syncd.engine import quarantine
from syncd.engine.quarantine import Answered, Gate
from syncd.engine.whose import Whose
from syncd.engine.world import World
from syncd.store import Transaction
from syncd.store.rows import QueuedChange


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Changes that are running, their intents logged, and that nobody has begun yet."""

    changes: list[QueuedChange]
    whose: Whose
    """Which objects they concern."""
    answered: Answered
    """What is left alone."""
    more: bool
    """Whether there may be more to take right away."""


def take(tx: Transaction, world: World, target: Target, gate: Gate) -> Taken:
    """Take what is due, for a writer that has nothing under way."""
    now = world.now()
    gate.learn(tx, now)
    answered = gate.settle(tx, [], now)
    found, more = claimed(tx, answered.state, now, world.writer.concurrency, running=(), interface=interface_of(target))
    whose = Whose(world.target_name, target)
    whose.learn(tx, found)
    world.audit.append(tx, [intent(queued) for queued in found], at=now)
    return Taken(changes=found, whose=whose, answered=answered, more=more)


def claimed(
    tx: Transaction,
    state: Circuits,
    now: datetime,
    room: int,
    *,
    running: Iterable[Change],
    interface: Callable[[Change], str],
) -> tuple[list[QueuedChange], bool]:
    """Take what is due and may be called; tell whether there may be more of it right away."""
    if room <= 0 or (state.target is None and not state.interfaces):
        return tx.queue.claim(now, room) if room > 0 else [], False
    return quarantine.claim(tx, state, now, room, running=Counter(map(interface, running)), interface=interface)


def intent(queued: QueuedChange) -> AuditEntry:
    """Return what is logged before the target is asked."""
    change = queued.change
    return AuditEntry(
        type=EntryType.INTENDED,
        run=queued.run_id,
        change=queued.id,
        subject=change.subject,
        label=change.label,
        target_id=change.target_id,
        op=change.op,
        fields=change.fields,
        reason=change.reason,
    )


def interface_of(target: Target) -> Callable[[Change], str]:
    """Return what tells the interface by which a change is made."""
    return target.interface if isinstance(target, Parted) else _the_only_one


def _the_only_one(_: Change) -> str:
    """Return the name of the interface of a target that names none."""
    return ""


__all__ = ["Taken", "claimed", "intent", "interface_of", "take"]
