"""A directory as a source: connects, reads what changed or everything, proves it, and hangs up.

It keeps nothing between two reads but what the cursor holds. The same class reads Active Directory and other LDAP servers: which
one it is, the server says.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from types import TracebackType
from typing import ClassVar, Final

from syncd.core.errors import Problem, TryAgain
from syncd.core.known import NOTHING_KNOWN, Known
from syncd.core.model import LEARNED, Kind, NativeId, Page, ProofFact
from syncd.core.outcome import Outcome
from syncd.core.ports import Room, Verdict
from syncd.core.values import Values
from syncd.core.wakes import Wake
from syncd_active_directory import messages
from syncd_active_directory.checks import Checks
from syncd_active_directory.choosing import again, choose
from syncd_active_directory.cursor import Cursor, parsed
from syncd_active_directory.delta import Delta
from syncd_active_directory.full import Full
from syncd_active_directory.kept import Died, Kept, Line, tried
from syncd_active_directory.place import Place
from syncd_active_directory.recalled import Recalled
from syncd_active_directory.schema import ASKED, declared
from syncd_active_directory.servers import Servers
from syncd_active_directory.settings import DirectorySettings
from syncd_active_directory.threads import finished
from syncd_active_directory.trust import trust
from syncd_active_directory.watching import Watch
from syncd_active_directory.ways import Mark, Telling, Way
from syncd_active_directory.writing import Writing, writable

_WAYS: Final[Mapping[Way, str]] = {
    Way.DIRSYNC: "Active Directory's DirSync control",
    Way.USN: "uSNChanged and the tombstones",
    Way.SYNCREPL: "content synchronization (RFC 4533)",
    Way.CHANGELOG: "the retro changelog",
    Way.STAMPS: "modification times; deletions show in full reads only",
    Way.NONE: "every read is a full read",
}
_AT_ONCE: Final = 500
"""Records of a delta that are handed over together."""


class ActiveDirectory:
    """People, units and groups of a directory as a `syncd.core.ports.Source` that is `Watching` and `WritingBack`, too.

    Each read uses one connection to one server.
    """

    settings: ClassVar[type[DirectorySettings]] = DirectorySettings
    attributes: ClassVar[Mapping[Kind, Mapping[str, str]] | None] = declared()
    writable: ClassVar[Mapping[Kind, frozenset[str]]] = {Kind.PERSON: writable(ASKED[Kind.PERSON])}

    def __init__(self, settings: DirectorySettings, room: Room) -> None:
        self._settings = settings
        self._room = room
        self._servers = Servers(room.name, settings)
        self._kept = Kept(settings, room, servers=self._servers, trust=self._trust)
        self._watch = Watch(settings, room, servers=self._servers, trust=self._trust)
        self._writing = Writing(settings, room, servers=self._servers, trust=self._trust)

    async def __aenter__(self) -> ActiveDirectory:
        self._kept.keeps = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._writing.close()
        await self._kept.close()

    @classmethod
    def writable_with(cls, settings: DirectorySettings) -> Mapping[Kind, frozenset[str]]:
        """Return `writable` together with what the settings add."""
        return {Kind.PERSON: cls.writable[Kind.PERSON] | writable({}, settings.attributes)}

    @classmethod
    def attributes_with(cls, settings: DirectorySettings) -> Mapping[Kind, Mapping[str, str]]:
        """Return `attributes` together with those that the settings add."""
        known = dict(cls.attributes or {})
        known[Kind.PERSON] = {**known[Kind.PERSON], **settings.attributes}
        return known

    async def read(
        self, cursor: str | None, *, full: bool = False, known: Known = NOTHING_KNOWN
    ) -> AsyncIterator[Page]:
        """Yield what changed since `cursor`, or the whole directory, units first.

        Within `async with` the connection stays open for the next read, except for one that is asked to be a full one.
        """
        line: Line | None = await self._kept.taken(fresh=full or cursor is None)
        while line is not None:
            reading = _Reading(line=line, settings=self._settings, now=self._room.now(), known=known)
            line = None
            try:
                async with aclosing(self._over(reading, cursor, full=full)) as pages:
                    async for page in pages:
                        yield page
            except Died:
                line = await self._kept.taken(fresh=True)

    async def _over(self, reading: _Reading, cursor: str | None, *, full: bool) -> AsyncGenerator[Page, None]:
        """Yield the pages of a read over its line. Raises `Died`, before the first, if a kept line turns out to be no more."""
        line, left = reading.line, None
        wire = line.wire
        try:
            pages, more = reading.pages(cursor, full=full), True
            while more:
                some, more = await finished(lambda: _next(pages), interrupt=wire.abort)
                for page in some:
                    yield page
            left = reading.line
            if reading.last is not None:
                self._servers.ended = reading.last
        except TryAgain:
            # Nothing is concluded from half a read; the next one begins with another server.
            self._servers.failed(wire.address, self._room.now())
            raise
        finally:
            # What was not read to its end may have left something on the line.
            await (self._kept.put(left) if left is not None else self._kept.dropped(line))

    async def watch(self) -> AsyncGenerator[Wake, None]:
        """Yield a wake soon after something has changed, and one at the start and after each interruption.

        It runs until it is closed or cancelled, on connections of its own. Raises only what a person has to mend.
        """
        async with aclosing(self._watch.wakes()) as wakes:
            async for wake in wakes:
                yield wake

    async def write_back(self, native_id: NativeId, fields: Values, *, expected: Values) -> Outcome:
        """Write single attributes of one person, over a connection of its own; see `syncd.core.ports.WritingBack`."""
        return await self._writing.write(native_id, fields, expected=expected)

    def watching(self) -> str:
        """Say in a few words how changes are noticed right now; empty while they are not."""
        return self._watch.words

    def ends(self) -> Mapping[str, datetime]:
        """Return when the certificate ends that the server showed last; see `syncd.core.ending.Ending`."""
        return self._kept.ends()

    async def check(self) -> AsyncIterator[Verdict]:
        """Try each server, its certificate, the account, each base, and what can be seen, one verdict each."""
        checks = Checks(self._settings, trust=self._trust, now=self._room.now(), returned=self._room.returned)
        verdicts = checks.verdicts()
        try:
            while (verdict := await finished(lambda: next(verdicts, None), interrupt=checks.abort)) is not None:
                yield verdict
        finally:
            verdicts.close()

    def _trust(self) -> ssl.SSLContext:
        ca_file = self._settings.ca_file
        return trust(self._room.base / ca_file if ca_file else None)


@dataclass(slots=True, kw_only=True)
class _Reading:
    """One read: a delta if it can be told whole, and everything otherwise. Blocking."""

    line: Line
    settings: DirectorySettings
    now: datetime
    known: Known
    last: Mark | None = None
    """Where the read before this one ended, if that is of use."""

    def pages(self, text: str | None, *, full: bool) -> Iterator[Page]:
        """Yield the pages of the read. Raises `Died`."""
        if not self.line.tried:
            # In the thread that goes on with it: to come back from a thread and begin another takes as long as asking.
            self.line = tried(self.line, self.settings, now=self.now)
        wire, place, recalled = self.line.wire, self.line.place, Recalled(self.known)
        last, why = _usable(text, place)
        self.last = last.mark if last else None
        telling = self._telling(self.last)
        hidden = last.hidden if last else ()
        if last is not None and telling is not None and not full and self.settings.changes != "none":
            if last.way is not telling.way:
                why = f"who changed is asked for in another way now ({telling.way}, before {last.way})"
            else:
                units = self.line.units
                delta = Delta(wire, place, telling=telling, last=last, known=recalled, now=self.now, units=units)
                why = delta.gather()
                if not why:
                    yield from (_learned(page, telling.way) for page in delta.pages())
                    return
                hidden = delta.hidden
        self.line.units.clear()
        whole = Full(
            wire, place, settings=self.settings, telling=telling, last=last, known=recalled.again(), now=self.now
        )
        way = telling.way if telling is not None and self.settings.changes != "none" else Way.NONE
        for page in whole.pages(hidden):
            yield _learned(_explained(page, why) if page.completeness is not None and why else page, way)

    def _telling(self, mark: Mark | None) -> Telling | None:
        """Return the way to take; the one that the last read over this connection took, if there was one."""
        wire, place, before = self.line.wire, self.line.place, self.line.telling
        telling = choose(wire, place, self.settings, mark) if before is None else again(before, wire, place, mark)
        self.line = replace(self.line, telling=telling)
        return telling


def _next(pages: Iterator[Page]) -> tuple[list[Page], bool]:
    """Return the next page, or all those of a small delta, and whether there may be more: each time costs a change of threads."""
    some: list[Page] = []
    for page in pages:
        some.append(page)
        if page.full or sum(len(one.records) for one in some) >= _AT_ONCE:
            return some, True
    return some, False


def _usable(text: str | None, place: Place) -> tuple[Cursor | None, str]:
    """Return the cursor if it speaks of what is read now; otherwise why not, in plain words."""
    if text is None:
        return None, ""
    cursor = parsed(text)
    if isinstance(cursor, str):
        return None, f"what the last read left cannot be used: {cursor}"
    if cursor.digest != place.digest():
        return None, "the settings or rules that decide what is read have changed"
    return cursor, ""


def _learned(page: Page, way: Way) -> Page:
    """Return the last page of a read together with how it is learned who changed; any other as it is."""
    if page.completeness is None:
        return page
    fact = ProofFact(name=LEARNED, holds=True, detail=f"{way}: {_WAYS[way]}")
    return replace(page, completeness=replace(page.completeness, facts=(*page.completeness.facts, fact)))


def _explained(page: Page, why: str) -> Page:
    """Return the last page of a full read together with why it is not a delta."""
    note: Problem = messages.STARTED_OVER.at(reason=why)
    fact = ProofFact(name="everything was read again", holds=True, detail=why)
    assert page.completeness is not None
    completeness = replace(page.completeness, facts=(*page.completeness.facts, fact))
    return replace(page, completeness=completeness, notes=(*page.notes, note))
