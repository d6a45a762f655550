"""The service: who rang, which marks are new, what counts against the guard's window, and since when a change is awaited."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_wakes"
down_revision = "0002_few"


def upgrade() -> None:
    """Make the table of wakes, number the marks, and let changes remember what the guard and the delay are counted by."""
    op.create_table(
        "wakes",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, autoincrement=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("event_at", sa.BigInteger(), nullable=True),
        sa.Column("who", sa.LargeBinary(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    _partial("wakes_one_event", "wakes", ["source", "key"], where="key <> ''", unique=True)
    _partial("wakes_open", "wakes", ["source", "number"], where="done_at IS NULL")
    _partial("wakes_done", "wakes", ["done_at"], where="done_at IS NOT NULL")
    zero = sa.text("0")
    op.add_column("marks", sa.Column("number", sa.BigInteger(), nullable=False, server_default=zero))
    op.create_index("marks_by_number", "marks", ["number"])
    op.add_column("changes", sa.Column("since", sa.BigInteger(), nullable=True))
    op.add_column("changes", sa.Column("counted", sa.Integer(), nullable=False, server_default=zero))
    _partial("changes_counted", "changes", ["created_at", "counted", "subject"], where="counted <> 0")
    _partial("changes_confirmed", "changes", ["settled_at", "since", "created_at"], where="state = 'done'")
    op.execute("INSERT INTO counters (name, value) VALUES ('wakes', 0), ('marks', 0)")


def _partial(name: str, table: str, columns: list[str], *, where: str, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
