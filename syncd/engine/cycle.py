"""One guarded cycle: recover, reconcile, accept, write, tell. What `syncd sync`, `apply` and each turn of `run` do.

Nothing is written unless the plan was judged, accepted and logged in one transaction first. A configuration that nobody has
accepted yet is planned and shown, never written.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

import structlog

from syncd.audit.entries import AuditEntry, EntryType
from syncd.core.errors import NeedsHuman, Problem, message
from syncd.core.model import Change, RunId, SourceName
from syncd.core.policy import Hold
from syncd.core.ports import Target
from syncd.core.values import Value
from syncd.engine.reconcile import Progress, Reconciliation, reconcile, silent
from syncd.engine.world import World
from syncd.engine.writer import Tally, Writer, recover
from syncd.store import Transaction
from syncd.store.rows import HoldRow, HoldState, QueueCounts

log = structlog.get_logger(__name__)

ACCEPTED_CONFIG: Final = "config.accepted"

MOVED: Final = message(
    "ENG-020",
    what="The plan that was saved is not the plan of now: {gone} of its changes are no longer right, {new} are new.",
    do="Look at the plan of now with `syncd plan --out FILE`, then apply that.",
    example="Somebody changed a person in Active Directory between `plan --out` and `apply`.",
)
FIRST_RUN: Final = message(
    "ENG-021",
    what="This configuration has not written before, so {count} changes were planned and none was written.",
    do="Look at `syncd plan`, then run `syncd sync --accept`, or `syncd plan --out FILE` and `syncd apply FILE`.",
    example="The first `syncd sync`, or the first after a rule has been edited.",
)


class Result(StrEnum):
    """How a cycle ended."""

    DONE = "done"
    NOTHING = "nothing to do"
    TROUBLED = "some not confirmed"
    HELD = "held"
    PLANNED = "planned only"
    UNPROVEN = "a source is not proven complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """What one cycle did. `tally.confirmed` is success; everything else has a name and a number of its own."""

    run_id: RunId
    result: Result
    started_at: datetime
    finished_at: datetime
    reconciliation: Reconciliation
    tally: Tally
    queue: QueueCounts
    holds: tuple[HoldRow, ...]
    recovered: int = 0
    notices: tuple[Problem, ...] = ()
    blocked: Mapping[str, str] = field(default_factory=dict)
    """Labels of those who wait for a change that is parked, with the label of that one."""

    @property
    def source_failed(self) -> Mapping[SourceName, Problem]:
        return self.reconciliation.failed


async def cycle(
    world: World,
    *,
    accept: bool = False,
    fresh: bool = False,
    expected: tuple[Change, ...] | None = None,
    write: bool = True,
    stop: asyncio.Event | None = None,
    progress: Progress = silent,
) -> Cycle:
    """Run one cycle. Raises what sources, target and store raise when nothing can be done at all.

    `accept` lets a configuration write that nobody accepted before; `expected` are the changes of a saved plan, which must be
    exactly those of now (NeedsHuman ENG-020 if they are not) and imply acceptance; `write` False only plans.
    """
    run_id = world.new_run()
    started = world.now()
    structlog.contextvars.bind_contextvars(run=run_id)
    try:
        await world.store.do(lambda tx: _start(tx, world, run_id, started))
        async with world.make_target() as target:
            return await _run(
                world,
                target,
                run_id,
                started,
                accept=accept,
                fresh=fresh,
                expected=expected,
                write=write,
                stop=stop,
                progress=progress,
            )
    except BaseException as error:
        reason = type(error).__name__
        await asyncio.shield(world.store.do(lambda tx: _finish(tx, world, run_id, f"failed: {reason}", {})))
        raise
    finally:
        structlog.contextvars.unbind_contextvars("run")


async def _run(
    world: World,
    target: Target,
    run_id: RunId,
    started: datetime,
    *,
    accept: bool,
    fresh: bool,
    expected: tuple[Change, ...] | None,
    write: bool,
    stop: asyncio.Event | None,
    progress: Progress,
) -> Cycle:
    recovered = await recover(world) if write else []
    if recovered:
        # What was under way is read back and settled before anything is compared with it.
        await Writer(world, target, stop=stop).drain()
    found = await reconcile(world, target, run_id, fresh=fresh, progress=progress)
    if expected is not None:
        _refuse_if_moved(expected, found)
    known = await world.store.look(lambda tx: tx.meta.get(ACCEPTED_CONFIG))
    accepted = accept or expected is not None or not world.guard.plan_only_first or known == world.config_digest.hex()
    notices: list[Problem] = []
    if write and not accepted and found.plan.changes:
        notices.append(FIRST_RUN.at(count=len(found.plan.changes)))
    writing = write and (accepted or not found.plan.changes)
    holds = await world.store.do(lambda tx: _accept(tx, world, found, writing=writing))
    tally = Tally()
    if writing:
        total = len(found.judgement.allowed)
        writer = Writer(world, target, stop=stop, progress=lambda seen: progress("write", seen.done, total))
        tally = await writer.drain()
    return await world.store.do(
        lambda tx: _close(
            tx,
            world,
            found,
            tally,
            holds,
            started=started,
            recovered=len(recovered),
            notices=tuple(notices),
            writing=writing,
            write=write,
        )
    )


def _start(tx: Transaction, world: World, run_id: RunId, at: datetime) -> None:
    tx.runs.start(run_id, kind="sync", at=at, config_digest=world.config_digest)
    world.audit.append(
        tx, [AuditEntry(type=EntryType.RUN_STARTED, run=run_id, config=world.config_digest.hex())], at=at
    )


def _refuse_if_moved(expected: tuple[Change, ...], found: Reconciliation) -> None:
    """A saved plan is applied exactly or not at all."""
    from syncd.core.plan import fingerprint

    if fingerprint(expected) == found.plan.fingerprint:
        return
    before, now = (
        Counter(fingerprint([one]) for one in expected),
        Counter(fingerprint([one]) for one in found.plan.changes),
    )
    raise NeedsHuman(MOVED.at(gone=(before - now).total(), new=(now - before).total()))


def _accept(tx: Transaction, world: World, found: Reconciliation, *, writing: bool) -> tuple[HoldRow, ...]:
    """Queue what may be written, open holds for what may not, and log both: all of it or nothing."""
    now = world.now()
    holds = tuple(_open_hold(tx, world, found, hold, now) for hold in found.judgement.holds)
    tx.asides.replace("plan", found.plan.aside)
    if not writing:
        return holds
    allowed = found.judgement.allowed
    tx.queue.supersede_absent({change.subject for change in allowed}, at=now)
    if allowed:
        tx.queue.accept(found.run_id, allowed, at=now)
    entry = AuditEntry(
        type=EntryType.PLAN_ACCEPTED,
        run=found.run_id,
        plan=found.plan.fingerprint,
        config=world.config_digest.hex(),
        facts={"changes": len(allowed), "held": len(found.plan.changes) - len(allowed), "aside": len(found.plan.aside)},
    )
    entries = [entry] if found.plan.changes else []
    if tx.meta.get(ACCEPTED_CONFIG) != world.config_digest.hex():
        entries.insert(
            0, AuditEntry(type=EntryType.CONFIG_ACCEPTED, run=found.run_id, config=world.config_digest.hex())
        )
        tx.meta.set(ACCEPTED_CONFIG, world.config_digest.hex())
    if entries:
        world.audit.append(tx, entries, at=now)
    return holds


def _open_hold(tx: Transaction, world: World, found: Reconciliation, hold: Hold, now: datetime) -> HoldRow:
    """Keep one hold per set of changes: seeing the same set again does not make a second one."""
    known = next(
        (row for row in tx.holds.open() if row.effect is hold.effect and row.fingerprint == hold.fingerprint), None
    )
    if known is not None and known.expires_at > now:
        return known
    for row in tx.holds.open():
        if row.effect is hold.effect:
            tx.holds.drop(row.id, by="syncd", at=now, reason="another set of changes took its place")
    row = HoldRow(
        id=f"{hold.effect}-{hold.fingerprint[:8]}",
        run_id=found.run_id,
        effect=hold.effect,
        fingerprint=hold.fingerprint,
        reasons=hold.reasons,
        count=len(hold.changes),
        names=tuple(change.label for change in hold.changes),
        created_at=now,
        expires_at=now + world.guard.hold_expires,
        state=HoldState.OPEN,
    )
    tx.holds.put(row)
    facts: dict[str, Value] = {
        "hold": row.id,
        "effect": str(row.effect),
        "count": row.count,
        "fingerprint": row.fingerprint,
    }
    entry = AuditEntry(type=EntryType.HOLD_OPENED, run=found.run_id, reason="; ".join(hold.reasons), facts=facts)
    world.audit.append(tx, [entry], at=now)
    return row


def _close(
    tx: Transaction,
    world: World,
    found: Reconciliation,
    tally: Tally,
    holds: tuple[HoldRow, ...],
    *,
    started: datetime,
    recovered: int,
    notices: tuple[Problem, ...],
    writing: bool,
    write: bool,
) -> Cycle:
    now = world.now()
    queue = tx.queue.counts(now)
    troubled = bool(tally.troubles) or queue.parked > 0
    unproven = bool(found.failed) or any(not read.licensed for read in found.reads)
    if write and not writing:
        result = Result.PLANNED
    elif holds:
        result = Result.HELD
    elif unproven:
        result = Result.UNPROVEN
    elif troubled:
        result = Result.TROUBLED
    else:
        result = Result.DONE if tally.done or not write else Result.NOTHING
    counts = {
        "planned": len(found.plan.changes),
        "confirmed": tally.done,
        "deferred": queue.ready,
        "pending": queue.pending,
        "parked": queue.parked,
        "held": sum(row.count for row in holds),
        "aside": len(found.plan.aside),
    }
    _finish(tx, world, found.run_id, result, counts)
    return Cycle(
        run_id=found.run_id,
        result=result,
        started_at=started,
        finished_at=now,
        reconciliation=found,
        tally=tally,
        queue=queue,
        holds=holds,
        recovered=recovered,
        notices=notices,
        blocked={one.label: one.by_label for one in tx.queue.blocked()},
    )


def _finish(tx: Transaction, world: World, run_id: RunId, result: str, counts: Mapping[str, int]) -> None:
    now = world.now()
    tx.runs.finish(run_id, at=now, result=result, counts=counts)
    world.audit.append(
        tx, [AuditEntry(type=EntryType.RUN_FINISHED, run=run_id, reason=result, facts=dict(counts))], at=now
    )
