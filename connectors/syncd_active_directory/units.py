"""Which unit stands where: from the name of the object above to the id of a unit. It blocks when it has to ask the server.

A full read learns all units before anybody else; a delta asks for those few that stand above what changed.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Final

from ldap3 import BASE

from syncd.core.model import Kind
from syncd_active_directory.decode import decode, is_below
from syncd_active_directory.entry import RawEntry
from syncd_active_directory.names import plain_bytes
from syncd_active_directory.place import Place
from syncd_active_directory.wire import Wire

_SIZE: Final = 8
_MOST: Final = 20_000
"""So many units are remembered in the cursor, at 11 characters each; beyond, each unit that changes counts as new."""


class Units:
    """The units that are known so far."""

    def __init__(self, wire: Wire, place: Place, met: dict[bytes, str] | None = None) -> None:
        """`met` are the ids by name of units that were asked for before and have not changed since; it is added to."""
        self._wire = wire
        self._place = place
        self._met: dict[bytes, str] = {} if met is None else met
        self._ids: dict[bytes, str] = dict(self._met)
        self._folded: dict[str, str] = {}
        self._parents: dict[bytes, str | None] = {}
        self._whole = False
        self._stood: dict[str, str] = {}

    def learn(self, entries: Iterable[RawEntry], *, whole: bool) -> None:
        """Take in units; `whole` says that there are no others."""
        self._whole = self._whole or whole
        self._parents.clear()
        for entry in entries:
            if identity := identity_of(entry, self._place):
                self._take(plain_bytes(entry.dn_bytes), identity)
                self._stood[identity] = _text(plain_bytes(entry.dn_bytes)).casefold()

    def stood(self, identity: str, name: str) -> bool:
        """Tell whether a unit had this name when it was learned; letters' case does not count."""
        return self._stood.get(identity) == name.casefold()

    def forget(self) -> None:
        """Units may have changed: ask for each again."""
        for known in (self._met, self._ids, self._folded, self._parents):
            known.clear()

    def reopen(self) -> None:
        """There may be units by now that there were not: ask again for those that are not known."""
        self._whole = False
        self._parents.clear()
        self._ids = {name: identity for name, identity in self._ids.items() if identity}
        self._folded = {name: identity for name, identity in self._folded.items() if identity}

    def id_of(self, name: bytes) -> str:
        """Return the id of the unit of this name; empty if it is no unit that is read."""
        found = self._ids.get(name)
        if found is None:
            found = self._slowly(name)
        return found

    def parent(self, name: bytes) -> str | None:
        """Return what a record says of the object above it: the unit's id; its name if it is no unit; None at the top."""
        if name not in self._parents:
            self._parents[name] = self._parent(name)
        return self._parents[name]

    def _parent(self, name: bytes) -> str | None:
        if identity := self.id_of(name):
            return identity
        above = _text(name)
        if Kind.UNIT not in self._place.kinds:
            return above or None
        folded = above.casefold()
        bases = [base.casefold() for base in self._place.bases]
        return above if folded not in bases and any(is_below(folded, base) for base in bases) else None

    def ids(self) -> frozenset[str]:
        """Return the ids of the units that are known."""
        return frozenset(identity for identity in self._ids.values() if identity)

    def _take(self, name: bytes, identity: str) -> None:
        self._ids[name] = identity
        self._folded[_text(name).casefold()] = identity

    def _slowly(self, name: bytes) -> str:
        folded = _text(name).casefold()
        found = self._folded.get(folded)
        if found is None:
            found = "" if self._whole else self._asked(name)
            self._folded[folded] = found
        self._ids[name] = found
        return found

    def _asked(self, name: bytes) -> str:
        above = _text(name)
        wanted = [self._place.dialect.identity.attribute]
        for search in self._place.of(Kind.UNIT):
            if not is_below(above, search.base):
                continue
            pages = self._wire.pages(
                base=above, filter_=search.filter, wanted=wanted, doing="looking for a unit", scope=BASE
            )
            for page in pages:
                for entry in page.entries:
                    if identity := identity_of(entry, self._place):
                        self._met[name] = identity
                    return identity
        return ""


def identity_of(entry: RawEntry, place: Place) -> str:
    """Return an object's id; empty if it is not shown."""
    identity = place.dialect.identity
    found = decode(entry, {identity.attribute: identity.syntax}).attributes.get(identity.attribute)
    return found if isinstance(found, str) else ""


def packed(ids: Iterable[str]) -> str:
    """Return a text that remembers which ids there were; empty if there are too many to remember."""
    marks = sorted(map(_mark, ids))
    return base64.b64encode(b"".join(marks)).decode() if len(marks) <= _MOST else ""


def unpacked(text: str) -> Remembered:
    """Return what `packed` remembered."""
    return Remembered(base64.b64decode(text)) if text else Remembered(b"")


class Remembered:
    """Ids that can be asked for, and added to; ids themselves are not kept."""

    def __init__(self, marks: bytes) -> None:
        self._marks = {marks[at : at + _SIZE] for at in range(0, len(marks), _SIZE)}

    def __contains__(self, identity: str) -> bool:
        return _mark(identity) in self._marks

    def changed(self, *, added: Iterable[str], removed: Iterable[str]) -> str:
        """Return the text that remembers these ids, with some more and some less."""
        marks = sorted((self._marks - set(map(_mark, removed))) | set(map(_mark, added)))
        return base64.b64encode(b"".join(marks)).decode() if marks and len(marks) <= _MOST else ""


def _mark(identity: str) -> bytes:
    return hashlib.blake2b(identity.encode(), digest_size=_SIZE).digest()


def _text(name: bytes) -> str:
    return name.decode(errors="replace")
