"""One cycle at a time per database. The lock dies with its process; it never has to be removed by hand."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from syncd.core.errors import NeedsHuman
from syncd.core.values import instant, moment
from syncd.store.errors import NOT_WRITABLE, Busy
from syncd.store.opening import CYCLE_LOCK, Opened
from syncd.store.rows import Holder


@contextmanager
def exclusive(opened: Opened, who: str, *, now: Callable[[], datetime]) -> Iterator[None]:
    """Hold the database for `who`. Raises Busy if somebody else does."""
    mine = Holder(who=who, pid=os.getpid(), host=socket.gethostname(), since=now())
    held = _file_lock(opened.file, mine) if opened.file else _server_lock(opened.engine, opened.name, mine)
    with held:
        yield


def _text(holder: Holder) -> str:
    return json.dumps(
        {"who": holder.who, "pid": holder.pid, "host": holder.host, "since": instant(holder.since)}, ensure_ascii=False
    )


def _holder(stored: str | None, *, otherwise: Holder) -> Holder:
    """Return who wrote `stored`; somebody unknown where it is not written yet or half written."""
    try:
        word = json.loads(stored or "")
        return Holder(who=word["who"], pid=word["pid"], host=word["host"], since=moment(word["since"]))
    except (ValueError, KeyError, TypeError):
        return Holder(who="somebody who has only just begun", pid=0, host=otherwise.host, since=otherwise.since)


# --- SQLite: flock on a file beside the database --------------------------------------------------------------------


@contextmanager
def _file_lock(database: Path, mine: Holder) -> Iterator[None]:
    path = database.with_name(database.name + ".lock")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise NeedsHuman(NOT_WRITABLE.at(database=path, why=why)) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Busy(str(database), _holder(path.read_text(errors="replace"), otherwise=mine)) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, _text(mine).encode(), 0)
        # The file is left behind on purpose: removing it would let two processes lock two files of one name.
        yield
    finally:
        os.close(descriptor)


# --- PostgreSQL: an advisory lock that lives as long as its connection ----------------------------------------------

_TRY = text("SELECT pg_try_advisory_lock(:key)")
_LET_GO = text("SELECT pg_advisory_unlock(:key)")
_NOTE = text("INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = :value")
_WHO = text("SELECT value FROM meta WHERE key = :key")
_META_KEY = "exclusive.holder"


@contextmanager
def _server_lock(engine: Engine, name: str, mine: Holder) -> Iterator[None]:
    # Its own connection in autocommit: no transaction stays open while a cycle runs.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT", reading=True) as connection:
        if not connection.execute(_TRY, {"key": CYCLE_LOCK}).scalar():
            raise Busy(name, _holder(_noted(connection), otherwise=mine))
        try:
            connection.execute(_NOTE, {"key": _META_KEY, "value": _text(mine)})
            yield
        finally:
            connection.execute(_LET_GO, {"key": CYCLE_LOCK})


def _noted(connection: Connection) -> str | None:
    return connection.execute(_WHO, {"key": _META_KEY}).scalar()
