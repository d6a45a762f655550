"""One cycle at a time per database, and one service. A lock dies with its process; it never has to be removed by hand."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, text

from syncd.core.errors import NeedsHuman
from syncd.core.values import instant
from syncd.store import holding
from syncd.store.errors import NOT_WRITABLE, Busy
from syncd.store.holding import told
from syncd.store.opening import CYCLE_LOCK, SERVICE_LOCK, Opened
from syncd.store.owner import share
from syncd.store.rows import Holder


@contextmanager
def exclusive(opened: Opened, who: str, *, now: Callable[[], datetime]) -> Iterator[None]:
    """Hold the database for `who`. Raises Busy if somebody else does."""
    with _held(opened, who, now(), WORK):
        yield


@contextmanager
def serving(opened: Opened, who: str, *, now: Callable[[], datetime]) -> Iterator[None]:
    """Be the service of the database, also between cycles. Raises Busy if there is one already."""
    with _held(opened, who, now(), SERVICE):
        yield


@contextmanager
def alone(file: Path, who: str, *, since: datetime) -> Iterator[None]:
    """Be the only one who uses an SQLite file, sound or not: no service runs, and no command. Raises Busy."""
    mine = _mine(who, since)
    with _file_lock(file, mine, SERVICE), _file_lock(file, mine, WORK):
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """What is locked: the ending of a file beside SQLite's, or a key and a note on a server."""

    ending: str
    key: int
    note: str


WORK: Final = Lock(ending=holding.WORK, key=CYCLE_LOCK, note="exclusive.holder")
SERVICE: Final = Lock(ending=holding.SERVICE, key=SERVICE_LOCK, note="service.holder")


def _mine(who: str, since: datetime) -> Holder:
    return Holder(who=who, pid=os.getpid(), host=socket.gethostname(), since=since)


def _held(opened: Opened, who: str, since: datetime, lock: Lock) -> AbstractContextManager[None]:
    mine = _mine(who, since)
    if opened.file is not None:
        return _file_lock(opened.file, mine, lock)
    return _server_lock(opened.engine, opened.name, mine, lock)


def _text(holder: Holder) -> str:
    return json.dumps(
        {"who": holder.who, "pid": holder.pid, "host": holder.host, "since": instant(holder.since)}, ensure_ascii=False
    )


def _holder(stored: str | None, *, otherwise: Holder) -> Holder:
    """Return who wrote `stored`; somebody unknown where it is not written yet or half written."""
    return told(stored) or Holder(
        who="somebody who has only just begun", pid=0, host=otherwise.host, since=otherwise.since
    )


# --- SQLite: flock on a file beside the database --------------------------------------------------------------------


@contextmanager
def _file_lock(database: Path, mine: Holder, lock: Lock) -> Iterator[None]:
    path = database.with_name(database.name + lock.ending)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        share(descriptor, path.parent)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise NeedsHuman(NOT_WRITABLE.at(database=path, why=why)) from error
    try:
        try:
            _lock(descriptor)
        except BlockingIOError as error:
            raise Busy(str(database), _holder(path.read_text(errors="replace"), otherwise=mine)) from error
        with suppress(OSError):  # on a full disk others are not told who we are; the lock holds all the same
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, _text(mine).encode(), 0)
        # The file is left behind on purpose: removing it would let two processes lock two files of one name.
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    """Take the lock; somebody who only asks who holds it (`holding.holder`) is in the way for an instant."""
    for pause in (0.01, 0.04, 0.15, None):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if pause is None:
                raise
            time.sleep(pause)
        else:
            return


# --- PostgreSQL: an advisory lock that lives as long as its connection ----------------------------------------------

_TRY = text("SELECT pg_try_advisory_lock(:key)")
_LET_GO = text("SELECT pg_advisory_unlock(:key)")
_NOTE = text("INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = :value")
_WHO = text("SELECT value FROM meta WHERE key = :key")


@contextmanager
def _server_lock(engine: Engine, name: str, mine: Holder, lock: Lock) -> Iterator[None]:
    # Its own connection in autocommit: no transaction stays open while a cycle runs.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT", reading=True) as connection:
        if not connection.execute(_TRY, {"key": lock.key}).scalar():
            raise Busy(name, _holder(_noted(connection, lock.note), otherwise=mine))
        try:
            connection.execute(_NOTE, {"key": lock.note, "value": _text(mine)})
            yield
        finally:
            connection.execute(_LET_GO, {"key": lock.key})


def _noted(connection: Connection, key: str) -> str | None:
    return connection.execute(_WHO, {"key": key}).scalar()
