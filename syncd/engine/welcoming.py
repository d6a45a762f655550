"""The part of the service that tells those for whom a joiner will work: it has decided what, keeps that, and sends it.

What is to be said is decided and kept in one transaction (`syncd.engine.welcome`) and sent afterwards, each word by a key of its
own that the target knows: a process that dies in between sends it later, and one that was sent and not noted is not seen twice.
What cannot be sent is tried again by the schedule of the queue until the first day begins. Never more at once than people can
bear: the others have their turn later. Previews never come here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from syncd.audit.entries import AuditEntry, EntryType
from syncd.core.errors import SyncdError, TryAgain, code_of
from syncd.core.reaching import Reaching
from syncd.core.welcome import WITHIN, Fate, Word, ended, in_turn
from syncd.engine import trust
from syncd.engine.welcome import decide, may_speak
from syncd.structured import structlog

if TYPE_CHECKING:
    from syncd.engine.world import World
    from syncd.store import Transaction

log = structlog.get_logger(__name__)

LOOK: Final = timedelta(minutes=10)
"""Between two looks at who is to be told: each passes over the dates of all people."""
PAUSE: Final = 30.0
"""Seconds between two looks at what is due."""
PATIENCE: Final = timedelta(minutes=1)
"""For one word; then the attempt has failed."""


class Welcoming:
    """Made anew with each configuration: it remembers nothing but in the store."""

    def __init__(self, world: Callable[[], World]) -> None:
        """`world` returns what to work with now."""
        self._world = world
        self._looked_at: datetime | None = None

    async def forever(self) -> None:
        """Tell whoever is to be told, until cancelled. Raises what the store raises, and what opening the target raises."""
        while True:
            # Also at the start: after a long absence what is stored is old, and is read first.
            await asyncio.sleep(PAUSE)
            await self.tick()

    async def tick(self) -> None:
        """Decide, where it is time to look again, and try what is due once."""
        world = self._world()
        now = world.now()
        if self._looked_at is None or not timedelta(0) <= now - self._looked_at < LOOK:
            fresh = await world.store.do(lambda tx: decide(tx, world))
            self._looked_at = now
            log.debug("joiner.decided", words=len(fresh))
        await deliver(world)


async def after_cycle(world: World) -> None:
    """Tell whoever is to be told now, once. What goes wrong is logged, and comes again with the next cycle."""
    try:
        await Welcoming(lambda: world).tick()
    except SyncdError as error:
        log.warning("joiner.not_told", code=code_of(error))


async def deliver(world: World) -> None:
    """Try every word that is due and has its turn, once."""
    now = world.now()
    due, turn = await world.store.look(lambda tx: _due(tx, world, now))
    late = [word for word in due if word.begins_at <= now]
    if late:
        await world.store.do(
            lambda tx: _settle(tx, world, [ended(word, Fate.LATE, at=now, code=word.code) for word in late])
        )
    if not turn:
        return
    if later := len(due) - len(late) - len(turn):
        log.warning("joiner.put_off", words=later, now=len(turn))
    async with world.make_target() as target:
        if not isinstance(
            target, Reaching
        ):  # the configuration is checked for it; another target may be made meanwhile
            return
        for word in turn:
            await _tell(world, target, word)


def _due(tx: Transaction, world: World, now: datetime) -> tuple[list[Word], tuple[Word, ...]]:
    """Return every word that is due, also those that come too late; and those that are sent now."""
    if not may_speak(tx, world):
        return [], ()
    due = [word for word in tx.words.waiting() if word.due_at <= now or word.begins_at <= now]
    sent = tx.words.sent(since=now - WITHIN, until=now)
    return due, in_turn([word for word in due if word.begins_at > now], sent)


async def _tell(world: World, target: Reaching, word: Word) -> None:
    """Try one word, and keep what became of it."""
    trying = replace(word, attempts=word.attempts + 1)
    await world.store.do(lambda tx: tx.words.keep([trying]))
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            missed = await target.send(key=word.key, to=[word.to.account], title=word.title, text=word.text)
    except (SyncdError, TimeoutError) as error:
        log.warning("joiner.not_told", word=word.key, code=code_of(error), attempt=trying.attempts)
        after = error.after if isinstance(error, TryAgain) else timedelta(0)
        settled = _put_off(world, trying, code_of(error), after)
    except Exception as error:
        log.exception("joiner.not_told", word=word.key, attempt=trying.attempts)
        settled = _put_off(world, trying, type(error).__name__, timedelta(0))
    else:
        settled = ended(trying, Fate.UNREACHABLE if missed else Fate.SENT, at=world.now())
        log.info("joiner.told", word=word.key, news=str(word.news), fate=str(settled.fate))
    await world.store.do(lambda tx: _settle(tx, world, [settled]))
    await world.store.look(lambda tx: trust.note(tx, world))


def _put_off(world: World, word: Word, code: str, after: timedelta) -> Word:
    """Return a word that is tried again: by the schedule of the queue, its last wait again and again, and not before `after`."""
    waits = world.writer.retries
    wait = waits[min(word.attempts, len(waits)) - 1] if waits else LOOK
    return replace(word, due_at=world.now() + max(wait, after), code=code)


def _settle(tx: Transaction, world: World, words: list[Word]) -> None:
    """Keep what became of words, with the audit records of those that have come to their end."""
    tx.words.keep(words)
    entries = [_entry(word) for word in words if not word.waits]
    if entries:
        world.audit.append(tx, entries, at=world.now())


def _entry(word: Word) -> AuditEntry:
    """Return the audit record of a word that was sent, or could not be."""
    sent = word.fate is Fate.SENT
    return AuditEntry(
        type=EntryType.JOINER_TOLD if sent else EntryType.JOINER_UNTOLD,
        subject=word.joiner,
        label=word.label,
        target_id=word.to.account,
        op=word.news,
        reason="" if sent else f"{word.fate}: {word.code}" if word.code else str(word.fate),
        facts={"to": word.to.subject, "attempts": word.attempts},
    )


__all__ = ["Welcoming", "after_cycle"]
