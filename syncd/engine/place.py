"""The service's place at the database: its own for as long as it runs, and left for a while when a command asks for it.

Nothing else may be under way while it is left; whoever calls sees to that.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from syncd.core.errors import SyncdError

if TYPE_CHECKING:
    from syncd.store import Store

WHO: Final = "syncd run"
_OFTEN: Final = 0.05
"""Seconds between two looks whether the command has done."""


class Place:
    """One service's place."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held = ExitStack()
        self._work = ExitStack()

    def take(self) -> None:
        """Be the service. Raises Busy if there is one, or if a command is at work."""
        with ExitStack() as held:
            held.enter_context(self._store.serving(WHO))
            self._work.enter_context(self._store.exclusive(WHO, patience=0))
            self._held = held.pop_all()

    def leave(self) -> None:
        """Be it no longer."""
        self._work.close()
        self._held.close()

    def wanted(self) -> bool:
        """Tell whether a command asks for the database."""
        return self._store.wanted()

    async def lend(self, halt: asyncio.Event) -> bool:
        """Let others work until they have done; tell whether we are at work again, and not told to stop instead."""
        self._work.close()
        while not halt.is_set():
            await asyncio.sleep(_OFTEN)
            if not self.wanted() and self._back():
                return True
        return False

    def _back(self) -> bool:
        try:
            self._work.enter_context(self._store.exclusive(WHO, patience=0))
        except SyncdError:
            return False
        return True


__all__ = ["WHO", "Place"]
