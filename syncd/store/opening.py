"""Opens a database: finds the file, makes it, sets it up, brings its schema up to date. Never reads or writes rows."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from syncd.core.errors import Misconfigured, NeedsHuman, foreign
from syncd.store.direct import Direct, driven
from syncd.store.errors import LOCK_WAIT_SECONDS, NEWER, NO_DRIVER, NOT_WRITABLE, UNKNOWN_URL, told
from syncd.store.owner import share

SCHEMA: Final = "0013_full_reads"
"""The last step in `migrations/versions`; a test says that it is."""

# One writing transaction at a time on PostgreSQL too, as SQLite has it: sequences have no gaps and cannot race.
WRITER_LOCK: Final = 0x73796E6364_01
"""Key of PostgreSQL's advisory lock for a writing transaction ("syncd" and a number)."""
CYCLE_LOCK: Final = 0x73796E6364_02
"""Key of PostgreSQL's advisory lock for `Store.exclusive`."""
SERVICE_LOCK: Final = 0x73796E6364_03
"""Key of PostgreSQL's advisory lock for `Store.serving`."""

_PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL",
    # FULL: a commit survives a power cut. NORMAL may lose the last ones, which a queue and an audit log must not.
    "PRAGMA synchronous=FULL",
    "PRAGMA cache_size=-8192",  # KiB. With four times as much nothing was measurably faster: the system keeps the file.
    "PRAGMA temp_store=MEMORY",
    "PRAGMA journal_size_limit=67108864",
    # Pages, 64 MiB as above. Keys and ids fall all over their indexes, so that each commit of a first read writes most pages of
    # them again: copying them to the database every 4 MiB, which is the default, made a first read of 100,000 a sixth dearer.
    "PRAGMA wal_autocheckpoint=16384",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An engine, what to call its database in messages, and its file, where it is one."""

    engine: Engine
    name: str
    file: Path | None

    def connect(self) -> Connection:
        """Return a connection."""
        return self.engine.connect() if self.file is None else Direct(self.engine)


def open_engine(url: str, *, base: Path | None = None) -> Opened:
    """Return an engine whose schema is this program's. Raises Misconfigured, NeedsHuman or TryAgain."""
    parsed = _parse(url)
    opened = _sqlite(parsed, base or Path()) if parsed.get_backend_name() == "sqlite" else _postgresql(parsed)
    try:
        _bring_up_to_date(opened)
    except DBAPIError as error:
        opened.engine.dispose()
        raise told(error, opened.name) from error
    except BaseException:
        opened.engine.dispose()
        raise
    return opened


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        # Not chained: SQLAlchemy's message repeats the URL, which may hold a password.
        raise Misconfigured([UNKNOWN_URL.at(why="it cannot be read as a URL")]) from None
    if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        raise Misconfigured(
            [UNKNOWN_URL.at(why=f"{foreign(parsed.get_backend_name())} is neither SQLite nor PostgreSQL")]
        )
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise Misconfigured([UNKNOWN_URL.at(why="it names no file, and what is only in memory is not kept")])
    return parsed


# --- SQLite ---------------------------------------------------------------------------------------------------------


def _sqlite(url: URL, base: Path) -> Opened:
    file = (base / str(url.database)).absolute()
    _make_file(file)
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(file)),
        hide_parameters=True,
        # A round has some eighty statements, in several lengths: with 128, the default, each would be worked out anew.
        connect_args={"timeout": LOCK_WAIT_SECONDS, "check_same_thread": False, "cached_statements": 512},
    )
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return Opened(engine=engine, name=str(file), file=file)


def _make_file(file: Path) -> None:
    """Make the file readable by nobody else; SQLite gives its WAL the same mode."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            share(descriptor, file.parent)  # SQLite gives what it makes beside it the same owner
        finally:
            os.close(descriptor)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise NeedsHuman(NOT_WRITABLE.at(database=file, why=why)) from error
    if not os.access(file.parent, os.W_OK):
        raise NeedsHuman(NOT_WRITABLE.at(database=file, why="its folder cannot be written, which the WAL needs"))


def _set_up(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    # pysqlite would begin transactions by itself, and late; with this we do (SQLAlchemy docs, "SQLite transactions").
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    reading = connection.get_execution_options().get("reading", False)
    driven(connection, "BEGIN" if reading else "BEGIN IMMEDIATE").close()


# --- PostgreSQL -----------------------------------------------------------------------------------------------------


def _postgresql(url: URL) -> Opened:
    name = url.render_as_string(hide_password=True)
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            hide_parameters=True,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 10, "application_name": "syncd"},
        )
    except ImportError as error:
        raise NeedsHuman(NO_DRIVER.at(why=foreign(str(error)))) from error
    event.listen(engine, "begin", _take_turn)
    return Opened(engine=engine, name=name, file=None)


def _take_turn(connection: Connection) -> None:
    if not connection.get_execution_options().get("reading", False):
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": WRITER_LOCK})


# --- schema ---------------------------------------------------------------------------------------------------------


def _bring_up_to_date(opened: Opened) -> None:
    with opened.engine.connect().execution_options(reading=True) as connection:
        found = _schema(connection)
    if found == SCHEMA:
        return
    with opened.engine.begin() as connection:
        # Asked again: another process may have migrated while this one waited for its turn.
        found = _schema(connection)
        if found != SCHEMA:
            _migrate(connection, opened.name, found)


def _schema(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _migrate(connection: Connection, name: str, found: str | None) -> None:
    # Imported late: Alembic costs more to import than everything else in the store, and is needed once per upgrade.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "syncd.store:migrations")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise NeedsHuman(NEWER.at(database=name, found=foreign(found), known=SCHEMA))
    command.upgrade(config, "head")
