"""The writer: claims changes, logs the intent, lets the target do them side by side, and settles each with its audit record.

One transaction claims and logs intents; one settles outcomes, links, observed state, audit and facts together. Killed at any
instruction, the next writer reads back what was under way (`again`). It never decides what is right; it never repeats a call
whose outcome is unknown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from syncd import tracing
from syncd.core.difference import exchange, references
from syncd.core.errors import message
from syncd.core.model import Change, FieldChange, Kind, Observed, Op, SubjectId, TargetId
from syncd.core.outcome import Applied, Deferred, Outcome, Pending, Rejected
from syncd.core.ports import Target
from syncd.engine import leave_records, marking, rivals, unheard, write_back
from syncd.engine.attempts import Call, Finished, Tally
from syncd.engine.claiming import Taken, claimed, intent, interface_of
from syncd.engine.holders import later, one_each
from syncd.engine.looking import looked
from syncd.engine.quarantine import Answered, Gate
from syncd.engine.settle import Settled, settle
from syncd.engine.sight import keys_of
from syncd.engine.whose import Whose
from syncd.engine.world import World
from syncd.engine.write_back_calls import Callers
from syncd.store import Transaction
from syncd.store.rows import QueuedChange
from syncd.structured import structlog

log = structlog.get_logger(__name__)

NOT_THERE: Final = message(
    "ENG-011",
    what="{label}: {field} refers to something that is not in the target yet.",
    do="Nothing to do: it is written as soon as that is there. `syncd queue list` shows what is waiting for what.",
    example="The department of a new person could not be created.",
)
UNEXPECTED: Final = message(
    "ENG-012",
    what="{label}: the connector failed in a way that it should not ({error}).",
    do="The change is read back before it is tried again. Please report this with the log of the run.",
    example="A defect in a connector.",
)


SHARE: Final = 3
LINGER: Final = 0.25
"""A turn is due when one call in `SHARE` is over, or `LINGER` seconds after the first: a transaction per call would flush the
disk for each, and the calls that are still under way keep the platform busy meanwhile. At DingTalk's 20 calls per second this
settles five calls at a time instead of one."""
BUSY: Final = 250
"""Changes per second beyond which the target waits for us, and not we for its limits (60/s on each of a few interfaces)."""
PATIENCE: Final = 0.05
"""Seconds for which the calls under way stand still for a turn (see `Store.do`) while we are `BUSY`. Never at the pace of a
limit: there calls must leave on time, and a turn that holds them up for 20 ms costs every one of them its place."""


_NO_WRITES: Final = frozenset({Op.WRITE_BACK, Op.LOOK})  # they do not tell whether the target takes changes


class Writer:
    """Drains the queue into one target."""

    def __init__(
        self,
        world: World,
        target: Target,
        *,
        stop: asyncio.Event | None = None,
        progress: Callable[[Tally], None] | None = None,
        settled: Callable[[Collection[SubjectId]], None] = lambda _: None,
        gate: Gate | None = None,
    ) -> None:
        """`settled` is told whose changes have been settled, right after each turn. Without a `gate` that remembers what may be
        called, whatever is left alone is probed at once."""
        self.world = world
        self.target = target
        self.tally = Tally()
        self._stop = stop or asyncio.Event()
        self._progress = progress
        self._settled = settled
        self._whose = Whose(world.target_name, target)
        self._callers = Callers(world)
        self._keys = keys_of(target)
        self._short: set[SubjectId] = set()
        """Those of whom a reference was left out, because nobody is there yet."""
        self._gate = gate or Gate(world.writer.circuits, at_once=True)
        self._interface = interface_of(target)
        self._running: dict[asyncio.Task[Outcome], Call] = {}
        self._ready: list[asyncio.Task[Outcome]] = []
        """Those of `_running` that are over and wait to be settled."""
        self._enough = max(1, world.writer.concurrency // SHARE)
        self._last_turn = float("-inf")
        self._turn_is_due = asyncio.Event()
        self._looked_at = world.now()
        """When it was last looked for something to do."""
        self._more = False
        """Whether there may be more to claim right away."""
        self._alarm: asyncio.TimerHandle | None = None

    async def drain(self, taken: Taken | None = None) -> Tally:
        """Work until nothing is due, or soon due, or until stopped; what runs is always settled. `taken` are those whose intents
        are logged already."""
        begun = self._go_on(taken) if taken is not None else await self._turn()
        while True:
            for queued in begun:
                self._start(queued)
            if self._running:
                await self._turn_is_due.wait()
            elif self._stop.is_set() or not (self._more or await self._wait_for_more()):
                break
            begun = await self._turn()
        if not self._stop.is_set():
            await self._gate.knock(self.world.store, self.target, self.world.now, nothing=self._looked_at)
        await self._callers.close()
        return self.tally

    def ring(self) -> None:
        """There may be more to do: have a turn now."""
        self._turn_is_due.set()

    async def rest(self) -> None:
        """Wait for what is under way, whatever comes of it: after a turn that failed, before anybody reads it back."""
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._callers.close()

    def _go_on(self, taken: Taken) -> list[QueuedChange]:
        self._whose, self._more = taken.whose, taken.more
        self._gate.keep(taken.answered)
        return taken.changes

    async def _turn(self) -> list[QueuedChange]:
        """Settle what is finished and claim what there is room for, in one transaction."""
        finished = self._take_finished()
        room = 0 if self._stop.is_set() else self.world.writer.concurrency - len(self._running)
        if not finished and room <= 0:
            return []

        self._looked_at = now = self.world.now()

        def turn(tx: Transaction) -> tuple[Answered, list[Settled], list[QueuedChange], bool]:
            self._gate.learn(tx, now)
            answered = self._gate.settle(tx, [done.told(self._interface, now) for done in finished], now)
            finished[:] = one_each(tx, self.world.target_name, finished, now=now)
            settled = self._settle(tx, finished, answered.explained, now)
            running = [call.queued.change for call in self._running.values()]
            taken, more = claimed(tx, answered.state, now, room, running=running, interface=self._interface)
            self._whose.learn(tx, taken)
            self.world.audit.append(tx, [*(one.entry for one in settled), *map(intent, taken)], at=now)
            return answered, settled, taken, more

        answered, settled, taken, self._more = await self.world.store.do(turn, patience=self._patience(len(finished)))
        self._gate.keep(answered)
        for done, one in zip(finished, settled, strict=True):
            self._count(done, one)
        if settled:
            self._settled({done.queued.change.subject for done in finished})
            if self._progress is not None:
                self._progress(self.tally)
        return taken

    def _patience(self, finished: int) -> float:
        now, before = asyncio.get_running_loop().time(), self._last_turn
        self._last_turn = now
        return PATIENCE if finished > BUSY * (now - before) else 0.0

    def _settle(
        self, tx: Transaction, finished: Sequence[Finished], explained: Sequence[bool], now: datetime
    ) -> list[Settled]:
        """Work out what the outcomes mean, and keep all of it but the audit log's entries."""
        pictures = self._pictures(tx, finished)
        settled = [
            settle(
                done.queued,
                done.wire,
                done.outcome,
                link=self._whose.link(done.wire.subject),
                before=pictures.get((done.wire.kind, done.wire.target_id)),
                terms=self.world.writer,
                now=now,
                mark=self.target.mark(done.wire.subject),
                whole=lambda seen: self._whose.whole(tx, seen, self.world.outbound.fills(seen.kind)),
                explained=ours,
            )
            for done, ours in zip(finished, explained, strict=True)
        ]
        self._store(tx, settled, now)
        write_back.settled(tx, self.world, [(done.queued.change, done.outcome) for done in finished], now)
        unheard.settled(tx, self.world, self.target, finished, at=now)
        rivals.freed(tx, self.target, finished, pictures, at=now)
        made = [one for one in finished if one.wire.kind is Kind.GROUP and one.wire.op in (Op.CREATE, Op.ADOPT)]
        if made and self.world.outbound.gives_roles:
            marking.given(tx, self.world, {one.wire.subject for one in made if isinstance(one.outcome, Applied)})
        if self.world.outbound.fills(Kind.CONTACT):
            left = [one for one in finished if one.wire.kind is Kind.PERSON and isinstance(one.outcome, Applied)]
            marking.freed(tx, {one.wire.subject for one in left if one.wire.op is Op.REMOVE}, now)
            gone = {one.wire.subject for one in left if one.wire.op in (Op.OFFBOARD, Op.REMOVE)}
            marking.left(tx, self.world, gone)
        if short := self._short & {done.wire.subject for done in finished}:
            tx.marks.add(short, reason="a reference was left out", at=now)
            self._short -= short
        return settled

    def _pictures(self, tx: Transaction, finished: Sequence[Finished]) -> dict[tuple[Kind, TargetId | None], Observed]:
        """Return what was last seen of the objects that were changed."""
        wanted: dict[Kind, set[TargetId]] = {}
        for done in finished:
            if done.wire.target_id is not None:
                wanted.setdefault(done.wire.kind, set()).add(done.wire.target_id)
        return {
            (kind, target_id): seen
            for kind, ids in wanted.items()
            for target_id, seen in tx.observed.get_many(self.world.target_name, kind, ids).items()
        }

    def _store(self, tx: Transaction, settled: Sequence[Settled], now: datetime) -> None:
        """Keep what the outcomes changed."""
        if not settled:
            return
        name = self.world.target_name
        tx.queue.settle_many([one.settlement for one in settled], at=now)
        links = [one.link for one in settled if one.link is not None]
        tx.links.put_many(name, [link for link in links if link != self._whose.link(link.subject)])
        tx.observed.put_many(
            name, [one.observed for one in settled if one.observed is not None], at=now, keys=self._keys
        )
        for one in settled:
            if one.vanished is not None:
                tx.observed.drop(name, *one.vanished)
        leave_records.removed(tx, self.world, settled, target=self.target)
        if facts := [fact for one in settled for fact in one.facts]:
            tx.feed.append(facts)

    def _count(self, done: Finished, one: Settled) -> None:
        """Count what was stored, remember the new link, and say in the log what did not succeed."""
        change = done.queued.change
        told = getattr(done.outcome, "problem", None)
        tracing.settled(done.queued.id, type(done.outcome).__name__.lower(), told.code if told else "")
        self.tally.attempts += 1
        self._whose.end(done.wire)
        if one.link is not None:
            self._whose.note(change.subject, one.link)
        match done.outcome:
            case Applied():
                # Not a line in the log: the audit log has one, and building a line costs a tenth of a change.
                self.tally.confirmed[f"{change.op} {change.kind}"] += 1
                self.tally.troubles.pop(change.subject, None)
                return
            case Pending(problem=problem):
                self.tally.pending += 1
            case Deferred(problem=problem):
                self.tally.deferred += 1
            case Rejected(problem=problem):
                self.tally.rejected += 1
        self.tally.troubles[change.subject] = (change.label, str(problem))
        log.warning(
            "change.not_confirmed",
            change=done.queued.id,
            subject=change.subject,
            op=str(change.op),
            outcome=type(done.outcome).__name__.lower(),
            code=problem.code,
            attempt=done.queued.attempt + 1,
        )

    # -- one change --------------------------------------------------------------------------------------------------

    def _start(self, queued: QueuedChange) -> None:
        wire, missing = self.resolve(queued.change)
        held = self._whose.begin(wire) if not missing else None
        task = asyncio.create_task(self._apply(queued, wire, missing, held))
        asked = not (missing or held or _is_over(wire)) and wire.op not in _NO_WRITES
        self._running[task] = Call(queued=queued, wire=wire, began=self.world.now(), asked=asked)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Outcome]) -> None:
        """Decide whether it is time for a turn."""
        self._ready.append(task)
        ready = len(self._ready)
        if ready >= min(len(self._running), self._enough):
            self._turn_is_due.set()
        elif ready == 1:
            self._alarm = asyncio.get_running_loop().call_later(LINGER, self._turn_is_due.set)

    def _take_finished(self) -> list[Finished]:
        tasks, self._ready = self._ready, []
        self._turn_is_due.clear()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        return [Finished(call=self._running.pop(task), outcome=task.result()) for task in tasks]

    async def _apply(
        self, queued: QueuedChange, wire: Change, missing: str, held: tuple[TargetId, SubjectId] | None
    ) -> Outcome:
        if missing:
            problem = NOT_THERE.at(label=wire.label, field=missing)
            return Deferred(problem=problem, retry_at=self.world.now() + timedelta(seconds=2))
        if _is_over(wire):
            return Applied(target_id=wire.target_id or TargetId(""), detail="nothing left to link")
        if held is not None:
            now, name = self.world.now(), self.world.target_name
            return later(wire, held[0], name, held[1], now=now, read_back=queued.again)
        try:
            if wire.op is Op.WRITE_BACK:
                return await self._callers.write(wire)
            if wire.op is Op.LOOK:
                return await looked(self.target, wire, now=self.world.now())
            doing: dict[str, str | int] = {"op": str(wire.op), "kind": str(wire.kind), "attempt": queued.attempt + 1}
            with tracing.applying(queued.id, queued.run_id, doing):
                return await self.target.apply(wire, key=queued.id, again=queued.again)
        except Exception as error:
            log.exception("connector.failed", change=queued.id)
            # By its type only: what it says may hold whatever the connector knew. The log has it, redacted.
            problem = UNEXPECTED.at(label=wire.label, error=type(error).__name__)
            return Deferred(problem=problem, retry_at=self.world.now() + timedelta(minutes=1), read_back=True)

    def resolve(self, change: Change) -> tuple[Change, str]:
        """Return the change with target ids for subjects, and the name of a field that cannot be resolved yet, if any.

        A late reference that is still missing is left out: the next plan finds the difference and links it then.
        """
        if change.op is Op.WRITE_BACK:
            return change, ""
        specs, ids = self.target.fields[change.kind], self._whose.ids
        fields: list[FieldChange] = []
        for item in change.fields:
            spec = specs[item.name]
            wanted = references(item.after, spec)
            absent = [subject for subject in wanted if subject not in ids]
            if absent and not (spec.late or spec.shared):
                return change, item.name
            if absent:
                self._short.add(change.subject)
            if absent and len(absent) == len(wanted) and not spec.shared:
                continue
            after = exchange(item.after, spec, ids)
            # Of what others fill, too, the target has to know what was ours.
            before = exchange(item.before, spec, ids) if spec.shared else item.before
            same = after is item.after and before is item.before
            fields.append(item if same else replace(item, before=before, after=after))
        target_id = change.target_id or (None if change.op is Op.CREATE else ids.get(change.subject))
        if target_id is None and change.op is not Op.CREATE:
            return change, "the object itself"
        op = Op.UPDATE if change.op is Op.LOGIN or (change.op is Op.ADOPT and fields) else change.op
        return replace(change, fields=tuple(fields), target_id=target_id, op=op), ""

    # -- waiting -----------------------------------------------------------------------------------------------------

    async def _wait_for_more(self) -> bool:
        """Sleep until the next change is due if that is soon; tell whether there is something to do."""
        if self.world.writer.patience < timedelta(0):
            return False  # whoever has no patience asks by itself
        next_due = await self.world.store.look(lambda tx: tx.queue.next_due_at())
        if next_due is None:
            return False
        wait = max(next_due, self._gate.opens_at() or next_due) - self.world.now()
        if wait > self.world.writer.patience or self._hopeless(wait):
            return False
        try:
            async with asyncio.timeout(max(0.05, wait.total_seconds())):
                await self._stop.wait()
        except TimeoutError:
            return True
        return False

    def _hopeless(self, wait: timedelta) -> bool:
        """A change that is due and was not claimed waits for another one; that is not a matter of time."""
        return wait < -timedelta(seconds=5)


def _is_over(wire: Change) -> bool:
    """Tell whether there is nothing left to ask the target for."""
    return wire.op is Op.LINK and not wire.fields
