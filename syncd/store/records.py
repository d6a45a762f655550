"""Records of the sources as last read and mapped. Never interprets them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, update

from syncd.core.model import Kind, NativeId, SourceName, SubjectId
from syncd.store import codec, tables
from syncd.store.rows import ALIAS, FoundRecord, KeyRow, RecordState, StagedRecord
from syncd.store.statements import Answer, Fields, Upsert, portions, stream
from syncd.store.tables import maybe_from_micros, maybe_micros, micros

_T: Final = tables.records
_K: Final = tables.record_keys
_KINDS: Final = {kind.value: kind for kind in Kind}
_NARROW: Final = [column for column in _T.c if column.name != "attributes"]
_PRESENT: Final = _T.c.absent_since.is_(None)
_OF_SOURCE: Final = _T.c.source == bindparam("of_source")
_THIS: Final = (_OF_SOURCE, _T.c.kind == bindparam("of_kind"), _T.c.native_id == bindparam("id"))
_THIS_KEYS: Final = (
    _K.c.source == bindparam("of_source"),
    _K.c.kind == bindparam("of_kind"),
    _K.c.native_id == bindparam("id"),
)

_DIGESTS: Final = select(_T.c.kind, _T.c.native_id, _T.c.digest).where(_OF_SOURCE, _PRESENT)
_PUT: Final = Upsert(_T, key=["source", "kind", "native_id"], keep=["subject"])
_PUT_KEYS: Final = insert(_K)
_FORGET: Final = delete(_T).where(*_THIS)
_FORGET_KEYS: Final = delete(_K).where(*_THIS_KEYS)
_MARK_ABSENT: Final = update(_T).where(*_THIS, _PRESENT).values(absent_since=bindparam("since"))
_SET_SUBJECT: Final = update(_T).where(*_THIS).values(subject=bindparam("joined"))

_ALL: Final = select(*_NARROW).order_by(_T.c.kind, _T.c.source, _T.c.native_id)
_ITERATE: Final = {
    (False, False): _ALL,
    (True, False): _ALL.where(_OF_SOURCE),
    (False, True): _ALL.where(_T.c.kind == bindparam("of_kind")),
    (True, True): _ALL.where(_OF_SOURCE, _T.c.kind == bindparam("of_kind")),
}
_KEYS_OF: Final = select(_K.c.name, _K.c.value).where(*_THIS_KEYS, _K.c.name != ALIAS).order_by(_K.c.name, _K.c.value)
_SAME: Final = (_T.c.source == _K.c.source) & (_T.c.kind == _K.c.kind) & (_T.c.native_id == _K.c.native_id)
_ALL_KEYS: Final = (
    select(_K.c.native_id, _K.c.name, _K.c.value)
    .join(_T, _SAME)
    .where(_OF_SOURCE, _T.c.kind == bindparam("of_kind"), _PRESENT)
    .order_by(_K.c.native_id, _K.c.name, _K.c.value)
)
_RESOLVE: Final = (
    select(_K.c.native_id)
    .join(_T, _SAME)
    .where(
        _OF_SOURCE,
        _T.c.kind == bindparam("of_kind"),
        _PRESENT,
        _K.c.name == bindparam("key"),
        _K.c.value == bindparam("word"),
    )
    .order_by(_K.c.native_id)
)
_ONE: Final = select(_T).where(*_THIS)
_OF_SUBJECT: Final = (
    select(_T).where(_T.c.subject == bindparam("of_subject")).order_by(_T.c.source, _T.c.kind, _T.c.native_id)
)
_OUTDATED: Final = (
    select(_T.c.kind, _T.c.native_id)
    .where(_OF_SOURCE, _PRESENT, _T.c.rules_digest != bindparam("rules"))
    .order_by(_T.c.kind, _T.c.native_id)
)
_SEVERAL: Final = (
    select(_T)
    .where(_OF_SOURCE, _T.c.kind == bindparam("of_kind"), _T.c.native_id.in_(bindparam("ids", expanding=True)))
    .order_by(_T.c.native_id)
)
_FOUND: Final = (_T.c.source, _T.c.kind, _T.c.native_id, _T.c.label, _T.c.subject)
_EXACT: Final = (
    select(*_FOUND)
    .where(
        or_(
            _T.c.native_id == bindparam("word"),
            _T.c.subject == bindparam("word"),
            select(_K.c.value)
            .where(_SAME, _K.c.value.in_([bindparam("word"), bindparam("folded")]))
            .correlate(_T)
            .exists(),
        )
    )
    .order_by(_T.c.source, _T.c.kind, _T.c.native_id)
)
_LABELS: Final = select(*_FOUND).order_by(_T.c.source, _T.c.kind, _T.c.native_id)


class Records:
    """Staged records."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # --- what the reader asks ---

    def digests(self, source: SourceName) -> dict[tuple[Kind, NativeId], bytes]:
        """Return the content digests of the records that are there (absent ones left out)."""
        rows = self._connection.execute(_DIGESTS, {"of_source": source})
        return {(_KINDS[kind], native_id): digest for kind, native_id, digest in rows}

    def put_many(self, rows: Iterable[StagedRecord]) -> None:
        """Insert or replace records with their keys. A record that is put is there or absent as the row says.

        A join once made is kept, unless the row names another subject; `set_subject` alone takes it away.
        """
        for portion in portions(rows):
            _PUT.run(self._connection, [_fields(row) for row in portion])
            self._connection.execute(_FORGET_KEYS, [_id(row.source, row.kind, row.native_id) for row in portion])
            if keys := [key for row in portion for key in _keys(row)]:
                self._connection.execute(_PUT_KEYS, keys)

    def mark_absent(self, source: SourceName, ids: Iterable[tuple[Kind, NativeId]], *, at: datetime) -> None:
        """Mark records as gone since `at`; those marked already keep their time."""
        since = micros(at)
        for portion in portions(ids):
            self._connection.execute(
                _MARK_ABSENT, [{**_id(source, kind, one), "since": since} for kind, one in portion]
            )

    def forget(self, source: SourceName, ids: Iterable[tuple[Kind, NativeId]]) -> None:
        """Delete records and their keys."""
        for portion in portions(ids):
            fields = [_id(source, kind, one) for kind, one in portion]
            self._connection.execute(_FORGET, fields)
            self._connection.execute(_FORGET_KEYS, fields)

    def outdated(self, source: SourceName, rules_digest: bytes) -> Iterator[StagedRecord]:
        """Stream the records that are there and were mapped by other rules, with attributes, without keys.

        They may be put again while the stream goes on.
        """
        fields = {"of_source": source, "rules": rules_digest}
        ids = self._connection.execute(_OUTDATED, fields).all()
        for kind, of_kind in groupby(ids, key=lambda one: one.kind):
            for portion in portions(one.native_id for one in of_kind):
                question = {"of_source": source, "of_kind": kind, "ids": portion}
                yield from [_record(row, attributes=True) for row in self._connection.execute(_SEVERAL, question)]

    # --- what the join asks ---

    def iterate(self, *, source: SourceName | None = None, kind: Kind | None = None) -> Iterator[StagedRecord]:
        """Stream records, absent ones too, without attributes and keys, by kind, source and native id."""
        fields = {"of_source": source, "of_kind": kind}
        question = _ITERATE[source is not None, kind is not None]
        rows = stream(self._connection, question, {name: word for name, word in fields.items() if word is not None})
        return (_record(row, attributes=False) for row in rows)

    def iterate_keys(self, source: SourceName, kind: Kind) -> Iterator[KeyRow]:
        """Stream the keys (name ALIAS: aliases, case folded) of the records that are there, by native id."""
        rows = stream(self._connection, _ALL_KEYS, {"of_source": source, "of_kind": kind})
        return (KeyRow(native_id=NativeId(native_id), name=name, value=value) for native_id, name, value in rows)

    def resolve(self, source: SourceName, kind: Kind, *, name: str, value: str) -> list[NativeId]:
        """Return the records that are there with this key; `name` may be ALIAS."""
        word = value.casefold() if name == ALIAS else value
        fields = {"of_source": source, "of_kind": kind, "key": name, "word": word}
        return [NativeId(native_id) for native_id in self._connection.execute(_RESOLVE, fields).scalars()]

    def set_subject(self, source: SourceName, kind: Kind, native_id: NativeId, *, subject: SubjectId | None) -> None:
        """Join a record to a subject."""
        self.set_subjects([(source, kind, native_id, subject)])

    def set_subjects(self, rows: Iterable[tuple[SourceName, Kind, NativeId, SubjectId | None]]) -> None:
        """Join many records."""
        for portion in portions(rows):
            fields = [{**_id(source, kind, one), "joined": subject} for source, kind, one, subject in portion]
            self._connection.execute(_SET_SUBJECT, fields)

    # --- what people ask ---

    def get(self, source: SourceName, kind: Kind, native_id: NativeId) -> StagedRecord | None:
        """Return one record with everything."""
        row = self._connection.execute(_ONE, _id(source, kind, native_id)).first()
        return None if row is None else self._whole(row)

    def of_subject(self, subject: SubjectId) -> list[StagedRecord]:
        """Return the records joined to a subject, with everything."""
        rows = self._connection.execute(_OF_SUBJECT, {"of_subject": subject}).all()
        return [self._whole(row) for row in rows]

    def find(self, text: str, *, limit: int = 50) -> list[FoundRecord]:
        """Find by exact native id, subject, alias or key; where there is none, by part of the label in any case."""
        fields = {"word": text, "folded": text.casefold()}
        if exact := self._connection.execute(_EXACT.limit(limit), fields).all():
            return [_found(row) for row in exact]
        # Here, not in SQL: SQLite folds the case of ASCII letters only.
        part, found = text.casefold(), []
        for row in stream(self._connection, _LABELS):
            if part in row.label.casefold():
                found.append(_found(row))
            if len(found) == limit:
                break
        return found

    def _whole(self, row: Answer) -> StagedRecord:
        keys = self._connection.execute(_KEYS_OF, _id(row.source, row.kind, row.native_id))
        return _record(row, attributes=True, keys=tuple((name, value) for name, value in keys))


def _id(source: str, kind: str, native_id: str) -> Fields:
    return {"of_source": source, "of_kind": kind, "id": native_id}


def _keys(row: StagedRecord) -> Iterator[Fields]:
    for name, value in {*row.keys, *((ALIAS, alias.casefold()) for alias in row.aliases)}:
        yield {"source": row.source, "kind": row.kind, "native_id": row.native_id, "name": name, "value": value}


def _fields(row: StagedRecord) -> Fields:
    return {
        "source": row.source,
        "kind": row.kind,
        "native_id": row.native_id,
        "digest": row.digest,
        "rules_digest": row.rules_digest,
        "state": row.state,
        "label": row.label,
        "subject": row.subject,
        "changed_at": maybe_micros(row.changed_at),
        "absent_since": maybe_micros(row.absent_since),
        "facts": codec.encode(row.facts),
        "aliases": codec.encode(row.aliases),
        "problems": codec.encode_told(row.problems),
        "origins": codec.encode_places(row.origins),
        "attributes": None if row.attributes is None else codec.encode(row.attributes),
    }


def _record(row: Answer, *, attributes: bool, keys: tuple[tuple[str, str], ...] = ()) -> StagedRecord:
    stored = row.attributes if attributes else None
    return StagedRecord(
        source=SourceName(row.source),
        kind=_KINDS[row.kind],
        native_id=NativeId(row.native_id),
        digest=row.digest,
        rules_digest=row.rules_digest,
        state=RecordState(row.state),
        label=row.label,
        attributes=None if stored is None else codec.decode_values(stored),
        aliases=codec.decode_texts(row.aliases),
        facts=codec.decode_values(row.facts),
        origins=codec.decode_places(row.origins),
        keys=keys,
        problems=codec.decode_told(row.problems),
        subject=row.subject and SubjectId(row.subject),
        changed_at=maybe_from_micros(row.changed_at),
        absent_since=maybe_from_micros(row.absent_since),
    )


def _found(row: Answer) -> FoundRecord:
    return FoundRecord(
        source=SourceName(row.source),
        kind=_KINDS[row.kind],
        native_id=NativeId(row.native_id),
        label=row.label,
        subject=row.subject and SubjectId(row.subject),
    )
