"""Who else is touched by what changed, in Active Directory, which tells of a change at one end only. Blocking: it looks for them.

An OU is renamed: its people follow, because they name it by its id. Who stood outside comes in with a unit that is moved in, and
leaves with one that is moved out. Who refers to somebody deleted does so no longer, and nobody says so. Where it cannot be exact,
it says why the read has to start over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from syncd.core.model import Kind
from syncd_active_directory.decode import escaped, parent_name
from syncd_active_directory.gathered import Gathered
from syncd_active_directory.reading import Found, Reading
from syncd_active_directory.schema import Syntax
from syncd_active_directory.units import Remembered
from syncd_active_directory.ways import Told

MOST: Final = 10_000
"""So many at most are read again: beyond, reading everything costs less."""
TOO_MANY: Final = f"more than {MOST} objects are touched by what changed: reading everything costs less"
_IN_CHAIN: Final = ":1.2.840.113556.1.4.1941:"
"""LDAP_MATCHING_RULE_TRANSITIVE_EVAL ([MS-ADTS] 3.1.1.3.4.4.3): nested groups."""
_BY_PLACE: Final = ("distinguishedname", "entrydn", ":dn:", "msds-parentdistname")
"""What a filter says if it chooses by where an object stands."""


class Following:
    """What follows from what changed."""

    def __init__(self, reading: Reading, gathered: Gathered, *, units: Remembered, told: Told) -> None:
        self._reading = reading
        self._place = reading.place
        self._gathered = gathered
        self._units = units
        self._told = told
        self.outside: set[str] = set()
        """Ids of those who stand where nothing is read now."""

    def follow(self, elsewhere: Mapping[str, Found]) -> str:
        """Find everybody who is touched; return why everything must be read instead, empty if it need not.

        `elsewhere` are those who changed, and are seen, but not by the searches of a read.
        """
        again: set[str] = set()
        for identity in list(self._gathered.of(Kind.UNIT)):
            again.update(self._of_unit(identity, self._gathered.names[identity][1]))
        for identity, found in elsewhere.items():
            if identity in self._units or self._carries(found):
                again.update(self._below(found.dn))
        if len(again) > MOST:
            return TOO_MANY
        self._gathered.take(self._reading.by_ids(again))
        self.outside |= again - self._gathered.names.keys()
        self._unlinked()
        self._linked(elsewhere)
        return TOO_MANY if len(self._gathered.made) > MOST else ""

    def _of_unit(self, identity: str, dn: str) -> Iterator[str]:
        """Yield who must be read again because of a unit that changed."""
        if identity not in self._units:
            # New, moved in, come back, or a unit only now: whoever stands below it has another parent, or was out of sight.
            return self._below(dn)
        if not self._may_have_moved(identity):
            return iter(())
        return self._below(dn) if self._names_matter() else self._below_others(dn)

    def _below(self, dn: str) -> Iterator[str]:
        return (found.identity for _, found in self._reading.below(dn))

    def _below_others(self, dn: str) -> Iterator[str]:
        """Yield who stands below containers that are no units: these are named by their names, which have changed."""
        found = list(self._reading.below(dn))
        units = {dn.casefold(), *(each.dn.casefold() for kind, each in found if kind is Kind.UNIT)}
        return (
            each.identity
            for _, each in found
            if parent_name(each.dn).casefold() not in units and each.dn.casefold() not in units
        )

    def _carries(self, found: Found) -> bool:
        """Tell whether an object that is no unit may have taken others along to another place."""
        if self._place.is_context(found.dn):
            return False
        return self._may_have_moved(found.identity) and not found.classes & self._place.dialect.leaves

    def _may_have_moved(self, identity: str) -> bool:
        return self._told.moved is None or identity in self._told.moved

    def _names_matter(self) -> bool:
        """Tell whether anything depends on the names of those below a unit: rules, or which filter holds there."""
        searches = self._place.searches
        filters = {(search.kind, search.filter) for search in searches}
        by_place = any(word in search.filter.lower() for search in searches for word in _BY_PLACE)
        read = any(self._place.reads(kind, "distinguishedName") for kind in self._place.kinds)
        return read or by_place or len(filters) > len(self._place.kinds)

    def _unlinked(self) -> None:
        """Look at whoever may have referred to somebody who is deleted: the reference is gone, and nobody says so."""
        if not self._told.gone:
            return
        for kind in self._place.kinds:
            for name, syntax in self._references(kind):
                condition = f"(!({name}=*))" if syntax is Syntax.TEXT else "(objectClass=*)"
                self._gathered.look(kind, self._reading.referring(kind, condition))

    def _linked(self, elsewhere: Mapping[str, Found]) -> None:
        """Look at whoever may refer again to somebody who came back (Recycle Bin: links come back with the object)."""
        names = {
            **{each: dn for each, (_, dn) in self._gathered.names.items()},
            **{i: each.dn for i, each in elsewhere.items()},
        }
        for identity in sorted(self._told.returned & names.keys()):
            for kind in self._place.kinds:
                refers = "".join(
                    f"({name}={escaped(names[identity])})" for name, _ in self._references(kind, back=True)
                )
                if refers:
                    self._gathered.look(kind, self._reading.referring(kind, f"(|{refers})"))

    def _references(self, kind: Kind, *, back: bool = False) -> Iterator[tuple[str, Syntax]]:
        """Yield the attributes that refer to others and are read; back links (memberOf) only where they are wanted."""
        dialect = self._place.dialect
        for name, syntax in self._place.asked[kind].items():
            if (
                name.lower() in dialect.references
                and self._place.reads(kind, name)
                and (back or name != dialect.members)
            ):
                yield name, syntax


def regrouped(
    reading: Reading, gathered: Gathered, *, told: Told, far: Mapping[str, Found], tells_members: bool
) -> str:
    """Look at the members of groups that changed; return why everything must be read instead, empty if it need not.

    `far` are groups that changed and are not read themselves. Nobody tells that a person says something else (memberOf) now.
    """
    place = reading.place
    chosen = [
        search.filter.lower() for search in place.searches if place.dialect.members.lower() in search.filter.lower()
    ]
    if not place.dialect.members or not (
        chosen or any(place.reads(kind, place.dialect.members) for kind in place.kinds)
    ):
        return ""
    if told.regrouped:
        return told.regrouped
    groups = {each: gathered.names[each][1] for each in gathered.of(Kind.GROUP)} | {
        each: found.dn for each, found in far.items()
    }
    changed = {each for each in groups if each in gathered.made or each in far}
    if changed and not tells_members:
        return "a group changed, and this way does not tell who left it"
    if changed and any(_IN_CHAIN in filter_ for filter_ in chosen):
        return "a group changed, and people are chosen by nested groups"
    moved = changed if told.moved is None else changed & told.moved
    if moved and chosen:
        return "a group that people may be chosen by has another name"
    return _members(reading, gathered, [groups[each] for each in sorted(moved)])


def _members(reading: Reading, gathered: Gathered, groups: list[str]) -> str:
    for dn in groups:
        for kind in (Kind.PERSON, Kind.GROUP):
            if kind in reading.place.kinds:
                condition = f"({reading.place.dialect.members}={escaped(dn)})"
                gathered.look(kind, reading.referring(kind, condition))
                if len(gathered.made) > MOST:
                    return TOO_MANY
    return ""
