"""What the endpoint says of itself (RFC 7643 §5-7): configuration, resource types, schemas. Nothing is claimed that is not so."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from syncd.scim import bulk
from syncd.scim.names import ADDRESS_PARTS, ENTERPRISE, ENTERPRISE_TEXTS, GROUP, LIST, NAME_PARTS, USER

MOST_RESULTS: Final = 1000
PAGE: Final = 100
MOST_BYTES: Final = 1024 * 1024
"""Of the body of one request: Entra ID puts many members into one."""
_CORE: Final = "urn:ietf:params:scim:schemas:core:2.0"


def configuration() -> dict[str, Any]:
    """Return the ServiceProviderConfig, without its location."""
    return {
        "schemas": [f"{_CORE}:ServiceProviderConfig"],
        "patch": {"supported": True},
        "bulk": {"supported": True, "maxOperations": bulk.MOST, "maxPayloadSize": MOST_BYTES},
        "filter": {"supported": True, "maxResults": MOST_RESULTS},
        "changePassword": {"supported": False},
        "sort": {"supported": False},
        "etag": {"supported": True},
        "pagination": {
            "cursor": True,
            "index": True,
            "defaultPaginationMethod": "index",
            "defaultPageSize": PAGE,
            "maxPageSize": MOST_RESULTS,
        },
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer token",
                "description": "In the header Authorization: a token that was given for this source, or an access token.",
                "primary": True,
            }
        ],
    }


def types() -> list[dict[str, Any]]:
    """Return the resource types, without their locations."""
    user = _type("User", "/Users", USER)
    user["schemaExtensions"] = [{"schema": ENTERPRISE, "required": False}]
    return [user, _type("Group", "/Groups", GROUP)]


def _type(name: str, endpoint: str, schema: str) -> dict[str, Any]:
    return {
        "schemas": [f"{_CORE}:ResourceType"],
        "id": name,
        "name": name,
        "endpoint": endpoint,
        "description": f"What the provider pushes of a {name.lower()}.",
        "schema": schema,
    }


@cache
def schemas() -> tuple[dict[str, Any], ...]:
    """Return the schemas, without their locations."""
    return (
        _schema(USER, "User", _user()),
        _schema(GROUP, "Group", _group()),
        _schema(ENTERPRISE, "Enterprise User", [*map(_attribute, ENTERPRISE_TEXTS), _manager()]),
    )


def _schema(id_: str, name: str, attributes: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "schemas": [f"{_CORE}:Schema"],
        "id": id_,
        "name": name,
        "description": name,
        "attributes": attributes,
    }


def _attribute(name: str, kind: str = "string", **changed: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": kind,
        "multiValued": False,
        "description": name,
        "required": False,
        "caseExact": False,
        "mutability": "readWrite",
        "returned": "default",
        "uniqueness": "none",
        **changed,
    }


def _complex(name: str, parts: list[dict[str, Any]], **changed: Any) -> dict[str, Any]:
    made = _attribute(name, "complex", subAttributes=parts, **changed)
    return {key: value for key, value in made.items() if key != "caseExact"}


def _plural(name: str, kind: str = "string", **changed: Any) -> dict[str, Any]:
    value = _attribute("value", kind, **changed)
    return _complex(
        name,
        [value, _attribute("display"), _attribute("type"), _attribute("primary", "boolean")],
        multiValued=True,
    )


def _user() -> list[dict[str, Any]]:
    texts = ("displayName", "nickName", "title", "userType", "preferredLanguage", "locale", "timezone")
    read = {"mutability": "readOnly"}
    return [
        _attribute("externalId", caseExact=True),
        _attribute("userName", required=True, uniqueness="server"),
        _complex("name", [_attribute(part) for part in NAME_PARTS]),
        *map(_attribute, texts),
        _attribute("profileUrl", "reference", referenceTypes=["external"], caseExact=True),
        _attribute("active", "boolean"),
        *map(_plural, ("emails", "phoneNumbers", "ims", "entitlements", "roles")),
        _plural("photos", "reference", referenceTypes=["external"], caseExact=True),
        _plural("x509Certificates", "binary", caseExact=True),
        _complex(
            "addresses",
            [*map(_attribute, ADDRESS_PARTS), _attribute("type"), _attribute("primary", "boolean")],
            multiValued=True,
        ),
        _complex(
            "groups",
            [
                _attribute("value", caseExact=True, **read),
                _attribute("$ref", "reference", referenceTypes=["Group"], caseExact=True, **read),
                _attribute("type", canonicalValues=["direct"], **read),
            ],
            multiValued=True,
            **read,
        ),
    ]


def _group() -> list[dict[str, Any]]:
    fixed = {"mutability": "immutable"}
    kinds = ["User", "Group"]
    return [
        _attribute("externalId", caseExact=True),
        _attribute("displayName", required=True, uniqueness="server"),
        _complex(
            "members",
            [
                _attribute("value", caseExact=True, **fixed),
                _attribute("$ref", "reference", referenceTypes=kinds, caseExact=True, **fixed),
                _attribute("type", canonicalValues=kinds, **fixed),
            ],
            multiValued=True,
        ),
    ]


def _manager() -> dict[str, Any]:
    return _complex(
        "manager",
        [
            _attribute("value", caseExact=True),
            _attribute("$ref", "reference", referenceTypes=["User"], caseExact=True),
            _attribute("displayName"),
        ],
    )


def listed(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a list of discovery documents."""
    return {
        "schemas": [LIST],
        "totalResults": len(resources),
        "startIndex": 1,
        "itemsPerPage": len(resources),
        "Resources": resources,
    }
