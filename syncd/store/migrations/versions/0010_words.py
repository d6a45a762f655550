"""Words: who was, or is to be, told of a joiner."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010_words"
down_revision = "0009_proposals"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "words",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("joiner", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("addressee", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("addressee_label", sa.Text(), nullable=False),
        sa.Column("news", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("begins_at", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("fate", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("words_by_joiner", "words", ["joiner", "number"])
    op.create_index("words_by_fate", "words", ["fate", "due_at"])
    op.create_index("words_by_day", "words", ["begins_at"])
    op.execute("INSERT INTO counters (name, value) VALUES ('words', 0)")
