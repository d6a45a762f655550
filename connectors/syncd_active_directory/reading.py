"""The searches that reads consist of: everything of a kind, whoever has certain ids, whoever stands below a name. Blocking.

A full read and a delta use the same searches, filters and attributes, so that they see the same. Nothing is decoded here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from syncd.core.model import Kind
from syncd_active_directory.decode import decode, is_below
from syncd_active_directory.entry import RawEntry
from syncd_active_directory.names import plain
from syncd_active_directory.place import Place
from syncd_active_directory.schema import Syntax
from syncd_active_directory.units import identity_of
from syncd_active_directory.wire import Wire

BATCH: Final = 50
"""Ids in one filter: some 2 kB, far below what servers take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An object that was found by its id, whatever it is."""

    identity: str
    dn: str
    classes: frozenset[str]
    """In lower case."""


class Reading:
    """The searches of one read, and what they met."""

    def __init__(self, wire: Wire, place: Place) -> None:
        self.wire = wire
        self.place = place
        self.answers = 0
        """Pages that were answered."""
        self.elsewhere: set[str] = set()
        """Other naming contexts that hold people and stand below a base."""

    def everything(self, kind: Kind) -> Iterator[Sequence[RawEntry]]:
        """Yield all objects of a kind, page by page."""
        wanted = list(self.place.asked[kind])
        for search in self.place.of(kind):
            for page in self.wire.pages(
                base=search.base, filter_=search.filter, wanted=wanted, doing=f"reading {kind}s"
            ):
                self.answers += 1
                self.elsewhere.update(filter(None, map(self._other_domain, page.continuations)))
                yield page.entries

    def by_ids(self, ids: Collection[str], *, persons: bool = False) -> Iterator[tuple[str, Kind, RawEntry]]:
        """Yield those of `ids` that a full read would see, each once, with the id and the kind.

        Units are asked for first, as in a full read. With `persons`, it is known that none of them can be a unit: then
        people are, which mostly spares a question to the server.
        """
        left = set(ids)
        for kind in sorted(self.place.kinds, key=lambda each: persons and each is not Kind.PERSON):
            for batch in batches(left):
                for entry in self._within(kind, self.place.dialect.identity.matching(batch)):
                    if (identity := identity_of(entry, self.place)) in left:
                        left.discard(identity)
                        yield identity, kind, entry

    def referring(self, kind: Kind, condition: str) -> Iterator[RawEntry]:
        """Yield the objects of a kind that a full read would see and that meet a further condition."""
        yield from self._within(kind, condition)

    def counted(self, kind: Kind) -> int:
        """Count the objects of a kind once more, without reading them."""
        searches = self.place.of(kind)
        found = (
            self.wire.pages(base=each.base, filter_=each.filter, wanted=["1.1"], doing=f"counting {kind}s")
            for each in searches
        )
        return sum(len(page.entries) for pages in found for page in pages)

    def anywhere(self, ids: Iterable[str]) -> Iterator[Found]:
        """Yield those of `ids` that can be seen at all, whatever they are and wherever they stand."""
        contexts = dict.fromkeys(self.place.context(base) for base in self.place.bases)
        for batch in batches(ids):
            for context in contexts:
                yield from self._found(context, self.place.dialect.identity.matching(batch))

    def below(self, dn: str) -> Iterator[tuple[Kind, Found]]:
        """Yield whoever stands below a name and is of a kind that is read, whether or not a full read would see it there."""
        for kind in self.place.kinds:
            for filter_ in dict.fromkeys(search.filter for search in self.place.of(kind)):
                for found in self._found(dn, filter_):
                    yield kind, found

    def covers(self, kind: Kind, dn: str) -> bool:
        """Tell whether a full read looks for objects of a kind where `dn` stands."""
        return any(is_below(dn, search.base) for search in self.place.of(kind))

    def _within(self, kind: Kind, condition: str) -> Iterator[RawEntry]:
        wanted = list(self.place.asked[kind])
        for search in self.place.of(kind):
            filter_ = f"(&{search.filter}{condition})"
            for page in self.wire.pages(
                base=search.base, filter_=filter_, wanted=wanted, doing=f"reading changed {kind}s"
            ):
                self.answers += 1
                yield from page.entries

    def _found(self, base: str, filter_: str) -> Iterator[Found]:
        wanted = [self.place.dialect.identity.attribute, "objectClass"]
        for page in self.wire.pages(
            base=base, filter_=filter_, wanted=wanted, doing="looking where changed objects are"
        ):
            for entry in page.entries:
                if identity := identity_of(entry, self.place):
                    yield Found(identity=identity, dn=plain(entry.dn), classes=classes_of(entry))

    def _other_domain(self, url: str) -> str:
        """Return the naming context of a continuation, empty for those that hold no people."""
        name = unquote(urlsplit(url).path.lstrip("/"))
        return "" if name.casefold().startswith(self.place.dialect.not_people) else name


def batches(ids: Iterable[str]) -> Iterator[Sequence[str]]:
    """Return ids in portions that fit into one filter."""
    left = sorted(ids)
    return (left[at : at + BATCH] for at in range(0, len(left), BATCH))


def classes_of(entry: RawEntry) -> frozenset[str]:
    """Return an object's classes in lower case."""
    found = decode(entry, {"objectClass": Syntax.TEXTS}).attributes.get("objectClass")
    return (
        frozenset(each.lower() for each in found if isinstance(each, str)) if isinstance(found, tuple) else frozenset()
    )
