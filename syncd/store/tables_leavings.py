"""The table of leavings: whom we have removed from the target, and what the target's own records say of who has left it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, PrimaryKeyConstraint, Table, Text

from syncd.store.tables_queue import metadata, partial

leavings = Table(
    "leavings",
    metadata,
    Column("target", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("target_id", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("removed_at", BigInteger),
    Column("left_at", BigInteger),
    Column("left_by", Text, nullable=False),
    PrimaryKeyConstraint("target", "subject"),
    Index("leavings_by_object", "target", "target_id"),
)
partial(
    "leavings_open",
    leavings.c.target,
    leavings.c.removed_at,
    where="removed_at IS NOT NULL AND left_at IS NULL",
)
