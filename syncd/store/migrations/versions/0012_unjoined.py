"""Who belongs to nobody yet is found by an index that no other equals: after a first read SQLite walked through everybody."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012_unjoined"
down_revision = "0011_leavings"


def upgrade() -> None:
    """Make the index anew, with the state in it."""
    open_ = sa.text("subject IS NULL AND state = 'mapped' AND absent_since IS NULL")
    op.drop_index("records_unjoined", "records")
    columns = ["state", "source", "kind", "native_id"]
    op.create_index("records_unjoined", "records", columns, sqlite_where=open_, postgresql_where=open_)
