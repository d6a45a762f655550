"""The tables of what providers push (SCIM): resources, members one row each, and the tokens that providers show."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, PrimaryKeyConstraint, Table, Text

from syncd.store.columns import Bytes
from syncd.store.tables_queue import metadata, partial

# One that is deleted stays as an id, a serial and a number, so that who reads changes hears of it; body and names are emptied.
pushed = Table(
    "pushed",
    metadata,
    Column("source", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("sort", Text, nullable=False),
    Column("serial", BigInteger, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("external", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    Column("gone", Boolean(create_constraint=False), nullable=False),
    Column("body", Bytes, nullable=False),
    PrimaryKeyConstraint("source", "id"),
    Index("pushed_by_number", "source", "number"),
)
_P = pushed.c
partial("pushed_by_serial", _P.source, _P.sort, _P.serial, where="NOT gone")
partial("pushed_one_name", _P.source, _P.sort, _P.name, where="NOT gone", unique=True)
partial("pushed_by_external", _P.source, _P.sort, _P.external, where="external <> ''")

pushed_members = Table(
    "pushed_members",
    metadata,
    Column("source", Text, nullable=False),
    Column("group_id", Text, nullable=False),
    Column("member_id", Text, nullable=False),
    PrimaryKeyConstraint("source", "group_id", "member_id"),
    Index("pushed_members_by_member", "source", "member_id"),
)

pushed_tokens = Table(
    "pushed_tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("digest", Bytes, nullable=False),
    Column("note", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
)
