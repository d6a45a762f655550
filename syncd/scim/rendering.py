"""Resources as they are shown: what is kept, with id, meta, groups and members. What is kept as bytes is not decoded for that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from syncd.core.pushed import Kept, Member, Shelf, Sort
from syncd.scim.errors import ScimError
from syncd.scim.names import attribute
from syncd.scim.resources import projected


def tag(kept: Kept) -> str:
    """Return the version of a resource (RFC 7644 §3.14)."""
    return f'W/"{kept.number}"'


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What of each resource is wanted, and where locations begin."""

    base: str
    attributes: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    @classmethod
    def asked(cls, query: Mapping[str, str], base: str) -> View:
        """Return what a request wants to see. Raises ScimError."""
        low = {name.lower(): value for name, value in query.items()}
        attributes, excluded = _names(low.get("attributes", "")), _names(low.get("excludedattributes", ""))
        if attributes and excluded:
            raise ScimError(400, "Either attributes or excludedAttributes, not both.", "invalidValue")
        return cls(base=base, attributes=attributes, excluded=excluded)

    @property
    def narrowed(self) -> bool:
        """Tell whether somebody has said what to show."""
        return bool(self.attributes or self.excluded)

    def location(self, kept: Kept) -> str:
        """Return where a resource is."""
        return f"{self.base}/{kept.sort}s/{kept.id}"

    def one(self, shelf: Shelf, kept: Kept) -> bytes:
        """Return one resource in JSON."""
        return bytes(self.several(shelf, [kept])[0])

    def several(self, shelf: Shelf, some: Sequence[Kept]) -> list[msgspec.Raw]:
        """Return resources of one sort in JSON, in their order."""
        ids = [one.id for one in some]
        members: Mapping[str, Sequence[Member]] = {}
        groups: Mapping[str, Sequence[str]] = {}
        if some and some[0].sort is Sort.GROUP and self.wants("members"):
            members = shelf.members(ids)
        elif some and some[0].sort is Sort.USER and self.wants("groups"):
            groups = shelf.groups(ids)
        return [msgspec.Raw(self._shown(one, members.get(one.id, ()), groups.get(one.id, ()))) for one in some]

    def wants(self, name: str) -> bool:
        """Tell whether an attribute of the core is to be shown."""
        if self.attributes:
            return any(attribute(text).name == name for text in self.attributes)
        return name not in (attribute(text).name for text in self.excluded if "." not in text)

    def _shown(self, kept: Kept, members: Sequence[Member], groups: Sequence[str]) -> bytes:
        added = self.added(kept, members, groups)
        if not self.narrowed:
            # Two objects become one: the second's bytes stay as they are.
            return b"%s,%s" % (msgspec.json.encode(added)[:-1], kept.body[1:])
        resource = {**added, **msgspec.json.decode(kept.body)}
        return msgspec.json.encode(projected(resource, attributes=self.attributes, excluded=self.excluded))

    def added(self, kept: Kept, members: Sequence[Member], groups: Sequence[str]) -> dict[str, Any]:
        """Return what a resource shows besides what was said of it."""
        location = self.location(kept)
        meta = {
            "resourceType": kept.sort.value,
            "created": _instant(kept.created_at),
            "lastModified": _instant(kept.modified_at),
            "location": location,
            "version": tag(kept),
        }
        made: dict[str, Any] = {"id": kept.id, "meta": meta}
        if members:
            made["members"] = [self._member(one) for one in members]
        if groups:
            made["groups"] = [{"value": one, "$ref": f"{self.base}/Groups/{one}", "type": "direct"} for one in groups]
        return made

    def _member(self, one: Member) -> dict[str, str]:
        if one.sort is None:
            return {"value": one.id}
        return {"value": one.id, "$ref": f"{self.base}/{one.sort}s/{one.id}", "type": one.sort.value}


def _names(text: str) -> tuple[str, ...]:
    names = tuple(filter(None, (one.strip() for one in text.split(","))))[:100]
    for one in names:
        attribute(one)
    return names
