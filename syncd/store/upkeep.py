"""Care for the database as a whole: is it sound, and a copy of it. Never repairs anything."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import text

from syncd.core.errors import foreign
from syncd.store.opening import Opened


def check(opened: Opened) -> list[str]:
    """Return what SQLite's integrity check finds, at most 100 lines. PostgreSQL checks its pages itself: connecting is all."""
    question = "PRAGMA integrity_check" if opened.file else "SELECT 'ok'"
    with opened.engine.connect().execution_options(reading=True) as connection:
        found = [str(line) for line in connection.execute(text(question)).scalars()]
    return [] if found == ["ok"] else [foreign(line) for line in found]


def backup(opened: Opened, path: Path) -> None:
    """Copy through SQLite's online backup, page by page; writers go on. Raises OSError or sqlite3.Error and leaves no file."""
    if opened.file is None:
        raise OSError("this database is on a PostgreSQL server")
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        with closing(sqlite3.connect(opened.file)) as source, closing(sqlite3.connect(path)) as copy:
            source.backup(copy, pages=4096)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def why(error: OSError | sqlite3.Error) -> str:
    """Return an error's own words, without the path that the message names already."""
    return (error.strerror if isinstance(error, OSError) else None) or foreign(str(error))
