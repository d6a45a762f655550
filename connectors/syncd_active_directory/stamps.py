"""Learns who changed from modifyTimestamp, which every LDAP server keeps (RFC 4512 §3.4.2) and nothing else is needed for.

It is blind to deletions, to objects that were moved out of the bases, and to what a server rewrites by itself: those show in the
next proven full read. The server's clock is not ours and counts whole seconds, and replicas tell late: so each window begins
well before the last one ended, and the mark is a time that the server itself wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

from syncd.core.errors import NeedsHuman, Problem, TryAgain
from syncd.core.model import ProofFact
from syncd_active_directory import messages_ldap
from syncd_active_directory.neighbours import GROUPS, MOST, REGROUPED, Changed, changed, neighbours, wanted
from syncd_active_directory.place import Place
from syncd_active_directory.schema_ldap import STAMP
from syncd_active_directory.ways import Mark, Told, Way
from syncd_active_directory.wire import Wire

OVERLAP: Final = timedelta(minutes=10)
"""So late a change may arrive from another server, and by so much clocks may differ among servers."""
BEHIND: Final = timedelta(hours=1)
"""By so much the server's clock may be behind ours."""
_SHAPE: Final = "%Y%m%d%H%M%SZ"
_BEGINNING: Final = "19700102000000Z"
_DOING: Final = "asking who changed"
_BLIND: Final = ProofFact(
    name="changes are told by their time", holds=True, detail="who is deleted shows in the next full read"
)


class Stamps:
    """`syncd_active_directory.ways.Telling` by modifyTimestamp."""

    way: ClassVar[Way] = Way.STAMPS
    tells_members: ClassVar[bool] = False
    tells_deletions: ClassVar[bool] = False

    def __init__(self, wire: Wire, place: Place) -> None:
        self._wire = wire
        self._place = place

    def refused(self) -> Problem | None:
        """See whether the stamp of each base is shown and can be searched for; None if so."""
        try:
            for base in self._place.bases:
                shown = self._wire.entry(base, [STAMP], doing=_DOING)
                if shown is None or not _stamp_of(shown.attributes):
                    return messages_ldap.NO_STAMPS.at(server=self._wire.address)
        except (NeedsHuman, TryAgain) as error:
            return error.problem
        return None

    def mark(self, last: Mark | None = None) -> Mark:  # noqa: ARG002
        """Return a time before now by the server's clock, if that is no more than an hour behind ours."""
        at = self._place.at
        return {"since": (at - BEHIND).strftime(_SHAPE) if at else _BEGINNING}

    def since(self, mark: Mark) -> Told:
        """Tell who has a stamp since shortly before the mark. Whoever is gone or rewritten by the server is not told."""
        since = mark.get("since")
        begin = _earlier(since) if isinstance(since, str) else None
        if begin is None or self._place.at is None:
            return Told(mark=mark, over="the mark is not a time")
        now, latest = self._place.at.strftime(_SHAPE), str(since)
        found: dict[str, Changed] = {}
        for base in self._place.bases:
            for stamp, one in self._changed(base, begin):
                # A stamp of the future was not written by this server now: it must not move the mark.
                latest = max(latest, stamp) if stamp <= now else latest
                found[one.identity] = one
        touched = neighbours(self._wire, self._place, list(found.values())) if len(found) <= MOST else None
        if touched is None:
            return Told(mark=mark, over=f"more than {MOST} objects changed: reading everything costs less")
        group = any(each.classes & GROUPS for each in found.values())
        return Told(
            mark={"since": latest},
            changed=touched | found.keys(),
            regrouped=REGROUPED if group else "",
            facts=(_BLIND,),
        )

    def _changed(self, base: str, begin: str) -> Iterator[tuple[str, Changed]]:
        asked = (STAMP, *wanted(self._place))
        for page in self._wire.pages(base=base, filter_=f"({STAMP}>={begin})", wanted=asked, doing=_DOING):
            for entry in page.entries:
                if (one := changed(entry, self._place)).identity:
                    yield _stamp_of(entry.attributes), one


def _stamp_of(attributes: Mapping[str, Sequence[bytes]]) -> str:
    """Return modifyTimestamp as these servers write it, `20261122013000Z`; empty if it is not shown or written otherwise."""
    values = next((values for name, values in attributes.items() if name.lower() == STAMP.lower()), ())
    text = values[0].decode(errors="replace") if values else ""
    return f"{text[:14]}Z" if text[:14].isdigit() and text.endswith("Z") else ""


def _earlier(stamp: str) -> str | None:
    """Return where the window begins; None if the mark is none of ours."""
    try:
        return (datetime.strptime(stamp, _SHAPE).replace(tzinfo=UTC) - OVERLAP).strftime(_SHAPE)
    except (ValueError, OverflowError):
        return None
