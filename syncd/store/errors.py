"""What can go wrong with the database, in words for the person who has to mend it; and who already works in it.

`told` translates the driver's exceptions. Messages carry the database's place, never a password and never a row's values.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy.exc import DBAPIError

from syncd.core.errors import NeedsHuman, Place, Problem, SyncdError, TryAgain, foreign, message
from syncd.core.values import instant
from syncd.store.rows import Holder

NOT_WRITABLE: Final = message(
    "STO-001",
    what="The database {database} cannot be written: {why}.",
    do="Give the account that runs syncd the right to write the file and its folder, or change state.url.",
    example="chmod a-w var && syncd sync",
)
NEWER: Final = message(
    "STO-002",
    what="The database {database} was made by a newer syncd (its schema is {found}, this program knows {known}).",
    do="Install that newer version again, or restore the backup that was taken before the upgrade.",
    example="downgrading syncd after an upgrade",
)
DAMAGED: Final = message(
    "STO-003",
    what="The file {database} is not a sound SQLite database: {why}.",
    do="Stop syncd, keep a copy of the file, and restore the last backup. If state.url names a wrong file, correct it.",
    example="state: {url: sqlite:///notes.txt}",
)
FULL: Final = message(
    "STO-004",
    what="There is no room left for the database {database}; nothing was kept of what was being written.",
    do="Free space on that file system. syncd goes on by itself at the next run.",
    example="a full /var",
)
BUSY: Final = message(
    "STO-005",
    what="Another syncd is at work on {database}: {who}, process {pid} on {host}, since {since}.",
    do="Wait until it has finished. The lock goes with its process: there is nothing to delete.",
    example="syncd apply while the daemon runs a cycle",
)
UNKNOWN_URL: Final = message(
    "STO-006",
    what="state.url is not a database that syncd can use: {why}.",
    do="Write sqlite:///path/to/syncd.db, or postgresql://user@host/database.",
    example="state: {url: mysql://localhost/syncd}",
)
UNREACHABLE: Final = message(
    "STO-007",
    what="The database server of {database} does not answer as it should: {why}.",
    do="Check that the server runs, that its address and account in state.url are right, and that it lets this host in.",
    example="state: {url: postgresql://syncd@nowhere/syncd}",
)
LOCKED: Final = message(
    "STO-008",
    what="The database {database} stayed locked by another program for longer than {seconds} seconds.",
    do="Find the program that keeps the file open (fuser, lsof) — a backup, a shell with an open transaction — and end it.",
    example="BEGIN IMMEDIATE in a sqlite3 shell that was left open",
)
TAKEN: Final = message(
    "STO-009",
    what="{kind} {target_id} of {target} is linked to {holder} already; {subject} cannot have it too.",
    do="See who of the two it is (`syncd links`), unlink the other, and run again.",
    example="two records of one person that were not joined",
)
NO_DRIVER: Final = message(
    "STO-010",
    what="state.url names a PostgreSQL database, but its driver is not installed ({why}).",
    do="Install it beside syncd: pip install 'psycopg[binary]>=3.2'.",
    example="state: {url: postgresql://syncd@db/syncd}",
)
NO_BACKUP: Final = message(
    "STO-011",
    what="The backup {path} was not written: {why}.",
    do="Choose a path that does not exist yet, in a folder with room. PostgreSQL is backed up with its own pg_dump.",
    example="a backup over an existing file",
)
ENDED: Final = message(
    "STO-012",
    what="The database {database} refused a statement: {why}.",
    do="Nothing was kept of what was being written. If it happens again, report it with this message.",
    example="a row written to the audit table by hand",
)

AUDIT_REFUSED: Final = message(
    "STO-013",
    what="The audit log of {database} takes no records: {why}. What is not logged is not done, so nothing is written.",
    do="Run `syncd audit verify`: somebody may have written to it by hand, or taken rights away. Keep a copy before you mend it.",
    example="a row written to the audit table by hand",
)

LOCK_WAIT_SECONDS: Final = 30
"""How long a transaction waits for another program's before it gives up."""

# SQLite's result texts (https://www.sqlite.org/rescode.html), PostgreSQL's class by SQLSTATE below.
_SQLITE: Final = (
    ("database or disk is full", FULL),
    ("database is locked", LOCKED),
    ("file is not a database", DAMAGED),
    ("malformed", DAMAGED),
    ("disk i/o error", DAMAGED),
    ("readonly database", NOT_WRITABLE),
    ("unable to open database file", NOT_WRITABLE),
)


class Busy(TryAgain):
    """Somebody else holds the database for itself; `holder` says who."""

    def __init__(self, database: str, holder: Holder) -> None:
        self.holder = holder
        words = {"who": holder.who, "pid": holder.pid, "host": holder.host, "since": instant(holder.since)}
        super().__init__(BUSY.at(Place(), database=database, **words), after=timedelta(seconds=10))


def told(error: DBAPIError, database: str) -> SyncdError:
    """Return what a driver's exception means for the caller."""
    why = foreign(_words(error))
    problem = _problem(error, database, why)
    if problem.message in (LOCKED, UNREACHABLE):
        return TryAgain(problem, after=timedelta(seconds=10))
    return NeedsHuman(problem)


def not_logged(error: DBAPIError, database: str) -> SyncdError:
    """Return what it means that the audit log did not take a record: something of the database, or of the log alone."""
    why = foreign(_words(error))
    alone = _problem(error, database, why).message is ENDED
    return NeedsHuman(AUDIT_REFUSED.at(database=database, why=why)) if alone else told(error, database)


def cause(error: DBAPIError) -> DBAPIError | None:
    """Return what may be chained to an error that people and logs see: not PostgreSQL's details, which quote rows."""
    return None if _detailed(error) else error


def _detailed(error: DBAPIError) -> bool:
    return getattr(getattr(error.orig, "diag", None), "message_detail", None) is not None


def _words(error: DBAPIError) -> str:
    """Return the driver's own words. PostgreSQL's first line only: its DETAIL says `Key (subject)=(…)`, SQLite never does."""
    first = getattr(getattr(error.orig, "diag", None), "message_primary", None)
    return str(first or error.orig)


def _problem(error: DBAPIError, database: str, why: str) -> Problem:
    for text, found in _SQLITE:
        if text in why.lower():
            return found.at(database=database, why=why, seconds=LOCK_WAIT_SECONDS)
    state = str(getattr(error.orig, "sqlstate", None) or "")
    # 53100 = disk full; class 08 = connection, 57P = shut down, 28 = authorization, 3D = no such database (PostgreSQL errcodes).
    if state == "53100":
        return FULL.at(database=database)
    if error.connection_invalidated or state[:2] in {"08", "28", "3D"} or state[:3] == "57P" or _never_connected(error):
        return UNREACHABLE.at(database=database, why=why)
    return ENDED.at(database=database, why=why)


def _never_connected(error: DBAPIError) -> bool:
    # psycopg raises OperationalError without a SQLSTATE when the server cannot be reached at all.
    return type(error.orig).__module__.startswith("psycopg") and not getattr(error.orig, "sqlstate", None)
