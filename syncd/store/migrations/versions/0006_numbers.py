"""Records are known by numbers: their keys and indexes hold those instead of ids, and what rules said is kept once.

A first read of a large directory wrote most pages of every index again with each thousand records, because ids fall anywhere.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision = "0006_numbers"
down_revision = "0005_drift"

_PRESENT: Final = "absent_since IS NULL"
_INDEXES: Final = ("present", "by_subject", "unjoined", "set_aside", "absent", "review")


def upgrade() -> None:
    """Number the records, in the order of their ids, and make both tables anew with what they hold."""
    for name in _INDEXES:
        op.drop_index(f"records_{name}", "records")
    op.drop_index("record_keys_by_value", "record_keys")
    op.rename_table("records", "records_0005")
    op.rename_table("record_keys", "record_keys_0005")
    _tables()
    names = ", ".join(column.name for column in _columns())
    numbered = "row_number() OVER (ORDER BY source, kind, native_id)"
    op.execute(f"INSERT INTO records (number, {names}) SELECT {numbered}, {names} FROM records_0005")
    op.execute(
        "INSERT INTO record_keys (number, name, value) SELECT r.number, k.name, k.value FROM record_keys_0005 k "
        "JOIN records r ON r.source = k.source AND r.kind = k.kind AND r.native_id = k.native_id"
    )
    op.drop_table("record_keys_0005")
    op.drop_table("records_0005")
    _indexes()
    _origins()
    op.execute("INSERT INTO counters (name, value) SELECT 'records', coalesce(max(number), 0) FROM records")


def _columns() -> tuple[sa.Column[Any], ...]:
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
    )


def _tables() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "records",
        sa.Column("number", number, nullable=False, autoincrement=False),
        *_columns(),
        sa.PrimaryKeyConstraint("number"),
    )
    # Found by it while the keys are copied, so made before them.
    op.create_index("records_by_id", "records", ["source", "kind", "native_id"], unique=True)
    op.create_table(
        "record_keys",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", "name", "value"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "origins",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("places", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
        sqlite_with_rowid=False,
    )


def _indexes() -> None:
    record = ["source", "kind", "native_id"]
    covered = ["source", "kind", "number", "native_id", "absent_since", "fingerprint", "review_at", "digest"]
    _partial("records_present", covered, where=_PRESENT)
    _partial("records_by_subject", ["subject", *record, "state", "absent_since"], where="subject IS NOT NULL")
    _partial("records_unjoined", record, where=f"subject IS NULL AND state = 'mapped' AND {_PRESENT}")
    _partial("records_set_aside", ["kind", "source", "native_id"], where=f"state <> 'mapped' AND {_PRESENT}")
    _partial("records_absent", ["source"], where="absent_since IS NOT NULL")
    _partial("records_review", ["source", "review_at"], where=f"review_at IS NOT NULL AND {_PRESENT}")
    op.create_index("record_keys_by_value", "record_keys", ["value", "name", "number"])


def _partial(name: str, columns: list[str], *, where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, "records", columns, sqlite_where=condition, postgresql_where=condition)


def _origins() -> None:
    """Keep each of what rules said once, and in the records its digest."""
    connection = op.get_bind()
    digest, places = sa.bindparam("digest", type_=sa.LargeBinary()), sa.bindparam("places", type_=sa.LargeBinary())
    keep = sa.text("INSERT INTO origins (digest, places) VALUES (:digest, :places)").bindparams(digest, places)
    note = sa.text("UPDATE records SET origins = :digest WHERE origins = :places").bindparams(digest, places)
    for (stored,) in connection.execute(sa.text("SELECT DISTINCT origins FROM records")).all():
        words = {"digest": hashlib.blake2b(bytes(stored), digest_size=16).digest(), "places": bytes(stored)}
        connection.execute(keep, words)
        connection.execute(note, words)
