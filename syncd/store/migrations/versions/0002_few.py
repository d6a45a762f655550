"""Questions about a few: fingerprints, references between records, marks, reviews, agreement, and what objects are found by.

What is new and cannot be filled in here is asked for again: records count as mapped by other rules, so that the next cycle maps
them from what is stored; and the target is looked at anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0002_few"
down_revision = "0001_start"

_PRESENT: Final = "absent_since IS NULL"


def upgrade() -> None:
    """Widen `records` and `links`, make the new tables, and see to it that what they hold is gathered."""
    if op.get_context().dialect.name == "sqlite":
        # Made anew, not altered: SQLite puts a new column last, behind the wide ones, where it is dear to read.
        _make_anew("records", _records(), computed={"rules_digest": "x''", "facts_digest": "x''"})
        _make_anew("links", _links())
    else:
        _widen()
    _indexes()
    _tables()
    _fold_ids()
    op.execute("DELETE FROM meta WHERE key LIKE 'observed.last_full:%'")


def _make_anew(name: str, columns: Sequence[sa.schema.SchemaItem], *, computed: dict[str, str] | None = None) -> None:
    """Replace a table of 0001, whose indexes are dropped, by one with these columns and the same rows."""
    connection = op.get_bind()
    old = {column["name"] for column in sa.inspect(connection).get_columns(name)}
    for index in sa.inspect(connection).get_indexes(name):
        op.drop_index(str(index["name"]), name)
    op.rename_table(name, f"{name}_0001")
    op.create_table(name, *columns)
    filled = {column.name: column.name for column in columns if isinstance(column, sa.Column) and column.name in old}
    filled.update(computed or {})
    op.execute(f"INSERT INTO {name} ({', '.join(filled)}) SELECT {', '.join(filled.values())} FROM {name}_0001")
    op.drop_table(f"{name}_0001")


def _widen() -> None:
    empty = sa.text("''")
    op.add_column("records", sa.Column("review_at", sa.BigInteger(), nullable=True))
    op.add_column("records", sa.Column("fingerprint", sa.LargeBinary(), nullable=True))
    op.add_column("records", sa.Column("facts_digest", sa.LargeBinary(), nullable=False, server_default=empty))
    op.alter_column("records", "facts_digest", server_default=None)
    op.add_column("records", sa.Column("meanings", sa.LargeBinary(), nullable=True))
    op.execute("UPDATE records SET rules_digest = ''")
    op.drop_index("records_present", "records")
    op.drop_index("records_by_subject", "records")
    op.add_column("links", sa.Column("agreed", sa.LargeBinary(), nullable=True))
    op.drop_index("links_one_subject", "links")


def _records() -> Sequence[sa.schema.SchemaItem]:
    return (
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("native_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("rules_digest", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("changed_at", sa.BigInteger(), nullable=True),
        sa.Column("absent_since", sa.BigInteger(), nullable=True),
        sa.Column("review_at", sa.BigInteger(), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=True),
        sa.Column("facts_digest", sa.LargeBinary(), nullable=False),
        sa.Column("facts", sa.LargeBinary(), nullable=False),
        sa.Column("aliases", sa.LargeBinary(), nullable=False),
        sa.Column("problems", sa.LargeBinary(), nullable=False),
        sa.Column("origins", sa.LargeBinary(), nullable=False),
        sa.Column("meanings", sa.LargeBinary(), nullable=True),
        sa.Column("attributes", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("source", "kind", "native_id"),
    )


def _links() -> Sequence[sa.schema.SchemaItem]:
    return (
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("target_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("adopted", sa.Boolean(), nullable=False),
        sa.Column("agreed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("target", "subject"),
    )


def _partial(name: str, table: str, columns: list[str], *, where: str, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def _indexes() -> None:
    record = ["source", "kind", "native_id"]
    _partial("records_by_subject", "records", ["subject", *record], where="subject IS NOT NULL")
    covered = [*record, "absent_since", "fingerprint", "review_at", "digest"]
    _partial("records_present", "records", covered, where=_PRESENT)
    unjoined = f"subject IS NULL AND state = 'mapped' AND {_PRESENT}"
    _partial("records_unjoined", "records", record, where=unjoined)
    _partial("records_absent", "records", ["source"], where="absent_since IS NOT NULL")
    _partial("records_review", "records", ["source", "review_at"], where=f"review_at IS NOT NULL AND {_PRESENT}")
    aside = f"state <> 'mapped' AND {_PRESENT}"
    _partial("records_set_aside", "records", ["kind", "source", "native_id"], where=aside)
    _partial("links_one_subject", "links", ["target", "kind", "target_id"], where="state <> 'removed'", unique=True)
    op.create_index("links_by_state", "links", ["target", "state", "kind"])
    op.create_index("asides_by_name", "asides", ["scope", "name"])


def _tables() -> None:
    op.create_table(
        "observed_keys",
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("target_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("target", "kind", "field", "value", "target_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("observed_keys_by_object", "observed_keys", ["target_id", "kind", "target"])
    op.create_table(
        "marks",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("subject"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "reviews",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject"),
        sqlite_with_rowid=False,
    )
    op.create_index("reviews_by_time", "reviews", ["at"])


def _fold_ids() -> None:
    """Give the records whose id is not in its folded form the key by which it is found in any case (see `records.ID`)."""
    connection = op.get_bind()
    keys = sa.table("record_keys", *(sa.column(name) for name in ("source", "kind", "native_id", "name", "value")))
    found = connection.execute(sa.text("SELECT source, kind, native_id FROM records")).all()
    rows = [
        {"source": source, "kind": kind, "native_id": native_id, "name": "@id", "value": folded}
        for source, kind, native_id in found
        if (folded := native_id.strip().casefold()) != native_id
    ]
    if rows:
        connection.execute(sa.insert(keys), rows)
