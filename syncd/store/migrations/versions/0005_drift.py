"""Drift: what somebody touched in the target and nobody has judged yet, and what was changed by hand and waits or stays."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005_drift"
down_revision = "0004_alerts"


def upgrade() -> None:
    """Make both tables, and the counter that numbers what is touched."""
    op.create_table(
        "touches",
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("target_id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("gone", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("unsure", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("seen", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("target", "kind", "target_id"),
    )
    op.create_index("touches_due", "touches", ["target", "due_at"])
    op.create_table(
        "drifts",
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("target_id", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.Column("event_at", sa.BigInteger(), nullable=False),
        sa.Column("wanted", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("target", "subject", "field"),
    )
    op.create_index("drifts_by_state", "drifts", ["target", "state"])
    op.execute("INSERT INTO counters (name, value) VALUES ('touches', 0)")
