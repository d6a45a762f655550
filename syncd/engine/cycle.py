"""One guarded cycle: recover, reconcile, accept, write, tell. What `syncd sync`, `apply` and each turn of `run` do.

Nothing is written unless the plan was judged, accepted and logged in one transaction first. A configuration that nobody has
accepted yet is planned and shown, never written.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from syncd import tracing
from syncd.audit.entries import AuditEntry, EntryType
from syncd.core.errors import NeedsHuman, Problem, message
from syncd.core.model import Change, Effect, RunId, SourceName
from syncd.core.policy import Hold
from syncd.core.ports import Target
from syncd.core.values import Value
from syncd.engine import failures, leave_records, trust, unheard
from syncd.engine.attempts import Tally
from syncd.engine.feed import Delivery, deliver
from syncd.engine.leave_records import Learned
from syncd.engine.outcome import conclude
from syncd.engine.reconcile import Progress, Readings, Reconciliation, read_sources, reconcile, silent
from syncd.engine.sparing import sparing
from syncd.engine.stage import Asked
from syncd.engine.unheard import recover
from syncd.engine.world import World
from syncd.engine.writer import Writer
from syncd.store import Transaction
from syncd.store.packed import subjects_of
from syncd.store.rows import HoldRow, HoldState, QueueCounts
from syncd.structured import structlog

log = structlog.get_logger(__name__)

ACCEPTED_CONFIG: Final = "config.accepted"
_EVERY: Final = 1_000_000
"""More changes than are ever parked."""

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


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Cycle:
    """What one cycle did. `tally.confirmed` is success; everything else has a name and a number of its own.

    It has no `repr` that shows people: `asyncio.run` makes one of its result, unseen (the signal module asks whether its handler
    is a known constant, and formats the refusal), which took seconds for 10,000 people.
    """

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
    left: Learned | None = None
    """What the target's own records of leavers came to; None where they were not read, or it keeps none."""
    told: tuple[Delivery, ...] = ()
    """What came of telling the consumers; none where nothing was to be written."""

    @property
    def source_failed(self) -> Mapping[SourceName, Problem]:
        return self.reconciliation.failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a cycle is asked to do."""

    write: bool = True
    """False only plans."""
    accept: bool = False
    """Let a configuration write that nobody accepted before."""
    fresh: bool = False
    """Look at the whole target again."""
    full: bool = False
    """Read everything, also of sources that could say what changed."""
    again: bool = False
    """Take nothing for known: decode and map every record, and compare everybody."""
    expected: Sequence[Change] | None = None
    """The changes of a saved plan, which must be exactly those of now; they imply acceptance."""
    only: frozenset[SourceName] | None = None
    """Read these sources and no others, which keep what they have."""
    beside: bool = False
    """Somebody else works off the queue, and stands still meanwhile: nothing is written or told here."""


async def cycle(
    world: World,
    order: Order | None = None,
    *,
    stop: asyncio.Event | None = None,
    read: Readings | None = None,
    progress: Progress = silent,
) -> Cycle:
    """Run one cycle; where `read` says what came of reading the sources, they are not read again.

    Raises what sources, target and store raise when nothing can be done at all, and NeedsHuman (ENG-020) if a saved plan is not
    the plan of now.
    """
    run_id = world.new_run()
    started = world.now()
    kind = "sync" if order is None or order.write else "plan"
    structlog.contextvars.bind_contextvars(run=run_id)
    try:
        await trust.settle(world)
        await world.store.do(lambda tx: _start(tx, world, run_id, started, kind))
        with sparing():
            async with world.make_target() as target:
                turn = _Turn(world, target, run_id, started, order or Order())
                with tracing.planning("syncd.cycle", run_id) as doing:
                    done = await turn.go(stop, read, progress)
                    doing.say(result=str(done.result))
                tells = turn.order.write and not turn.order.beside
                left = await leave_records.after(world, target) if tells else None
        await world.store.look(lambda tx: trust.note(tx, world))
        # Told apart from the target, and whatever comes of it: consumers never fail a cycle.
        return replace(done, left=left, told=await deliver(world, stop=stop)) if tells else done
    except BaseException as error:
        reason = type(error).__name__
        await asyncio.shield(world.store.do(lambda tx: _finish(tx, world, run_id, f"failed: {reason}", {})))
        raise
    finally:
        structlog.contextvars.unbind_contextvars("run")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ending:
    """What the steps of a cycle came to."""

    found: Reconciliation
    tally: Tally
    holds: tuple[HoldRow, ...]
    recovered: int
    writing: bool
    doubt: Problem | None
    """Why nothing may be written, whoever accepts it."""


@dataclass(frozen=True)
class _Turn:
    """One cycle under way."""

    world: World
    target: Target
    run_id: RunId
    started: datetime
    order: Order

    async def go(self, stop: asyncio.Event | None, read: Readings | None, progress: Progress) -> Cycle:
        world, order = self.world, self.order
        recovered = await self._recover(stop) if order.write and not order.beside else 0
        asked = Asked(full=order.full, again=order.again)
        if read is None and order.only is not None:
            read = await read_sources(world, self.run_id, asked, progress, only=order.only)
        found = await reconcile(
            world, self.target, self.run_id, fresh=order.fresh, asked=asked, read=read, progress=progress
        )
        if order.expected is not None:
            _refuse_if_moved(order.expected, found)
        doubt = await world.store.look(lambda tx: trust.doubt(tx, world))
        writing = order.write and doubt is None and (not found.plan.changes or await self._may_write())
        seen = order.accept or order.expected is not None
        holds = await world.store.do(lambda tx: accept(tx, world, found, writing=writing, seen=seen))
        tally = Tally()
        if writing and not order.beside:
            total = len(found.judgement.allowed)
            told = lambda seen: progress("write", seen.done, total)  # noqa: E731
            tally = await Writer(world, self.target, stop=stop, progress=told).drain()
        ending = _Ending(found=found, tally=tally, holds=holds, recovered=recovered, writing=writing, doubt=doubt)
        return await world.store.do(lambda tx: self._close(tx, ending))

    async def _recover(self, stop: asyncio.Event | None) -> int:
        """Settle what an earlier process was at, before anything is compared with it."""
        left = await recover(self.world)
        if left:
            await Writer(self.world, self.target, stop=stop).drain()
        return len(left)

    async def _may_write(self) -> bool:
        """Tell whether somebody has accepted this configuration, now or before."""
        world, order = self.world, self.order
        if order.accept or order.expected is not None or not world.guard.plan_only_first:
            return True
        known = await world.store.look(lambda tx: tx.meta.get(ACCEPTED_CONFIG))
        return known == world.config_digest.hex()

    def _close(self, tx: Transaction, ending: _Ending) -> Cycle:
        """Count, finish the run and its audit, and return what to tell."""
        now = self.world.now()
        found, tally = ending.found, ending.tally
        queue = tx.queue.counts(now)
        planned_only = self.order.write and not ending.writing
        result = Result.PLANNED if planned_only else _result(ending, queue, beside=self.order.beside)
        counts = {
            "planned": len(found.plan.changes),
            "confirmed": tally.done,
            "deferred": queue.ready,
            "pending": queue.pending,
            "parked": queue.parked,
            "held": sum(row.count for row in ending.holds),
            "aside": len(found.plan.aside),
        }
        _finish(tx, self.world, self.run_id, result, counts)
        trust.settled(tx, self.world)
        return Cycle(
            run_id=self.run_id,
            result=result,
            started_at=self.started,
            finished_at=now,
            reconciliation=found,
            tally=tally,
            queue=queue,
            holds=ending.holds,
            recovered=ending.recovered,
            notices=(ending.doubt or FIRST_RUN.at(count=len(found.plan.changes)),) if planned_only else (),
            blocked={one.label: one.by_label for one in tx.queue.blocked()},
        )


def _result(ending: _Ending, queue: QueueCounts, *, beside: bool) -> Result:
    """Say in one word how it ended; the word that most needs a person wins."""
    found, tally = ending.found, ending.tally
    if ending.holds:
        return Result.HELD
    if found.failed or any(not read.licensed for read in found.reads):
        return Result.UNPROVEN
    if tally.troubles or queue.parked or (queue.ready and ending.writing and not beside):
        return Result.TROUBLED
    did = found.judgement.allowed if beside else tally.done
    return Result.DONE if did or not ending.writing else Result.NOTHING


def _start(tx: Transaction, world: World, run_id: RunId, at: datetime, kind: str) -> None:
    tx.runs.start(run_id, kind=kind, at=at, config_digest=world.config_digest)
    world.audit.append(
        tx, [AuditEntry(type=EntryType.RUN_STARTED, run=run_id, config=world.config_digest.hex())], at=at
    )


def _refuse_if_moved(expected: Sequence[Change], found: Reconciliation) -> None:
    """A saved plan is applied exactly or not at all."""
    from syncd.core.plan import fingerprint

    if fingerprint(expected) == found.plan.fingerprint:
        return
    before, now = (
        Counter(fingerprint([one]) for one in expected),
        Counter(fingerprint([one]) for one in found.plan.changes),
    )
    raise NeedsHuman(MOVED.at(gone=(before - now).total(), new=(now - before).total()))


def accept(
    tx: Transaction, world: World, found: Reconciliation, *, writing: bool, seen: bool, some: bool = False
) -> tuple[HoldRow, ...]:
    """Queue what may be written, open holds for what may not, and log both: all of it or nothing. What somebody has `seen` before
    letting it through does not count against the guard's window; a plan for `some` says nothing of what others leave aside."""
    now = world.now()
    holds = tuple(_open_hold(tx, world, found, hold, now) for hold in found.judgement.holds)
    if some:
        tx.asides.replace_some("plan", {*found.looked_at, *(one.name for one in found.plan.aside)}, found.plan.aside)
    else:
        tx.asides.replace("plan", found.plan.aside)
        _let_go(tx, world, found, now)
    if not writing:
        return holds
    allowed = found.judgement.allowed
    among = None if found.everybody else found.looked_at
    ended = tx.queue.supersede_absent(subjects_of(allowed), at=now, among=among)
    if allowed:
        approved = frozenset(Effect) if seen else found.judgement.approved
        ended += tx.queue.accept(found.run_id, allowed, at=now, approved=approved).superseded
    unheard.look(tx, found.run_id, ended, allowed, at=now)
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
        # What was refused under another configuration may be right under this one, also where the change itself is the same.
        tx.queue.retry([parked.id for parked in tx.queue.parked(limit=_EVERY)], at=now)
    if entries:
        world.audit.append(tx, entries, at=now)
    conclude(tx, world, found)
    return holds


def _let_go(tx: Transaction, world: World, found: Reconciliation, now: datetime) -> None:
    """Drop what was held and is not any more: its cause is mended. Whoever is held stays marked, so a plan for all who are marked
    has seen them. What a source lacks is for `syncd.engine.absence` to say."""
    held = {Effect.SOURCE_SHRUNK, *(hold.effect for hold in found.judgement.holds)}
    for row in tx.holds.open():
        if row.effect not in held:
            _drop(tx, world, found, row, now, "nothing of this kind has to be held any more")


def _drop(tx: Transaction, world: World, found: Reconciliation, row: HoldRow, now: datetime, why: str) -> None:
    tx.holds.drop(row.id, by="syncd", at=now, reason=why)
    entry = AuditEntry(type=EntryType.HOLD_DROPPED, run=found.run_id, reason=why, facts={"hold": row.id})
    world.audit.append(tx, [entry], at=now)


def _open_hold(tx: Transaction, world: World, found: Reconciliation, hold: Hold, now: datetime) -> HoldRow:
    """Keep one hold per set of changes: seeing the same set again does not make a second one."""
    known = next(
        (row for row in tx.holds.open() if row.effect is hold.effect and row.fingerprint == hold.fingerprint), None
    )
    if known is not None and known.expires_at > now:
        return known
    for row in tx.holds.open():
        if row.effect is hold.effect:
            _drop(tx, world, found, row, now, "another set of changes took its place")
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


def _finish(tx: Transaction, world: World, run_id: RunId, result: str, counts: Mapping[str, int]) -> None:
    now = world.now()
    failures.healed(tx, failures.AUDIT, failures.REFUSED)  # with what is logged here: else all of it is undone
    tx.runs.finish(run_id, at=now, result=result, counts=counts)
    world.audit.append(
        tx, [AuditEntry(type=EntryType.RUN_FINISHED, run=run_id, reason=result, facts=dict(counts))], at=now
    )
