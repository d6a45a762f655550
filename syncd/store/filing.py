"""A change as it is filed: its fields as bytes, and what a plan and the queue have to know of it without reading them.

Its fields are written once and stand in the body, in the fingerprint and in the digest alike, which are made when they are asked
for: a plan for everybody holds all of its changes, and what it can put together again is not kept. Asks no database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

import msgspec

from syncd.core import newcomers
from syncd.core.errors import Place
from syncd.core.model import Change, Effect, FieldChange, Kind, Lane, Op, SubjectId, TargetId
from syncd.core.newcomers import Newcomer
from syncd.core.ordering import essential
from syncd.core.values import instant, moment
from syncd.store import codec


class Manner(NamedTuple):
    """What thousands of changes of a plan have in common."""

    lane: Lane
    effects: tuple[Effect, ...]
    kind: Kind
    reason: str
    rules: bytes


class Filed(NamedTuple):
    """A change, as far as plan and queue look at it, and its fields. The first three are its place in a plan."""

    rank: int
    subject: SubjectId
    op: Op
    manner: Manner
    needs: tuple[SubjectId, ...]
    after: tuple[SubjectId, ...]
    since: str | None
    """When the source changed what led here, in RFC 3339."""
    target_id: TargetId | None
    label: bytes
    """UTF-8."""
    fields: bytes
    said: bytes | None
    """What `essential` returned, where the fields as they are written do not tell."""

    @property
    def lane(self) -> Lane:
        return self.manner.lane

    @property
    def effects(self) -> tuple[Effect, ...]:
        return self.manner.effects

    @property
    def essence(self) -> bytes:
        """Return what `syncd.core.ordering.essential` returns."""
        if self.said is not None:
            return self.said
        subject, target = codec.encode(self.subject), codec.encode(self.target_id)
        return hashlib.sha256(
            b'{"fields":%b,"op":"%b","rank":%d,"subject":%b,"target":%b}'
            % (self.fields, self.op.encode(), self.rank, subject, target)
        ).digest()

    @property
    def digest(self) -> bytes:
        """Return 16 bytes by which two changes of a subject do the same: without label, reason, rank, time and rules."""
        manner, fields = self.manner, msgspec.Raw(self.fields)
        does = (self.op, manner.kind, self.target_id, manner.effects, manner.lane, fields, self.needs, self.after)
        return hashlib.blake2b(codec.encode(does), digest_size=16).digest()

    @property
    def body(self) -> bytes:
        """Return what is stored."""
        manner = self.manner
        return codec.encode(
            _Body(
                after=self.after,
                effects=manner.effects,
                fields=msgspec.Raw(self.fields),
                kind=manner.kind,
                label=self.label.decode(),
                lane=manner.lane,
                needs=self.needs,
                op=self.op,
                rank=self.rank,
                reason=manner.reason,
                rules=msgspec.Raw(manner.rules),
                since=self.since,
                subject=self.subject,
                target_id=self.target_id,
            )
        )


class _Body(msgspec.Struct, frozen=True):
    """What is stored of a change; in the order of the alphabet, as all stored mappings are."""

    after: tuple[str, ...]
    effects: tuple[Effect, ...]
    fields: msgspec.Raw
    kind: Kind
    label: str
    lane: Lane
    needs: tuple[str, ...]
    op: Op
    rank: int
    reason: str
    rules: msgspec.Raw
    since: str | None
    subject: str
    target_id: str | None


_DECODER: Final = msgspec.json.Decoder(_Body)
_FIELDS: Final = msgspec.json.Decoder(tuple[tuple[str, codec.Flat, codec.Flat], ...])
_ANY_FIELDS: Final = msgspec.json.Decoder(list[tuple[str, Any, Any]])


def filed(change: Change) -> Filed:
    """Return a change as it is filed."""
    values = [*[one.after for one in change.fields], *[one.before for one in change.fields]]
    return Filed(
        change.rank,
        change.subject,
        change.op,
        Manner(
            change.lane,
            change.effects,
            change.kind,
            change.reason,
            _rules(tuple([one.rule for one in change.fields])),
        ),
        change.needs,
        change.after,
        None if change.since is None else instant(change.since),
        change.target_id,
        change.label.encode(),
        _exactly([(one.name, one.before, one.after) for one in change.fields]),
        None if _all_exact(values) else essential(change),
    )


def filed_newcomer(one: Newcomer) -> Filed:
    """Return a creation as it is filed: the same as its change, which is not made."""
    wanted, since = one.wanted, one.wanted.since
    if not _all_exact([value for _, value in one.fields]):
        return filed(created(one))
    return Filed(
        one.rank,
        wanted.subject,
        newcomers.OP,
        _manner(wanted.rules, tuple([name for name, _ in one.fields])),
        one.needs,
        one.after,
        None if since is None else instant(since),
        None,
        wanted.label.encode(),
        _exactly([(name, None, value) for name, value in one.fields]),
        None,
    )


class _Way(NamedTuple):
    rules: Mapping[str, Place]
    """Kept, so that nothing else can have the same identity."""
    manner: Manner


_WAYS: Final[dict[tuple[int, tuple[str, ...]], _Way]] = {}


def _manner(rules: Mapping[str, Place], names: tuple[str, ...]) -> Manner:
    """Return what the creations have in common that one rule file fills these fields of. Remembered: the very same mapping says
    of nearly all which rule filled what."""
    known = _WAYS.get((id(rules), names))
    if known is None:
        if len(_WAYS) >= _MOST:
            _WAYS.clear()
        places = _rules(tuple([rules.get(name, _NOWHERE) for name in names]))
        manner = Manner(newcomers.LANE, newcomers.EFFECTS, newcomers.KIND, newcomers.REASON, places)
        known = _WAYS[id(rules), names] = _Way(rules, manner)
    return known.manner


def _exactly(fields: object) -> bytes:
    """Return fields as they are stored, in bytes of their own length: the encoder leaves room at the end."""
    return bytes(memoryview(codec.encode(fields)))


def created(one: Newcomer) -> Change:
    """Return the change that a creation is."""
    wanted = one.wanted
    return Change(
        op=newcomers.OP,
        subject=wanted.subject,
        kind=newcomers.KIND,
        label=wanted.label,
        reason=newcomers.REASON,
        effects=newcomers.EFFECTS,
        lane=newcomers.LANE,
        rank=one.rank,
        fields=tuple(
            [
                FieldChange(name=name, before=None, after=value, rule=wanted.rules.get(name, _NOWHERE))
                for name, value in one.fields
            ]
        ),
        needs=one.needs,
        after=one.after,
        since=wanted.since,
    )


_NOWHERE: Final = Place()


def _all_exact(values: Sequence[object]) -> bool:
    """Tell whether the codec writes these values as `canonical` does."""
    return all(map(_exact, [value for value in values if type(value) not in _SCALARS]))


def _exact(value: object) -> bool:
    """Tell whether the codec writes a value as `canonical` does: every one but fractions (`1e16` there, `1e+16` here)."""
    kind = type(value)
    if kind in _SCALARS:
        return True
    if kind is dict:
        return all(map(_exact, value.values()))  # type: ignore[attr-defined]
    return kind in _LISTS and all(map(_exact, value))  # type: ignore[call-overload]


_SCALARS: Final = frozenset((str, int, bool, type(None)))
_LISTS: Final = frozenset((tuple, list))


class _Remembered(NamedTuple):
    places: tuple[Place, ...]
    """Kept, so that no other place can have the same identity."""
    stored: bytes


_RULES: Final[dict[tuple[int, ...], _Remembered]] = {}
_PLACES: Final[dict[bytes, tuple[Place, ...]]] = {}
_MOST: Final = 4096


def _rules(places: tuple[Place, ...]) -> bytes:
    """Return the places of the fields' rules: the files, and for each field a file's number, a line and a column.

    Remembered: the changes that one rule file makes name the very same places.
    """
    key = tuple(map(id, places))
    known = _RULES.get(key)
    if known is None:
        if len(_RULES) >= _MOST:
            _RULES.clear()
        files = {file: number for number, file in enumerate(dict.fromkeys(place.file for place in places))}
        at = [(files[place.file], place.line, place.column) for place in places]
        known = _RULES[key] = _Remembered(places, codec.encode((list(files), list(chain.from_iterable(at)))))
    return known.stored


def _places(stored: bytes) -> tuple[Place, ...]:
    """Return what `_rules` wrote."""
    known = _PLACES.get(stored)
    if known is None:
        if len(_PLACES) >= _MOST:
            _PLACES.clear()
        files, at = codec.decode(stored)
        triples = zip(at[::3], at[1::3], at[2::3], strict=True)
        known = tuple(codec.place_of((files[file], line, column)) for file, line, column in triples)
        _PLACES[stored] = known
    return known


def encode_change(change: Change) -> bytes:
    """Return a change."""
    return filed(change).body


def decode_change(stored: bytes) -> Change:
    """Return what `encode_change` wrote, now or before rules stood beside the fields."""
    try:
        body = _DECODER.decode(stored)
    except msgspec.ValidationError:
        return codec.change_of(codec.decode(stored))
    return Change(
        op=body.op,
        subject=SubjectId(body.subject),
        kind=body.kind,
        label=body.label,
        reason=body.reason,
        effects=body.effects,
        lane=body.lane,
        rank=body.rank,
        target_id=None if body.target_id is None else TargetId(body.target_id),
        fields=_changed(bytes(body.fields), bytes(body.rules)),
        needs=tuple(map(SubjectId, body.needs)),
        after=tuple(map(SubjectId, body.after)),
        since=None if body.since is None else moment(body.since),
    )


def _changed(fields: bytes, rules: bytes) -> tuple[FieldChange, ...]:
    try:
        said: Iterable[tuple[str, Any, Any]] = _FIELDS.decode(fields)
    except msgspec.ValidationError:
        said = [
            (name, codec.frozen_json(before), codec.frozen_json(after))
            for name, before, after in _ANY_FIELDS.decode(fields)
        ]
    return tuple(
        [
            FieldChange(name=name, before=before, after=after, rule=rule)
            for (name, before, after), rule in zip(said, _places(rules), strict=True)
        ]
    )


def change_digest(change: Change) -> bytes:
    """Return the digest of `Filed`."""
    return filed(change).digest
