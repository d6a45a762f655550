"""The table of words: who was, or is to be, told of a joiner."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from syncd.store.tables_queue import metadata

words = Table(
    "words",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False, unique=True),
    Column("joiner", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("addressee", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("addressee_label", Text, nullable=False),
    Column("news", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("begins_at", BigInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("decided_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("fate", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("settled_at", BigInteger),
    Column("code", Text, nullable=False),
    Index("words_by_joiner", "joiner", "number"),
    Index("words_by_fate", "fate", "due_at"),
    Index("words_by_day", "begins_at"),
)
