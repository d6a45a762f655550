"""The tables, as SQLAlchemy sees them. What makes them is `migrations/`; a test says that both are the same.

Instants are whole microseconds since 1970 UTC (`micros`), so that they compare as numbers on both databases. JSON is bytes
(`codec`). Promises that the database itself keeps are unique indexes: one waiting change per subject and class, one running
change per subject, one subject per object. Nothing here asks a question.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """Return an aware instant as stored."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(stored: int) -> datetime:
    """Return a stored instant."""
    return _EPOCH + timedelta(microseconds=stored)


def maybe_micros(moment: datetime | None) -> int | None:
    """Return an instant as stored, None for none."""
    return None if moment is None else micros(moment)


def maybe_from_micros(stored: int | None) -> datetime | None:
    """Return a stored instant, None for none."""
    return None if stored is None else from_micros(stored)


class Bytes(LargeBinary):
    """Bytes that both drivers take and give as they are: without the copy that SQLAlchemy makes of each."""

    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> None:
        """Hand bytes over as they are."""

    def result_processor(self, dialect: Dialect, coltype: object) -> None:
        """Take bytes as they come."""


metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

# Numbers that are never given twice, even after the rows that had them are gone.
counters = Table(
    "counters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("config_digest", Bytes, nullable=False),
    Column("finished_at", BigInteger),
    Column("result", Text, nullable=False),
    Column("counts", Bytes, nullable=False),
    Column("note", Text, nullable=False),
    Index("runs_by_time", "started_at"),
)

reads = Table(
    "reads",
    metadata,
    Column("source", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger, nullable=False),
    Column("full", Boolean(create_constraint=False), nullable=False),
    Column("proven", Boolean(create_constraint=False), nullable=False),
    Column("facts", Bytes, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("cursor", Text),
    Column("notes", Bytes, nullable=False),
    PrimaryKeyConstraint("source", "run_id"),
    Index("reads_by_time", "source", "finished_at"),
)

# The wide columns stand last: SQLite then reads the narrow ones without following overflow pages.
records = Table(
    "records",
    metadata,
    Column("source", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("native_id", Text, nullable=False),
    Column("digest", Bytes, nullable=False),
    Column("rules_digest", Bytes, nullable=False),
    Column("state", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("subject", Text),
    Column("changed_at", BigInteger),
    Column("absent_since", BigInteger),
    Column("facts", Bytes, nullable=False),
    Column("aliases", Bytes, nullable=False),
    Column("problems", Bytes, nullable=False),
    Column("origins", Bytes, nullable=False),
    Column("attributes", Bytes),
    PrimaryKeyConstraint("source", "kind", "native_id"),
    Index("records_by_subject", "subject"),
)
# Covers `digests`: the wide rows are not touched.
Index(
    "records_present",
    records.c.source,
    records.c.kind,
    records.c.native_id,
    records.c.digest,
    sqlite_where=records.c.absent_since.is_(None),
    postgresql_where=records.c.absent_since.is_(None),
)

record_keys = Table(
    "record_keys",
    metadata,
    Column("source", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("native_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("source", "kind", "native_id", "name", "value"),
    Index("record_keys_by_value", "value", "name"),
    sqlite_with_rowid=False,
)

subjects = Table(
    "subjects",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("digest", Bytes, nullable=False),
    Column("active", Boolean(create_constraint=False), nullable=False),
    Column("since", BigInteger),
    Column("fields", Bytes, nullable=False),
    Column("rules", Bytes, nullable=False),
)

asides = Table(
    "asides",
    metadata,
    Column("scope", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("problems", Bytes, nullable=False),
    PrimaryKeyConstraint("scope", "number"),
)

links = Table(
    "links",
    metadata,
    Column("target", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("target_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("adopted", Boolean(create_constraint=False), nullable=False),
    PrimaryKeyConstraint("target", "subject"),
)
# A removed link stays for the record, and its object's id may be given again.
Index(
    "links_one_subject",
    links.c.target,
    links.c.kind,
    links.c.target_id,
    unique=True,
    sqlite_where=text("state <> 'removed'"),
    postgresql_where=text("state <> 'removed'"),
)

observed = Table(
    "observed",
    metadata,
    Column("target", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("target_id", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("pass", BigInteger, nullable=False),
    Column("protected", Boolean(create_constraint=False), nullable=False),
    Column("mark", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("fields", Bytes, nullable=False),
    Column("unreadable", Bytes, nullable=False),
    PrimaryKeyConstraint("target", "kind", "target_id"),
)

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
)
Index(
    "changes_one_waiting",
    changes.c.subject,
    changes.c.sort,
    unique=True,
    sqlite_where=text("state IN ('ready', 'pending', 'parked')"),
    postgresql_where=text("state IN ('ready', 'pending', 'parked')"),
)
Index(
    "changes_one_running",
    changes.c.subject,
    unique=True,
    sqlite_where=text("state = 'running'"),
    postgresql_where=text("state = 'running'"),
)
# The order of service; covers the choice of the next candidates.
Index(
    "changes_next",
    changes.c.lane,
    changes.c.rank,
    changes.c.number,
    changes.c.due_at,
    sqlite_where=text("state IN ('ready', 'pending') AND waits_for IS NULL"),
    postgresql_where=text("state IN ('ready', 'pending') AND waits_for IS NULL"),
)
# Covers the question "is there something before me?"; what is over is not in it.
Index(
    "changes_open_by_subject",
    changes.c.subject,
    changes.c.number,
    changes.c.rank,
    changes.c.state,
    changes.c.tried,
    sqlite_where=text("state IN ('ready', 'running', 'pending', 'parked')"),
    postgresql_where=text("state IN ('ready', 'running', 'pending', 'parked')"),
)
Index(
    "changes_open_by_state",
    changes.c.state,
    changes.c.due_at,
    sqlite_where=text("state IN ('ready', 'running', 'pending', 'parked')"),
    postgresql_where=text("state IN ('ready', 'running', 'pending', 'parked')"),
)
Index("changes_by_subject", changes.c.subject, changes.c.number)
Index(
    "changes_waiting_for",
    changes.c.waits_for,
    sqlite_where=text("waits_for IS NOT NULL"),
    postgresql_where=text("waits_for IS NOT NULL"),
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

holds = Table(
    "holds",
    metadata,
    Column("id", Text, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("effect", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("reasons", Bytes, nullable=False),
    Column("names", Bytes, nullable=False),
    Column("released_by", Text, nullable=False),
    Column("released_at", BigInteger),
    Column("reason", Text, nullable=False),
    Index("holds_by_state", "state", "effect", "fingerprint"),
)

allocations = Table(
    "allocations",
    metadata,
    Column("target", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("subject", Text, nullable=False),
    PrimaryKeyConstraint("target", "field", "value"),
    Index("allocations_by_subject", "target", "field", "subject", unique=True),
)

feed = Table(
    "feed",
    metadata,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("subject", Text, nullable=False),
    Column("body", Bytes, nullable=False),
)

feed_cursors = Table(
    "feed_cursors",
    metadata,
    Column("consumer", Text, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
)

# Append-only: triggers in the migration refuse everything else.
audit = Table(
    "audit",
    metadata,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("type", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("change", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Bytes, nullable=False),
    Column("prev", Bytes, nullable=False),
    Column("hash", Bytes, nullable=False),
    Index("audit_by_subject", "subject", "sequence"),
    Index("audit_by_run", "run", "sequence"),
)
