"""Connectors that are opened once and lent for each use. One that raised is closed when nobody uses it any more, and made anew.

To whoever borrows, `async with borrow() as it` looks like opening one of their own. It retries nothing and hides no error.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Generic, TypeVar

import structlog

log = structlog.get_logger(__name__)
T = TypeVar("T")


class Lent(Generic[T]):
    """One connector, open between uses."""

    def __init__(self, make: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        self._make = make
        self._open: T | None = None
        self._stack = contextlib.AsyncExitStack()
        self._users = 0
        self._spoilt = False

    @contextlib.asynccontextmanager
    async def borrow(self) -> AsyncIterator[T]:
        """Use it. Raises what opening it raises; what the user raises closes it afterwards."""
        if self._open is None:
            self._open = await self._stack.enter_async_context(self._make())
        self._users += 1
        try:
            yield self._open
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


__all__ = ["Lent"]
