"""The tables of drift: what somebody touched and nobody has judged yet, and what was changed by hand and stays or waits."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, PrimaryKeyConstraint, Table, Text

from syncd.store.columns import Bytes
from syncd.store.tables_queue import metadata

touches = Table(
    "touches",
    metadata,
    Column("target", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("target_id", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("gone", Boolean(create_constraint=False), nullable=False),
    Column("unsure", Boolean(create_constraint=False), nullable=False),
    Column("seen", Bytes),
    PrimaryKeyConstraint("target", "kind", "target_id"),
    Index("touches_due", "target", "due_at"),
)

drifts = Table(
    "drifts",
    metadata,
    Column("target", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("target_id", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("found_at", BigInteger, nullable=False),
    Column("event_at", BigInteger, nullable=False),
    Column("wanted", Bytes, nullable=False),
    Column("body", Bytes, nullable=False),
    PrimaryKeyConstraint("target", "subject", "field"),
    Index("drifts_by_state", "target", "state"),
)
