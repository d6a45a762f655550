"""The steps from an empty database to this program's schema, run by Alembic when the store is opened."""
