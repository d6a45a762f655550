"""What `syncd check --online` tries of a SCIM service, one verdict each. It never raises and changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator

from syncd.core.errors import NeedsHuman, TryAgain
from syncd.core.ports import Standing, Verdict
from syncd_scim import messages
from syncd_scim.discovery import listing_of, offers, provider_of
from syncd_scim.settings import Deltas, ScimSettings
from syncd_scim.wire import Refused, Wire

_ASKED_ABOUT = ("filter", "sort", "etag")


async def verdicts(wire: Wire, settings: ScimSettings) -> AsyncIterator[Verdict]:
    """Try the sign-in with what the service says of itself, each list, and whether changes can be asked for."""
    step = "service"
    try:
        provider = await provider_of(wire)
        able = ", ".join(name for name in _ASKED_ABOUT if offers(provider, name)) or "nothing"
        seen = f"offers {able}" if provider else "says nothing of itself; the plain way is taken"
        yield Verdict(name=f"service {wire.host}", standing=Standing.OK, seen=seen)
        for path, filter_ in (("Users", settings.users_filter), *((("Groups", ""),) if settings.groups else ())):
            step = path
            yield await _list(wire, settings, provider, path=path, filter_=filter_)
        if settings.delta is Deltas.MODIFIED:
            step = "changes"
            yield await _changes(wire, settings, provider)
    except (NeedsHuman, TryAgain) as error:
        yield Verdict(name=step, standing=Standing.FAILED, seen=error.problem.what, problem=error.problem)
    except Refused as refused:
        problem = messages.REFUSED.at(
            host=wire.host, path=step, status=refused.status, detail=refused.detail or "without a reason"
        )
        if refused.status == 404:
            problem = messages.ABSENT.at(host=wire.host, path=step)
        yield Verdict(name=step, standing=Standing.FAILED, seen=problem.what, problem=problem)


async def _list(wire: Wire, settings: ScimSettings, provider: object, *, path: str, filter_: str) -> Verdict:
    listing = listing_of(wire, settings, provider if isinstance(provider, dict) else {}, path)
    total = await listing.total(filter_)
    way = "by cursor" if listing.by_cursor else "by index"
    if total == 0 and path == "Users":
        problem = messages.NO_PEOPLE.at()
        return Verdict(name=path, standing=Standing.FAILED, seen=problem.what, problem=problem)
    counted = "the service does not count them" if total is None else f"{total}"
    return Verdict(name=path, standing=Standing.OK, seen=f"{counted}, {way}, {settings.page_size} at once")


async def _changes(wire: Wire, settings: ScimSettings, provider: object) -> Verdict:
    """Ask for what changed in a hundred years: whoever does not understand the question says so."""
    listing = listing_of(wire, settings, provider if isinstance(provider, dict) else {}, "Users")
    try:
        total = await listing.total('meta.lastModified ge "2100-01-01T00:00:00Z"')
    except Refused as refused:
        seen = f"cannot be asked for by time ({refused.status}): every read is a full read"
        return Verdict(name="changes", standing=Standing.WARNING, seen=seen)
    if total:
        seen = "the service does not heed the time that is asked for: every read is a full read"
        return Verdict(name="changes", standing=Standing.WARNING, seen=seen)
    return Verdict(name="changes", standing=Standing.OK, seen="by meta.lastModified; deletions by the count")
