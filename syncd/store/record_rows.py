"""Records as rows: what stands in which column, and back. Asks nothing.

A record's keys, aliases and references lie in `record_keys`, told apart by their names: ALIAS, SAME_ID, REFERS and an attribute,
or the name of a fact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

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
_NOTHING_TOLD: Final = codec.encode_told(())


def identity(source: str, kind: str, native_id: str) -> Fields:
    """Return the parameters that name one record."""
    return {"of_source": source, "of_kind": kind, "id": native_id}


def fields(row: StagedRecord) -> tuple[Any, ...]:
    """Return a record's columns, in the order of `NAMES`."""
    return (
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
        encode_places(row.origins),
        codec.encode(row.references) if row.references else None,
        None if row.attributes is None else codec.encode(row.attributes),
    )


def encode_told(problems: tuple[Told, ...]) -> bytes:
    """Return what `codec.encode_told` does; most records have nothing told of them."""
    return codec.encode_told(problems) if problems else _NOTHING_TOLD


class _Remembered(NamedTuple):
    places: tuple[Place, ...]
    """Kept, so that no other place can have the same identity."""
    stored: bytes


_PLACES: Final[dict[tuple[object, ...], _Remembered]] = {}
_MOST_PLACES: Final = 4096


def encode_places(origins: Mapping[str, Place]) -> bytes:
    """Return what `codec.encode_places` does, remembered: the records that one rule mapped name the very same places."""
    places = tuple(origins.values())
    key = (*origins, *map(id, places))
    known = _PLACES.get(key)
    if known is None:
        if len(_PLACES) >= _MOST_PLACES:
            _PLACES.clear()
        known = _PLACES[key] = _Remembered(places, codec.encode_places(origins))
    return known.stored


def keys(row: StagedRecord) -> Iterable[tuple[str, str, str, str, str]]:
    """Return the rows of `record_keys` of a record, in the order of its columns, each once."""
    source, kind, native_id = row.source, str(row.kind), row.native_id
    same = folded(native_id)
    found = {(source, kind, native_id, name, value) for name, value in row.keys}
    found.update([(source, kind, native_id, ALIAS, folded(alias)) for alias in row.aliases])
    found.update([(source, kind, native_id, REFERS + name, folded(text)) for name, text in row.refers])
    if same != native_id:
        found.add((source, kind, native_id, SAME_ID, same))
    return found


def record(row: Answer, *, attributes: bool, stored_keys: Iterable[tuple[str, str]] = ()) -> StagedRecord:
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
        origins=codec.decode_places(row.origins),
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


def _meanings(stored: bytes | None) -> dict[str, NativeId]:
    if stored is None:
        return {}
    return {text: NativeId(str(native_id)) for text, native_id in codec.decode_values(stored).items()}


_HIDDEN: Final = frozenset((ALIAS[0], REFERS))
"""How the names of keys begin that are not a fact's."""


def narrow(rows: Iterable[Answer]) -> Iterator[StagedRecord]:
    """Return records without attributes and keys."""
    return (record(row, attributes=False) for row in rows)
