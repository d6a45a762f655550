"""What providers push: requests are answered from the store, what is kept is durable before it is answered, and whoever reads a
source of pushed resources is told.

Requests that come at once share one transaction, as wakes do; a refused one changes nothing, so it disturbs no other. Nothing is
mapped or planned here: a push is a wake.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from syncd.core.pushed import Kept, Portion, Sort
from syncd.scim.service import Answer, Asked, answered

if TYPE_CHECKING:
    from syncd.store import Store, Transaction
    from syncd.store.tokens import TokenRow

AT_ONCE: Final = 64
"""Requests in one transaction."""
PORTION: Final = 500
"""Resources in one portion of a read."""


class Pushing:
    """Where requests of providers are handed in. One for each service, used from its event loop only."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._waiting: list[tuple[str, Asked, asyncio.Future[Answer]]] = []
        self._keeping: asyncio.Task[None] | None = None
        self._counts: defaultdict[str, int] = defaultdict(int)
        self._bells: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def of(self, source: str) -> SourcePushes:
        """Return what a source reads."""
        return SourcePushes(self, source)

    async def tokens(self) -> Sequence[TokenRow]:
        """Return every token."""
        return await self._store.look(lambda tx: tx.tokens.all())

    async def ask(self, source: str, asked: Asked) -> Answer:
        """Answer a request; one that changes something is answered when that is durable. Raises whatever the store raises."""
        if not asked.writes:
            return await self._store.look(lambda tx: self._answered(tx, source, asked))
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((source, asked, answer))
        if self._keeping is None or self._keeping.done():
            self._keeping = asyncio.create_task(self._keep())
        return await answer

    async def _keep(self) -> None:
        while self._waiting:
            count = self._next()
            some, self._waiting = self._waiting[:count], self._waiting[count:]
            try:
                said = await self._together(some)
            except Exception as error:  # noqa: BLE001 - whoever waits is told
                if len(some) == 1:
                    _fail(some[0][2], error)
                    continue
                # One of them cannot be kept, and took the others with it: each for itself then.
                for one in some:
                    await self._alone(one)
                continue
            self._settle(some, said)

    def _next(self) -> int:
        """Return how many share the next transaction: one that asks for many things is the last of it, lest it take seconds."""
        first = enumerate(self._waiting[:AT_ONCE], start=1)
        return next((count for count, (_, asked, _) in first if asked.many), AT_ONCE)

    async def _alone(self, one: tuple[str, Asked, asyncio.Future[Answer]]) -> None:
        try:
            said = await self._together([one])
        except Exception as error:  # noqa: BLE001 - whoever waits is told
            _fail(one[2], error)
            return
        self._settle([one], said)

    async def _together(self, some: Sequence[tuple[str, Asked, asyncio.Future[Answer]]]) -> list[Answer]:
        asked = [(source, one) for source, one, _ in some]
        return await self._store.do(lambda tx: [self._answered(tx, source, one) for source, one in asked])

    def _answered(self, tx: Transaction, source: str, asked: Asked) -> Answer:
        return answered(asked, tx.pushed.shelf(source, at=self._now()))

    def _settle(self, some: Sequence[tuple[str, Asked, asyncio.Future[Answer]]], said: Sequence[Answer]) -> None:
        for (source, _, waiting), answer in zip(some, said, strict=True):
            if answer.changed:
                self._counts[source] += 1
                for bell in self._bells[source]:
                    bell.set()
            if not waiting.done():
                waiting.set_result(answer)

    # -- for sources -----------------------------------------------------------------------------------------------------

    async def look(self, source: str, after: int, upto: int) -> Portion:
        """Return the first changes after a number, and where they end."""
        return await self._store.look(lambda tx: _changes(tx, source, after, upto, self._now()))

    async def page(self, source: str, sort: Sort, after: int, upto: int) -> tuple[Portion, int]:
        """Return the next resources of a sort after a serial, and the serial of the last; 0 where there are no more."""
        return await self._store.look(lambda tx: _page(tx, source, sort, after, upto, self._now()))

    async def last(self, source: str) -> int:
        """Return the number of the last change."""
        return await self._store.look(lambda tx: tx.pushed.last(source))

    def count(self, source: str) -> int:
        """Return how often something was pushed since the service began."""
        return self._counts[source]

    def bells(self, source: str) -> set[asyncio.Event]:
        """Return what is rung when something was pushed."""
        return self._bells[source]


class SourcePushes:
    """What was pushed to one source (`syncd.core.pushed.Pushes`)."""

    def __init__(self, pushing: Pushing, source: str) -> None:
        self._pushing, self._source = pushing, source
        self._seen = pushing.count(source)

    async def portions(self, after: int | None) -> AsyncIterator[Portion]:
        """Yield what changed after a number, or everything: also where the number is none of ours."""
        upto = await self._pushing.last(self._source)
        if after is None or after > upto:
            async for portion in self._everything(upto):
                yield portion
            return
        while True:
            portion = await self._pushing.look(self._source, after, upto)
            yield portion
            if portion.reached >= upto:
                return
            after = portion.reached

    async def _everything(self, upto: int) -> AsyncIterator[Portion]:
        # In the order of serials, which no change moves: by numbers, whoever is changed meanwhile would slip through.
        for sort in Sort:
            after: int | None = 0
            while after is not None:
                portion, last = await self._pushing.page(self._source, sort, after, upto)
                yield portion
                after = last or None

    async def changed(self) -> None:
        """Return when something was pushed since this was asked last."""
        bell = asyncio.Event()
        bells = self._pushing.bells(self._source)
        bells.add(bell)
        try:
            while self._pushing.count(self._source) == self._seen:
                await bell.wait()
                bell.clear()
        finally:
            bells.discard(bell)
        self._seen = self._pushing.count(self._source)


def _fail(waiting: asyncio.Future[Answer], error: Exception) -> None:
    if not waiting.done():
        waiting.set_exception(error)


def _changes(tx: Transaction, source: str, after: int, upto: int, now: datetime) -> Portion:
    kept, gone = tx.pushed.since(source, after=after, upto=upto, most=PORTION)
    numbers = [*(one.number for one in kept), *(number for _, number in gone)]
    reached = max(numbers) if len(numbers) == PORTION else upto
    return _portion(tx, source, kept, now, gone=[id_ for id_, _ in gone], upto=upto, reached=reached, full=False)


def _page(tx: Transaction, source: str, sort: Sort, after: int, upto: int, now: datetime) -> tuple[Portion, int]:
    kept = tx.pushed.shelf(source, at=now).page(sort, after=after, limit=PORTION)
    last = kept[-1].serial if len(kept) == PORTION else 0
    return _portion(tx, source, kept, now, gone=[], upto=upto, reached=upto, full=True), last


def _portion(
    tx: Transaction,
    source: str,
    kept: Sequence[Kept],
    now: datetime,
    *,
    gone: Sequence[str],
    upto: int,
    reached: int,
    full: bool,
) -> Portion:
    shelf = tx.pushed.shelf(source, at=now)
    members = shelf.members([one.id for one in kept if one.sort is Sort.GROUP])
    return Portion(
        resources=tuple(kept),
        members={group: tuple(one.id for one in inside if one.sort) for group, inside in members.items()},
        groups=shelf.groups([one.id for one in kept if one.sort is Sort.USER]),
        gone=tuple(gone),
        upto=upto,
        reached=reached,
        full=full,
    )


__all__ = ["Pushing", "SourcePushes"]
