"""Which server this is, and what is to be read of it: asks the server about itself, and returns a `Place`.

It asks for nothing but the server's own entry (rootDSE) and what identifies its database. Each dialect is recognised by what the
server says of itself; the setting `server` overrules that.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Final

from syncd.core.errors import NeedsHuman
from syncd.core.model import Kind
from syncd_active_directory import messages
from syncd_active_directory.decode import is_below
from syncd_active_directory.dialects import DIALECTS, Dialect, DialectName
from syncd_active_directory.entry import RawEntry
from syncd_active_directory.place import Place, Search
from syncd_active_directory.schema import Syntax, with_extra
from syncd_active_directory.settings import Base, DirectorySettings
from syncd_active_directory.wire import Wire

_AD: Final = "1.2.840.113556.1.4.800"
"""LDAP_CAP_ACTIVE_DIRECTORY_OID ([MS-ADTS] 3.1.1.3.4.3.1)."""
ROOT: Final = (
    "objectClass",
    "namingContexts",
    "supportedControl",
    "supportedCapabilities",
    "supportedSASLMechanisms",
    "vendorName",
    "vendorVersion",
    "dsServiceName",
    "dnsHostName",
    "currentTime",
    "tokenGroups",
    "highestCommittedUSN",
    "isSynchronized",
    "defaultNamingContext",
    "configurationNamingContext",
    "firstChangeNumber",
    "lastChangeNumber",
    "changelog",
    "netscapemdsuffix",
    "dataversion",
)
"""What is asked of the server's own entry; servers leave out what they do not have."""


_CSN: Final = "contextCSN"
"""Where OpenLDAP says how far it is: change sequence numbers, one for each server that takes changes (slapo-syncprov(5))."""
Wanted = Mapping[Kind, frozenset[str]]
Root = Mapping[str, Sequence[bytes]]


def discover(
    wire: Wire, settings: DirectorySettings, wanted: Wanted | None = None, *, now: datetime | None = None
) -> Place:
    """Return where a read over `wire` takes place. Raises as the wire does, and `NeedsHuman` if nothing is to be read."""
    root = root_of(wire)
    dialect = _spoken(root, settings)
    tops = list(_tops(wire, dialect, root, settings))
    return Place(
        at=now,
        csn=_csn(tops),
        dialect=dialect,
        root=root,
        server=_identity(dialect, tops) if tops else _invocation(wire, dialect, root),
        host=first(root, "dnshostname") or wire.address,
        contexts=tuple(each.decode(errors="replace") for each in root.get("namingcontexts", ())),
        searches=tuple(searches(settings, dialect)),
        asked=asked(settings, dialect),
        wanted=wanted,
    )


def looked_again(wire: Wire, place: Place, settings: DirectorySettings, *, now: datetime) -> Place:
    """Return a place with what may have changed since it was discovered on the same connection: one round trip."""
    if place.dialect.name is DialectName.ACTIVE_DIRECTORY:
        return replace(place, at=now, root=root_of(wire))
    # A directory may be loaded anew while it runs (389 Directory Server); then its tops have other ids.
    tops = list(_tops(wire, place.dialect, place.root, settings))
    return replace(place, at=now, csn=_csn(tops), server=_identity(place.dialect, tops))


def root_of(wire: Wire) -> Mapping[str, Sequence[bytes]]:
    """Return the server's own entry, names in lower case."""
    entry = wire.entry("", ROOT, doing="asking the server")
    if entry is None:
        raise NeedsHuman(messages.NO_ROOT.at(server=wire.address))
    return {name.lower(): values for name, values in entry.attributes.items()}


def dialect_of(root: Mapping[str, Sequence[bytes]], settings: DirectorySettings) -> DialectName:
    """Return the dialect that the settings name, or else the one that the server's own entry shows."""
    if settings.server != "auto":
        return DialectName(settings.server)
    if _AD.encode() in root.get("supportedcapabilities", ()):
        return DialectName.ACTIVE_DIRECTORY
    if b"OpenLDAProotDSE" in root.get("objectclass", ()):
        return DialectName.OPENLDAP
    if "389" in first(root, "vendorname") + first(root, "vendorversion"):
        return DialectName.DS389
    return DialectName.LDAP


def asked(settings: DirectorySettings, dialect: Dialect) -> Mapping[Kind, Mapping[str, Syntax]]:
    """Return what is asked of each kind."""
    return {**dialect.asked, Kind.PERSON: with_extra(dialect.asked[Kind.PERSON], settings.attributes)}


def searches(settings: DirectorySettings, dialect: Dialect) -> Iterator[Search]:
    """Yield the searches of a full read, units first."""
    read = {Kind.UNIT: settings.units, Kind.PERSON: True, Kind.GROUP: settings.groups}
    common = {Kind.UNIT: settings.units_filter, Kind.PERSON: settings.people_filter, Kind.GROUP: settings.groups_filter}
    for kind in (kind for kind in read if read[kind]):
        for base in outermost(settings.bases):
            yield Search(kind=kind, base=base.dn, filter=base.filter(kind) or common[kind] or dialect.filters[kind])


def outermost(bases: Sequence[Base]) -> tuple[Base, ...]:
    """Return the bases without those that stand below another one: their objects would come twice."""
    kept: list[Base] = []
    for base in bases:
        if not any(is_below(base.dn, other.dn) for other in kept):
            kept = [*(other for other in kept if not is_below(other.dn, base.dn)), base]
    return tuple(kept)


def first(root: Mapping[str, Sequence[bytes]], name: str) -> str:
    """Return an attribute's first value as text, empty if it has none."""
    values = root.get(name) or (b"",)
    return values[0].decode(errors="replace")


def _spoken(root: Mapping[str, Sequence[bytes]], settings: DirectorySettings) -> Dialect:
    """Return the server's dialect, with the identity that the settings name."""
    name = dialect_of(root, settings)
    if name is DialectName.ACTIVE_DIRECTORY:
        return DIALECTS[name]
    # The other dialects come later: whoever reads an Active Directory needs none of their tables.
    from syncd_active_directory.dialects_ldap import DIALECTS as OTHERS
    from syncd_active_directory.dialects_ldap import known_by

    return known_by(OTHERS[name], settings.known_by)


def _identity(dialect: Dialect, tops: Sequence[RawEntry]) -> str:
    """Return what identifies a database that is no Active Directory's; empty if it does not show it."""
    return ",".join(sorted(text for each in tops for text in _texts(each, dialect.identity.attribute)))


def _csn(tops: Sequence[RawEntry]) -> tuple[str, ...]:
    return tuple(sorted(text for each in tops for text in _texts(each, _CSN)))


def _invocation(wire: Wire, dialect: Dialect, root: Root) -> str:
    """Return what identifies a domain controller's database; empty if it does not show it."""
    if dialect.name is not DialectName.ACTIVE_DIRECTORY:
        return ""
    # The invocation id changes when a controller is restored from a backup ([MS-ADTS] 3.1.1.1.9).
    name = first(root, "dsservicename")
    service = wire.entry(name, ["invocationId"], doing="asking which server this is") if name else None
    values = service.attributes.get("invocationId", ()) if service else ()
    return str(uuid.UUID(bytes_le=bytes(values[0]))) if values and len(values[0]) == 16 else ""


def _tops(wire: Wire, dialect: Dialect, root: Root, settings: DirectorySettings) -> Iterator[RawEntry]:
    """Yield the objects at the top of what is read; none for Active Directory, which says by itself who it is.

    Their ids are the same on all replicas, and others once the directory was loaded anew.
    """
    if dialect.name is DialectName.ACTIVE_DIRECTORY:
        return
    wanted = [dialect.identity.attribute, _CSN]
    for context in (each.decode(errors="replace") for each in root.get("namingcontexts", ())):
        if any(is_below(base.dn, context) for base in settings.bases):
            # An account may see a branch and not the top.
            with suppress(NeedsHuman):
                shown = wire.present(context, wanted, doing="asking which server this is")
                yield from [shown] if shown else []


def _texts(entry: RawEntry, attribute: str) -> Iterator[str]:
    for name, values in entry.attributes.items():
        if name.lower() == attribute.lower():
            yield from (value.decode(errors="replace") for value in values)
