"""The table of offboardings: who was told to leave by an operator, whatever the sources say."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Table, Text

from syncd.store.tables_queue import metadata

offboardings = Table(
    "offboardings",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("label", Text, nullable=False),
    Column("decided_at", BigInteger, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
)
