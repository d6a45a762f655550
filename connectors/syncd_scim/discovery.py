"""What a service says of itself (RFC 7644 §4), and how its lists are asked for by that: the plain way where it says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from syncd.core.errors import NeedsHuman
from syncd_scim import messages
from syncd_scim.lists import Listing, by_cursor
from syncd_scim.paths import flag, folded
from syncd_scim.settings import ScimSettings
from syncd_scim.wire import Refused, Wire

_PROVIDER: Final = "ServiceProviderConfig"
_SILENT: Final = frozenset({messages.FORBIDDEN.code, messages.NOT_SCIM.code, messages.MOVED.code})


async def provider_of(wire: Wire) -> Mapping[str, Any]:
    """Return the service provider's configuration, empty where the service keeps it to itself. Raises as a source does."""
    try:
        return await wire.object(_PROVIDER)
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
