"""Records as rows: what stands in which column, and back.

A record's keys, aliases and references lie in `record_keys`, told apart by their names: ALIAS, SAME_ID, REFERS and an attribute,
or the name of a fact. Only `_origins` asks the database: for what many records share.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, select

from syncd.core.errors import Place
from syncd.core.model import Kind, NativeId, SourceName, SubjectId
from syncd.store import codec, tables
from syncd.store.columns import folded, maybe_from_micros, maybe_micros
from syncd.store.rows import ALIAS, REFERS, SAME_ID, RecordState, StagedRecord, Told
from syncd.store.statements import Answer, Fields

KINDS: Final = {kind.value: kind for kind in Kind}
STATES: Final = {state.value: state for state in RecordState}
NAMES: Final = tuple(column.name for column in tables.records.c)
"""The order in which `fields` gives a record's columns."""
Key = tuple[str, str, str]
"""By what a record is known: source, kind, id."""
_NOTHING_TOLD: Final = codec.encode_told(())


def identity(source: str, kind: str, native_id: str) -> Fields:
    """Return the parameters that name one record."""
    return {"of_source": source, "of_kind": kind, "id": native_id}


def key_of(row: StagedRecord) -> Key:
    """Return by what a record is known."""
    return row.source, str(row.kind), row.native_id


def fields(row: StagedRecord, *, number: int, origins: bytes) -> tuple[Any, ...]:
    """Return a record's columns, in the order of `NAMES`; `origins` is the digest of what `encode_places` returns."""
    return (
        number,
        row.source,
        str(row.kind),  # exactly text: SQLite's driver looks for an adapter for everything else
        row.native_id,
        row.digest,
        row.rules_digest,
        str(row.state),
        row.label,
        row.subject,
        maybe_micros(row.changed_at),
        maybe_micros(row.absent_since),
        maybe_micros(row.review_at),
        row.fingerprint or None,
        row.facts_digest,
        codec.encode(row.facts),
        codec.encode(row.aliases),
        encode_told(row.problems),
        origins,
        codec.encode(row.references) if row.references else None,
        None if row.attributes is None else codec.encode(row.attributes),
    )


def encode_told(problems: tuple[Told, ...]) -> bytes:
    """Return what `codec.encode_told` does; most records have nothing told of them."""
    return codec.encode_told(problems) if problems else _NOTHING_TOLD


class Stored(NamedTuple):
    """The rules' places of a record's facts, as they are stored."""

    digest: bytes
    bytes: bytes


class _Remembered(NamedTuple):
    places: tuple[Place, ...]
    """Kept, so that no other place can have the same identity."""
    stored: Stored


_PLACES: Final[dict[tuple[object, ...], _Remembered]] = {}
_MOST_PLACES: Final = 4096


def encode_places(origins: Mapping[str, Place]) -> Stored:
    """Return what `codec.encode_places` does, remembered: the records that one rule mapped name the very same places."""
    places = tuple(origins.values())
    key = (*origins, *map(id, places))
    known = _PLACES.get(key)
    if known is None:
        if len(_PLACES) >= _MOST_PLACES:
            _PLACES.clear()
        stored = codec.encode_places(origins)
        digest = hashlib.blake2b(stored, digest_size=16).digest()
        known = _PLACES[key] = _Remembered(places, Stored(digest, stored))
    return known.stored


def keys(row: StagedRecord, number: int) -> Iterable[tuple[int, str, str]]:
    """Return the rows of `record_keys` of a record, in the order of its columns, each once."""
    same = folded(row.native_id)
    found = {(number, name, value) for name, value in row.keys}
    found.update([(number, ALIAS, folded(alias)) for alias in row.aliases])
    found.update([(number, REFERS + name, folded(text)) for name, text in row.refers])
    if same != row.native_id:
        found.add((number, SAME_ID, same))
    return found


_ORIGINS: Final = select(tables.origins.c.places).where(tables.origins.c.digest == bindparam("of_digest"))
_KNOWN: Final[dict[bytes, Mapping[str, Place]]] = {}


def _origins(connection: Connection, digest: bytes) -> Mapping[str, Place]:
    """Return the places that have this digest. Remembered, whatever the database: a digest means one thing only."""
    known = _KNOWN.get(digest)
    if known is None:
        if len(_KNOWN) >= _MOST_PLACES:
            _KNOWN.clear()
        stored = connection.execute(_ORIGINS, {"of_digest": digest}).scalar()
        known = _KNOWN[digest] = codec.decode_places(b"{}" if stored is None else stored)
    return known


def record(
    connection: Connection, row: Answer, *, attributes: bool, stored_keys: Iterable[tuple[str, str]] = ()
) -> StagedRecord:
    """Return what `fields` and `keys` wrote. References come back folded."""
    stored = row.attributes if attributes else None
    own = tuple(stored_keys)
    return StagedRecord(
        source=SourceName(row.source),
        kind=KINDS[row.kind],
        native_id=NativeId(row.native_id),
        digest=row.digest,
        rules_digest=row.rules_digest,
        state=STATES[row.state],
        label=row.label,
        attributes=None if stored is None else codec.decode_values(stored),
        aliases=codec.decode_texts(row.aliases),
        facts=codec.decode_values(row.facts),
        origins=_origins(connection, row.origins),
        keys=tuple((name, value) for name, value in own if name[:1] not in _HIDDEN),
        problems=codec.decode_told(row.problems),
        subject=row.subject and SubjectId(row.subject),
        changed_at=maybe_from_micros(row.changed_at),
        absent_since=maybe_from_micros(row.absent_since),
        fingerprint=row.fingerprint or b"",
        review_at=maybe_from_micros(row.review_at),
        facts_digest=row.facts_digest,
        refers=tuple((name[1:], value) for name, value in own if name[:1] == REFERS),
        references=_meanings(row.meanings) if attributes else {},
    )


def narrow_record(connection: Connection, row: Sequence[Any]) -> StagedRecord:
    """Return a record without attributes and keys, of a row of all columns but `attributes` and `meanings`, in their order."""
    (
        _,
        source,
        kind,
        native_id,
        digest,
        rules_digest,
        state,
        label,
        subject,
        changed_at,
        absent_since,
        review_at,
        fingerprint,
        facts_digest,
        facts,
        aliases,
        problems,
        origins,
    ) = row
    return StagedRecord(
        source=source,
        kind=KINDS[kind],
        native_id=native_id,
        digest=digest,
        rules_digest=rules_digest,
        state=STATES[state],
        label=label,
        aliases=codec.decode_texts(aliases),
        facts=codec.decode_values(facts),
        origins=_origins(connection, origins),
        problems=codec.decode_told(problems),
        subject=subject,
        changed_at=maybe_from_micros(changed_at),
        absent_since=maybe_from_micros(absent_since),
        fingerprint=fingerprint or b"",
        review_at=maybe_from_micros(review_at),
        facts_digest=facts_digest,
    )


def _meanings(stored: bytes | None) -> dict[str, NativeId]:
    if stored is None:
        return {}
    return {text: NativeId(str(native_id)) for text, native_id in codec.decode_values(stored).items()}


_HIDDEN: Final = frozenset((ALIAS[0], REFERS))
"""How the names of keys begin that are not a fact's."""


def narrow(connection: Connection, rows: Iterable[Sequence[Any]]) -> Iterator[StagedRecord]:
    """Return records without attributes and keys."""
    return (narrow_record(connection, row) for row in rows)
