"""An object of the stand-in's directory, and the stamps by which replicas know what is new ([MS-ADTS] 3.1.1.1.9)."""

from __future__ import annotations

import copy
import itertools
import uuid
from dataclasses import dataclass, field

from servers import ldap_standin_names as names

Stored = bytes | uuid.UUID
"""A value; of attributes that name objects, the identity of the object, so that names follow renames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Which change made something: where, its number there, its number here, and how often it was made."""

    invocation: uuid.UUID
    usn: int
    local: int
    version: int = 1


@dataclass(slots=True, kw_only=True)
class Link:
    """One value of a link attribute, also while it is absent."""

    present: bool
    stamp: Stamp


@dataclass(slots=True, kw_only=True)
class Node:
    """An object."""

    guid: uuid.UUID
    parent: uuid.UUID | None
    rdn: names.Rdn
    created: int
    """The replica's own number of its creation (uSNCreated)."""
    born: bytes
    """When it was created (whenCreated): the same on every replica."""
    deleted: bool = False
    last_parent: uuid.UUID | None = None
    spelled: dict[str, str] = field(default_factory=dict)
    values: dict[str, list[Stored]] = field(default_factory=dict)
    stamps: dict[str, Stamp] = field(default_factory=dict)
    links: dict[str, dict[uuid.UUID, Link]] = field(default_factory=dict)

    @property
    def changed(self) -> int:
        """The replica's own number of the last change of it (uSNChanged)."""
        linked = (link.stamp.local for links in self.links.values() for link in links.values())
        return max(itertools.chain((stamp.local for stamp in self.stamps.values()), linked))

    def text(self, attribute: str) -> str:
        """Return the first value as text, "" if there is none."""
        values = self.values.get(attribute.lower()) or [b""]
        return values[0].decode(errors="replace") if isinstance(values[0], bytes) else str(values[0])

    def copied(self) -> Node:
        """Return the same object for another replica."""
        twin = copy.copy(self)
        twin.spelled, twin.stamps = dict(self.spelled), dict(self.stamps)
        twin.values = {key: list(values) for key, values in self.values.items()}
        twin.links = {key: {guid: copy.copy(link) for guid, link in links.items()} for key, links in self.links.items()}
        return twin
