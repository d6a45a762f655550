"""Offboardings: who was told to leave by an operator, whatever the sources say."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008_offboardings"
down_revision = "0007_pushed"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "offboardings",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("subject"),
    )
