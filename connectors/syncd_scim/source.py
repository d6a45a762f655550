"""The SCIM source: what changed or everybody, read from one service and proven. Between two reads it keeps the cursor alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC
from types import MappingProxyType, TracebackType
from typing import Any, ClassVar, Final

from syncd.core.errors import NeedsHuman, Problem
from syncd.core.known import NOTHING_KNOWN, Known
from syncd.core.model import LEARNED, Completeness, Kind, NativeId, Page, ProofFact
from syncd.core.outcome import Outcome
from syncd.core.ports import Room, Verdict
from syncd.core.values import Values, instant, moment
from syncd_scim import messages
from syncd_scim.changes import Changed, StartOver, changed
from syncd_scim.checks import verdicts
from syncd_scim.cursor import Cursor, Seen, parsed
from syncd_scim.discovery import listing_of, provider_of, settle
from syncd_scim.looking import Looking
from syncd_scim.paths import Path
from syncd_scim.resources import ATTRIBUTES, Shape
from syncd_scim.settings import Deltas, ScimSettings
from syncd_scim.wire import Refused, Wire
from syncd_scim.writing import WRITABLE, Writing

_BY_TIME: Final = "meta.lastModified; deletions by the service's count"
_BY_NOTHING: Final = "every read is a full read"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """One read under way."""

    last: Cursor
    since: str
    """From when on the next read has to ask, as text."""
    provider: Mapping[str, Any]

    def cursor(self, seen: Mapping[str, Seen]) -> str:
        """Return what the next read starts from."""
        return Cursor(url=self.last.url, filter=self.last.filter, since=self.since, seen=dict(seen)).written()


class Scim:
    """People and groups of a SCIM 2.0 service as a `syncd.core.ports.Source`."""

    settings: ClassVar[type[ScimSettings]] = ScimSettings
    attributes: ClassVar[Mapping[Kind, Mapping[str, str]] | None] = ATTRIBUTES
    writable: ClassVar[Mapping[Kind, frozenset[str]]] = {Kind.PERSON: frozenset(WRITABLE)}

    def __init__(self, settings: ScimSettings, room: Room) -> None:
        self._settings = settings
        self._room = room
        self._wire = Wire(settings, room)
        self._writing = Writing(self._wire, room, extra=settings.attributes)

    @classmethod
    def writable_with(cls, settings: ScimSettings) -> Mapping[Kind, frozenset[str]]:
        """Return `writable` together with what the settings add."""
        return {Kind.PERSON: cls.writable[Kind.PERSON] | settings.attributes.keys()}

    async def write_back(self, native_id: NativeId, fields: Values, *, expected: Values) -> Outcome:
        """Write attributes of one person, if they still hold what is expected."""
        await settle(self._wire)
        return await self._writing.write(native_id, fields, expected=expected)

    @classmethod
    def attributes_with(cls, settings: ScimSettings) -> Mapping[Kind, Mapping[str, str]]:
        """Return what can be read with the attributes that the settings add."""
        own = dict.fromkeys(settings.attributes, "text")
        return MappingProxyType({**ATTRIBUTES, Kind.PERSON: {**ATTRIBUTES[Kind.PERSON], **own}})

    async def __aenter__(self) -> Scim:
        await self._wire.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._wire.__aexit__(kind, error, trace)

    async def read(
        self, cursor: str | None, *, full: bool = False, known: Known = NOTHING_KNOWN
    ) -> AsyncIterator[Page]:
        """Yield what changed, or everybody."""
        last = parsed(cursor, url=self._settings.url, filter_=self._settings.users_filter)
        try:
            reading = await self._begun(last)
            by_time = not full and self._settings.delta is Deltas.MODIFIED and bool(last.since)
            told = await self._told(reading, known) if by_time else _BY_NOTHING
            if not isinstance(told, str):
                for page in told:
                    yield page
                return
            async with aclosing(self._everybody(reading, known, how=told)) as pages:
                async for page in pages:
                    yield page
        except Refused as refused:
            words = {"status": refused.status, "detail": refused.detail or "without a reason"}
            raise NeedsHuman(messages.REFUSED.at(host=self._wire.host, path="a list", **words)) from refused

    async def check(self) -> AsyncIterator[Verdict]:
        """Try the sign-in, what the service says of itself, and each list."""
        async for verdict in verdicts(self._wire, self._settings):
            yield verdict

    async def _begun(self, last: Cursor) -> _Reading:
        provider = await provider_of(self._wire)
        at = (self._wire.at or self._room.now()) - self._settings.overlap
        return _Reading(last=last, since=instant(at.astimezone(UTC).replace(microsecond=0)), provider=provider)

    def _lookings(self, reading: _Reading, known: Known) -> tuple[Looking, ...]:
        settings = self._settings
        extra = {name: Path.parsed(path) for name, path in settings.attributes.items()}
        wanted: list[tuple[str, Kind, str, Mapping[str, Path]]] = [("Users", Kind.PERSON, settings.users_filter, extra)]
        if settings.groups:
            wanted.append(("Groups", Kind.GROUP, "", {}))
        return tuple(
            Looking(
                listing=listing_of(self._wire, settings, reading.provider, path),
                shape=Shape(kind=kind, extra=own),
                filter=filter_,
                since=moment(reading.since),
                last=reading.last.seen.get(path, Seen()),
                known=known,
            )
            for path, kind, filter_, own in wanted
        )

    async def _told(self, reading: _Reading, known: Known) -> list[Page] | str:
        """Return the pages of a delta; or why there is none."""
        pages, seen = [], {}
        for looking in self._lookings(reading, known):
            match await changed(looking, since=reading.last.since):
                case StartOver(why=why):
                    return why
                case Changed() as found:
                    pages.append(Page(records=found.records, unchanged=found.unchanged, full=False))
                    seen[looking.path] = found.seen
        facts = (ProofFact(name=LEARNED, holds=True, detail=_BY_TIME),)
        last = Page(full=False, cursor=reading.cursor(seen), completeness=Completeness(facts=facts))
        return [*pages, last]

    async def _everybody(self, reading: _Reading, known: Known, *, how: str) -> AsyncGenerator[Page]:
        lookings = self._lookings(reading, known)
        for looking in lookings:
            async for page in looking.pages():
                yield page
        people = lookings[0].look.count
        facts = (
            *(fact for looking in lookings for fact in looking.facts()),
            ProofFact(name="somebody is there", holds=people > 0, detail=f"{people} people"),
            ProofFact(name=LEARNED, holds=True, detail=how),
        )
        completeness = Completeness(facts=facts)
        # Without a proof the next read asks from where the last proven one began, or reads everything.
        seen = {each.path: each.seen() for each in lookings}
        cursor = reading.cursor(seen) if completeness.proven else reading.last.written()
        yield Page(cursor=cursor, completeness=completeness, notes=tuple(_notes(lookings)))


def _notes(lookings: Sequence[Looking]) -> list[Problem]:
    notes = []
    for looking in lookings:
        if looking.look.without_id:
            notes.append(messages.WITHOUT_ID.at(count=looking.look.without_id, path=looking.path))
        if looking.without_active:
            notes.append(messages.WITHOUT_ACTIVE.at(count=looking.without_active))
    if not lookings[0].look.count:
        notes.append(messages.NO_PEOPLE.at())
    return notes
