"""Questions about records by what they are called: whom a name means, by what names a record goes, who has none yet.

Never interprets records.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime
from typing import Final

from sqlalchemy import bindparam, func, select, text, tuple_, update

from syncd.core.model import RECORD_KINDS, Kind, NativeId, SourceName, SubjectId
from syncd.store import tables
from syncd.store.columns import folded, from_micros, micros
from syncd.store.record_rows import KINDS, narrow
from syncd.store.records_few import FewRecords
from syncd.store.rows import ALIAS, REFERS, SAME_ID, Meant, Reviewed, StagedRecord
from syncd.store.statements import Many, among, plain, portions, several

_T: Final = tables.records
_K: Final = tables.record_keys
_NARROW: Final = [column for column in _T.c if column.name not in ("attributes", "meanings")]
_PRESENT: Final = text("records.absent_since IS NULL")
_MAPPED: Final = _T.c.state == "mapped"
_OF_SOURCE: Final = _T.c.source == bindparam("of_source")
_SAME: Final = _T.c.number == _K.c.number
_OWN_NAME: Final = func.substr(_K.c.name, 1, 1) != REFERS
_KEYED: Final = (
    select(_T.c.source, _T.c.kind, _T.c.native_id, _K.c.value, _T.c.subject)
    .join(_T, _SAME)
    .where(_MAPPED, _K.c.name == bindparam("key"), among(_K.c.value))
)
_CALLED: Final = (
    select(_T.c.source, _T.c.kind, _T.c.native_id, _K.c.value, _T.c.subject)
    .join(_T, _SAME)
    .where(_MAPPED, _K.c.name.in_([ALIAS, SAME_ID]), among(_K.c.value))
)
_WITH_ID: Final = select(_T.c.source, _T.c.kind, _T.c.native_id, _T.c.native_id.label("value"), _T.c.subject).where(
    _OF_SOURCE, _T.c.kind.in_(bindparam("of_kinds", expanding=True)), _MAPPED, _PRESENT, among(_T.c.native_id)
)
_HERE: Final = {False: _PRESENT, True: text("1 = 1")}
_ASK_KEYED: Final = {too: _KEYED.where(here) for too, here in _HERE.items()}
_ASK_CALLED: Final = {too: _CALLED.where(here) for too, here in _HERE.items()}
_NAMED: Final = select(_T.c.subject).join(_T, _SAME).where(_PRESENT, _OWN_NAME, among(_K.c.value))
_NAMED_SO: Final = select(_T.c.subject).where(
    _OF_SOURCE, _T.c.kind == bindparam("of_kind"), _PRESENT, among(_T.c.native_id)
)
_OF_THESE: Final = (
    _OF_SOURCE,
    _T.c.kind == bindparam("of_kind"),
    among(_T.c.native_id),
)
_NAMES: Final = select(_T.c.native_id, _K.c.value).select_from(_T).join(_K, _SAME).where(*_OF_THESE, _OWN_NAME)
_REFERRED: Final = (
    select(_T.c.native_id, _K.c.value).select_from(_T).join(_K, _SAME).where(*_OF_THESE, _K.c.name == bindparam("key"))
)
_AMONG: Final = select(_T.c.kind, _T.c.native_id).where(
    _OF_SOURCE, _T.c.kind == bindparam("of_kind"), _PRESENT, among(_T.c.native_id)
)
_ALL_REFERRED: Final = (
    select(_T.c.source, _T.c.subject, _K.c.value)
    .select_from(_T)
    .join(_K, _SAME)
    .where(_PRESENT, _MAPPED, _T.c.subject.is_not(None), _T.c.kind == "person", _K.c.name == bindparam("key"))
)
_ALL_PRESENT: Final = select(_T.c.kind, _T.c.native_id).where(_OF_SOURCE, _PRESENT)
_STAMP: Final = Many(
    update(_T)
    .where(_OF_SOURCE, _T.c.kind == bindparam("of_kind"), _T.c.native_id == bindparam("id"))
    .values(rules_digest=bindparam("rules"))
)
# The very words of the partial index, so that it is used.
_REVIEWED: Final = text("records.review_at IS NOT NULL AND records.absent_since IS NULL")
_REVIEW: Final = select(_T.c.review_at).where(_OF_SOURCE, _REVIEWED, _T.c.review_at <= bindparam("at")).limit(1)
_REVIEWED_BY: Final = (
    select(_T.c.review_at, _T.c.kind, _T.c.native_id, _T.c.label, _T.c.subject)
    .where(_OF_SOURCE, _REVIEWED, _T.c.review_at <= bindparam("until"))
    .order_by(_T.c.review_at, _T.c.native_id)
)
_FACTS: Final = select(_T.c.subject, _T.c.facts).where(
    _PRESENT, _MAPPED, _T.c.subject.is_not(None), _T.c.kind == Kind.PERSON.value
)
_SUBJECTS: Final = select(_T.c.subject).where(_T.c.subject.is_not(None)).distinct().order_by(_T.c.subject)
# The first of an index, again and again: DISTINCT would walk through everybody.
_NEXT_SOURCE: Final = select(func.min(_T.c.source)).where(_PRESENT, _T.c.source > bindparam("after"))
_ABSENT: Final = select(_T.c.source).where(text("records.absent_since IS NOT NULL")).limit(1)
_OPEN: Final = (
    select(*_NARROW)
    .where(
        text("records.subject IS NULL AND records.state = 'mapped' AND records.absent_since IS NULL"),
        _OF_SOURCE,
        tuple_(_T.c.kind, _T.c.native_id) > tuple_(bindparam("after_kind"), bindparam("after_id")),
    )
    .order_by(_T.c.kind, _T.c.native_id)
    .limit(bindparam("number_of"))
)


class NamedRecords(FewRecords):
    """What may be asked by name."""

    def meant(
        self,
        name: str,
        values: Collection[str],
        *,
        absent_too: bool = False,
        places: Collection[tuple[SourceName, Kind]] | None = None,
    ) -> list[Meant]:
        """Return the mapped records with a key of this name and one of these values, which are folded, by source, kind and id.

        ALIAS asks by what records are called: their aliases and their ids, of which only those in `places` where they are given.
        """
        if name != ALIAS:
            rows = list(several(self._connection, _ASK_KEYED[absent_too], {"key": name}, values))
        else:
            rows = list(several(self._connection, _ASK_CALLED[absent_too], {}, values))
            every = [(source, kind) for source in self.sources() for kind in RECORD_KINDS] if places is None else places
            kinds: dict[SourceName, list[str]] = defaultdict(list)
            for source, kind in every:
                kinds[source].append(str(kind))
            for source, some in kinds.items():
                rows += several(self._connection, _WITH_ID, {"of_source": source, "of_kinds": some}, values)
        found = {
            Meant(
                source=SourceName(row.source),
                kind=KINDS[row.kind],
                native_id=NativeId(row.native_id),
                value=row.value,
                subject=row.subject and SubjectId(row.subject),
            )
            for row in rows
        }
        return sorted(found, key=lambda one: (one.source, one.kind, one.native_id, one.value))

    def named(self, values: Collection[str]) -> set[SubjectId]:
        """Return the subjects of the records that go by one of these names, which are folded."""
        found = {row.subject for row in several(self._connection, _NAMED, {}, values)}
        for source in self.sources():
            for kind in RECORD_KINDS:
                question = {"of_source": source, "of_kind": str(kind)}
                found.update(row.subject for row in several(self._connection, _NAMED_SO, question, values))
        return {SubjectId(subject) for subject in found if subject is not None}

    def names(
        self, source: SourceName, ids: Iterable[tuple[Kind, NativeId]]
    ) -> dict[tuple[Kind, NativeId], frozenset[str]]:
        """Return by what each of these records goes, folded: its id, its aliases, its keys."""
        wanted = list(ids)
        found: dict[tuple[Kind, NativeId], set[str]] = {(kind, one): {folded(one)} for kind, one in wanted}
        for kind, some in _by_kind(wanted).items():
            question = {"of_source": source, "of_kind": str(kind)}
            for row in several(self._connection, _NAMES, question, some):
                found[kind, row.native_id].add(row.value)
        return {key: frozenset(names) for key, names in found.items()}

    def members(
        self, source: SourceName, ids: Iterable[tuple[Kind, NativeId]], *, attribute: str = "members"
    ) -> dict[tuple[Kind, NativeId], frozenset[str]]:
        """Return whom each of these records names in a reference, folded."""
        found: dict[tuple[Kind, NativeId], set[str]] = defaultdict(set)
        for kind, some in _by_kind(ids).items():
            question = {"of_source": source, "of_kind": str(kind), "key": REFERS + attribute}
            for row in several(self._connection, _REFERRED, question, some):
                found[kind, row.native_id].add(row.value)
        return {key: frozenset(names) for key, names in found.items()}

    def among(self, source: SourceName, native_ids: Collection[NativeId]) -> list[tuple[Kind, NativeId]]:
        """Return those of these records that are there, of whatever kind."""
        return sorted(
            (KINDS[row.kind], NativeId(row.native_id))
            for kind in RECORD_KINDS
            for row in several(self._connection, _AMONG, {"of_source": source, "of_kind": str(kind)}, native_ids)
        )

    def referred(self, attribute: str) -> list[tuple[SourceName, SubjectId, str]]:
        """Return whom each joined person's record names in a reference: source, subject, and the name, folded."""
        rows = plain(self._connection, _ALL_REFERRED, {"key": REFERS + attribute})
        one = dict[str, str]().setdefault  # fifty people name one manager, and each row brings a text of its own
        return [
            (SourceName(one(source, source)), SubjectId(subject), one(text, text)) for source, subject, text in rows
        ]

    def present(self, source: SourceName) -> Iterator[tuple[Kind, NativeId]]:
        """Stream the records that are there."""
        for kind, native_id in plain(self._connection, _ALL_PRESENT, {"of_source": source}):
            yield KINDS[kind], native_id

    def stamp(self, source: SourceName, ids: Iterable[tuple[Kind, NativeId]], rules_digest: bytes) -> None:
        """Note that these records are as these rules make them."""
        for portion in portions(ids):
            rows = [
                {"of_source": source, "of_kind": str(kind), "id": one, "rules": rules_digest} for kind, one in portion
            ]
            _STAMP.run(self._connection, rows)

    def review_due(self, source: SourceName, *, at: datetime) -> bool:
        """Tell whether there is a record that has to be decoded again by then."""
        return self._connection.execute(_REVIEW, {"of_source": source, "at": micros(at)}).scalar() is not None

    def reviewed(self, source: SourceName, *, until: datetime) -> list[Reviewed]:
        """Return the records that have to be decoded again by then, the first first, those whose time has come too."""
        rows = self._connection.execute(_REVIEWED_BY, {"of_source": source, "until": micros(until)})
        return [
            Reviewed(
                at=from_micros(row.review_at),
                kind=KINDS[row.kind],
                native_id=NativeId(row.native_id),
                label=row.label,
                subject=row.subject and SubjectId(row.subject),
            )
            for row in rows
        ]

    def dated(self, names: Collection[str], *, since: date, until: date) -> set[SubjectId]:
        """Return the people whose records that are there say a date from `since` to `until` in one of these facts.

        Looks at every person once, in the bytes: nothing is decoded, and nobody kept but those who are returned."""
        said = re.compile(rf'"(?:{"|".join(map(re.escape, sorted(names)))})":"(\d{{4}}-\d\d-\d\d)"'.encode())
        first, last = since.isoformat().encode(), until.isoformat().encode()
        return {
            SubjectId(subject)
            for subject, facts in plain(self._connection, _FACTS, {})
            if any(first <= day <= last for day in said.findall(facts))
        }

    def subjects(self) -> list[SubjectId]:
        """Return every subject that a record was ever joined to, in order."""
        return [SubjectId(subject) for (subject,) in plain(self._connection, _SUBJECTS, {})]

    def sources(self) -> list[SourceName]:
        """Return the sources that have records."""
        found: list[SourceName] = []
        while source := self._connection.execute(_NEXT_SOURCE, {"after": found[-1] if found else ""}).scalar():
            found.append(SourceName(source))
        return found

    def anybody_absent(self) -> bool:
        """Tell whether any record is marked as gone."""
        return self._connection.execute(_ABSENT).scalar() is not None

    def unjoined(
        self, source: SourceName, *, after: tuple[str, str] | None = None, limit: int = 1000
    ) -> list[StagedRecord]:
        """Return records that are there, are mapped, and belong to no subject yet, by kind and id, from `after` on."""
        kind, native_id = after or ("", "")
        fields = {"of_source": source, "after_kind": str(kind), "after_id": native_id, "number_of": limit}
        return list(narrow(self._connection, self._connection.execute(_OPEN, fields)))


def _by_kind(ids: Iterable[tuple[Kind, NativeId]]) -> dict[Kind, list[NativeId]]:
    found: dict[Kind, list[NativeId]] = defaultdict(list)
    for kind, native_id in ids:
        found[kind].append(native_id)
    return found
