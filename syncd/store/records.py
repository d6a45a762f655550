"""Records of the sources as last read and mapped: put, found, streamed. Never interprets them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain, groupby
from typing import Final

from sqlalchemy import and_, bindparam, delete, func, select, union, update

from syncd.core.model import RECORD_KINDS, Kind, NativeId, SourceName, SubjectId
from syncd.store import bulk, tables
from syncd.store.columns import folded, micros
from syncd.store.record_rows import KINDS, NAMES, Key, encode_places, fields, identity, key_of, keys, narrow, record
from syncd.store.records_named import NamedRecords
from syncd.store.rows import ALIAS, REFERS, SAME_ID, FoundRecord, KeyRow, StagedRecord
from syncd.store.statements import Answer, Few, Many, Put, Upsert, among, numbers, plain, portions, stream

_T: Final = tables.records
_K: Final = tables.record_keys
_NARROW: Final = [column for column in _T.c if column.name not in ("attributes", "meanings")]
_PRESENT: Final = _T.c.absent_since.is_(None)
_OF_SOURCE: Final = _T.c.source == bindparam("of_source")
_THIS: Final = (_OF_SOURCE, _T.c.kind == bindparam("of_kind"), _T.c.native_id == bindparam("id"))

_DIGESTS: Final = select(_T.c.kind, _T.c.native_id, _T.c.digest).where(_OF_SOURCE, _PRESENT)
_NUMBERS: Final = Few(
    select(_T.c.native_id, _T.c.number).where(_OF_SOURCE, _T.c.kind == bindparam("of_kind"), among(_T.c.native_id))
)
_PUT: Final = Upsert(_T, key=["number"], keep=["subject"], fixed=["source", "kind", "native_id"])
_PUT_KEYS: Final = Put(_K)
_PUT_ORIGINS: Final = Put(tables.origins)
_TIDY_ORIGINS: Final = delete(tables.origins).where(tables.origins.c.digest.not_in(select(_T.c.origins)))
_FORGET: Final = delete(_T).where(among(_T.c.number))
_FORGET_KEYS: Final = delete(_K).where(among(_K.c.number))
_MARK_ABSENT: Final = update(_T).where(*_THIS, _PRESENT).values(absent_since=bindparam("since"))
_SET_SUBJECT: Final = Many(update(_T).where(*_THIS).values(subject=bindparam("joined")))

_ALL: Final = select(*_NARROW).order_by(_T.c.kind, _T.c.source, _T.c.native_id)
_ITERATE: Final = {
    (False, False): _ALL,
    (True, False): _ALL.where(_OF_SOURCE),
    (False, True): _ALL.where(_T.c.kind == bindparam("of_kind")),
    (True, True): _ALL.where(_OF_SOURCE, _T.c.kind == bindparam("of_kind")),
}
_KEYS_OF: Final = (
    select(_K.c.name, _K.c.value).where(_K.c.number == bindparam("number_of")).order_by(_K.c.name, _K.c.value)
)
# Not a range of names: PostgreSQL may order punctuation in its own way.
_SEEN: Final = and_(_K.c.name != SAME_ID, func.substr(_K.c.name, 1, 1) != REFERS)
"""Of keys by which a record is known, not of the references that it makes."""
_SAME: Final = _T.c.number == _K.c.number
_ALL_KEYS: Final = (
    select(_T.c.native_id, _K.c.name, _K.c.value)
    .select_from(_T)
    .join(_K, _SAME)
    .where(_OF_SOURCE, _T.c.kind == bindparam("of_kind"), _PRESENT, _SEEN)
    .order_by(_T.c.native_id, _K.c.name, _K.c.value)
)
_RESOLVE: Final = (
    select(_T.c.native_id)
    .select_from(_T)
    .join(_K, _SAME)
    .where(
        _OF_SOURCE,
        _T.c.kind == bindparam("of_kind"),
        _PRESENT,
        _K.c.name == bindparam("key"),
        _K.c.value == bindparam("word"),
    )
    .order_by(_T.c.native_id)
)
_ONE: Final = select(_T).where(*_THIS)
_OF_SUBJECT: Final = (
    select(_T).where(_T.c.subject == bindparam("of_subject")).order_by(_T.c.source, _T.c.kind, _T.c.native_id)
)
_OUTDATED: Final = (
    select(_T.c.kind, _T.c.native_id)
    .where(_OF_SOURCE, _PRESENT, _T.c.rules_digest != bindparam("rules"))
    .order_by(_T.c.kind, _T.c.native_id)
    .limit(bindparam("number_of"))
)
_SEVERAL: Final = (
    select(_T).where(_OF_SOURCE, _T.c.kind == bindparam("of_kind"), among(_T.c.native_id)).order_by(_T.c.native_id)
)
_FOUND: Final = (_T.c.source, _T.c.kind, _T.c.native_id, _T.c.label, _T.c.subject)
# Each by an index of its own; of any source and kind, which are few.
_EXACT: Final = (
    select(*_FOUND)
    .where(
        _T.c.number.in_(
            union(
                select(_T.c.number).where(
                    _T.c.source.in_(bindparam("of_sources", expanding=True)),
                    _T.c.kind.in_([kind.value for kind in RECORD_KINDS]),
                    _T.c.native_id == bindparam("word"),
                ),
                select(_T.c.number).where(_T.c.subject == bindparam("word")),
                select(_K.c.number).where(_K.c.value.in_([bindparam("word"), bindparam("folded")]), _SEEN),
            )
        )
    )
    .order_by(_T.c.source, _T.c.kind, _T.c.native_id)
)
_NEXT_SOURCE: Final = select(func.min(_T.c.source)).where(_T.c.source > bindparam("after"))
_LABELS: Final = select(*_FOUND).order_by(_T.c.source, _T.c.kind, _T.c.native_id)


class Records(NamedRecords):
    """Staged records: what is asked about all of them here, what about a few in `FewRecords`."""

    # --- what the reader asks ---

    def digests(self, source: SourceName) -> dict[tuple[Kind, NativeId], bytes]:
        """Return the content digests of the records that are there (absent ones left out)."""
        rows = plain(self._connection, _DIGESTS, {"of_source": source})
        return {(KINDS[kind], native_id): digest for kind, native_id, digest in rows}

    def put_many(self, rows: Iterable[StagedRecord], *, new: bool = False) -> None:
        """Insert or replace records with their keys. A record that is put is there or absent as the row says.

        A join once made is kept, unless the row names another subject; `set_subject` alone takes it away. With `new` it is known
        that none of them was put before, and nobody looks.
        """
        for portion in portions(rows):
            wanted = dict.fromkeys(map(key_of, portion))
            known = {} if new else self._numbers(wanted)
            unknown = [key for key in wanted if key not in known]
            given = {**known, **dict(zip(unknown, self._new_numbers(len(unknown)), strict=True))}
            origins = [encode_places(row.origins) for row in portion]
            _PUT_ORIGINS.run(self._connection, [tuple(one) for one in dict.fromkeys(origins)])
            placed = [(row, given[key_of(row)]) for row in portion]
            columns = [
                fields(row, number=number, origins=places.digest)
                for (row, number), places in zip(placed, origins, strict=True)
            ]
            _PUT.run_tuples(self._connection, NAMES, columns)
            self._forget_keys(known.values())
            _PUT_KEYS.run(self._connection, list(chain.from_iterable(keys(row, number) for row, number in placed)))

    def begin_bulk(self, *, ids: bool = False) -> None:
        """Go on without the indexes by which records are found by name and by subject, until `end_bulk`: for a first read, which
        asks nothing by these. With `ids` also without that by id, into which ids fall all over: for a read that knows by itself
        whether it has put somebody (`put_many(…, new=True)`). Whoever asks all the same waits longer, for the same answer."""
        bulk.forget_order(self._connection, ids=ids)

    def end_bulk(self) -> None:
        """Have these indexes again; fine where they are there, as after a process died in between."""
        bulk.restore_order(self._connection)

    def _numbers(self, wanted: Iterable[Key]) -> dict[Key, int]:
        """Return the numbers of those of these records that are known."""
        grouped: dict[tuple[str, str], list[str]] = defaultdict(list)
        for source, kind, native_id in wanted:
            grouped[source, kind].append(native_id)
        return {
            (source, kind, native_id): number
            for (source, kind), some in grouped.items()
            for native_id, number in _NUMBERS.ask(self._connection, {"of_source": source, "of_kind": kind}, some)
        }

    def _new_numbers(self, how_many: int) -> Iterable[int]:
        return numbers(self._connection, "records", how_many) if how_many else ()

    def _forget_keys(self, numbers_: Iterable[int]) -> None:
        for portion in portions(numbers_):
            self._connection.execute(_FORGET_KEYS, {"ids": portion})

    def mark_absent(self, source: SourceName, ids: Iterable[tuple[Kind, NativeId]], *, at: datetime) -> None:
        """Mark records as gone since `at`; those marked already keep their time."""
        since = micros(at)
        for portion in portions(ids):
            self._connection.execute(
                _MARK_ABSENT, [{**identity(source, kind, one), "since": since} for kind, one in portion]
            )

    def forget(self, source: SourceName, ids: Iterable[tuple[Kind, NativeId]]) -> None:
        """Delete records and their keys."""
        for portion in portions(self._numbers((source, str(kind), one) for kind, one in ids).values()):
            self._connection.execute(_FORGET, {"ids": portion})
            self._forget_keys(portion)

    def tidy(self) -> None:
        """Delete what rules said that no record was mapped by any more."""
        self._connection.execute(_TIDY_ORIGINS)

    def outdated(
        self, source: SourceName, rules_digest: bytes, *, limit: int = 1_000_000_000
    ) -> Iterator[StagedRecord]:
        """Stream records that are there and were mapped by other rules, with attributes, without keys.

        They may be put again while the stream goes on.
        """
        ids = self._connection.execute(
            _OUTDATED, {"of_source": source, "rules": rules_digest, "number_of": limit}
        ).all()
        for kind, of_kind in groupby(ids, key=lambda one: one.kind):
            for portion in portions(one.native_id for one in of_kind):
                question = {"of_source": source, "of_kind": kind, "ids": portion}
                rows = self._connection.execute(_SEVERAL, question).all()
                yield from [record(self._connection, row, attributes=True) for row in rows]

    # --- what the join asks ---

    def iterate(self, *, source: SourceName | None = None, kind: Kind | None = None) -> Iterator[StagedRecord]:
        """Stream records, absent ones too, without attributes and keys, by kind, source and native id."""
        words = {"of_source": source, "of_kind": kind}
        question = _ITERATE[source is not None, kind is not None]
        rows = stream(self._connection, question, {name: word for name, word in words.items() if word is not None})
        return narrow(self._connection, rows)

    def iterate_keys(self, source: SourceName, kind: Kind) -> Iterator[KeyRow]:
        """Stream the keys (name ALIAS: aliases, case folded) of the records that are there, by native id."""
        rows = stream(self._connection, _ALL_KEYS, {"of_source": source, "of_kind": kind})
        return (KeyRow(native_id=NativeId(native_id), name=name, value=value) for native_id, name, value in rows)

    def resolve(self, source: SourceName, kind: Kind, *, name: str, value: str) -> list[NativeId]:
        """Return the records that are there with this key; `name` may be ALIAS."""
        word = folded(value) if name == ALIAS else value
        question = {"of_source": source, "of_kind": kind, "key": name, "word": word}
        return [NativeId(native_id) for native_id in self._connection.execute(_RESOLVE, question).scalars()]

    def set_subject(self, source: SourceName, kind: Kind, native_id: NativeId, *, subject: SubjectId | None) -> None:
        """Join a record to a subject."""
        self.set_subjects([(source, kind, native_id, subject)])

    def set_subjects(self, rows: Iterable[tuple[SourceName, Kind, NativeId, SubjectId | None]]) -> None:
        """Join many records."""
        for portion in portions(rows):
            joins = [{**identity(source, kind, one), "joined": subject} for source, kind, one, subject in portion]
            _SET_SUBJECT.run(self._connection, joins)

    # --- what people ask ---

    def get(self, source: SourceName, kind: Kind, native_id: NativeId) -> StagedRecord | None:
        """Return one record with everything."""
        row = self._connection.execute(_ONE, identity(source, kind, native_id)).first()
        return None if row is None else self._whole(row)

    def of_subject(self, subject: SubjectId) -> list[StagedRecord]:
        """Return the records joined to a subject, with everything."""
        rows = self._connection.execute(_OF_SUBJECT, {"of_subject": subject}).all()
        return [self._whole(row) for row in rows]

    def find(self, text: str, *, limit: int = 50) -> list[FoundRecord]:
        """Find by exact native id, subject, alias or key; where there is none, by part of the label in any case."""
        words = {"word": text, "folded": text.casefold(), "of_sources": list(self._every_source())}
        if exact := self._connection.execute(_EXACT.limit(limit), words).all():
            return [_found(row) for row in exact]
        # Here, not in SQL: SQLite folds the case of ASCII letters only.
        part, found = text.casefold(), []
        for row in stream(self._connection, _LABELS):
            if part in row.label.casefold():
                found.append(_found(row))
            if len(found) == limit:
                break
        return found

    def _every_source(self) -> Iterator[str]:
        """Yield the sources that ever had records, from an index, however many there are."""
        source = ""
        while source := self._connection.execute(_NEXT_SOURCE, {"after": source}).scalar() or "":
            yield source

    def _whole(self, row: Answer) -> StagedRecord:
        found = self._connection.execute(_KEYS_OF, {"number_of": row.number})
        stored = [(name, value) for name, value in found]
        return record(self._connection, row, attributes=True, stored_keys=stored)


def _found(row: Answer) -> FoundRecord:
    return FoundRecord(
        source=SourceName(row.source),
        kind=KINDS[row.kind],
        native_id=NativeId(row.native_id),
        label=row.label,
        subject=row.subject and SubjectId(row.subject),
    )
