"""The tables, as SQLAlchemy sees them. What makes them is `migrations/`; a test says that both are the same.

Instants are whole microseconds since 1970 UTC (`micros`), so that they compare as numbers on both databases. JSON is bytes
(`codec`). Promises that the database itself keeps are unique indexes: one waiting change per subject and class, one running
change per subject, one subject per object. Nothing here asks a question.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from syncd.store.columns import Bytes
from syncd.store.tables_alerts import alert_cases, alert_notes, alert_silences
from syncd.store.tables_drift import drifts, touches
from syncd.store.tables_leavings import leavings
from syncd.store.tables_lifecycle import offboardings
from syncd.store.tables_proposals import proposals
from syncd.store.tables_pushed import pushed, pushed_members, pushed_tokens
from syncd.store.tables_queue import change_waits, changes, metadata, partial
from syncd.store.tables_words import words

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
    # Thousands of deltas lie between two full ones.
    Index("reads_by_fullness", "source", "full", "finished_at"),
)

# The wide columns stand last: SQLite then reads the narrow ones without following overflow pages.
records = Table(
    "records",
    metadata,
    # By this its keys and most indexes know it: new records stand at the end of each, however their ids fall.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
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
    Column("review_at", BigInteger),
    Column("fingerprint", Bytes),
    Column("facts_digest", Bytes, nullable=False),
    Column("facts", Bytes, nullable=False),
    Column("aliases", Bytes, nullable=False),
    Column("problems", Bytes, nullable=False),
    Column("origins", Bytes, nullable=False),
    Column("meanings", Bytes),
    Column("attributes", Bytes),
    Index("records_by_id", "source", "kind", "native_id", unique=True),
)

# Which rule said each fact: the same for thousands of records, so kept once, by its digest.
origins = Table(
    "origins",
    metadata,
    Column("digest", Bytes, primary_key=True),
    Column("places", Bytes, nullable=False),
    sqlite_with_rowid=False,
)


# Covers what is asked of all records, so that the wide rows are not touched. `absent_since` is always NULL in it and yet needed:
# SQLite takes no index for covering that lacks a column of the condition, even of the index's own.
partial(
    "records_present",
    *(
        records.c[name]
        for name in ("source", "kind", "number", "native_id", "absent_since", "fingerprint", "review_at", "digest")
    ),
    where="absent_since IS NULL",
)
# In the order in which `iterate_by_subject` streams; covers who refers to whom, which is asked of everybody.
partial(
    "records_by_subject",
    *(records.c[name] for name in ("subject", "source", "kind", "native_id", "state", "absent_since")),
    where="subject IS NOT NULL",
)
# With the state before the source it answers by one word more than `records_by_id`; of two that answer equally well, SQLite takes
# the one that was made last, and that by id is made anew after a first read.
partial(
    "records_unjoined",
    *(records.c[name] for name in ("state", "source", "kind", "native_id")),
    where="subject IS NULL AND state = 'mapped' AND absent_since IS NULL",
)
partial(
    "records_set_aside",
    *(records.c[name] for name in ("kind", "source", "native_id")),
    where="state <> 'mapped' AND absent_since IS NULL",
)

partial("records_absent", records.c.source, where="absent_since IS NOT NULL")
# Few have a date on which they mean something else.
partial(
    "records_review",
    records.c.source,
    records.c.review_at,
    where="review_at IS NOT NULL AND absent_since IS NULL",
)

record_keys = Table(
    "record_keys",
    metadata,
    Column("number", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("number", "name", "value"),
    Index("record_keys_by_value", "value", "name", "number"),
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
    Index("asides_by_name", "scope", "name"),
)

# Subjects that are not known to agree with their objects.
marks = Table(
    "marks",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("since", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    # Which mark it is; 0 for one that stands since the last look and tells nothing new.
    Column("number", BigInteger, nullable=False, server_default=text("0")),
    Index("marks_by_number", "number"),
    sqlite_with_rowid=False,
)

# Sources that want to be read. Those that are done are kept for a while by their keys: an event that comes again is one event.
wakes = Table(
    "wakes",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("source", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("event_at", BigInteger),
    Column("who", Bytes, nullable=False),
    Column("key", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("done_at", BigInteger),
)
partial("wakes_one_event", wakes.c.source, wakes.c.key, where="key <> ''", unique=True)
partial("wakes_open", wakes.c.source, wakes.c.number, where="done_at IS NULL")
partial("wakes_done", wakes.c.done_at, where="done_at IS NOT NULL")

# When the clock alone may change what is wanted of a subject.
reviews = Table(
    "reviews",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Index("reviews_by_time", "at"),
    sqlite_with_rowid=False,
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
    Column("agreed", Bytes),
    PrimaryKeyConstraint("target", "subject"),
    Index("links_by_state", "target", "state", "kind"),
)
# A removed link stays for the record, and its object's id may be given again.
partial(
    "links_one_subject",
    links.c.target,
    links.c.kind,
    links.c.target_id,
    where="state <> 'removed'",
    unique=True,
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

observed_keys = Table(
    "observed_keys",
    metadata,
    Column("target", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("target_id", Text, nullable=False),
    PrimaryKeyConstraint("target", "kind", "field", "value", "target_id"),
    Index("observed_keys_by_object", "target_id", "kind", "target"),
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

__all__ = [
    "alert_cases",
    "alert_notes",
    "alert_silences",
    "allocations",
    "asides",
    "audit",
    "change_waits",
    "changes",
    "counters",
    "drifts",
    "feed",
    "feed_cursors",
    "holds",
    "leavings",
    "links",
    "marks",
    "meta",
    "metadata",
    "observed",
    "observed_keys",
    "offboardings",
    "origins",
    "proposals",
    "pushed",
    "pushed_members",
    "pushed_tokens",
    "reads",
    "record_keys",
    "records",
    "reviews",
    "runs",
    "subjects",
    "touches",
    "wakes",
    "words",
]
