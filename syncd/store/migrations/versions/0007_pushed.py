"""What providers push by SCIM, who is in which group, and the tokens that they show."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007_pushed"
down_revision = "0006_numbers"


def upgrade() -> None:
    """Make the tables of pushed resources."""
    op.create_table(
        "pushed",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("sort", sa.Text(), nullable=False),
        sa.Column("serial", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("external", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.Column("gone", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("source", "id"),
    )
    op.create_index("pushed_by_number", "pushed", ["source", "number"])
    _partial("pushed_by_serial", ["source", "sort", "serial"], where="NOT gone")
    _partial("pushed_one_name", ["source", "sort", "name"], where="NOT gone", unique=True)
    _partial("pushed_by_external", ["source", "sort", "external"], where="external <> ''")
    op.create_table(
        "pushed_members",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source", "group_id", "member_id"),
    )
    op.create_index("pushed_members_by_member", "pushed_members", ["source", "member_id"])
    op.create_table(
        "pushed_tokens",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute("INSERT INTO counters (name, value) VALUES ('pushed', 0)")


def _partial(name: str, columns: list[str], *, where: str, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, "pushed", columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
