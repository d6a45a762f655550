"""The contract suite of targets that tell: the rules of `syncd.core.ports.Telling`; and a target in memory that keeps them.

Subclass `TellingContract` and give it one fixture, `teller`, which returns a `Teller` around your open target.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

import pytest

from syncd.core.model import Kind, TargetId
from syncd.core.ports import Room, Telling
from syncd.core.values import Values
from syncd.core.wakes import Touched
from syncd.testing.memory import MemoryTarget

PATIENCE: Final = 30.0
"""Seconds that an event may take on a slow machine; it comes in milliseconds."""


class MemoryTeller(MemoryTarget):
    """A target in memory that tells what `by_hand` changes; what was not asked for again is told again."""

    def __init__(self, settings: Any, room: Room) -> None:
        super().__init__(settings, room)
        self.pending: list[Touched] = []
        self._rung = asyncio.Event()
        self._count = 0

    async def touched(self) -> AsyncIterator[Sequence[Touched]]:
        """Yield what is pending; it is forgotten when more is asked for."""
        while True:
            while self.pending:
                some = tuple(self.pending)
                yield some
                del self.pending[: len(some)]
            self._rung.clear()
            await self._rung.wait()

    def by_hand(self, kind: Kind, target_id: TargetId, *, shown: bool = True, **fields: Any) -> None:
        """Change an object as somebody would in the target's own console. Without `shown`, the event only names it."""
        self.objects[kind, target_id].update(fields)
        self._tell(kind, target_id, seen=fields if shown else None)

    def deleted_by_hand(self, kind: Kind, target_id: TargetId) -> None:
        """Delete an object in the same way."""
        del self.objects[kind, target_id]
        self._tell(kind, target_id, gone=True)

    def _tell(self, kind: Kind, target_id: TargetId, *, seen: Values | None = None, gone: bool = False) -> None:
        self._count += 1
        at, key = self.room.now(), f"event {self._count}"
        self.pending.append(Touched(kind=kind, target_id=target_id, at=at, key=key, gone=gone, seen=seen))
        self._rung.set()


@dataclass(frozen=True, kw_only=True)
class Teller:
    """A target to test, and how to change something in it by hand."""

    target: Telling
    run: Callable[[Coroutine[Any, Any, Any]], Any]
    """Runs a coroutine where the target lives (`asyncio.Runner().run`)."""
    ready: Callable[[], Awaitable[None]]
    """Waits until what is changed from now on is told."""
    who: Callable[[int], TargetId]
    """Returns the id of the n-th object, from 1; two are enough."""
    edit: Callable[[int], None]
    """Changes the n-th object by hand. May block: it is called in a thread."""


class TellingContract:
    """Subclass me, and give me a fixture `teller`."""

    @pytest.fixture
    def teller(self) -> Teller:
        """Return an open target that tells."""
        raise NotImplementedError("give the suite a fixture `teller`")

    def test_what_is_changed_by_hand_is_told(self, teller: Teller) -> None:
        told = teller.run(_heard(teller, edit=(1, 2)))

        assert {teller.who(1), teller.who(2)} <= {one.target_id for one in told}
        assert all(one.at.tzinfo is not None and one.key for one in told)

    def test_an_event_is_told_again_until_the_next_one_is_asked_for(self, teller: Teller) -> None:
        first = teller.run(_heard(teller, edit=(1,)))[-1]

        again = teller.run(_heard(teller, until=(1,)))[0]

        assert (again.key, again.target_id) == (first.key, first.target_id)

    def test_listening_ends_when_it_is_cancelled_and_leaves_nothing_running(self, teller: Teller) -> None:
        async def listen() -> set[asyncio.Task[Any]]:
            before = asyncio.all_tasks()
            await _heard(teller, edit=(1,))
            return asyncio.all_tasks() - before

        assert teller.run(listen()) == set()


async def _heard(teller: Teller, *, edit: Sequence[int] = (), until: Sequence[int] = ()) -> list[Touched]:
    """Listen, change these objects, and return what was told until each of them was; more is never asked for."""
    told: list[Touched] = []
    missing = {teller.who(number) for number in (*edit, *until)}

    async def listen() -> None:
        events: Any = teller.target.touched()
        async with aclosing(events):
            async for some in events:
                assert some, "at least one each time"
                told.extend(some)
                missing.difference_update(one.target_id for one in some)
                if not missing:
                    done.set()
                    await asyncio.Event().wait()

    done = asyncio.Event()
    listening = asyncio.create_task(listen())
    try:
        async with asyncio.timeout(PATIENCE):
            await teller.ready()
            for number in edit:
                await asyncio.to_thread(teller.edit, number)
            await done.wait()
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    return told
