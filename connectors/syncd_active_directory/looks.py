"""Cheap looks whether anything has changed at all, for servers that do not ring, or not always. Blocking; one connection.

A look is made each second or so, for years, so it asks one small thing first: how far the server is in its own count. It may
say yes too often, and it keeps nothing but the last answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from syncd.core.errors import NeedsHuman
from syncd_active_directory.choosing import choose
from syncd_active_directory.dialects import DialectName
from syncd_active_directory.directory import first
from syncd_active_directory.place import Place
from syncd_active_directory.schema_ldap import STAMP
from syncd_active_directory.settings import DirectorySettings
from syncd_active_directory.ways import Mark, Telling, Told, Way
from syncd_active_directory.wire import Wire

_AT_ONCE: Final = timedelta(seconds=1)
SELDOM: Final = timedelta(seconds=30)
"""A search by time stamp costs what the server's index on it is worth, and some have none."""
_BEHIND: Final = timedelta(hours=1)
"""By so much the server's clock may be behind ours."""
_EPOCH: Final = datetime(1970, 1, 2, tzinfo=UTC)
_DOING: Final = "looking for changes"
_CSN: Final = "contextCSN"
_NUMBER: Final = "lastChangeNumber"
_COUNT: Final = "highestCommittedUSN"


class Look(Protocol):
    """One cheap look, again and again, on one connection."""

    words: str
    """What is looked at, for people."""
    least: timedelta
    """Not to be made more often than this."""

    def changed(self) -> bool:
        """Tell whether something changed since the last time, or since the look was made. Raises as the wire does."""
        ...


class Counted:
    """A number or text that the server shows and that changes with each change: contextCSN, lastChangeNumber."""

    least = _AT_ONCE

    def __init__(self, wire: Wire, *, bases: Sequence[str], attribute: str) -> None:
        self._wire = wire
        self._bases = bases
        self._attribute = attribute
        self.words = attribute
        self._last = self.shown()

    def shown(self) -> tuple[bytes, ...]:
        """Return what the server shows now; empty if it shows nothing."""
        found: list[bytes] = []
        for base in self._bases:
            entry = self._wire.present(base, [self._attribute], doing=_DOING)
            values = entry.attributes.items() if entry else ()
            found += [each for name, those in values if name.lower() == self._attribute.lower() for each in those]
        return tuple(sorted(found))

    def changed(self) -> bool:
        """Tell whether the server shows something else."""
        last, self._last = self._last, self.shown()
        return self._last != last


class Increment:
    """Active Directory: its count, and when that has moved, the way of the reads: does it tell anything that matters?

    The count moves with every change of the whole database, also of what nobody reads: log-ons, computers' passwords, DNS. It
    costs a round trip and no search. The increment after it costs a hundredth of a second, also with 100,000 people (seen with
    Samba 4.17); a wake for nothing would cost a whole read.
    """

    least = _AT_ONCE

    def __init__(self, wire: Wire, place: Place, telling: Telling, last: Mark | None = None) -> None:
        self._wire = wire
        self._place = place
        self._telling = telling
        self._count = first(place.root, _COUNT.lower())
        self._mark = telling.mark(last)
        self.words = {Way.DIRSYNC: "DirSync"}.get(telling.way, "uSNChanged")

    def changed(self) -> bool:
        """Tell whether anybody changed whom reads may show."""
        entry = self._wire.entry("", [_COUNT], doing=_DOING)
        shown = {name.lower(): values for name, values in entry.attributes.items()} if entry else {}
        count = first(shown, _COUNT.lower())
        if count == self._count:
            return False
        self._count = count
        told = self._telling.since(self._mark)
        self._mark = self._telling.mark() if told.over else told.mark
        return bool(told.over or told.inexact or told.regrouped or told.gone) or any(self._matters(told))

    def _matters(self, told: Told) -> Iterator[bool]:
        """Yield for each whether it is more than an object that stands outside of what is read and stood there before."""
        for identity in told.changed:
            name = told.names.get(identity)
            stayed = told.moved is not None and identity not in told.moved
            yield name is None or not stayed or self._place.is_read(name)


class Stamped:
    """The highest modifyTimestamps: what every server has. It does not see who is deleted, nor who is moved away."""

    least = SELDOM
    words = STAMP

    def __init__(self, wire: Wire, place: Place) -> None:
        self._wire = wire
        self._place = place
        # Of the server's clock we know nothing yet: the first look asks for what is an hour old, and may say yes for nothing.
        self._since = ((place.at or _EPOCH) - _BEHIND).strftime("%Y%m%d%H%M%SZ")
        self._last = b""
        self.changed()

    def changed(self) -> bool:
        """Tell whether anybody has a later stamp than before, or others have the latest."""
        last, shown = self._last, dict[str, str]()
        for base in self._place.bases:
            shown |= self._shown(base)
        self._since = max(shown.values(), default=self._since)
        newest = sorted(dn for dn, stamp in shown.items() if stamp == self._since)
        self._last = _digest((self._since, *newest))
        return self._last != last

    def _shown(self, base: str) -> Mapping[str, str]:
        pages = self._wire.pages(base=base, filter_=f"({STAMP}>={self._since})", wanted=[STAMP], doing=_DOING)
        found = {}
        for page in pages:
            for entry in page.entries:
                values = {name.lower(): each for name, each in entry.attributes.items()}
                found[entry.dn] = first(values, STAMP.lower())
        return found


def look_of(wire: Wire, place: Place, settings: DirectorySettings, last: Mark | None = None) -> Look | None:
    """Return the cheapest look that the server allows; None if there is none, so that nothing can be noticed.

    `last` is where an earlier read of the same source ended, if there was one: some servers get on faster from there. Raises as
    `choose` does. Where reads cannot tell who changed, a look would mean reading everything: there is none then.
    """
    telling = choose(wire, place, settings, last)
    if telling is None or settings.changes == "none":
        return None
    if place.dialect.name is DialectName.ACTIVE_DIRECTORY:
        return Increment(wire, place, telling, last)
    contexts = tuple(dict.fromkeys(place.context(base) for base in place.bases))
    for bases, attribute in ((contexts, _CSN), (("",), _NUMBER)):
        try:
            look = Counted(wire, bases=bases, attribute=attribute)
        except NeedsHuman:
            continue
        if look.shown():
            return look
    return Stamped(wire, place)


def _digest(words: Iterable[str]) -> bytes:
    return hashlib.blake2b("\0".join(words).encode(), digest_size=16).digest()
