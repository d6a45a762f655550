"""Who else is touched when an object gets another name, on servers that send names without ids: those below it, and those who
name it.

Below: their names change with it, and nobody says so. Naming it: OpenLDAP's overlays refint and memberof rewrite `manager`,
`member` and `memberOf` of others without a trace: no new entryCSN, nothing in the session log or the access log (seen with
2.5.13). So whoever names a changed object now is read again, too; it finds ids and decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from syncd.core.model import Kind
from syncd_active_directory.dialects_ldap import text_asserted
from syncd_active_directory.entry import RawEntry
from syncd_active_directory.place import Place
from syncd_active_directory.wire import Wire

MOST: Final = 2000
"""So many changed objects at most: beyond, reading everything costs less than asking who is touched."""
GROUPS: Final = frozenset({"groupofnames", "groupofuniquenames", "groupofmembers", "posixgroup", "groupofurls"})
"""Classes of objects that have members, in lower case."""
PERSONS: Final = frozenset({"person", "organizationalperson", "inetorgperson"})
"""Structural classes of people (RFC 4519 §3.12, RFC 4519 §3.7, RFC 2798 §3), in lower case."""
UNITS: Final = frozenset({"organizationalunit"})
REGROUPED: Final = "a group changed, and the server does not say who left it"
_BATCH: Final = 25
_DOING: Final = "looking for those who are touched by a change"
_EVERYTHING: Final = "(objectClass=*)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """An object that changed, as far as is needed to find its neighbours."""

    identity: str
    """Empty where the server does not show it."""
    dn: str
    classes: frozenset[str]
    """In lower case."""


def wanted(place: Place) -> tuple[str, ...]:
    """Return the attributes that `changed` needs."""
    return "objectClass", place.dialect.identity.attribute


def changed(entry: RawEntry, place: Place) -> Changed:
    """Return what an entry says."""
    values = {name.lower(): each for name, each in entry.attributes.items()}
    identity = values.get(place.dialect.identity.attribute.lower(), ())
    return Changed(
        identity=identity[0].decode(errors="replace") if identity else "",
        dn=entry.dn,
        classes=frozenset(each.decode(errors="replace").lower() for each in values.get("objectclass", ())),
    )


def neighbours(wire: Wire, place: Place, those: Sequence[Changed]) -> frozenset[str] | None:
    """Return the ids of those who are touched by what changed, which may have been a rename; None if there are too many."""
    touched: set[str] = set()
    names = {each.dn for each in those}
    for each in those:
        for one in _below(wire, place, each):
            touched.add(one.identity)
            names.add(one.dn)
            if len(names) > MOST:
                return None
    for base in place.bases:
        for filter_ in _naming(place, sorted(names)):
            touched.update(one.identity for one in _search(wire, place, base=base, filter_=filter_))
            if len(touched) > MOST:
                return None
    return frozenset(touched)


def found(wire: Wire, place: Place, ids: Sequence[str]) -> Iterator[Changed]:
    """Yield those of `ids` that the account can see at all, wherever they stand."""
    contexts = dict.fromkeys(place.context(base) for base in place.bases)
    for first in range(0, len(ids), _BATCH):
        filter_ = place.dialect.identity.matching(ids[first : first + _BATCH])
        for context in contexts:
            yield from _search(wire, place, base=context, filter_=filter_)


def below(wire: Wire, place: Place, ids: Sequence[str]) -> frozenset[str] | None:
    """Return the ids of those who stand below these objects, where anybody can; None if there are too many."""
    those: set[str] = set()
    for each in list(found(wire, place, ids)):
        those.update(one.identity for one in _below(wire, place, each))
        if len(those) > MOST:
            return None
    return frozenset(those)


def _below(wire: Wire, place: Place, top: Changed) -> Iterator[Changed]:
    if top.classes & place.dialect.leaves:
        return
    for each in _search(wire, place, base=top.dn, filter_=_EVERYTHING):
        if each.dn != top.dn:
            yield each


def _naming(place: Place, names: Sequence[str]) -> Iterator[str]:
    """Yield filters that find whoever names one of `names` in an attribute that is read."""
    anywhere, in_groups = place.once("naming", lambda: _referring(place))
    for first in range(0, len(names) if anywhere or in_groups else 0, _BATCH):
        batch = [text_asserted(name) for name in names[first : first + _BATCH]]
        those = "".join(f"({attribute}={name})" for attribute in anywhere for name in batch)
        groups = "".join(f"({attribute}={name})" for attribute in in_groups for name in batch)
        yield f"(|{those}{f'(&{place.dialect.filters[Kind.GROUP]}(|{groups}))' if groups else ''})"


def _referring(place: Place) -> tuple[list[str], list[str]]:
    """Return the attributes in which others are named: those of anybody, and those of nothing but groups.

    A server that has no index for one of them looks through everybody for each change. So what no rule looks at is left out,
    and what only groups have is sought among groups, if these are what the dialect calls so: servers know these by an index.
    """
    read = {kind: {name for name in place.asked[kind] if place.reads(kind, name)} for kind in place.kinds}
    read = {kind: {name for name in names if name.lower() in place.dialect.references} for kind, names in read.items()}
    groups = read.pop(Kind.GROUP, set()) if place.has_usual(Kind.GROUP) else set[str]()
    anywhere = set[str]().union(*read.values())
    return sorted(anywhere), sorted(groups - anywhere)


def _search(wire: Wire, place: Place, *, base: str, filter_: str) -> Iterator[Changed]:
    for page in wire.pages(base=base, filter_=filter_, wanted=wanted(place), doing=_DOING):
        yield from (one for entry in page.entries if (one := changed(entry, place)).identity)
