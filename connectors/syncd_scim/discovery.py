"""What a service says of itself (RFC 7644 §4), and how its lists are asked for by that: the plain way where it says nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from syncd.core.errors import NeedsHuman
from syncd_scim import messages
from syncd_scim.lists import Listing, by_cursor
from syncd_scim.paths import flag, folded, text
from syncd_scim.settings import ScimSettings
from syncd_scim.wire import Refused, Wire

_PROVIDER: Final = "ServiceProviderConfig"
_TYPES: Final = "ResourceTypes"
_PLACES: Final = {"user": "Users", "group": "Groups"}
_PLACE: Final = re.compile(r"/?([A-Za-z0-9_-]+)/?")
"""An endpoint as RFC 7643 §6 wants it, relative to the base; anything else, such as another host's address, is not gone to."""
_SILENT: Final = frozenset(
    # A service may refuse its own description to those who may read its people; a wrong sign-in shows at the people.
    {messages.UNAUTHORIZED.code, messages.FORBIDDEN.code, messages.NOT_SCIM.code, messages.MOVED.code}
)


async def provider_of(wire: Wire) -> Mapping[str, Any]:
    """Return the service provider's configuration, empty where the service keeps it to itself. Raises as a source does."""
    await settle(wire)
    return await _said(wire, _PROVIDER)


async def settle(wire: Wire) -> None:
    """Ask once where the service has its people and groups; where it does not say, they are at the RFC's places."""
    if wire.places is None:
        said = folded(await _said(wire, _TYPES)).get("resources")
        found = (_place(folded(each)) for each in (said if isinstance(said, list) else ()) if isinstance(each, Mapping))
        wire.places = dict(place for place in found if place is not None)


def _place(told: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return which of our places a resource type is, and where the service has it; None for what is not read."""
    name = _PLACES.get((text(told.get("id")) or text(told.get("name"))).lower())
    found = _PLACE.fullmatch(text(told.get("endpoint")))
    return (name, found[1]) if name and found else None


async def _said(wire: Wire, what: str) -> Mapping[str, Any]:
    try:
        return await wire.object(what)
    except Refused:
        return {}
    except NeedsHuman as error:
        if error.problem.code not in _SILENT:
            raise
        return {}


def offers(provider: Mapping[str, Any], what: str) -> bool:
    """Tell whether the service says that it supports something."""
    said = folded(provider).get(what)
    return isinstance(said, Mapping) and bool(flag(folded(said).get("supported")))


def listing_of(wire: Wire, settings: ScimSettings, provider: Mapping[str, Any], path: str) -> Listing:
    """Return how a list is asked for."""
    return Listing(
        wire=wire,
        path=path,
        size=settings.page_size,
        by_cursor=by_cursor(provider, settings.paging),
        sorted_by_id=offers(provider, "sort"),
    )
