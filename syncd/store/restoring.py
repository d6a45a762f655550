"""Puts a backup of an SQLite database back, and keeps what it replaces. Never decides whether that is wise.

Killed at any instruction, the database is either the old one or the new one, whole; the safety copy is made before anything else
is touched. The caller holds every lock (`locking.alone`).
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from syncd.core.errors import NeedsHuman, Place, foreign, message
from syncd.core.ledger import AuditRow
from syncd.store import upkeep
from syncd.store.columns import from_micros
from syncd.store.owner import share

NOT_A_BACKUP: Final = message(
    "STO-020",
    what="The backup {path} cannot be used: {why}.",
    do="Take another one; `syncd db check FILE` examines a backup without using it.",
    example="a backup that was cut off by a full disk",
)
NOT_RESTORED: Final = message(
    "STO-021",
    what="The backup was not put back: {why}. The database {database} is as it was.",
    do="Make room on the file system of the database for another copy of it, or give this account the right to write there.",
    example="a disk with less room than two databases need",
)
ENDINGS: Final = ("-wal", "-shm")
"""What SQLite keeps beside a database that is in use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Soundness:
    """What an examination of a database file found."""

    schema: str
    problems: tuple[str, ...]
    """What SQLite's integrity check says; empty if nothing is wrong."""


def examine(path: Path) -> Soundness:
    """Check every page of a database file that nobody uses. Raises NeedsHuman if it is no database of syncd."""
    try:
        # Immutable: a backup is one file, it may lie on a read-only medium, and nothing is to be made beside it.
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            schema = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            found = [str(line) for (line,) in connection.execute("PRAGMA integrity_check")]
    except sqlite3.Error as error:
        raise NeedsHuman(NOT_A_BACKUP.at(Place(file=str(path)), path=path, why=upkeep.why(error))) from error
    problems = () if found == ["ok"] else tuple(foreign(line) for line in found)
    return Soundness(schema=schema[0] if schema else "", problems=problems)


def audit_rows(path: Path) -> Iterator[AuditRow]:
    """Yield the audit log of a database file that nobody uses, by sequence. Raises NeedsHuman."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            question = "SELECT sequence, at, type, run, change, subject, body, prev, hash FROM audit ORDER BY sequence"
            for sequence, at, type_, run, change, subject, body, prev, hash_ in connection.execute(question):
                said = {"type": type_, "run": run, "change": change, "subject": subject}
                yield AuditRow(
                    sequence=sequence, at=from_micros(at), **said, body=_raw(body), prev=_raw(prev), hash=_raw(hash_)
                )
    except sqlite3.Error as error:
        raise NeedsHuman(NOT_A_BACKUP.at(Place(file=str(path)), path=path, why=upkeep.why(error))) from error


def _raw(value: object) -> bytes:
    """Return a column's bytes; somebody who edits a record by hand may leave text there."""
    return value if isinstance(value, bytes) else str(value).encode()


def draft(backup: Path, database: Path) -> Path:
    """Copy a backup beside the database, where it can be brought up to date before it takes its place. Raises NeedsHuman."""
    made = database.with_name(f"{database.name}.restoring")
    discard(made)
    try:
        with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as out:
            share(out.fileno(), database.parent)
            with backup.open("rb") as source:
                shutil.copyfileobj(source, out, 1 << 20)
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        discard(made)
        raise NeedsHuman(NOT_RESTORED.at(database=database, why=upkeep.why(error))) from error
    return made


def discard(made: Path) -> None:
    """Remove a draft."""
    for one in (made, *_beside(made)):
        one.unlink(missing_ok=True)


def replace(database: Path, made: Path, *, at: datetime) -> Path | None:
    """Let a draft take the database's place; returns where the old one is kept, None if there was none. Raises NeedsHuman."""
    try:
        kept = _keep(database, at) if database.exists() else None
        # An old log beside a new database would be replayed into it.
        for one in _beside(database):
            one.unlink(missing_ok=True)
        made.replace(database)
        upkeep.flush(database)
    except OSError as error:
        discard(made)
        raise NeedsHuman(NOT_RESTORED.at(database=database, why=upkeep.why(error))) from error
    return kept


def _keep(database: Path, at: datetime) -> Path:
    """Copy the database as it is, sound or not, with what SQLite keeps beside it."""
    kept = database.with_name(f"{database.name}.replaced-{at:%Y%m%dT%H%M%SZ}")
    with suppress(sqlite3.Error), closing(sqlite3.connect(database, timeout=5)) as connection:
        connection.execute(
            "PRAGMA wal_checkpoint(TRUNCATE)"
        )  # so that the copy is one file; a damaged one stays in parts
    for ending in ("", "-wal"):
        part = Path(f"{database}{ending}")
        if part.exists():
            _copy(part, Path(f"{kept}{ending}"))
    return kept


def _copy(source: Path, to: Path) -> None:
    try:
        with open(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as out:
            share(out.fileno(), to.parent)
            with source.open("rb") as old:
                shutil.copyfileobj(old, out, 1 << 20)
            out.flush()
            os.fsync(out.fileno())
    except OSError:
        to.unlink(missing_ok=True)
        raise


def _beside(database: Path) -> list[Path]:
    return [Path(f"{database}{ending}") for ending in ENDINGS]
