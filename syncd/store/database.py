"""The store: one database, its transactions, its lock and its thread. Never speaks of rows; that is `Transaction`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from syncd.store.transaction import Transaction

T = TypeVar("T")


class Store:
    """One open database."""

    @classmethod
    def open(cls, url: str, *, now: Callable[[], datetime], base: Path | None = None) -> Store:
        """Open (and, where needed, make and migrate) the database; relative SQLite paths start at `base`."""
        raise NotImplementedError

    def close(self) -> None:
        """Wait for the thread and close every connection."""
        raise NotImplementedError

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Do everything in the block or nothing."""
        raise NotImplementedError

    def reading(self) -> AbstractContextManager[Transaction]:
        """Read one consistent picture."""
        raise NotImplementedError

    async def do(self, fn: Callable[[Transaction], T]) -> T:
        """Run `fn` inside a transaction, in the store's own thread. `fn` returns values, never iterators."""
        raise NotImplementedError

    async def look(self, fn: Callable[[Transaction], T]) -> T:
        """Run `fn` inside a reading, in the store's own thread."""
        raise NotImplementedError

    def exclusive(self, who: str) -> AbstractContextManager[None]:
        """Be the only one at work. Raises Busy (a TryAgain, with `holder`)."""
        raise NotImplementedError

    def check(self) -> list[str]:
        """Return what is wrong with the database itself; empty if nothing."""
        raise NotImplementedError

    def backup(self, path: Path) -> None:
        """Copy the database while it is in use (SQLite)."""
        raise NotImplementedError
