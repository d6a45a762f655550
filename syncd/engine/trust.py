"""Whether what is remembered may be acted upon: a state that was put back from a backup, and a clock that is wrong, are noticed
here, said, and kept from becoming a wrong write. It heals what reading again can heal; it never writes to a target.

After a backup was put back: everything is forgotten that was certain then, every source is read in full, the target is looked
at as a whole, and until both were done nothing is written. The first plan after it waits for somebody, as that of a new
configuration does.

A clock that was put back leaves reads "of the future" behind; they are forgotten. One that jumped ahead by hours is not believed:
last working days, grace periods and approvals would end too early.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from syncd.audit.entries import AuditEntry, EntryType
from syncd.core.errors import Problem, message
from syncd.core.values import instant, moment
from syncd.engine import left_alone, marking
from syncd.store import stale, witness
from syncd.store.witness import Witness
from syncd.structured import structlog

if TYPE_CHECKING:
    from syncd.audit.log import AuditLog
    from syncd.engine.world import World
    from syncd.store import Transaction

log = structlog.get_logger(__name__)

RESTORED: Final = "state.restored"
"""The key of an instant: since then nothing is written until everything was read again."""
AHEAD: Final = "clock.ahead"
"""The key of the two instants between which the clock jumped, `before after`; absent while it is believed."""
ACCEPTED_CONFIG: Final = "config.accepted"
"""As in `syncd.engine.cycle`, which may import this module and not the other way round."""

SLACK: Final = timedelta(minutes=5)
"""Clocks are set right by so much all the time."""
BELIEVED: Final = timedelta(hours=6)
"""A jump ahead by more is not believed. A machine that slept is none: its clock of time since boot went on."""

OLDER: Final = message(
    "ENG-070",
    what="The state {database} is older than it was when syncd last worked with it: {why}.",
    do="Nothing is lost: everything is read again before anything is written. Then look at `syncd plan`, and let it write with "
    "`syncd sync --accept`.",
    example="cp backup.db /var/lib/syncd/syncd.db",
)
UNREAD: Final = message(
    "ENG-071",
    what="The state was put back from a backup, and since then {missing} has not been read completely, so nothing is written.",
    do="Nothing, if that is under way. If a source cannot be read, mend that: `syncd check --online` says what is wrong.",
    example="a directory server that is down right after `syncd db restore`",
)
CLOCK_BACK: Final = message(
    "ENG-072",
    what="The clock of this machine was put back, or was ahead before: syncd was at work at {last}, and now it is {now}.",
    do="Check that time synchronization works (timedatectl). What was read meanwhile is read again, by itself.",
    example="date --set '-2 days'",
)
CLOCK_AHEAD: Final = message(
    "ENG-073",
    what="The clock of this machine jumped from {before} to {after}, so nothing is written: last working days and grace periods "
    "would end too early.",
    do="Set the clock right (timedatectl). If it is right now and was wrong before: syncd db trust-clock --reason '…'.",
    example="date --set '+40 days' while the service runs",
)


class Clock:
    """Compares the time of day with the time since boot, which nobody can set."""

    def __init__(
        self,
        now: Callable[[], datetime],
        running: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
    ) -> None:
        self._now, self._running = now, running
        self._offset = self._offset_now()
        self.jumps = 0

    def _offset_now(self) -> timedelta:
        return timedelta(seconds=self._now().timestamp() - self._running())

    def jumped(self) -> timedelta:
        """Return by how much the time of day jumped since this was last asked; zero where it is within the slack of a clock that
        is set right now and then."""
        offset = self._offset_now()
        jump = offset - self._offset
        self._offset = offset
        if abs(jump) <= SLACK:
            return timedelta(0)
        self.jumps += 1
        return jump


async def settle(world: World, *, clock: Clock | None = None) -> tuple[Problem, ...]:
    """Find out whether the state and the clock are what they were, and heal what is not; to be called before each cycle or round,
    and before the queue is worked off. Returns what was found, which is logged."""
    jump = clock.jumped() if clock is not None else timedelta(0)
    found = await world.store.look(lambda tx: _found(tx, world, jump))
    if not found:
        return ()
    for problem in found:
        log.warning("state.doubted", code=problem.code, what=problem.what)
    await world.store.do(lambda tx: _heal(tx, world, found, jump))
    await world.store.look(lambda tx: note(tx, world))
    return found


def doubt(tx: Transaction, world: World) -> Problem | None:
    """Return why nothing may be written now, however much it is wanted; None if it may."""
    ahead = tx.meta.get(AHEAD)
    if ahead is not None:
        before, after = map(moment, ahead.split())
        return CLOCK_AHEAD.at(before=instant(before), after=instant(after))
    since = tx.meta.get(RESTORED)
    if since is None:
        return None
    missing = _unread(tx, world, moment(since.split()[0]))
    return UNREAD.at(missing=", ".join(missing)) if missing else None


def settled(tx: Transaction, world: World) -> None:
    """Note, at the end of a cycle or round, that a state that was put back is as good as new, if it is."""
    since = tx.meta.get(RESTORED)
    if since is not None and not _unread(tx, world, moment(since.split()[0])):
        tx.meta.drop(RESTORED)


def note(tx: Transaction, world: World) -> None:
    """Note beside the database how far its log has come. Not in the transaction that appends: a note must never be ahead."""
    head = world.audit.head(tx)
    if head is not None and world.store.file is not None:
        witness.note(world.store.file, Witness(sequence=head.sequence, hash=head.hash))


def heal(tx: Transaction, audit: AuditLog[Transaction], *, at: datetime, why: str, facts: dict[str, str]) -> None:
    """Make a state that was put back fit to go on with, and say so in its log."""
    stale.forget_all(tx, at=at)
    tx.meta.drop(ACCEPTED_CONFIG)
    tx.meta.drop(AHEAD)
    tx.meta.set(marking.WHOLE, "the state was put back from a backup")
    tx.meta.set(RESTORED, f"{instant(at)} {why}")
    audit.append(tx, [AuditEntry(type=EntryType.STATE_RESTORED, reason=why, facts=dict(facts))], at=at)


def _found(tx: Transaction, world: World, jump: timedelta) -> tuple[Problem, ...]:
    """Return what is wrong and not known yet."""
    found = [older] if (older := _older(tx, world)) else []
    now, ahead = world.now(), tx.meta.get(AHEAD)
    if ahead is None and jump > BELIEVED:
        return (*found, CLOCK_AHEAD.at(before=instant(now - jump), after=instant(now)))
    last = max(_last(tx, now), now - jump)
    if last > now + SLACK:
        found.append(CLOCK_BACK.at(last=instant(last), now=instant(now)))
    return tuple(found)


def _last(tx: Transaction, now: datetime) -> datetime:
    """Return the latest moment at which syncd was at work, by the clock of then."""
    last = max((run.started_at for run in tx.runs.last()), default=now)
    # Also where it was put back while nobody was at work to see that, and nothing was begun in between.
    ahead = tx.meta.get(AHEAD)
    return max(last, moment(ahead.split()[1])) if ahead is not None else last


def _heal(tx: Transaction, world: World, found: tuple[Problem, ...], jump: timedelta) -> None:
    now = world.now()
    for problem in found:
        if problem.message is OLDER:
            heal(tx, world.audit, at=now, why=problem.what, facts={})
        elif problem.message is CLOCK_AHEAD:
            tx.meta.set(AHEAD, f"{instant(now - jump)} {instant(now)}")
        elif problem.message is CLOCK_BACK:
            _put_back(tx, now, back=max(-jump, _last(tx, now) - now))


def _put_back(tx: Transaction, now: datetime, *, back: timedelta) -> None:
    """Forget what is dated in the future; a jump ahead that is undone is forgiven."""
    stale.forget_future(tx, at=now, back=back)
    tx.meta.drop(left_alone.KEY)  # until a moment by the clock of then: it is probed at once instead
    marking.whole(tx, "the clock was put back")
    ahead = tx.meta.get(AHEAD)
    if ahead is not None and now < moment(ahead.split()[1]):
        tx.meta.drop(AHEAD)


def _older(tx: Transaction, world: World) -> Problem | None:
    """Tell whether the log ends before the place where it ended once, or says something else there."""
    file = world.store.file
    known = witness.read(file) if file is not None else None
    if known is None:
        return None
    row = next(world.store.audit.iterate(tx, after=known.sequence - 1), None)
    if row is not None and row.hash == known.hash:
        return None
    head = world.audit.head(tx)
    ends = f"its log ends at record {head.sequence if head else 0} and had come to {known.sequence}"
    why = ends if row is None else f"record {known.sequence} of its log is another one than it was"
    return OLDER.at(database=world.store.name, why=why)


def _unread(tx: Transaction, world: World, since: datetime) -> list[str]:
    """Return what has not been read completely since then."""
    missing = []
    for name in world.seats:
        good = tx.reads.last_good(name)
        if good is None or good.started_at < since:
            missing.append(f"source {name}")
    seen_at = tx.observed.last_full_at(world.target_name)
    if seen_at is None or seen_at < since:
        missing.append(f"target {world.target_name}")
    return missing
