"""What the target shall hold, by subject. Never compares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sqlalchemy import Connection, bindparam, delete, select

from syncd.core.model import Desired, Kind, SubjectId
from syncd.store import codec, tables
from syncd.store.columns import maybe_from_micros, maybe_micros
from syncd.store.rows import DesiredRow
from syncd.store.statements import Answer, Fields, Upsert, portions, stream

_T: Final = tables.subjects
_PUT: Final = Upsert(_T, key=["subject"])
_ONE: Final = select(_T).where(_T.c.subject == bindparam("one"))
_ALL: Final = select(_T).order_by(_T.c.kind, _T.c.subject)
_OF_KIND: Final = _ALL.where(_T.c.kind == bindparam("of_kind"))
_DIGESTS: Final = select(_T.c.subject, _T.c.digest)
_FORGET: Final = delete(_T).where(_T.c.subject == bindparam("one"))


class Subjects:
    """Desired objects."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put_desired(self, rows: Iterable[DesiredRow]) -> None:
        """Insert or replace."""
        for portion in portions(rows):
            _PUT.run(self._connection, [_fields(row) for row in portion])

    def desired(self, subject: SubjectId) -> DesiredRow | None:
        """Return one."""
        row = self._connection.execute(_ONE, {"one": subject}).first()
        return None if row is None else _desired(row)

    def iterate_desired(self, kind: Kind | None = None) -> Iterator[DesiredRow]:
        """Stream all, by kind and subject."""
        rows = stream(self._connection, _OF_KIND, {"of_kind": kind}) if kind else stream(self._connection, _ALL)
        return map(_desired, rows)

    def digests(self) -> dict[SubjectId, bytes]:
        """Return the digest of each."""
        return {SubjectId(subject): digest for subject, digest in self._connection.execute(_DIGESTS)}

    def forget(self, subjects: Iterable[SubjectId]) -> None:
        """Delete."""
        for portion in portions(subjects):
            self._connection.execute(_FORGET, [{"one": subject} for subject in portion])


def _fields(row: DesiredRow) -> Fields:
    desired = row.desired
    return {
        "subject": desired.subject,
        "kind": desired.kind,
        "label": desired.label,
        "digest": row.digest,
        "active": desired.active,
        "since": maybe_micros(desired.since),
        "fields": codec.encode(desired.fields),
        "rules": codec.encode_places(desired.rules),
    }


def _desired(row: Answer) -> DesiredRow:
    desired = Desired(
        subject=SubjectId(row.subject),
        kind=Kind(row.kind),
        label=row.label,
        fields=codec.decode_values(row.fields),
        active=row.active,
        rules=codec.decode_places(row.rules),
        since=maybe_from_micros(row.since),
    )
    return DesiredRow(desired=desired, digest=row.digest)
