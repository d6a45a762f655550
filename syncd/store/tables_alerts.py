"""The tables of alerts: cases by episode, silences, and messages to channels. Asks no question; `tables` names them all."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, Table, Text

from syncd.store.columns import Bytes
from syncd.store.tables_queue import metadata, partial

alert_cases = Table(
    "alert_cases",
    metadata,
    Column("key", Text, nullable=False),
    Column("episode", BigInteger, nullable=False),
    Column("rule", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("resolved_at", BigInteger),
    Column("body", Bytes, nullable=False),
    PrimaryKeyConstraint("key", "episode"),
)
Index("alert_cases_by_time", alert_cases.c.seen_at)

alert_silences = Table(
    "alert_silences",
    metadata,
    Column("id", Text, primary_key=True),
    Column("matching", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
)

alert_notes = Table(
    "alert_notes",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),
    Column("channel", Text, nullable=False),
    Column("case_key", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("body", Bytes, nullable=False),
)
partial("alert_notes_waiting", alert_notes.c.number, where="state = 'waiting'")
Index("alert_notes_by_case", alert_notes.c.case_key, alert_notes.c.number)
