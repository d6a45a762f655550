"""Connectors that are opened once and lent for each use. One that raised is closed when nobody uses it any more, and made anew.

To whoever borrows, `async with borrow() as it` looks like opening one of their own. It retries nothing and hides no error.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from syncd.engine.world import World
from syncd.structured import structlog

if TYPE_CHECKING:
    from syncd.core.ports import Source, Target

log = structlog.get_logger(__name__)
T = TypeVar("T")


class Lent(Generic[T]):
    """One connector, open between uses."""

    def __init__(self, make: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        self._make = make
        self._open: T | None = None
        self._stack = contextlib.AsyncExitStack()
        self._opening = asyncio.Lock()
        self._users = 0
        self._spoilt = False

    @contextlib.asynccontextmanager
    async def borrow(self) -> AsyncIterator[T]:
        """Use it. Raises what opening it raises; what the user raises closes it afterwards."""
        async with self._opening:
            if self._open is None:
                self._open = await self._stack.enter_async_context(self._make())
            opened = self._open
            self._users += 1
        try:
            yield opened
        except BaseException:
            self._spoilt = True
            raise
        finally:
            self._users -= 1
            if self._spoilt and not self._users:
                await self.close()

    async def close(self) -> None:
        """Close it, if it is open. What goes wrong by that is logged: there is nothing more to be done with it."""
        stack, self._stack = self._stack, contextlib.AsyncExitStack()
        self._open, self._spoilt = None, False
        try:
            await stack.aclose()
        except Exception:
            log.exception("connector.not_closed")


class Opened:
    """A world whose sources and target are opened once and lent out."""

    def __init__(self, world: World) -> None:
        self.raw = world
        """The world as it was handed in: each of its connectors is a new one."""
        self._sources = {name: Lent(seat.make) for name, seat in world.seats.items()}
        self._target = Lent(world.make_target)
        seats = {
            name: replace(seat, make=cast("Callable[[], Source]", self._sources[name].borrow))
            for name, seat in world.seats.items()
        }
        self.world = replace(world, seats=seats, make_target=cast("Callable[[], Target]", self._target.borrow))

    async def close(self) -> None:
        """Close what is open. Nobody may be using it."""
        await asyncio.gather(self._target.close(), *(source.close() for source in self._sources.values()))


__all__ = ["Lent", "Opened"]
