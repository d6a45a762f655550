"""Questions about records that do not touch everybody: by fingerprint, by id, by subject, by what they refer to.

What all records answer comes from an index that covers it; what a few answer costs by their number, not by that of all. Never
interprets records.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, exists, func, or_, select, text, update

from syncd.core.model import Kind, NativeId, SourceName, SubjectId
from syncd.core.values import Value, Values
from syncd.store import codec, tables
from syncd.store.columns import folded, maybe_micros, micros
from syncd.store.record_rows import KINDS, STATES, encode_told, narrow
from syncd.store.rows import ALIAS, REFERS, SAME_ID, RecordState, Reference, StagedRecord, Was
from syncd.store.statements import PORTION, Few, Many, among, plain, portions, several, stream

_T: Final = tables.records
_K: Final = tables.record_keys
_NARROW: Final = [column for column in _T.c if column.name not in ("attributes", "meanings")]
# The very words of the partial indexes, so that they are used.
_PRESENT: Final = text("records.absent_since IS NULL")
_SET_ASIDE: Final = text("records.state <> 'mapped' AND records.absent_since IS NULL")
_OF_SOURCE: Final = _T.c.source == bindparam("of_source")
_OF_KIND: Final = _T.c.kind == bindparam("of_kind")
_SAME: Final = _T.c.number == _K.c.number

_FINGERPRINTS: Final = select(_T.c.fingerprint).where(
    _OF_SOURCE,
    _PRESENT,
    _T.c.fingerprint.is_not(None),
    or_(_T.c.review_at.is_(None), _T.c.review_at > bindparam("at")),
)
_REMAINING: Final = select(_T.c.kind, _T.c.native_id, _T.c.fingerprint).where(
    _OF_SOURCE, _PRESENT, _T.c.fingerprint.is_not(None)
)
_REMAINING_FEW: Final = Few(_REMAINING.where(among(_T.c.fingerprint)))
_LOOKED_FOR: Final = 3 * PORTION
_UNPRINTED: Final = select(_T.c.kind, _T.c.native_id, _T.c.digest).where(
    _OF_SOURCE, _PRESENT, _T.c.fingerprint.is_(None)
)
_UNPRINTED_OF_KIND: Final = _UNPRINTED.where(_OF_KIND)
_DUE: Final = select(_T.c.kind, _T.c.native_id, _T.c.digest).where(
    _OF_SOURCE, _PRESENT, _T.c.fingerprint.is_not(None), _T.c.review_at <= bindparam("at")
)
_U: Final = _T.alias("unit")
_OTHER_FORM: Final = (
    select(_K.c.value).where(_K.c.number == _U.c.number, _K.c.name == SAME_ID).correlate(_U).scalar_subquery()
)
_NAMED_BY: Final = (
    select(_K.c.number)
    .join(_T, _SAME)
    .where(
        _K.c.value == func.coalesce(_OTHER_FORM, _U.c.native_id),
        _K.c.name.in_([f"{REFERS}units", f"{REFERS}parent"]),
        _T.c.source == _U.c.source,
        _PRESENT,
    )
    .correlate(_U)
)
_UNNAMED: Final = select(_U.c.native_id, _U.c.digest).where(
    _U.c.source == bindparam("of_source"),
    _U.c.kind == Kind.UNIT.value,
    _U.c.absent_since.is_(None),
    _U.c.fingerprint.is_(None),
    ~exists(_NAMED_BY),
)
_COUNT: Final = select(_T.c.kind, func.count()).where(_OF_SOURCE, _PRESENT).group_by(_T.c.kind)
_WAS: Final = Few(
    select(
        _T.c.native_id,
        _T.c.digest,
        _T.c.fingerprint,
        _T.c.facts_digest,
        _T.c.rules_digest,
        _T.c.state,
        _T.c.subject,
        _T.c.absent_since,
    ).where(_OF_SOURCE, _OF_KIND, among(_T.c.native_id))
)
_TOUCH: Final = Many(
    update(_T)
    .where(_OF_SOURCE, _OF_KIND, _T.c.native_id == bindparam("id"))
    .values(
        fingerprint=bindparam("print"),
        review_at=bindparam("review"),
        changed_at=func.coalesce(bindparam("changed"), _T.c.changed_at),
    )
)
_OF_SUBJECTS: Final = Few(select(*_NARROW).where(among(_T.c.subject)))
_ALONE: Final = Few(
    select(*(_T.c[name] for name in ("subject", "source", "facts", "state", "kind", "absent_since", "problems"))).where(
        among(_T.c.subject)
    )
)
_WHOLE: Final = (RecordState.MAPPED.value, Kind.PERSON.value, None, encode_told(()))
_LIVING: Final = Few(
    select(_T.c.subject).where(_PRESENT, _T.c.state == RecordState.MAPPED.value, among(_T.c.subject)).distinct()
)
_HELD: Final = Few(
    select(_T.c.subject, _T.c.native_id, _T.c.attributes).where(
        _OF_SOURCE,
        _OF_KIND,
        _PRESENT,
        _T.c.state == RecordState.MAPPED.value,
        _T.c.attributes.is_not(None),
        among(_T.c.subject),
    )
)
_BY_SUBJECT: Final = (
    select(*_NARROW).where(_T.c.subject.is_not(None)).order_by(_T.c.subject, _T.c.source, _T.c.kind, _T.c.native_id)
)
_ORDER: Final = (_T.c.kind, _T.c.source, _T.c.native_id)
_ALL_SET_ASIDE: Final = select(*_NARROW).where(_SET_ASIDE).order_by(*_ORDER)
_PARKED: Final = select(*_NARROW).where(_SET_ASIDE, _T.c.state == "parked", _T.c.kind == bindparam("of_kind"))
_BY_ID: Final = select(_T.c.native_id, _T.c.subject).where(_OF_SOURCE, _OF_KIND, _PRESENT, among(_T.c.native_id))
_BY_NAME: Final = (
    select(_K.c.value, _K.c.name, _T.c.native_id, _T.c.subject)
    .join(_T, _SAME)
    .where(_OF_SOURCE, _OF_KIND, _PRESENT, _K.c.name.in_([ALIAS, SAME_ID]), among(_K.c.value))
)
_BY_KEY: Final = (
    select(_T.c.source, _T.c.native_id, _K.c.value, _T.c.subject)
    .join(_T, _SAME)
    .where(_OF_KIND, _PRESENT, _K.c.name == bindparam("key"), among(_K.c.value))
)
_BY_KEY_OF: Final = _BY_KEY.where(_OF_SOURCE)
_REFERRING: Final = (
    select(_K.c.name, _T.c.kind, _T.c.subject, _T.c.source, _T.c.native_id)
    .join(_T, _SAME)
    .where(_PRESENT, func.substr(_K.c.name, 1, 1) == REFERS, among(_K.c.value))
)


class Alone(NamedTuple):
    """The only record that speaks of a person, as far as a plan looks at it. Made for each person; decodes when asked."""

    source: SourceName
    stored: bytes

    def facts(self) -> dict[str, Value]:
        """Return what it says, references as the source's text; made now, so it is the asker's own."""
        return codec.decode_own(self.stored)


class FewRecords:
    """What may be asked about some records without reading all."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # --- what the reader asks ---

    def fingerprints(self, source: SourceName, *, at: datetime) -> set[bytes]:
        """Return the fingerprints of the records that are there, without those that are to be decoded again by `at`."""
        rows = plain(self._connection, _FINGERPRINTS, {"of_source": source, "at": micros(at)})
        return set(chain.from_iterable(rows))

    def remaining(self, source: SourceName, *, fingerprints: Collection[bytes]) -> Iterator[tuple[Kind, NativeId]]:
        """Stream the records that are there and have one of these fingerprints."""
        if len(fingerprints) <= _LOOKED_FOR:
            # Sought by SQLite in one walk for each thousand, which costs a fifth of looking at everybody here.
            for kind, native_id, _ in _REMAINING_FEW.ask(self._connection, {"of_source": source}, fingerprints):
                yield KINDS[kind], native_id
            return
        for kind, native_id, fingerprint in plain(self._connection, _REMAINING, {"of_source": source}):
            if fingerprint in fingerprints:
                yield KINDS[kind], native_id

    def without_fingerprint(
        self, source: SourceName, *, kind: Kind | None = None, at: datetime | None = None
    ) -> Iterator[tuple[Kind, NativeId, bytes]]:
        """Stream the records that are there and have none, with their digests; with `at`, also those to be decoded again by then.

        These are then all the records for which `fingerprints` of the same `at` does not answer. With `kind`, only those of one.
        """
        if kind is not None:
            rows = plain(self._connection, _UNPRINTED_OF_KIND, {"of_source": source, "of_kind": str(kind)})
        else:
            rows = plain(self._connection, _UNPRINTED, {"of_source": source})
        for of, native_id, digest in rows:
            yield KINDS[of], native_id, digest
        if at is not None:
            for kind, native_id, digest in plain(self._connection, _DUE, {"of_source": source, "at": micros(at)}):
                yield KINDS[kind], native_id, digest

    def unnamed(self, source: SourceName) -> list[tuple[NativeId, bytes]]:
        """Return the units that are there, have no fingerprint, and that no record of the source names as its unit or as the unit
        above, with their digests. It looks up each such unit and nobody else."""
        rows = self._connection.execute(_UNNAMED, {"of_source": source})
        return [(NativeId(native_id), digest) for native_id, digest in rows]

    def was(self, source: SourceName, ids: Collection[tuple[Kind, NativeId]]) -> dict[tuple[Kind, NativeId], Was]:
        """Return what is remembered of those of these records that are known, absent ones too."""
        wanted: dict[Kind, list[NativeId]] = defaultdict(list)
        for kind, native_id in ids:
            wanted[kind].append(native_id)
        return {
            (kind, row[0]): _was(row)
            for kind, some in wanted.items()
            for row in _WAS.ask(self._connection, {"of_source": source, "of_kind": str(kind)}, some)
        }

    def touch(
        self, source: SourceName, rows: Iterable[tuple[Kind, NativeId, bytes, datetime | None, datetime | None]]
    ) -> None:
        """Note another encoding of the same content: fingerprint, review_at and changed_at (None: as it was)."""
        for portion in portions(rows):
            noted = [
                {
                    "of_source": source,
                    "of_kind": str(kind),
                    "id": native_id,
                    "print": fingerprint or None,
                    "review": maybe_micros(review_at),
                    "changed": maybe_micros(changed_at),
                }
                for kind, native_id, fingerprint, review_at, changed_at in portion
            ]
            _TOUCH.run(self._connection, noted)

    def count(self, source: SourceName) -> Counter[Kind]:
        """Count the records that are there, from the index alone."""
        rows = plain(self._connection, _COUNT, {"of_source": source})
        return Counter({KINDS[kind]: number for kind, number in rows})

    # --- what the join asks ---

    def of_subjects(self, subjects: Iterable[SubjectId]) -> list[StagedRecord]:
        """Return the records of these subjects, absent ones too, without attributes and keys, by subject, source, kind and id."""
        found = list(narrow(self._connection, _OF_SUBJECTS.ask(self._connection, {}, subjects)))
        return sorted(found, key=lambda row: (row.subject or "", row.source, row.kind, row.native_id))

    def alone(self, subjects: Iterable[SubjectId]) -> dict[SubjectId, Alone]:
        """Return those of these people of whom one record speaks and nothing is to be told: it is there and was mapped whole. A
        record that is gone, parked or excluded speaks, too."""
        found: dict[SubjectId, Sequence[Any] | None] = {}
        for row in _ALONE.ask(self._connection, {}, subjects):
            subject = row[0]
            found[subject] = row if subject not in found else None
        return {
            subject: Alone(row[1], row[2]) for subject, row in found.items() if row is not None and row[3:] == _WHOLE
        }

    def living(self, subjects: Iterable[SubjectId]) -> set[SubjectId]:
        """Return of whom a record speaks that is there and was mapped; from the index alone."""
        return {SubjectId(subject) for (subject,) in _LIVING.ask(self._connection, {}, subjects)}

    def held(
        self, source: SourceName, kind: Kind, subjects: Iterable[SubjectId]
    ) -> dict[SubjectId, list[tuple[NativeId, Values]]]:
        """Return what the mapped records of these subjects in a source hold, as the source said it: id and attributes."""
        found: dict[SubjectId, list[tuple[NativeId, Values]]] = {}
        for subject, native_id, body in _HELD.ask(
            self._connection, {"of_source": source, "of_kind": kind.value}, subjects
        ):
            found.setdefault(SubjectId(subject), []).append((NativeId(native_id), codec.decode_values(body)))
        return {subject: sorted(records, key=lambda one: one[0]) for subject, records in found.items()}

    def iterate_by_subject(self) -> Iterator[StagedRecord]:
        """Stream all joined records, absent ones too, without attributes and keys, each subject's together.

        By subject as the database orders text: on PostgreSQL that is its collation. Nothing is sorted.
        """
        return narrow(self._connection, stream(self._connection, _BY_SUBJECT))

    def set_aside(self) -> Iterator[StagedRecord]:
        """Stream the records that are there and parked or excluded, without attributes and keys."""
        return narrow(self._connection, stream(self._connection, _ALL_SET_ASIDE))

    def parked(self, kind: Kind) -> list[StagedRecord]:
        """Return the records of one kind that are there and parked, without attributes and keys."""
        return list(narrow(self._connection, self._connection.execute(_PARKED, {"of_kind": str(kind)})))

    def resolve_many(
        self, source: SourceName, kind: Kind, texts: Collection[str]
    ) -> dict[str, tuple[NativeId, SubjectId | None]]:
        """Return whom each text means among the records that are there: by id or by alias, in any case, outer blanks aside.

        An id goes before an alias; of several with one alias, the one with the smallest id is meant. Parked and excluded
        records are found, too.
        """
        fields = {"of_source": source, "of_kind": kind}
        words = {word: folded(word) for word in texts}
        meant: dict[str, tuple[NativeId, SubjectId | None]] = {}
        names = several(self._connection, _BY_NAME, fields, words.values())
        for row in sorted(names, key=lambda row: (row.name == SAME_ID, row.native_id)):
            if row.name == SAME_ID:
                meant[row.value] = (row.native_id, row.subject)
            else:
                meant.setdefault(row.value, (row.native_id, row.subject))
        for row in several(self._connection, _BY_ID, fields, words.values()):
            meant[row.native_id] = (row.native_id, row.subject)
        return {word: meant[same] for word, same in words.items() if same in meant}

    def by_key(
        self, kind: Kind, name: str, values: Collection[str], source: SourceName | None = None
    ) -> list[tuple[SourceName, NativeId, str, SubjectId | None]]:
        """Return the records that are there with a key of this name and one of these values (as they are; ALIAS: folded)."""
        words = [folded(value) for value in values] if name == ALIAS else values
        fields = {"of_kind": kind, "key": name}
        if source is None:
            rows = several(self._connection, _BY_KEY, fields, words)
        else:
            rows = several(self._connection, _BY_KEY_OF, {**fields, "of_source": source}, words)
        return sorted(((row.source, row.native_id, row.value, row.subject) for row in rows), key=lambda row: row[:3])

    def referring(self, texts: Collection[str]) -> list[Reference]:
        """Return the records that are there and name one of these texts, by attribute, kind, source and id."""
        rows = several(self._connection, _REFERRING, {}, map(folded, texts))
        found = {(row.name[1:], KINDS[row.kind], row.source, row.native_id): row.subject for row in rows}
        return [
            Reference(attribute=name, kind=kind, subject=subject, source=source, native_id=native_id)
            for (name, kind, source, native_id), subject in sorted(found.items())
        ]


def _was(row: Sequence[Any]) -> Was:
    _, digest, fingerprint, facts_digest, rules_digest, state, subject, absent_since = row
    return Was(digest, fingerprint or b"", facts_digest, rules_digest, STATES[state], subject, absent_since is not None)
