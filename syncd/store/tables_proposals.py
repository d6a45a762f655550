"""The table of proposals: records that may be somebody who is known, and what people have decided about them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, PrimaryKeyConstraint, Table, Text

from syncd.store.columns import Bytes
from syncd.store.tables_queue import metadata

proposals = Table(
    "proposals",
    metadata,
    Column("source", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("native_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("other", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("digest", Bytes, nullable=False),
    Column("found_at", BigInteger, nullable=False),
    Column("decided_at", BigInteger),
    Column("decided_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("source", "kind", "native_id", "subject"),
    Index("proposals_by_state", "state", "subject"),
    Index("proposals_by_subject", "subject"),
)
