"""Care for the database as a whole: is it sound, and a copy of it. Never repairs anything."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import text

from syncd.core.errors import foreign
from syncd.store.opening import Opened
from syncd.store.owner import share


def check(opened: Opened) -> list[str]:
    """Return what SQLite's integrity check finds, at most 100 lines. PostgreSQL checks its pages itself: connecting is all."""
    question = "PRAGMA integrity_check" if opened.file else "SELECT 'ok'"
    with opened.engine.connect().execution_options(reading=True) as connection:
        found = [str(line) for line in connection.execute(text(question)).scalars()]
    return [] if found == ["ok"] else [foreign(line) for line in found]


def backup(opened: Opened, path: Path) -> None:
    """Copy one moment through SQLite's online backup; writers go on. Raises OSError or sqlite3.Error and leaves no file."""
    if opened.file is None:
        raise OSError("this database is on a PostgreSQL server")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        share(descriptor, path.absolute().parent)
    finally:
        os.close(descriptor)
    try:
        with closing(sqlite3.connect(opened.file)) as source, closing(sqlite3.connect(path)) as copy:
            # In one step: several begin anew whenever somebody writes in between, and a busy service always does. Nobody
            # waits for it, because in WAL mode readers hold up no writers.
            source.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, complete in itself, wherever it is carried
        flush(path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def flush(path: Path) -> None:
    """Wait until the file and its name are on the disk."""
    for one in (path, path.parent):
        descriptor = os.open(one, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def why(error: OSError | sqlite3.Error) -> str:
    """Return an error's own words, without the path that the message names already."""
    return (error.strerror if isinstance(error, OSError) else None) or foreign(str(error))
