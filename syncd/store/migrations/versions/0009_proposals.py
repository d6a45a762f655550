"""Proposals: who may be who, and what people have decided about it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009_proposals"
down_revision = "0008_offboardings"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "proposals",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("native_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("other", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source", "kind", "native_id", "subject"),
    )
    op.create_index("proposals_by_state", "proposals", ["state", "subject"])
    op.create_index("proposals_by_subject", "proposals", ["subject"])
