"""Asking the service for the database: a command says that it waits, the service stands aside and goes on afterwards.

Whoever asks holds a shared lock of its own until it has the database; the service looks whether anybody does. The lock dies with
its process, like the others. Where no service runs nobody is asked, and who comes too late is told so at once.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

from syncd.store import holding, locking
from syncd.store.errors import Busy
from syncd.store.opening import SERVICE_LOCK, Opened

PATIENCE: Final = 20.0
"""Seconds until a command gives up: longer than a call to the target usually takes, which the service settles first."""
_ENDING: Final = ".asking"
_KEY: Final = 0x73796E6364_05
"""Key of PostgreSQL's advisory lock for whoever asks ("syncd" and a number, as in `opening`)."""
_OFTEN: Final = 0.02
_SHARED: Final = text("SELECT pg_advisory_lock_shared(:key)")
_LET_GO: Final = text("SELECT pg_advisory_unlock_shared(:key)")
_TRY: Final = text("SELECT pg_try_advisory_lock(:key)")
_UNDO: Final = text("SELECT pg_advisory_unlock(:key)")


@contextmanager
def in_turn(opened: Opened, who: str, *, now: Callable[[], datetime], patience: float) -> Iterator[None]:
    """Hold the database for `who`, after asking the service for it where one runs. Raises Busy if it is not had in time."""
    with ExitStack() as held:
        try:
            held.enter_context(locking.exclusive(opened, who, now=now))
        except Busy:
            if not patience or not served(opened):
                raise
            with _asking(opened):
                _have(held, opened, who, now=now, patience=patience)
        yield


def _have(held: ExitStack, opened: Opened, who: str, *, now: Callable[[], datetime], patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            held.enter_context(locking.exclusive(opened, who, now=now))
        except Busy:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_OFTEN)
        else:
            return


def wanted(opened: Opened) -> bool:
    """Tell whether somebody asks for the database."""
    if opened.file is None:
        with opened.engine.connect().execution_options(isolation_level="AUTOCOMMIT", reading=True) as connection:
            return not _free(connection, _KEY)
    try:
        descriptor = os.open(_path(opened), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False  # nobody has ever asked
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def _asking(opened: Opened) -> Iterator[None]:
    if opened.file is None:
        with opened.engine.connect().execution_options(isolation_level="AUTOCOMMIT", reading=True) as connection:
            connection.execute(_SHARED, {"key": _KEY})
            try:
                yield
            finally:
                connection.execute(_LET_GO, {"key": _KEY})
        return
    descriptor = os.open(_path(opened), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        with suppress(OSError):  # a file system that cannot lock: then we only wait
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def served(opened: Opened) -> bool:
    """Tell whether a service is at work on the database."""
    if opened.file is not None:
        return holding.holder(opened.file, holding.SERVICE) is not None
    with opened.engine.connect().execution_options(isolation_level="AUTOCOMMIT", reading=True) as connection:
        return not _free(connection, SERVICE_LOCK)


def _free(connection: Connection, key: int) -> bool:
    """Tell whether nobody holds an advisory lock, by holding it for an instant."""
    if not connection.execute(_TRY, {"key": key}).scalar():
        return False
    connection.execute(_UNDO, {"key": key})
    return True


def _path(opened: Opened) -> str:
    assert opened.file is not None
    return f"{opened.file}{_ENDING}"
