"""What a SCIM resource says, as flat attributes that rules can read by SCIM's own names. Pure; nothing else decides it.

`emails.work` is the value of `emails[type eq "work"]`; `emails.primary` is the one that is marked so, else the only one or the
first. `manager` may come as an id, as an object or as a list of one, and may name an id, an externalId or a userName.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, Final

from syncd.core.model import Kind, NativeId, SourceRecord
from syncd.core.values import Value, content_digest, instant
from syncd_scim.paths import ENTERPRISE, Path, entries, extended, flag, folded, referred, text

_VERSION: Final = b"1"
"""Of how resources are decoded: another one decodes every record anew."""
_TEXTS: Final = (
    "id",
    "externalId",
    "userName",
    "displayName",
    "nickName",
    "title",
    "userType",
    "preferredLanguage",
    "locale",
    "timezone",
)
_NAMES: Final = ("formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix")
_ENTERPRISE: Final = ("employeeNumber", "costCenter", "organization", "division", "department")
_TYPES: Final = {
    "emails": ("work", "home", "other", "primary"),
    "phoneNumbers": ("work", "mobile", "home", "fax", "pager", "other", "primary"),
}
_PLACES: Final = ("formatted", "streetAddress", "locality", "region", "postalCode", "country")
_LISTS: Final = ("groups", "roles", "entitlements")

PERSON: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(_TEXTS, "text"),
        "active": "flag",
        **{f"name.{part}": "text" for part in _NAMES},
        **{f"{name}.{type_}": "text" for name, types in _TYPES.items() for type_ in types},
        **{f"addresses.work.{part}": "text" for part in _PLACES},
        **dict.fromkeys(_ENTERPRISE, "text"),
        "manager": "text",
        **dict.fromkeys(_LISTS, "texts"),
        "created": "instant",
    }
)
GROUP: Final[Mapping[str, str]] = MappingProxyType(
    {"id": "text", "externalId": "text", "displayName": "text", "members": "texts", "created": "instant"}
)
ATTRIBUTES: Final[Mapping[Kind, Mapping[str, str]]] = MappingProxyType({Kind.PERSON: PERSON, Kind.GROUP: GROUP})

_LOW: Final = {name: name.lower() for name in (*_TEXTS, *_NAMES, *_ENTERPRISE, *_PLACES, *_LISTS, *_TYPES)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How resources of one kind become records."""

    kind: Kind
    extra: Mapping[str, Path]

    @property
    def names(self) -> Sequence[str]:
        return (*ATTRIBUTES[self.kind], *self.extra)

    @property
    def stamp(self) -> bytes:
        """Return what a fingerprint depends on besides the bytes."""
        return _VERSION + repr(sorted(self.extra.items())).encode()

    def record(self, resource: Mapping[str, Any], *, native_id: str, fingerprint: bytes) -> SourceRecord:
        """Return the record of a resource."""
        found = folded(resource)
        said = _person(found) if self.kind is Kind.PERSON else _group(found)
        own = {name: shown for name, path in self.extra.items() if (shown := path.of(found))}
        attributes: dict[str, Value] = {name: value for name, value in said if value not in ("", (), None)}
        attributes.update(own)
        meta = found.get("meta")
        changed_at = moment_of(folded(meta).get("lastmodified")) if isinstance(meta, Mapping) else None
        aliases = (attributes.get("externalId"), attributes.get("userName"))
        return SourceRecord(
            native_id=NativeId(native_id),
            kind=self.kind,
            digest=content_digest(attributes, self.names),
            attributes=attributes,
            aliases=tuple(alias for alias in aliases if isinstance(alias, str)),
            changed_at=changed_at,
            fingerprint=fingerprint,
        )


def fingerprint(shape: Shape, raw: bytes) -> bytes:
    """Return a 16-byte digest of a resource as it came."""
    return blake2b(raw, digest_size=16, key=blake2b(shape.stamp, digest_size=16).digest()).digest()


def created(resource: Mapping[str, Any]) -> datetime | None:
    """Return when the service says that it made the resource."""
    meta = folded(resource).get("meta")
    return moment_of(folded(meta).get("created")) if isinstance(meta, Mapping) else None


def modified(resource: Mapping[str, Any]) -> datetime | None:
    """Return when the service says that it changed the resource."""
    meta = folded(resource).get("meta")
    return moment_of(folded(meta).get("lastmodified")) if isinstance(meta, Mapping) else None


def _person(found: Mapping[str, Any]) -> Iterator[tuple[str, Value]]:
    for name in _TEXTS:
        yield name, text(found.get(_LOW[name]))
    active = flag(found.get("active"))
    yield "active", True if active is None else active
    parts = next(entries(found.get("name")), {})
    for part in _NAMES:
        yield f"name.{part}", text(parts.get(_LOW[part]))
    for name in _TYPES:
        yield from _typed(name, list(entries(found.get(_LOW[name]))))
    yield from _workplace(list(entries(found.get("addresses"))))
    for name in _ENTERPRISE:
        yield name, text(extended(found, ENTERPRISE, _LOW[name]))
    # An object, an id, or a list of one; some services put it beside the core attributes.
    yield "manager", referred(extended(found, ENTERPRISE, "manager")) or referred(found.get("manager"))
    for name in _LISTS:
        yield name, tuple(filter(None, (referred(each) for each in entries(found.get(name)))))
    if (at := created(found)) is not None:
        yield "created", instant(at)


def _typed(name: str, several: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Value]]:
    """Yield one value for each type, the primary one where there are several."""
    ranked = sorted(several, key=lambda each: not flag(each.get("primary")))
    shown: dict[str, str] = {}
    for each in ranked:
        if value := text(each.get("value")):
            shown.setdefault("primary", value)
            shown.setdefault(text(each.get("type")).lower(), value)
    for type_ in _TYPES[name]:
        yield f"{name}.{type_}", shown.get(type_, "")


def _workplace(several: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Value]]:
    """Yield the address of work. One that says nothing of its type is that of work only where it is the only one."""
    alone = len(several) == 1 and not text(several[0].get("type"))
    place = next((each for each in several if alone or text(each.get("type")).lower() == "work"), {})
    for part in _PLACES:
        yield f"addresses.work.{part}", text(place.get(_LOW[part]))


def _group(found: Mapping[str, Any]) -> Iterator[tuple[str, Value]]:
    yield "id", text(found.get("id"))
    yield "externalId", text(found.get("externalid"))
    yield "displayName", text(found.get("displayname"))
    yield "members", tuple(dict.fromkeys(filter(None, (referred(each) for each in entries(found.get("members"))))))
    if (at := created(found)) is not None:
        yield "created", instant(at)


def moment_of(value: Any) -> datetime | None:
    """Return an instant, None where the text is none."""
    try:
        at = datetime.fromisoformat(text(value))
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
