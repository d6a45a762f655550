"""The tables of the queue, and what all tables share. Asks no question; `tables` has the others and names all.

What is over stays for a while, so each question about what is open has an index that holds nothing else.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)

from syncd.store.columns import Bytes

metadata = MetaData()


def partial(name: str, *columns: Column[Any], where: str, unique: bool = False) -> None:
    """Make an index of the rows that a condition names.

    Databases get theirs from the migrations, PostgreSQL with the same condition; to name that here, too, would load PostgreSQL's
    dialect at each start.
    """
    Index(name, *columns, unique=unique, sqlite_where=text(where))


changes = Table(
    "changes",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),
    Column("run_id", Text, nullable=False),
    Column("batch", BigInteger, nullable=False),
    Column("subject", Text, nullable=False),
    Column("sort", Text, nullable=False),
    Column("lane", SmallInteger, nullable=False),
    Column("rank", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("tried", Boolean(create_constraint=False), nullable=False),
    Column("again", Boolean(create_constraint=False), nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("waits_for", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("settled_at", BigInteger),
    Column("digest", Bytes, nullable=False),
    Column("problem", Bytes),
    Column("body", Bytes, nullable=False),
    # Since when the source wants it: of several plans that superseded one another, the first.
    Column("since", BigInteger),
    # A bit for each effect that counts against the guard's window.
    Column("counted", Integer, nullable=False, server_default=text("0")),
)
partial(
    "changes_one_waiting",
    changes.c.subject,
    changes.c.sort,
    where="state IN ('ready', 'pending', 'parked')",
    unique=True,
)
partial(
    "changes_one_running",
    changes.c.subject,
    where="state = 'running'",
    unique=True,
)
# The order of service; covers the choice of the next candidates.
partial(
    "changes_next",
    changes.c.lane,
    changes.c.rank,
    changes.c.number,
    changes.c.due_at,
    where="state IN ('ready', 'pending') AND waits_for IS NULL",
)
# Covers the question "is there something before me?"; what is over is not in it.
partial(
    "changes_open_by_subject",
    changes.c.subject,
    changes.c.number,
    changes.c.rank,
    changes.c.state,
    changes.c.tried,
    where="state IN ('ready', 'running', 'pending', 'parked')",
)
partial(
    "changes_open_by_state",
    changes.c.state,
    changes.c.due_at,
    where="state IN ('ready', 'running', 'pending', 'parked')",
)
Index("changes_by_subject", changes.c.subject, changes.c.number)
partial(
    "changes_counted",
    changes.c.created_at,
    changes.c.counted,
    changes.c.subject,
    where="counted <> 0",
)
partial(
    "changes_confirmed",
    changes.c.settled_at,
    changes.c.since,
    changes.c.created_at,
    where="state = 'done'",
)
partial(
    "changes_waiting_for",
    changes.c.waits_for,
    where="waits_for IS NOT NULL",
)

change_waits = Table(
    "change_waits",
    metadata,
    Column("number", BigInteger, nullable=False),
    Column("subject", Text, nullable=False),
    Column("hard", Boolean(create_constraint=False), nullable=False),
    PrimaryKeyConstraint("number", "subject", "hard"),
    Index("change_waits_by_subject", "subject"),
    sqlite_with_rowid=False,
)
