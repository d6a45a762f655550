"""SCIM's names: schemas, attributes in their right case, and what kind of thing each is. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from syncd.core.pushed import Sort
from syncd.scim.errors import bad_path

USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
LIST: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
CORE: Final = {Sort.USER: USER, Sort.GROUP: GROUP}
NAME: Final = {Sort.USER: "userName", Sort.GROUP: "displayName"}
"""The attribute that is required, and unique without case."""

TEXTS: Final = [
    "externalId",
    "userName",
    "displayName",
    "nickName",
    "profileUrl",
    "title",
    "userType",
    "preferredLanguage",
    "locale",
    "timezone",
]
ENTERPRISE_TEXTS: Final = ("employeeNumber", "costCenter", "organization", "division", "department")
NAME_PARTS: Final = ("formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix")
ADDRESS_PARTS: Final = ("formatted", "streetAddress", "locality", "region", "postalCode", "country")
PLURAL: Final = (
    *("emails", "phoneNumbers", "ims", "photos", "addresses"),
    *("entitlements", "roles", "x509Certificates", "groups", "members"),
)
READ_ONLY: Final = frozenset({"id", "meta", "groups"})
EXACT: Final = frozenset({"id", "externalid", "$ref"})
"""Attributes that are compared with their case (RFC 7643 §7, `caseExact`), in lower case."""
REFERRING: Final = frozenset({"members", "groups", "manager"})
"""Attributes whose `value` is an id."""

_CANONICAL: Final = {
    name.lower(): name
    for name in (
        *TEXTS,
        *ENTERPRISE_TEXTS,
        *NAME_PARTS,
        *ADDRESS_PARTS,
        *PLURAL,
        *("schemas", "id", "meta", "name", "active", "password", "manager", "value", "type", "primary", "display"),
        *("lastModified", "created", "location", "version", "resourceType", "$ref"),
        *(USER, GROUP, ENTERPRISE),
    )
}
_PLURAL: Final = frozenset(PLURAL)


def canonical(name: str) -> str:
    """Return a name in its right case; one that we do not know stays as it is."""
    return _CANONICAL.get(name.lower(), name)


def is_plural(name: str) -> bool:
    """Tell whether an attribute holds several values, by its canonical name."""
    return name in _PLURAL


def child(parent: Any, name: str) -> Any:
    """Return what an object holds under a name, compared without case; None where there is nothing."""
    if not isinstance(parent, dict):
        return None
    found = parent.get(canonical(name))
    if found is not None:
        return found
    low = name.lower()
    return next((value for key, value in parent.items() if key.lower() == low), None)


def key_of(parent: dict[str, Any], name: str) -> str:
    """Return under which key an object holds a name, or would hold it."""
    right = canonical(name)
    if right in parent:
        return right
    low = name.lower()
    return next((key for key in parent if key.lower() == low), right)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """`[URN:]name[.part]`. Without a name: the whole extension."""

    schema: str = ""
    """The URN of an extension, in its right case; empty for the core."""
    name: str = ""
    part: str = ""


def attribute(text: str) -> Attribute:
    """Return what a path without brackets names. Raises ScimError `invalidPath`."""
    low = text.lower()
    for urn in (USER, GROUP, ENTERPRISE):
        if low == urn.lower():
            return Attribute(schema=urn)
        # A dot for the colon occurs, too: `…:User.manager` (python-scim/scim2-models was measured to lose it).
        if low.startswith((f"{urn.lower()}:", f"{urn.lower()}.")):
            return _dotted(text[len(urn) + 1 :], schema=urn if urn == ENTERPRISE else "")
    if low.startswith("urn:"):
        schema, _, rest = text.rpartition(":")
        return _dotted(rest, schema=schema)
    return _dotted(text, schema="")


def _dotted(text: str, *, schema: str) -> Attribute:
    name, dot, part = text.partition(".")
    for one in (name, part) if dot else (name,):
        if not one or not one.replace("_", "a").replace("-", "a").replace("$", "a").isalnum():
            raise bad_path("it names no attribute")
    return Attribute(schema=schema, name=canonical(name), part=canonical(part) if part else "")
