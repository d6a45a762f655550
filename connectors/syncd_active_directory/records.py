"""From raw entries to records: who is known is counted, who is not is decoded. The same for full reads and for deltas.

It guesses nothing: what cannot be read is left out and noted, and a record about which something is noted has no fingerprint, so
that it is noted again each time.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final

from syncd.core.errors import Problem
from syncd.core.known import Known
from syncd.core.model import Kind, NativeId, SourceRecord
from syncd.core.values import Value, content_digest, moment
from syncd_active_directory import messages
from syncd_active_directory.decode import Decoder
from syncd_active_directory.entry import RawEntry, fingerprint, parent_bytes, text
from syncd_active_directory.entry import names as entry_names
from syncd_active_directory.names import name_and_id, one_spelling, plain, plain_bytes
from syncd_active_directory.place import Place
from syncd_active_directory.units import Units

VERSION: Final = 2
"""Counted up when the same bytes come to mean another record: no fingerprint of before is known then."""
_MOST_NOTES: Final = 200
_NOBODY: Final[Mapping[str, NativeId]] = MappingProxyType({})


class Records:
    """What is made of entries, and what was found on the way."""

    def __init__(self, place: Place, units: Units, *, known: Known, now: datetime) -> None:
        self._place = place
        self._units = units
        self._known = known
        self._now = now
        self._salts = place.once("salts", lambda: {kind: _salt(place, kind) for kind in place.kinds})
        self._named = place.once("named", lambda: {kind: _named(place, kind) for kind in place.kinds})
        self._content = place.once("content", lambda: {kind: _content(place, kind) for kind in place.kinds})
        dialect = place.dialect
        self._words = (dialect.extended_names, dialect.identity.attribute, dialect.changed_at)
        self._decoders = place.once("decoders", lambda: {kind: Decoder(place.asked[kind]) for kind in place.kinds})
        self._notes: list[Problem] = []
        self.unchanged: Counter[Kind] = Counter()
        """Of each kind, how many are known."""
        self.made: Counter[Kind] = Counter()
        """Of each kind, how many were decoded."""
        self.there: Counter[Kind] = Counter()
        """Of each kind, how many there were, whatever became of them."""
        self.below: Counter[bytes] = Counter()
        """How many people stand directly below each name."""
        self.without_id = 0
        self.without_state = 0

    def of(self, kind: Kind, entries: Sequence[RawEntry], names: Sequence[bytes] | None = None) -> list[SourceRecord]:
        """Return the records of those entries that are not known, are people where people are meant, and have ids.

        `names` are the entries' names, where they were asked for already.
        """
        made: list[SourceRecord] = []
        salt, seen, extended = self._salts[kind], self._known.seen, self._place.dialect.extended_names
        stands: dict[bytes, tuple[str | None, str]] = {}
        above_of: list[bytes] = []
        unchanged = 0
        for entry, name in zip(entries, entry_names(entries) if names is None else names, strict=True):
            above = parent_bytes(plain_bytes(name) if extended else name)
            if (stand := stands.get(above)) is None:
                parent = self._units.parent(above)
                stand = stands[above] = (parent, f"{kind}{parent or ''}")
            above_of.append(above)
            mark = fingerprint(entry, stand[1], salt)
            if seen(mark):
                unchanged += 1
            elif (record := self._decoded(kind, entry, name, parent=stand[0], mark=mark)) is not None:
                made.append(record)
        self.unchanged[kind] += unchanged
        self.there[kind] += len(above_of)
        if kind is Kind.PERSON:
            self.below.update(above_of)
        return made

    def usable(self, kind: Kind) -> int:
        """Return how many objects of a kind are known or were made records of."""
        return self.unchanged[kind] + self.made[kind]

    def notes(self) -> tuple[Problem, ...]:
        """Return what the administrator should know."""
        hidden = (messages.NO_GUID.at(count=self.without_id),) if self.without_id else ()
        return (*self._notes, *hidden)

    def _decoded(
        self, kind: Kind, entry: RawEntry, dn: bytes, *, parent: str | None, mark: bytes
    ) -> SourceRecord | None:
        # The loop of whoever computes everybody again: what can be asked once for all entries is asked once.
        extended, identified, stamped = self._words
        unreadable: list[tuple[str, str]] = []
        attributes = self._decoders[kind].values(entry.raw, unreadable)
        # Nothing that holds no backslash is spelled in two ways.
        escaped = b"\\" in entry.raw
        references = self._references(kind, attributes) if extended else _NOBODY
        if escaped and not extended:
            self._respell(kind, attributes)
        identity = attributes.get(identified)
        if not isinstance(identity, str):
            self.without_id += 1
            return None
        if kind is Kind.PERSON and "computer" in attributes.get("objectClass", ()):  # type: ignore[operator]
            return None
        review_at, sure = self._add_state(attributes) if kind is Kind.PERSON else (None, True)
        self.made[kind] += 1
        if unreadable:
            self._note(kind, attributes, unreadable)
        if parent:
            attributes["parent"] = parent
        changed = attributes.get(stamped)
        name = plain(text(dn)) if extended else one_spelling(text(dn)) if escaped else text(dn)
        return SourceRecord(
            native_id=identity,  # type: ignore[arg-type]  # which says it
            kind=kind,
            digest=content_digest(
                attributes, self._content[kind], sorted(references.values()) if extended else (name,)
            ),
            attributes=attributes,
            aliases=(name, identity),
            changed_at=moment(changed) if isinstance(changed, str) else None,
            fingerprint=mark if sure and not unreadable else b"",
            review_at=review_at,
            references=references,
        )

    def _references(self, kind: Kind, attributes: dict[str, Value]) -> Mapping[str, NativeId]:
        """Return the ids that names come with, and take them out of the names."""
        references: dict[str, NativeId] = {}
        for name in self._named[kind] & attributes.keys():
            value = attributes[name]
            if isinstance(value, str):
                pairs = [name_and_id(value)]
                attributes[name] = pairs[0][0]
            elif isinstance(value, tuple):
                pairs = sorted(map(name_and_id, value))
                attributes[name] = tuple(text for text, _ in pairs)
            else:
                continue
            # Only of attributes that hold names for sure: what people may write about themselves must refer to nobody.
            if name.lower() in self._place.dialect.references:
                references.update((text, NativeId(identity)) for text, identity in pairs if identity)
        return references

    def _respell(self, kind: Kind, attributes: dict[str, Value]) -> None:
        """Give names that come without ids one spelling."""
        for name in self._named[kind]:
            value = attributes.get(name)
            if isinstance(value, str):
                attributes[name] = one_spelling(value)
            elif isinstance(value, tuple):
                attributes[name] = tuple(one_spelling(each) if isinstance(each, str) else each for each in value)

    def _add_state(self, attributes: dict[str, Value]) -> tuple[datetime | None, bool]:
        """Add `enabled` and `locked` of a person: they depend on the time of day, so they are values, and part of the digest."""
        state = self._place.dialect.state(attributes, self._now)
        if state.enabled is not None:
            attributes["enabled"] = state.enabled
        if state.locked is not None:
            attributes["locked"] = state.locked
        self.without_state += state.hidden
        return state.review_at, not state.hidden

    def _note(self, kind: Kind, attributes: Mapping[str, Value], unreadable: Sequence[tuple[str, str]]) -> None:
        for attribute, expected in unreadable:
            if len(self._notes) < _MOST_NOTES:
                label = attributes.get("displayName") or attributes.get("name") or ""
                words = {"kind": kind, "label": label, "attribute": attribute, "expected": expected}
                self._notes.append(messages.UNREADABLE_VALUE.at(**words))


def _named(place: Place, kind: Kind) -> frozenset[str]:
    """Return the attributes whose values may be names: known ones, and, where ids tell them apart, any that were added."""
    if not place.dialect.extended_names:
        return frozenset(name for name in place.asked[kind] if name.lower() in place.dialect.references)
    usual = place.dialect.asked[kind]
    return frozenset(
        name
        for name in place.asked[kind]
        if name.lower() in place.dialect.references or name == "distinguishedName" or name not in usual
    )


def _content(place: Place, kind: Kind) -> tuple[str, ...]:
    """Return the attributes in which a record's content can lie.

    Besides them counts how others refer to a record, or to whom it refers. Where names come with ids, others refer to it by its
    id, and its own name counts for nothing: else all who stand in a renamed unit would count as changed. Where they do not,
    whoever refers to it finds it by nothing but its name.
    """
    return tuple(sorted({*place.asked[kind], *place.dialect.computed[kind]} - place.dialect.bookkeeping))


def _salt(place: Place, kind: Kind) -> bytes:
    """Return a digest of everything besides the bytes that decides what they mean."""
    asked = sorted((name, syntax.value) for name, syntax in place.asked[kind].items())
    said = repr((VERSION, place.dialect.name.value, kind.value, asked))
    return hashlib.blake2b(said.encode(), digest_size=32).digest()
