"""The store: one database, its transactions, its lock and its thread. Never speaks of rows; that is `Transaction`."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from syncd.core.errors import NeedsHuman
from syncd.core.ledger import AuditRows
from syncd.store import asking, locking, upkeep
from syncd.store.audit import AuditTable
from syncd.store.errors import NO_BACKUP, cause, told
from syncd.store.opening import Opened, open_engine
from syncd.store.transaction import Transaction

T = TypeVar("T")


class Store:
    """One open database.

    Writing transactions of all processes follow one another; readings go on beside them. `do` and `look` run in one thread
    of the store's own, so that the event loop never waits for the disk.
    """

    def __init__(self, opened: Opened, now: Callable[[], datetime]) -> None:
        self._opened = opened
        self._now = now
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="syncd-store")
        self._line: Connection | None = None
        """The thread's connection to a file, kept from one transaction to the next: taking one from the pool and giving it back
        costs more than most transactions do. A server's is taken from the pool each time, which sees whether it is alive."""

    @classmethod
    def open(cls, url: str, *, now: Callable[[], datetime], base: Path | None = None) -> Store:
        """Open (and, where needed, make and migrate) the database; relative SQLite paths start at `base`.

        Raises Misconfigured (the URL), NeedsHuman (not writable, damaged, full, newer) or TryAgain (locked, server down).
        """
        return cls(open_engine(url, base=base), now)

    @property
    def name(self) -> str:
        """Return what to call the database in messages: its file, or its URL without the password."""
        return self._opened.name

    @property
    def file(self) -> Path | None:
        """Return the file of the database; None where it is a server's."""
        return self._opened.file

    @property
    def audit(self) -> AuditRows[Transaction]:
        """Return where the audit room keeps its rows, for `AuditLog(store.audit, …)`."""
        return AuditTable()

    def close(self) -> None:
        """Wait for the thread and close every connection."""
        self._thread.shutdown(wait=True)
        if self._line is not None:
            self._line.close()
        self._opened.engine.dispose()

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Do everything in the block or nothing. Do not nest: the second would wait for the first."""
        return self._transaction(self._opened.connect(), reading=False)

    def reading(self) -> AbstractContextManager[Transaction]:
        """Read one consistent picture, without waiting for writers."""
        return self._transaction(self._opened.connect(), reading=True)

    @contextmanager
    def _transaction(self, line: AbstractContextManager[Connection], *, reading: bool) -> Iterator[Transaction]:
        try:
            with line as connection:
                level = {"isolation_level": "REPEATABLE READ"} if reading and self._opened.file is None else {}
                with connection.execution_options(reading=reading, **level).begin():
                    yield Transaction(connection)
        except DBAPIError as error:
            raise told(error, self.name) from cause(error)

    async def do(self, fn: Callable[[Transaction], T], *, patience: float = 0.0) -> T:
        """Run `fn` inside a transaction, in the store's own thread. `fn` returns values, never iterators.

        For so many seconds the event loop stands still for it: two busy threads hand the interpreter to and fro at every row,
        which takes longer than one after the other. A disk or a lock that is slower than that holds up nobody else.
        A call that is cancelled before its turn has no effect; one that runs already goes on to its commit.
        """
        future = self._thread.submit(self._within, fn, False)
        if patience and wait([future], patience).done:
            return future.result()
        return await asyncio.wrap_future(future)

    async def look(self, fn: Callable[[Transaction], T]) -> T:
        """Run `fn` inside a reading, in the store's own thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._within, fn, True)

    def _within(self, fn: Callable[[Transaction], T], reading: bool) -> T:
        line = self._opened.connect() if self.file is None else self._kept()
        with self._transaction(line, reading=reading) as transaction:
            return fn(transaction)

    @contextmanager
    def _kept(self) -> Iterator[Connection]:
        """Lend the thread's connection; one on which something went wrong is not used again."""
        line = self._line or self._opened.connect()
        self._line = None
        try:
            yield line
        except BaseException:
            line.close()
            raise
        self._line = line

    def exclusive(self, who: str, *, patience: float = asking.PATIENCE) -> AbstractContextManager[None]:
        """Be the only one at work; `who` is what the others are told. Raises Busy (a TryAgain, with `holder`).

        A running service is asked to stand aside, and waited for: so many seconds.
        """
        return asking.in_turn(self._opened, who, now=self._now, patience=patience)

    def wanted(self) -> bool:
        """Tell whether another process asks the service for the database (see `exclusive`)."""
        return asking.wanted(self._opened)

    def served(self) -> bool:
        """Tell whether a service is at work on it."""
        return asking.served(self._opened)

    def serving(self, who: str) -> AbstractContextManager[None]:
        """Be the service of this database for as long as the block lasts, also between cycles. Raises Busy."""
        return locking.serving(self._opened, who, now=self._now)

    def check(self) -> list[str]:
        """Return what is wrong with the database itself (SQLite's integrity check, unknown schema); empty if nothing."""
        try:
            return upkeep.check(self._opened)
        except DBAPIError as error:
            return [str(told(error, self.name))]

    def backup(self, path: Path) -> None:
        """Copy the database to a new file while it is in use. Raises NeedsHuman; for PostgreSQL, always."""
        try:
            upkeep.backup(self._opened, path)
        except (OSError, sqlite3.Error) as error:
            raise NeedsHuman(NO_BACKUP.at(path=path, why=upkeep.why(error))) from error
