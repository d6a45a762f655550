"""The last full read of a source is found by an index, however many deltas came after it."""

from __future__ import annotations

from alembic import op

revision = "0013_full_reads"
down_revision = "0012_unjoined"


def upgrade() -> None:
    """Make the index."""
    op.create_index("reads_by_fullness", "reads", ["source", "full", "finished_at"])
