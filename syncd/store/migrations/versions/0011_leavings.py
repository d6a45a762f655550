"""Leavings: whom we have removed, and what the target's own records say of who has left it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011_leavings"
down_revision = "0010_words"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "leavings",
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("target_id", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.Column("left_at", sa.BigInteger(), nullable=True),
        sa.Column("left_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("target", "subject"),
    )
    op.create_index("leavings_by_object", "leavings", ["target", "target_id"])
    waiting = sa.text("removed_at IS NOT NULL AND left_at IS NULL")
    op.create_index(
        "leavings_open", "leavings", ["target", "removed_at"], sqlite_where=waiting, postgresql_where=waiting
    )
