"""What Alembic runs: the steps, on the connection and in the transaction that the store hands in. Never opens its own."""

from __future__ import annotations

from alembic import context

from syncd.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
