"""What the endpoint says of itself (RFC 7643 §5-7): configuration, resource types, schemas. Nothing is claimed that is not so.

The documents are those of scim2-models, with what is otherwise here. It takes half a second to load: nobody imports this module
at the top of another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from scim2_models import (
    URI,
    Attribute,
    AuthenticationScheme,
    Bulk,
    CaseExact,
    ChangePassword,
    EnterpriseUser,
    ETag,
    Filter,
    Group,
    Mutability,
    Pagination,
    Patch,
    Reference,
    Required,
    ResourceType,
    Returned,
    Schema,
    SchemaExtension,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
    User,
)

from syncd.scim import bulk
from syncd.scim.limits import MOST_BYTES, MOST_RESULTS, PAGE
from syncd.scim.names import ENTERPRISE, GROUP, LIST, USER

_WITHOUT: Final = frozenset({"password", "groups.display", "members.display"})
"""What we never keep, and what we never show: whoever wants a name asks for the resource."""
_OTHERWISE: Final[Mapping[tuple[str, str], Mapping[str, Any]]] = {
    (USER, "groups.type"): {"canonical_values": ["direct"]},
    (GROUP, "displayName"): {"uniqueness": Uniqueness.server},
    # Providers send a manager in parts, or as a name alone; what is no id is not taken for one.
    (ENTERPRISE, "manager.value"): {"required": Required.false},
    (ENTERPRISE, "manager.$ref"): {"required": Required.false},
    (ENTERPRISE, "manager.displayName"): {"mutability": Mutability.read_write},
}


def configuration() -> dict[str, Any]:
    """Return the ServiceProviderConfig, without its location."""
    said = ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=True, max_operations=bulk.MOST, max_payload_size=MOST_BYTES),
        filter=Filter(supported=True, max_results=MOST_RESULTS),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=False),
        etag=ETag(supported=True),
        pagination=Pagination(
            cursor=True,
            index=True,
            default_pagination_method=Pagination.DefaultPaginationMethod.index,
            default_page_size=PAGE,
            max_page_size=MOST_RESULTS,
        ),
        authentication_schemes=[
            AuthenticationScheme(
                type=AuthenticationScheme.Type.oauthbearertoken,
                name="Bearer token",
                description="In the header Authorization: a token that was given for this source, or an access token.",
                primary=True,
            )
        ],
    )
    return said.model_dump()


def types() -> list[dict[str, Any]]:
    """Return the resource types, without their locations."""
    enterprise = SchemaExtension(schema_=Reference[URI](ENTERPRISE), required=False)
    return [_type("User", "/Users", USER, [enterprise]), _type("Group", "/Groups", GROUP, None)]


def _type(name: str, endpoint: str, schema: str, extensions: list[SchemaExtension] | None) -> dict[str, Any]:
    return ResourceType(
        id=name,
        name=name,
        endpoint=Reference[URI](endpoint),
        description=f"What the provider pushes of a {name.lower()}.",
        schema_=Reference[URI](schema),
        schema_extensions=extensions,
    ).model_dump()


@cache
def schemas() -> tuple[dict[str, Any], ...]:
    """Return the schemas, without their locations."""
    return (
        _schema(User.to_schema(), _external_id()),
        _schema(Group.to_schema(), _external_id()),
        _schema(EnterpriseUser.to_schema()),
    )


def _schema(schema: Schema, *before: Attribute) -> dict[str, Any]:
    kept = [*before, *_kept(str(schema.id), schema.attributes or [])]
    return schema.model_copy(update={"attributes": kept}).model_dump()


def _external_id() -> Attribute:
    """Return the one common attribute (RFC 7643 §3.1) that providers look for among the others."""
    return Attribute(
        name="externalId",
        type=Attribute.Type.string,
        multi_valued=False,
        description="The id of the resource at the provider.",
        required=Required.false,
        case_exact=CaseExact.true,
        mutability=Mutability.read_write,
        returned=Returned.default,
        uniqueness=Uniqueness.none,
    )


def _kept(schema: str, attributes: list[Attribute], above: str = "") -> list[Attribute]:
    """Return what of these attributes holds here."""
    found: list[Attribute] = []
    for one in attributes:
        path = f"{above}{one.name}"
        if path not in _WITHOUT:
            parts = _kept(schema, one.sub_attributes, f"{path}.") if one.sub_attributes else one.sub_attributes
            found.append(one.model_copy(update={"sub_attributes": parts, **_OTHERWISE.get((schema, path), {})}))
    return found


def listed(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a list of discovery documents."""
    return {
        "schemas": [LIST],
        "totalResults": len(resources),
        "startIndex": 1,
        "itemsPerPage": len(resources),
        "Resources": resources,
    }
