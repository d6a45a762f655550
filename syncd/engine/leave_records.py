"""What the target itself remembers of those who have left, read back: it confirms our removals, and tells who left without us.

A record is compared with what we have removed and with whom we know to be there; a removal that it confirms is logged once. Who
left without us is kept as touched and looked at, as with any other hand edit (`syncd.engine.drift`). Nothing is written to the
target, nobody is taken for gone on a record alone, and a target without records is asked nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from syncd.audit.entries import AuditEntry, EntryType
from syncd.core.errors import NeedsHuman, Problem, TryAgain
from syncd.core.leave_records import COUNTED, LATE, READ_UPTO, Left, Remembering
from syncd.core.model import Kind, Link, LinkState, SubjectId, TargetId
from syncd.core.ports import Telling
from syncd.core.values import instant, moment
from syncd.core.wakes import Touched
from syncd.engine import drift, failures
from syncd.engine.nightly import INSTALLATION, Night
from syncd.store.leavings import Leaving
from syncd.structured import structlog

if TYPE_CHECKING:
    from syncd.core.ports import Target
    from syncd.engine.settle import Settled
    from syncd.engine.world import World
    from syncd.store import Transaction

log = structlog.get_logger(__name__)

SOON: Final = timedelta(minutes=2)
"""So long after a removal its record is looked for: how soon it is there is not documented, and others may leave meanwhile."""
APART: Final = timedelta(minutes=5)
"""Between two looks, however many leave."""
AGAIN: Final = timedelta(hours=1)
"""Between two looks for a removal that was not found yet, within `LATE`; afterwards each night."""
BACK: Final = timedelta(minutes=10)
"""How far a look goes back behind the one before: records may come late, and the target's clock may be slow."""
FAR_BACK: Final = timedelta(days=1)
"""The same at night."""
CLOSE: Final = timedelta(minutes=5)
"""A record so close to the confirmation of our removal is of it. Clocks differ, and a read-back takes a while."""
PAUSE: Final = 5.0
"""Seconds between two looks at the clock."""
_FAR: Final = "leavings.far:"
"""Before a target's name: the key of the instant of the last look that went far back."""
_REFUSED: Final = "leavings.refused:"
"""Before a target's name: the key of the instant at which a look was last refused for good, such as for a missing permission."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What one look at the records came to."""

    confirmed: int = 0
    """Removals of ours of which there is a record now, and was none before."""
    without_us: int = 0
    """People who are linked and have a record that was not known."""
    problem: Problem | None = None
    """Why the records could not be read, or whoever left could not be looked at."""
    again: timedelta = timedelta(0)
    """How long to wait then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """When the records are read next."""

    at: datetime
    far: bool
    """Whether that look goes far back: to the first removal that was not found yet, and a day."""


async def read(world: World, target: Remembering, *, far: bool) -> Learned:
    """Read what is new in the records. Raises as `Remembering.left` does; what was learned until then stands."""
    until = world.now()
    since = await world.store.look(lambda tx: _since(tx, world, until, far=far))
    confirmed = without_us = 0
    records: Any = target.left(since=since, until=until)  # an asynchronous generator: it is to be closed
    async with aclosing(records) as pages:
        async for some in pages:
            learned = await _learn(world, some)
            confirmed, without_us = confirmed + learned.confirmed, without_us + learned.without_us
    await world.store.do(lambda tx: _was_read(tx, world, until, far=far))
    return Learned(confirmed=confirmed, without_us=without_us)


async def _learn(world: World, some: Sequence[Left]) -> Learned:
    return await world.store.do(lambda tx: learn(tx, world, some))


async def tried(world: World, target: Remembering, *, far: bool) -> Learned:
    """Read what is new, or keep why that cannot be done; it is logged once as long as the reason stays the same."""
    try:
        return await read(world, target, far=far)
    except (TryAgain, NeedsHuman) as error:
        problem, again = error.problem, AGAIN if isinstance(error, NeedsHuman) else APART
    before = await world.store.do(lambda tx: _note(tx, world, problem, refused=again == AGAIN))
    if before != problem.code:
        log.warning("leave_records.unread", code=problem.code)
    return Learned(problem=problem, again=again)


async def after(world: World, target: Target) -> Learned | None:
    """Read the records once, after a cycle has written, and look at who left without us; None where the target has none, or
    nothing new is expected of them: then it is not called.

    Whatever comes of it: a cycle never fails by it."""
    if not isinstance(target, Remembering) or not await world.store.look(lambda tx: _is_expected(tx, world)):
        return None
    learned = await tried(world, target, far=True)
    if learned.without_us:
        try:
            await drift.examine(world, target)
        except NeedsHuman as error:
            return replace(learned, problem=error.problem)
    return learned


def _is_expected(tx: Transaction, world: World) -> bool:
    """Tell whether a removal waits for its record, or nobody has looked for an hour; but not within an hour of a refusal that
    only a person can mend, which has been told. A removal waits until a look `LATE` after it found nothing: by that look it is
    told."""
    name, now = world.target_name, world.now()
    refused_at, far_at = _instant(tx, f"{_REFUSED}{name}"), _instant(tx, f"{_FAR}{name}")
    if refused_at is not None and timedelta(0) <= now - refused_at < AGAIN:
        return False
    if far_at is None or now - far_at >= AGAIN:
        return True
    return tx.leavings.first_waiting(name, since=far_at - LATE) is not None


async def follow(world: World, target: Target, *, ring: Callable[[], None]) -> None:
    """Read the records whenever it is time, until cancelled; `ring` is called when somebody was marked."""
    assert isinstance(target, Remembering)
    installation = await world.store.do(lambda tx: tx.meta.secret(INSTALLATION))
    night = Night.of(installation, world.leavers.timezone)
    not_before: datetime | None = None
    while True:
        due = await world.store.look(lambda tx: next_read(tx, world, night))
        now = world.now()
        if due.at <= now and (not_before is None or now >= not_before):
            learned = await tried(world, target, far=due.far)
            not_before = now + learned.again
            if learned.without_us and not isinstance(target, Telling):
                # What is kept as touched by one that tells is looked at where its events are.
                examined = await drift.examine(world, target)
                if examined.marked:
                    ring()
        await asyncio.sleep(PAUSE)


# --- when ---------------------------------------------------------------------------------------------------------------


def next_read(tx: Transaction, world: World, night: Night) -> Next:
    """Return when the records are to be read: soon after removals, each hour while one is not found, and each night."""
    name, now = world.target_name, world.now()
    read_at, far_at = _instant(tx, f"{READ_UPTO}{name}"), _instant(tx, f"{_FAR}{name}")
    if read_at is None or far_at is None:
        return Next(at=now, far=True)
    far = night.after(far_at)
    if (first := tx.leavings.first_waiting(name, since=far_at - LATE)) is not None:
        # Not by the clock: a removal is told as unconfirmed by a look `LATE` after it, which would then wait for the night.
        far = min(far, max(far_at, first) + AGAIN)
    new = tx.leavings.first_waiting(name, since=read_at)
    near = far if new is None else max(new + SOON, read_at + APART)
    return Next(at=min(near, far), far=far <= near)


def _since(tx: Transaction, world: World, now: datetime, *, far: bool) -> datetime:
    name = world.target_name
    since = (_instant(tx, f"{READ_UPTO}{name}") or now) - (FAR_BACK if far else BACK)
    first = tx.leavings.first_waiting(name, since=now - COUNTED) if far else None
    return since if first is None else min(since, first - BACK)


def _instant(tx: Transaction, key: str) -> datetime | None:
    kept = tx.meta.get(key)
    return moment(kept) if kept else None


def _was_read(tx: Transaction, world: World, at: datetime, *, far: bool) -> None:
    for key in (READ_UPTO, _FAR) if far else (READ_UPTO,):
        tx.meta.set(f"{key}{world.target_name}", instant(at))
    tx.meta.drop(f"{_REFUSED}{world.target_name}")
    failures.note(tx, failures.LEAVE_RECORDS, None, at=at)


def _note(tx: Transaction, world: World, problem: Problem, *, refused: bool) -> str:
    """Keep why the records cannot be read; return the code of what was kept before."""
    before, at = failures.read(tx.meta.get(failures.PREFIX + failures.LEAVE_RECORDS)), world.now()
    failures.note(tx, failures.LEAVE_RECORDS, problem, at=at)
    if refused:
        tx.meta.set(f"{_REFUSED}{world.target_name}", instant(at))
    return before.code if before is not None else ""


# --- what ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What we know of the people whom some records are about."""

    removed: Mapping[TargetId, Sequence[Leaving]]
    links: Mapping[TargetId, Link]
    """Who is not removed."""
    done: Mapping[SubjectId, Sequence[datetime]]
    """When changes of ours were confirmed, as far back as the records go."""
    running: Collection[SubjectId]


def learn(tx: Transaction, world: World, records: Sequence[Left]) -> Learned:
    """Compare some records with what we know. Records that come again, in any order, change nothing."""
    known = _known(tx, world, records)
    newest = sorted(records, key=lambda one: one.at, reverse=True)
    confirmed = _confirmed(newest, known)
    told = _without_us(newest, known)
    name, now = world.target_name, world.now()
    tx.leavings.put(name, [*confirmed, *(row for row, _ in told)])
    tx.touches.add(name, [one for _, one in told], at=now)
    world.audit.append(tx, [_entry(row) for row in confirmed], at=now)
    return Learned(confirmed=len(confirmed), without_us=len(told))


def _known(tx: Transaction, world: World, records: Sequence[Left]) -> _Known:
    name, ids = world.target_name, [one.target_id for one in records]
    removed = tx.leavings.by_objects(name, ids)
    links = tx.links.by_objects(name, Kind.PERSON, ids)
    subjects = {row.subject for rows in removed.values() for row in rows} | {link.subject for link in links.values()}
    since = min((one.at for one in records), default=world.now())
    return _Known(
        removed=removed,
        links=links,
        done=tx.touches.confirmed(subjects, since=since) if subjects else {},
        running=tx.queue.running_subjects() if links else frozenset(),
    )


def _confirmed(newest: Iterable[Left], known: _Known) -> list[Leaving]:
    """Return the removals that the records confirm. Of several records of one account the last that fits is meant."""
    found: dict[SubjectId, Leaving] = {}
    for one in newest:
        for row in known.removed.get(one.target_id, ()):
            fits = row.waits and row.subject not in found and is_of(one.at, row, known.done.get(row.subject, ()))
            if fits:
                found[row.subject] = replace(row, left_at=one.at, left_by=one.by)
    return [*reversed(found.values())]  # the first one first


def is_of(at: datetime, row: Leaving, done: Iterable[datetime]) -> bool:
    """Tell whether a record of that time is of this removal: close to it, or before it, where nothing of ours was confirmed of
    the same person in between: they were gone already when we removed them."""
    assert row.removed_at is not None
    if at > row.removed_at + CLOSE:
        return False
    return at >= row.removed_at - CLOSE or not any(at < one < row.removed_at for one in done)


def _without_us(newest: Iterable[Left], known: _Known) -> list[tuple[Leaving, Touched]]:
    """Return who is linked and has left all the same. Who was certainly there afterwards, because a change of ours was
    confirmed, is passed over; so is whom we are just about to change, perhaps to remove: the record comes again."""
    found: dict[TargetId, tuple[Leaving, Touched]] = {}
    for one in newest:
        link = known.links.get(one.target_id)
        if link is None or one.target_id in found or link.subject in known.running:
            continue
        told = any(
            row.subject == link.subject and row.left_at == one.at for row in known.removed.get(one.target_id, ())
        )
        if told or any(done > one.at + drift.LATE for done in known.done.get(link.subject, ())):
            continue
        row = Leaving(
            subject=link.subject, target_id=one.target_id, label=link.target_id, left_at=one.at, left_by=one.by
        )
        key = f"left:{one.target_id}:{instant(one.at)}"
        touched = Touched(kind=Kind.PERSON, target_id=one.target_id, at=one.at, key=key, gone=True)
        found[one.target_id] = row, touched
    return list(found.values())


def removed(tx: Transaction, world: World, settled: Sequence[Settled], *, target: Target) -> None:
    """Take note of people whom we have removed; where the target's record of it is known already, that confirms it."""
    now = world.now()
    gone = [
        Leaving(subject=one.link.subject, target_id=one.link.target_id, label=one.entry.label, removed_at=now)
        for one in settled
        if one.link is not None and one.link.kind is Kind.PERSON and one.link.state is LinkState.REMOVED
    ]
    if not gone or not isinstance(target, Remembering):
        return
    known = tx.leavings.of(world.target_name, [row.subject for row in gone])
    since = min((old.left_at for old in known.values() if old.left_at is not None), default=now)
    done = tx.touches.confirmed(known, since=since)
    rows = [_with_record(row, known.get(row.subject), done.get(row.subject, ())) for row in gone]
    tx.leavings.put(world.target_name, rows)
    world.audit.append(tx, [_entry(row) for row in rows if not row.waits], at=now)


def _with_record(row: Leaving, old: Leaving | None, done: Iterable[datetime]) -> Leaving:
    """Return a removal with the record that was known before it, if that is of the same leaving."""
    if old is None or old.left_at is None or old.removed_at is not None or old.target_id != row.target_id:
        return row
    return replace(row, left_at=old.left_at, left_by=old.left_by) if is_of(old.left_at, row, done) else row


def _entry(row: Leaving) -> AuditEntry:
    assert row.left_at is not None
    assert row.removed_at is not None
    return AuditEntry(
        type=EntryType.LEAVE_CONFIRMED,
        subject=row.subject,
        label=row.label,
        target_id=row.target_id,
        reason=f"the target's own record says that they {row.left_by.words}",
        facts={"left_at": instant(row.left_at), "left_by": str(row.left_by), "removed_at": instant(row.removed_at)},
    )


__all__ = ["Learned", "Next", "after", "follow", "learn", "next_read", "read", "removed", "tried"]
