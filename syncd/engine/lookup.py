"""Whom a text of a source means, asked of the store in batches. It remembers what it has asked; it never writes.

The answers are those of `syncd.core.correlation.References`, which knows every record at once; this one knows what was asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from syncd.core.attributes import ATTRIBUTES, REFERRING, attribute
from syncd.core.correlation import ONE_OF, Statement, folded
from syncd.core.model import RECORD_KINDS, Kind, SourceName, SubjectId
from syncd.engine.staging import texts_of
from syncd.engine.world import World
from syncd.store import Transaction
from syncd.store.rows import ALIAS, Meant

_Near = tuple[SourceName, Kind, str, str]
_Far = tuple[Kind, str, str]
_Attribute = tuple[SourceName, Kind, str]


class Lookup:
    """References of a part of the records. `learn` asks, `find` remembers."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._near: dict[_Near, SubjectId | None] = {}
        self._far: dict[_Far, SubjectId | None] = {}
        self._shared: set[_Near] = set()
        self._met: dict[_Attribute, set[str]] = defaultdict(set)
        """The texts that were asked for, as they are written: a department's thousand people name one department."""
        self._found: dict[_Attribute, dict[str, SubjectId | None]] = defaultdict(dict)
        """What was answered since something was asked last."""
        self._departed: dict[tuple[SourceName, str, str], SubjectId | None] = {}
        self._gives = {
            (name, kind): seat.rules.gives(kind) for name, seat in world.seats.items() for kind in RECORD_KINDS
        }
        self._places = tuple(self._gives)

    def learn(self, tx: Transaction, statements: Iterable[Statement]) -> None:
        """Ask for everybody whom these refer to and who has not been asked for yet."""
        wanted: dict[str, set[str]] = defaultdict(set)
        for one in statements:
            for name in REFERRING[one.kind]:
                if value := one.facts.get(name):
                    self._meet((one.source, one.kind, name), texts_of(value), wanted)
        self._ask(tx, wanted)

    def meet(self, tx: Transaction, place: _Attribute, texts: Iterable[str]) -> Mapping[str, SubjectId | None]:
        """Ask for whoever is meant by texts of an attribute; return what `find` returns, by text."""
        wanted: dict[str, set[str]] = defaultdict(set)
        self._meet(place, texts, wanted)
        self._ask(tx, wanted)
        return {text: self.find(*place, text) for text in texts}

    def _meet(self, place: _Attribute, texts: Iterable[str], wanted: Mapping[str, set[str]]) -> None:
        met = self._met[place]
        for text in texts:
            if text not in met:
                met.add(text)
                self._want(place, text, wanted)

    def _want(self, place: _Attribute, text: str, wanted: Mapping[str, set[str]]) -> None:
        source, of, name = place
        how = self.how(source, of, name)
        for kind in ONE_OF[ATTRIBUTES[of][name].type]:
            near = (source, kind, how, folded(text))
            if near not in self._near:
                self._near[near] = None
                wanted[how].add(near[3])

    def how(self, source: SourceName, of: Kind, name: str) -> str:
        """Return how a reference attribute of a source names others: `id`, `alias`, or a canonical attribute."""
        return self._world.join.refers.get(source, {}).get(of, {}).get(name, "alias")

    def _ask(self, tx: Transaction, wanted: Mapping[str, set[str]]) -> None:
        """Ask for texts, by how they name others: ids and aliases together, because they are found at one place."""
        self._found.clear()
        near: dict[_Near, set[SubjectId]] = defaultdict(set)
        far: dict[_Far, set[SubjectId]] = defaultdict(set)
        by_key: dict[str, list[str]] = defaultdict(list)
        for how in wanted:
            by_key[_key(how)].append(how)
        for key, ways in by_key.items():
            rows = tx.records.meant(key, set[str]().union(*(wanted[how] for how in ways)), places=self._places)
            for how in ways:
                self._answered(how, (row for row in rows if row.value in wanted[how]), near, far)
        self._near.update({place: _only(found) for place, found in near.items()})
        self._far.update({place: _only(found) for place, found in far.items()})
        self._shared.update(place for place, found in near.items() if len(found) > 1)

    def _answered(
        self,
        how: str,
        rows: Iterable[Meant],
        near: Mapping[_Near, set[SubjectId]],
        far: Mapping[_Far, set[SubjectId]],
    ) -> None:
        key = _key(how)
        for row in rows:
            kind = self._gives.get((row.source, row.kind))
            if kind is None or row.subject is None or (how == "id" and folded(row.native_id) != row.value):
                continue
            place = (row.source, kind, how, row.value)
            if key == ALIAS and near[place]:
                continue  # the first one has the name
            near[place].add(row.subject)
            if key != ALIAS:
                far[kind, how, row.value].add(row.subject)

    def persons(self, tx: Transaction, name: str) -> Iterator[tuple[SubjectId, SubjectId]]:
        """Yield everybody with whom their records mean by a reference to one person, without reading what else they say."""
        every = tx.records.referred(name)
        wanted: dict[str, set[str]] = defaultdict(set)
        for source, _, text in every:
            wanted[self.how(source, Kind.PERSON, name)].add(text)
        self._ask(tx, wanted)
        for source, subject, text in every:
            how = self.how(source, Kind.PERSON, name)
            found = self._near.get((source, Kind.PERSON, how, text)) or self._far.get((Kind.PERSON, how, text))
            if found is not None:
                yield subject, found

    def find(self, source: SourceName, of: Kind, name: str, text: str) -> SubjectId | None:
        """Return who `text` means in attribute `name` of a record of `source`; asked for with `learn` before."""
        found = self._found[source, of, name]
        try:
            return found[text]
        except KeyError:
            subject = found[text] = self._sought(source, of, name, text)
            return subject

    def departed(self, tx: Transaction, source: SourceName, of: Kind, name: str, text: str) -> SubjectId | None:
        """Return which person `text` meant before their record went, where nobody goes by it any more; None where several did."""
        how = self.how(source, of, name)
        asked = (source, how, folded(text))
        if asked not in self._departed:
            found: set[SubjectId] = set()
            if tx.records.anybody_absent():
                found = {
                    row.subject
                    for row in tx.records.meant(_key(how), [folded(text)], absent_too=True, places=())
                    if row.subject is not None and self._gives.get((row.source, row.kind)) is Kind.PERSON
                }
            self._departed[asked] = _only(found)
        return self._departed[asked]

    def _sought(self, source: SourceName, of: Kind, name: str, text: str) -> SubjectId | None:
        known = attribute(of, name)
        if known is None:
            return None
        how = self.how(source, of, name)
        for kind in ONE_OF[known.type]:
            near = (source, kind, how, folded(text))
            if (found := self._near.get(near)) is not None or near in self._shared:
                return found
            if (found := self._far.get((kind, how, near[3]))) is not None:
                return found
        return None


def _only(found: set[SubjectId]) -> SubjectId | None:
    """Return the one who is meant; None where several are, who are then not guessed at."""
    return next(iter(found)) if len(found) == 1 else None


def _key(how: str) -> str:
    """Return the name of the keys by which the store finds those who are named so."""
    return ALIAS if how in ("id", "alias") else how
