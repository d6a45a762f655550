"""Which way is taken to learn who changed: the best that the server offers and the account may use, or the one that is wanted.

It asks each way whether it may be used, best first, and loads only those that it asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Final

from syncd.core.errors import NeedsHuman, Problem
from syncd_active_directory import messages
from syncd_active_directory.place import Place
from syncd_active_directory.settings import DirectorySettings
from syncd_active_directory.ways import Mark, Telling, Way
from syncd_active_directory.wire import Wire

_MADE_BY: Final = {
    Way.DIRSYNC: ("dirsync", "DirSync"),
    Way.USN: ("usn", "Usn"),
    Way.SYNCREPL: ("syncrepl", "SyncRepl"),
    Way.CHANGELOG: ("changelog", "ChangeLog"),
    Way.STAMPS: ("stamps", "Stamps"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One way that a server's dialect knows, and why it cannot be used, if so."""

    telling: Telling
    refused: Problem | None


def made(way: Way, wire: Wire, place: Place, last: Mark | None = None) -> Telling:
    """Return one way on one connection. `last` is a mark of the same way, where there is one: asking gets cheaper by it."""
    module, name = _MADE_BY[way]
    telling: Telling = getattr(import_module(f"syncd_active_directory.{module}"), name)(wire, place)
    if last is not None and hasattr(telling, "hint"):
        telling.hint(last)
    return telling


def offers(wire: Wire, place: Place, last: Mark | None = None) -> Iterator[Offer]:
    """Yield the ways of the server's dialect, best first, each with what speaks against it."""
    for way in place.dialect.ways:
        if way is not Way.NONE:
            telling = made(way, wire, place, last)
            yield Offer(telling=telling, refused=telling.refused())


def again(before: Telling, wire: Wire, place: Place, last: Mark | None = None) -> Telling:
    """Return the way of an earlier read on the same connection, without asking once more whether the account may use it."""
    telling = made(before.way, wire, place, last)
    if hasattr(telling, "resume"):
        telling.resume(before)
    return telling


def choose(wire: Wire, place: Place, settings: DirectorySettings, last: Mark | None = None) -> Telling | None:
    """Return the way to take, None if there is none. Raises `NeedsHuman` if the way that is wanted cannot be used."""
    if settings.changes in ("auto", "none"):
        return next((offer.telling for offer in offers(wire, place, last) if offer.refused is None), None)
    way = Way(settings.changes)
    if way not in place.dialect.ways:
        raise NeedsHuman(messages.NO_SUCH_WAY.at(way=way, server=wire.address, title=place.dialect.title))
    telling = made(way, wire, place, last)
    if problem := telling.refused():
        raise NeedsHuman(problem)
    return telling
