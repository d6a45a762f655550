"""Hand edits in the target, found from its events: kept first, then judged, without a call wherever the event says enough.

An event only says that an object may have changed. Our own echoes are recognised by what is shown (it is what we last saw) or
by their time (a change of ours was confirmed then); while a change of ours is under way nothing is judged. What is left is
looked at, one call per object, a few at a time; then the rules say what becomes of it (`drift_judging`). Lost, repeated, late and
disordered events corrupt nothing: what they miss the scheduled look finds. Nothing here writes to the target.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from syncd.core.errors import TryAgain
from syncd.core.model import Kind, Link, Observed, SubjectId, TargetId
from syncd.engine.drift_judging import Judged, News, holds, learn
from syncd.engine.world import World
from syncd.store.touches import Touch
from syncd.structured import structlog

if TYPE_CHECKING:
    from syncd.core.ports import Target, Telling
    from syncd.core.wakes import Touched
    from syncd.store import Transaction
    from syncd.store.rows import ObservedRow

log = structlog.get_logger(__name__)

AHEAD: Final = timedelta(seconds=3)
"""How far the target's clock may be ahead of ours. Where it is more, echoes that show nothing cost a call each, and no more."""
LATE: Final = timedelta(seconds=60)
"""How long after the target made our change we may come to know of it: its answer, and a turn of the writer."""
SOON: Final = timedelta(seconds=1)
"""When something is judged again whose subject has a change under way."""
LATER: Final = timedelta(seconds=30)
"""When a look is repeated that nobody answered."""
MOST: Final = 500
"""Touched objects that are judged in one turn."""
LOOKS: Final = 50
"""Calls in one turn at most: the writer needs the permitted rate, too."""
AT_ONCE: Final = 8
PAUSE: Final = 5.0
"""Seconds between two turns while there is more to look at than one turn allows."""
TOGETHER: Final = 0.25
"""Seconds from the beginning of one turn to that of the next at least: at the writer's pace each change of ours comes back as an
event sixty times a second, and each was judged in transactions of its own."""
OTHERS: Final = 1.0
"""Seconds after which it is looked whether somebody else has kept something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What one turn did."""

    judged: int = 0
    """Touched objects that are done with."""
    echoes: int = 0
    """Those of them that were our own, or nothing new."""
    looked: int = 0
    """Calls."""
    found: int = 0
    """Fields, or whole objects, that somebody changed by hand."""
    marked: frozenset[SubjectId] = frozenset()
    left: int = 0
    """Touched objects that wait for another turn."""


async def touched(world: World, batch: Sequence[Touched]) -> int:
    """Keep what was touched; durable on return, so that the event may be acknowledged. Returns how many objects it concerns."""
    if not batch:
        return 0
    name, now = world.target_name, world.now()
    return await world.store.do(lambda tx: tx.touches.add(name, batch, at=now))


async def examine(world: World, target: Target, *, looks: int = LOOKS) -> Examined:
    """Judge what was touched and is due, with at most `looks` calls. What cannot be judged yet waits for a later turn."""
    sorted_ = await world.store.look(lambda tx: _sort(tx, world, target))
    seen, failed = await _look(target, sorted_.asked[:looks])
    waiting = [*sorted_.asked[looks:]]
    known = [*sorted_.shown, *seen]
    return await world.store.do(
        lambda tx: _settle(tx, world, target, sorted_, known=known, failed=failed, later=waiting)
    )


async def follow(world: World, target: Target, *, ring: Callable[[], None] = lambda: None) -> None:
    """Hear, keep and judge until cancelled; `ring` is called when somebody was marked, so that a round may plan for them.

    What others keep (`touched`, for events that come over HTTP) is judged, too. Raises what the target raises where no
    repetition will help.
    """
    heard = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(_judging(world, target, heard, ring))
        group.create_task(_hearing(world, target, heard))


async def _hearing(world: World, telling: Any, heard: asyncio.Event) -> None:
    source: Telling = telling
    events: Any = source.touched()  # an asynchronous generator: it is to be closed, not left to the collector
    async with aclosing(events):
        async for some in events:
            await touched(world, some)
            heard.set()


async def _judging(world: World, target: Target, heard: asyncio.Event, ring: Callable[[], None]) -> None:
    clock = asyncio.get_running_loop().time
    while True:
        began = clock()
        heard.clear()
        done = await examine(world, target)
        if done.found:
            log.info("drift.found", count=done.found, looked=done.looked)
        if done.marked:
            ring()
        await _until_due(world, heard, more=done.left > 0)
        await asyncio.sleep(max(0.0, began + TOGETHER - clock()))


async def _until_due(world: World, heard: asyncio.Event, *, more: bool) -> None:
    """Wait for the next event, or until something that was put off is due."""
    next_at = await world.store.look(lambda tx: tx.touches.next_at(world.target_name))
    pause = min(OTHERS if next_at is None else (next_at - world.now()).total_seconds(), OTHERS)
    if more:
        await asyncio.sleep(PAUSE)
        return
    try:
        async with asyncio.timeout(max(pause, 0.0)):
            await heard.wait()
    except TimeoutError:
        return


# --- one turn ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sorted:
    """What is known of touched objects before anybody is asked."""

    echoes: Sequence[Touch]
    busy: Sequence[Touch]
    """A change of theirs is under way."""
    shown: Sequence[tuple[Touch, Observed | None]]
    """Their events show how they are now."""
    asked: Sequence[Touch]
    """They have to be looked at."""
    stored: Mapping[tuple[Kind, TargetId], ObservedRow | None]
    """How the objects that are judged were known to be."""


def _sort(tx: Transaction, world: World, target: Target) -> _Sorted:
    due = tx.touches.due(world.target_name, world.now(), most=MOST)
    links = _links(tx, world, due)
    running = tx.queue.running_subjects() if due else frozenset()
    confirmed = _confirmed(tx, due, links)
    parts: dict[str, list[Any]] = {"echoes": [], "busy": [], "shown": [], "asked": []}
    known: dict[tuple[Kind, TargetId], ObservedRow | None] = {}
    for touch in due:
        link = links.get((touch.kind, touch.target_id))
        if link is None:
            # A stranger, or somebody whom we have removed ourselves.
            parts["echoes"].append(touch)
        elif link.subject in running:
            parts["busy"].append(touch)
        else:
            stored = known[touch.kind, touch.target_id] = _stored(tx, world, touch)
            ours = _is_ours(touch, confirmed.get(link.subject, ()))
            match _judge(touch, stored, ours=ours, target=target):
                case Observed() as now:
                    parts["shown"].append((touch, now))
                case True:
                    parts["echoes"].append(touch)
                case False:
                    parts["asked"].append(touch)
    return _Sorted(**parts, stored=known)


def _stored(tx: Transaction, world: World, touch: Touch) -> ObservedRow | None:
    return tx.observed.get(world.target_name, touch.kind, touch.target_id)


def _links(tx: Transaction, world: World, due: Sequence[Touch]) -> dict[tuple[Kind, TargetId], Link]:
    found: dict[tuple[Kind, TargetId], Link] = {}
    for kind in {touch.kind for touch in due}:
        ids = [touch.target_id for touch in due if touch.kind is kind]
        found.update({(kind, one): link for one, link in tx.links.by_objects(world.target_name, kind, ids).items()})
    return found


def _confirmed(
    tx: Transaction, due: Sequence[Touch], links: Mapping[tuple[Kind, TargetId], Link]
) -> Mapping[SubjectId, Collection[datetime]]:
    """Return when changes of these subjects were confirmed, as far back as the oldest event."""
    if not links:
        return {}
    since = min(touch.first_at for touch in due) - AHEAD
    return tx.touches.confirmed({link.subject for link in links.values()}, since=since)


def _is_ours(touch: Touch, confirmed: Collection[datetime]) -> bool:
    """Tell whether a change of ours was confirmed around each end of what was told."""
    return all(any(at - AHEAD <= done <= at + LATE for done in confirmed) for at in (touch.first_at, touch.last_at))


def _judge(touch: Touch, stored: ObservedRow | None, *, ours: bool, target: Target) -> Observed | bool:
    """Return how an object is now, where its events show it; True: nothing new; False: it has to be looked at."""
    if touch.gone:
        return False  # what follows is grave enough for one call
    if stored is None:
        return False
    specs, held = target.fields[touch.kind], stored.observed
    news = {
        name: value
        for name, value in (touch.seen or {}).items()
        if (spec := specs.get(name)) is not None
        and name not in held.unreadable
        and not holds(held.fields.get(name), value, spec)
    }
    if not news:
        return ours or not touch.unsure
    if ours or touch.unsure or stored.at >= touch.last_at:
        return False  # it may be older than what we know, or not be all
    return replace(held, label=str(news.get("name") or held.label), fields={**held.fields, **news})


async def _look(target: Target, some: Sequence[Touch]) -> tuple[list[tuple[Touch, Observed | None]], list[Touch]]:
    """Ask for each, a few at a time; return what was seen, and whom nobody answered about."""
    places = asyncio.Semaphore(AT_ONCE)
    seen: list[tuple[Touch, Observed | None]] = []
    failed: list[Touch] = []

    async def one(touch: Touch) -> None:
        async with places:
            try:
                seen.append((touch, await target.look(touch.kind, touch.target_id)))
            except TryAgain:
                failed.append(touch)

    try:
        async with asyncio.TaskGroup() as group:
            for touch in some:
                group.create_task(one(touch))
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return seen, failed


def _settle(
    tx: Transaction,
    world: World,
    target: Target,
    sorted_: _Sorted,
    *,
    known: Sequence[tuple[Touch, Observed | None]],
    failed: Sequence[Touch],
    later: Sequence[Touch],
) -> Examined:
    """Keep what came of a turn. Whose subject has begun to change since, or has changed, is left for the next one: what was seen
    of it may be older than that."""
    name, now = world.target_name, world.now()
    links = _links(tx, world, [touch for touch, _ in known])
    running = tx.queue.running_subjects() if known else frozenset()
    still: list[tuple[Touch, Observed | None]] = []
    busy = list(sorted_.busy)
    for touch, seen in known:
        link = links.get((touch.kind, touch.target_id))
        late = link is not None and link.subject in running
        late = late or _stored(tx, world, touch) != sorted_.stored[touch.kind, touch.target_id]
        (busy.append(touch) if late else still.append((touch, seen)))
    news = [News(kind=touch.kind, target_id=touch.target_id, now=seen, event_at=touch.last_at) for touch, seen in still]
    judged = learn(tx, world, target, news) if news else Judged()
    tx.touches.forget(name, [*sorted_.echoes, *(touch for touch, _ in still)])
    tx.touches.postpone(name, busy, until=now + SOON)
    tx.touches.postpone(name, failed, until=now + LATER)
    return Examined(
        judged=len(sorted_.echoes) + len(still),
        echoes=len(sorted_.echoes),
        looked=len(known) - len(sorted_.shown) + len(failed),
        found=len(judged.found),
        marked=judged.marked,
        left=len(later),
    )
