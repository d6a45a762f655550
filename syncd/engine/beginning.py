"""Where a read begins, as the store has it; and the source, asked from there while the store is asked.

A read after a wake begins where the last one ended, which the service knows. So its source is asked from there at once; if the
store says otherwise, or that everything is to be read, nothing of that answer is used. It stages nothing and concludes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from syncd.core.known import Known
from syncd.core.model import Page
from syncd.core.ports import Source
from syncd.engine.staging import stamp
from syncd.engine.world import Seat, World
from syncd.store import Transaction
from syncd.store.wakes import Waiting

_MAPPED_BY: Final = "mapped_by:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What the store says before a read."""

    cursor: str | None
    """Where the last read ended."""
    full: bool
    """Whether it shall cover everything."""
    woken: Waiting | None
    """Who rang for it: whatever is kept later is not answered by this read."""
    mapped: bool
    """Whether what is stored was mapped by the rules of now."""


async def beginning(world: World, seat: Seat, *, full: bool) -> Beginning:
    """Return where a read begins that shall, or need not, cover everything."""
    found = await world.store.look(lambda tx: _beginning(tx, world, seat, full=full))
    if not found.mapped:
        # Should the process die in between: with the old rules back, what these have stored must not pass for mapped by those.
        await world.store.do(lambda tx: tx.meta.drop(_MAPPED_BY + seat.name))
    return found


def _beginning(tx: Transaction, world: World, seat: Seat, *, full: bool) -> Beginning:
    """A read covers everything where nothing is known yet, where the last full read proved nothing (the next good one heals),
    where the last one is old, and where time has changed what a record means: a delta tells nothing of that."""
    woken, mapped = tx.wakes.of(seat.name), is_mapped(tx, world, seat)
    last = tx.reads.latest(seat.name)
    if last.cursor is None:
        return Beginning(cursor=None, full=True, woken=woken, mapped=mapped)
    old = last.good_at is None or world.now() - last.good_at >= world.full_every
    due = full or old or last.doubted or tx.records.review_due(seat.name, at=world.now())
    return Beginning(cursor=last.cursor, full=due, woken=woken, mapped=mapped)


def is_mapped(tx: Transaction, world: World, seat: Seat) -> bool:
    """Tell whether what is stored was mapped by the rules of now."""
    return tx.meta.get(_MAPPED_BY + seat.name) == stamp(world, seat).hex()


def note_mapped(tx: Transaction, world: World, seat: Seat) -> None:
    """What is stored was mapped by the rules of now, all of it."""
    tx.meta.set(_MAPPED_BY + seat.name, stamp(world, seat).hex())


class Ahead:
    """A source that is being asked from where its last read probably ended."""

    def __init__(self, source: Source, cursor: str | None, known: Known) -> None:
        """Ask from `cursor`; nothing yet if there is none."""
        self._source = source
        self._cursor = cursor
        self._known = known
        self._asked = source.read(cursor, known=known) if cursor is not None else None
        self._first = asyncio.ensure_future(_first(self._asked)) if self._asked is not None else None

    async def pages(self, begins: Beginning) -> AsyncIterator[Page]:
        """Yield the pages of the read that begins as the store says. Raises what the source raises."""
        if self._first is None or (begins.cursor, begins.full) != (self._cursor, False):
            await self.drop()
            self._asked = self._source.read(begins.cursor, full=begins.full, known=self._known)
            self._first = asyncio.ensure_future(_first(self._asked))
        first = await self._first
        if first is not None and self._asked is not None:
            yield first
            async for page in self._asked:
                yield page

    async def drop(self) -> None:
        """Let go of what was asked, wherever that is."""
        if self._first is not None and not self._first.done():
            self._first.cancel()
            await asyncio.wait([self._first])
        if self._first is not None and not self._first.cancelled():
            self._first.exception()
        if isinstance(self._asked, AsyncGenerator):
            await self._asked.aclose()


@asynccontextmanager
async def asked_ahead(source: Source, cursor: str | None, known: Known) -> AsyncIterator[Ahead]:
    """Ask a source from `cursor` on, and let go of it in the end."""
    ahead = Ahead(source, cursor, known)
    try:
        yield ahead
    finally:
        await ahead.drop()


async def _first(pages: AsyncIterator[Page]) -> Page | None:
    return await anext(pages, None)


__all__ = ["Ahead", "Beginning", "asked_ahead", "beginning", "is_mapped", "note_mapped"]
