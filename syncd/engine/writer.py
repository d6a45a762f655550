"""The writer: claims changes, logs the intent, lets the target do them side by side, and settles each with its audit record.

One transaction claims and logs intents; one settles outcomes, links, observed state, audit and facts together. Killed at any
instruction, the next writer reads back what was under way (`again`). It never decides what is right; it never repeats a call
whose outcome is unknown.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from syncd.audit.entries import AuditEntry, EntryType
from syncd.core.difference import exchange, references
from syncd.core.errors import foreign, message
from syncd.core.model import (
    ROOT_UNIT,
    Applied,
    Change,
    ChangeId,
    Deferred,
    FieldChange,
    Link,
    LinkState,
    Op,
    Outcome,
    Pending,
    Rejected,
    SubjectId,
    TargetId,
)
from syncd.core.ports import Target
from syncd.engine.settle import Settled, settle
from syncd.engine.world import World
from syncd.store import Transaction
from syncd.store.rows import QueuedChange

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


@dataclass(slots=True)
class Tally:
    """What came of the changes of one drain; only `confirmed` is success."""

    confirmed: Counter[str] = field(default_factory=Counter)
    """By op and kind, such as `create person`."""
    deferred: int = 0
    rejected: int = 0
    pending: int = 0
    attempts: int = 0
    troubles: dict[SubjectId, tuple[str, str]] = field(default_factory=dict)
    """Label and problem of each subject whose last attempt did not succeed."""

    @property
    def done(self) -> int:
        return sum(self.confirmed.values())


class Writer:
    """Drains the queue into one target."""

    def __init__(
        self,
        world: World,
        target: Target,
        *,
        stop: asyncio.Event | None = None,
        progress: Callable[[Tally], None] | None = None,
    ) -> None:
        self.world = world
        self.target = target
        self.tally = Tally()
        self._stop = stop or asyncio.Event()
        self._progress = progress
        self._links: dict[SubjectId, Link] = {}
        self._ids: dict[SubjectId, TargetId] = {}
        self._running: dict[asyncio.Task[Outcome], tuple[QueuedChange, Change]] = {}

    async def drain(self) -> Tally:
        """Work until nothing is due, or soon due, or until stopped; what runs is always settled."""
        await self._load()
        finished: list[asyncio.Task[Outcome]] = []
        while True:
            claimed = await self._turn(finished)
            for queued in claimed:
                self._start(queued)
            if self._running:
                done, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
                finished = list(done)
                continue
            if self._stop.is_set() or not await self._wait_for_more():
                return self.tally
            finished = []

    async def _load(self) -> None:
        self._links = await self.world.store.look(lambda tx: tx.links.all(self.world.target_name))
        self._ids = {
            subject: link.target_id for subject, link in self._links.items() if link.state is not LinkState.REMOVED
        }
        self._ids[ROOT_UNIT] = self.target.root

    async def _turn(self, finished: Sequence[asyncio.Task[Outcome]]) -> list[QueuedChange]:
        """Settle what is finished and claim what there is room for, in one transaction."""
        outcomes = [(*self._running.pop(task), task.result()) for task in finished]
        room = 0 if self._stop.is_set() else self.world.writer.concurrency - len(self._running)
        if not outcomes and room <= 0:
            return []

        def turn(tx: Transaction) -> tuple[list[Settled], list[QueuedChange]]:
            now = self.world.now()
            settled = [self._settle(tx, queued, wire, outcome, now) for queued, wire, outcome in outcomes]
            self._store(tx, settled, now)
            claimed = tx.queue.claim(now, room) if room > 0 else []
            self.world.audit.append(tx, [intent(queued) for queued in claimed], at=now)
            return settled, claimed

        settled, claimed = await self.world.store.do(turn)
        for (queued, _, outcome), one in zip(outcomes, settled, strict=True):
            self._count(queued, outcome, one)
        if settled and self._progress is not None:
            self._progress(self.tally)
        return claimed

    def _settle(self, tx: Transaction, queued: QueuedChange, wire: Change, outcome: Outcome, now: datetime) -> Settled:
        before = None
        if wire.target_id is not None:
            row = tx.observed.get(self.world.target_name, wire.kind, wire.target_id)
            before = row.observed if row is not None else None
        link = self._links.get(queued.change.subject)
        mark = self.target.mark(queued.change.subject)
        terms = self.world.writer
        return settle(queued, wire, outcome, link=link, before=before, terms=terms, now=now, mark=mark)

    def _store(self, tx: Transaction, settled: Sequence[Settled], now: datetime) -> None:
        """Keep everything that the outcomes changed. All of it or, if the audit log cannot accept, nothing."""
        if not settled:
            return
        name = self.world.target_name
        tx.queue.settle_many([one.settlement for one in settled], at=now)
        tx.links.put_many(name, [one.link for one in settled if one.link is not None])
        tx.observed.put_many(name, [one.observed for one in settled if one.observed is not None], at=now)
        for one in settled:
            if one.vanished is not None and one.link is not None:
                tx.observed.drop(name, one.link.kind, one.vanished)
        self.world.audit.append(tx, [one.entry for one in settled], at=now)
        if facts := [fact for one in settled for fact in one.facts]:
            tx.feed.append(facts)

    def _count(self, queued: QueuedChange, outcome: Outcome, one: Settled) -> None:
        """Count what was stored, remember the new link, and say it in the log."""
        change = queued.change
        self.tally.attempts += 1
        if one.link is not None:
            self._links[change.subject] = one.link
            if one.link.state is LinkState.REMOVED:
                self._ids.pop(change.subject, None)
            else:
                self._ids[change.subject] = one.link.target_id
        said = log.bind(change=queued.id, subject=change.subject, op=str(change.op))
        match outcome:
            case Applied():
                self.tally.confirmed[f"{change.op} {change.kind}"] += 1
                self.tally.troubles.pop(change.subject, None)
                said.debug("change.confirmed")
                return
            case Pending(problem=problem):
                self.tally.pending += 1
            case Deferred(problem=problem):
                self.tally.deferred += 1
            case Rejected(problem=problem):
                self.tally.rejected += 1
        self.tally.troubles[change.subject] = (change.label, str(problem))
        said.warning(
            "change.not_confirmed",
            outcome=type(outcome).__name__.lower(),
            code=problem.code,
            attempt=queued.attempt + 1,
        )

    # -- one change --------------------------------------------------------------------------------------------------

    def _start(self, queued: QueuedChange) -> None:
        wire, missing = self.resolve(queued.change)
        name = f"{queued.change.op}:{queued.change.subject}"
        task = asyncio.create_task(self._apply(queued, wire, missing), name=name)
        self._running[task] = (queued, wire)

    async def _apply(self, queued: QueuedChange, wire: Change, missing: str) -> Outcome:
        if missing:
            problem = NOT_THERE.at(label=wire.label, field=missing)
            return Deferred(problem=problem, retry_at=self.world.now() + timedelta(seconds=2))
        if wire.op is Op.LINK and not wire.fields:
            return Applied(target_id=wire.target_id or TargetId(""), detail="nothing left to link")
        try:
            return await self.target.apply(wire, key=queued.id, again=queued.again)
        except Exception as error:
            log.exception("connector.failed", change=queued.id)
            problem = UNEXPECTED.at(label=wire.label, error=foreign(f"{type(error).__name__}: {error}"))
            return Deferred(problem=problem, retry_at=self.world.now() + timedelta(minutes=1), read_back=True)

    def resolve(self, change: Change) -> tuple[Change, str]:
        """Return the change with target ids for subjects, and the name of a field that cannot be resolved yet, if any.

        A late reference that is still missing is left out: the next plan finds the difference and links it then.
        """
        specs = self.target.fields[change.kind]
        fields: list[FieldChange] = []
        for item in change.fields:
            spec = specs[item.name]
            wanted = references(item.after, spec)
            absent = [subject for subject in wanted if subject not in self._ids]
            if absent and not spec.late:
                return change, item.name
            if absent and len(absent) == len(wanted):
                continue
            fields.append(replace(item, after=exchange(item.after, spec, self._ids)))
        target_id = change.target_id or (None if change.op is Op.CREATE else self._ids.get(change.subject))
        if target_id is None and change.op is not Op.CREATE:
            return change, "the object itself"
        op = Op.UPDATE if change.op is Op.LOGIN or (change.op is Op.ADOPT and fields) else change.op
        return replace(change, fields=tuple(fields), target_id=target_id, op=op), ""

    # -- waiting -----------------------------------------------------------------------------------------------------

    async def _wait_for_more(self) -> bool:
        """Sleep until the next change is due if that is soon; tell whether there is something to do."""
        next_due = await self.world.store.look(lambda tx: tx.queue.next_due_at())
        if next_due is None:
            return False
        wait = next_due - self.world.now()
        if wait > self.world.writer.patience or self._hopeless(wait):
            return False
        try:
            await asyncio.wait_for(self._stop.wait(), max(0.05, wait.total_seconds()))
        except TimeoutError:
            return True
        return False

    def _hopeless(self, wait: timedelta) -> bool:
        """A change that is due and was not claimed waits for another one; that is not a matter of time."""
        return wait < -timedelta(seconds=5)


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


async def recover(world: World) -> list[ChangeId]:
    """Hand back changes that a dead process was at: their outcome is unknown, so they are read back before anything else."""

    def take_back(tx: Transaction) -> list[ChangeId]:
        now = world.now()
        left = tx.queue.interrupted(at=now)
        entries = [
            replace(intent(queued), type=EntryType.UNKNOWN, reason="the process ended before the outcome was known")
            for queued in left
        ]
        world.audit.append(tx, entries, at=now)
        return [queued.id for queued in left]

    left = await world.store.do(take_back)
    if left:
        log.warning("queue.recovered", changes=len(left))
    return left
