"""`syncd check --online`: which ways there are to learn who changed, which one is taken, and what a better one takes; and how
changes are noticed. It changes nothing and raises nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from syncd.core.errors import NeedsHuman, TryAgain
from syncd.core.ports import Standing, Verdict
from syncd_active_directory import messages
from syncd_active_directory.choosing import Offer, choose, offers
from syncd_active_directory.dialects import DialectName
from syncd_active_directory.looks import SELDOM
from syncd_active_directory.noticing import bell_of, listenings
from syncd_active_directory.place import Place
from syncd_active_directory.settings import DirectorySettings
from syncd_active_directory.ways import Telling, Way
from syncd_active_directory.wire import Wire


def check_ways(wire: Wire, place: Place, settings: DirectorySettings) -> Iterator[Verdict]:
    """Yield a verdict for each better way that is refused, one for the way that is taken, and one for those that can be forced.
    Raises nothing."""
    taken, offered = None, list[Offer]()
    try:
        offered += offers(wire, place)
        if settings.changes == "auto":
            yield from _passed_over(offered)
        taken = choose(wire, place, settings)
        yield _taken(taken, settings)
        if taken is not None and settings.changes != "none":
            yield _deletions(taken, place)
    except (NeedsHuman, TryAgain) as error:
        yield Verdict(name="changes", standing=Standing.FAILED, seen=error.problem.what, problem=error.problem)
    yield _others(offered, taken, settings)


def check_noticing(wire: Wire, place: Place, settings: DirectorySettings) -> Iterator[Verdict]:
    """Yield how `syncd run` would notice changes, and what is missing for noticing them at once. Raises nothing."""
    name, poll = "noticing", settings.watch.poll.total_seconds()
    if settings.changes == "none":
        yield Verdict(name=name, standing=Standing.OK, seen="by the schedule only, because of `changes: none`")
        return
    problem = None
    try:
        bell = bell_of(place, settings)
        if bell is not None:
            list(listenings(bell, wire, place))
    except (NeedsHuman, TryAgain) as error:
        bell, problem = None, error.problem
    ways = [f"at once, by {bell}"] if bell else []
    if poll and (bell is None or place.dialect.name is DialectName.ACTIVE_DIRECTORY):
        # What another server shows is found out by looking: how far it is, or modification times only.
        least = SELDOM.total_seconds() if place.dialect.name is DialectName.LDAP else 0
        ways.append(f"by a look every {poll:g} s" if poll >= least else f"by a look every {least:g} s, or sooner")
    insists = settings.watch.notification == "on"
    standing = Standing.OK if problem is None else Standing.FAILED if insists else Standing.WARNING
    yield Verdict(name=name, standing=standing, seen=", and ".join(ways) or "by the schedule only", problem=problem)


def _passed_over(offered: Sequence[Offer]) -> Iterator[Verdict]:
    """Yield the ways that would be better than the one that is taken."""
    for offer in offered:
        if offer.refused is None:
            return
        name = f"changes by {offer.telling.way}"
        yield Verdict(name=name, standing=Standing.WARNING, seen=offer.refused.what, problem=offer.refused)


def _others(offered: Sequence[Offer], taken: Telling | None, settings: DirectorySettings) -> Verdict:
    """Return what else the setting `changes` may say here: whoever wants to force a way has to know which ones work."""
    # Where the way that is wanted cannot be used, nothing is taken, and each of them is another one.
    everything = settings.changes == "none" or (settings.changes == "auto" and taken is None)
    now = Way.NONE if everything else taken.way if taken else None
    able = [*(offer.telling.way for offer in offered if offer.refused is None), Way.NONE]
    others = ", ".join(f"`changes: {way}`" for way in able if way is not now)
    return Verdict(name="other ways", standing=Standing.OK, seen=f"these would work: {others}" if others else "none")


def _taken(taken: Telling | None, settings: DirectorySettings) -> Verdict:
    if settings.changes == "none":
        return Verdict(
            name="changes", standing=Standing.OK, seen="everything is read each time, as `changes: none` says"
        )
    if taken is None:
        return Verdict(
            name="changes", standing=Standing.OK, seen="everything is read each time: the server tells nothing"
        )
    why = "the best that the account may use" if settings.changes == "auto" else "as the setting `changes` says"
    return Verdict(name="changes", standing=Standing.OK, seen=f"told by {taken.way}: {why}")


def _deletions(taken: Telling, place: Place) -> Verdict:
    name = "deletions"
    if taken.tells_deletions:
        return Verdict(name=name, standing=Standing.OK, seen="told at once")
    seen = "not told: who is deleted shows at the next full read"
    if taken.way in (Way.DIRSYNC, Way.USN):
        problem = messages.NO_TOMBSTONES.at(context=place.context(place.bases[0]))
        return Verdict(name=name, standing=Standing.WARNING, seen=seen, problem=problem)
    return Verdict(name=name, standing=Standing.OK, seen=seen)
