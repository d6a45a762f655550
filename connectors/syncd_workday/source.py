"""The Workday source: what changed or everybody, proven, by one of three ways. Between two reads it keeps the cursor alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, ClassVar, Final
from zoneinfo import ZoneInfo

from syncd.core.errors import NeedsHuman
from syncd.core.known import NOTHING_KNOWN, Known
from syncd.core.model import LEARNED, Completeness, Kind, Page, ProofFact
from syncd.core.ports import Room, Verdict
from syncd_workday import messages
from syncd_workday.cursor import Cursor, parsed
from syncd_workday.paths import ATTRIBUTES
from syncd_workday.settings import Deltas, Way, WorkdaySettings

if TYPE_CHECKING:
    from syncd_workday.envelope import AsOf
    from syncd_workday.lists import Lists
    from syncd_workday.people import Shape
    from syncd_workday.row_source import RowSource

_BY_LOG: Final = "the transaction log: entered, taking effect, about to take effect; disappearances by the count"
_BY_NOTHING: Final = "every read is a full read"


class Workday:
    """Workers and organizations of a Workday tenant as a `syncd.core.ports.Source`."""

    settings: ClassVar[type[WorkdaySettings]] = WorkdaySettings
    attributes: ClassVar[Mapping[Kind, Mapping[str, str]] | None] = ATTRIBUTES

    def __init__(self, settings: WorkdaySettings, room: Room) -> None:
        self._settings = settings
        self._room = room
        self._lists: Lists | None = None
        self._shape: Shape | None = None
        self._rows: RowSource | None = None

    @classmethod
    def attributes_with(cls, settings: WorkdaySettings) -> Mapping[Kind, Mapping[str, str]]:
        """Return what can be read with the attributes that the settings add."""
        named = settings.attributes if settings.way is Way.SOAP else settings.rows.columns
        own = {name: "text" for name in named if name not in ATTRIBUTES[Kind.PERSON]}
        return MappingProxyType({**ATTRIBUTES, Kind.PERSON: {**ATTRIBUTES[Kind.PERSON], **own}})

    async def __aenter__(self) -> Workday:
        try:
            from syncd_workday.lists import Lists
            from syncd_workday.people import Shape
            from syncd_workday.row_source import RowSource
            from syncd_workday.wire import Wire
        except ModuleNotFoundError as error:
            raise NeedsHuman(messages.NO_LIBRARY.at()) from error
        settings, room = self._settings, self._room
        if settings.way is not Way.SOAP:
            asked = settings.report.people if settings.report else settings.way
            scope = f"{settings.base}/{settings.tenant} {settings.identity} {asked}"
            self._rows = await RowSource(settings, room, scope=scope).__aenter__()
            return self
        wanted = room.wanted.get(Kind.PERSON, frozenset()) if room.wanted is not None else None
        self._shape = Shape(settings, now=room.now, wanted=wanted)
        self._wire = Wire(settings, room)
        await self._wire.__aenter__()
        self._lists = Lists(self._wire, self._shape, size=settings.page_size)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await (self._rows or self._wire).__aexit__(kind, error, trace)

    async def read(
        self, cursor: str | None, *, full: bool = False, known: Known = NOTHING_KNOWN
    ) -> AsyncIterator[Page]:
        """Yield what changed, or everybody."""
        if self._rows is not None:
            async with aclosing(self._rows.read(cursor, full=full, known=known)) as told_rows:
                async for page in told_rows:
                    yield page
            return
        settings = self._settings
        last = parsed(cursor, scope=f"{settings.base}/{settings.tenant} {settings.identity} {settings.organizations}")
        as_of = await self._as_of()
        told: Page | str = _BY_NOTHING
        if not full and settings.delta is Deltas.TRANSACTIONS and last.since:
            async with aclosing(self._changes(last, as_of, known)) as pages:
                async for told in pages:
                    if isinstance(told, Page):
                        yield told
        if isinstance(told, str):
            async with aclosing(self._everybody(last, as_of, known, how=told)) as pages:
                async for page in pages:
                    yield page

    async def check(self) -> AsyncIterator[Verdict]:
        """Try the sign-in and each list."""
        if self._rows is not None:
            async for verdict in self._rows.check():
                yield verdict
            return
        from syncd_workday.checks import verdicts

        assert self._lists is not None, "open the source first"
        async for verdict in verdicts(self._lists, self._settings, today=self._today()):
            yield verdict

    def _today(self) -> AsOf:
        from syncd_workday.envelope import AsOf

        now = self._room.now()
        return AsOf(entered=now, effective=now.astimezone(ZoneInfo(self._settings.timezone)).date())

    async def _as_of(self) -> AsOf:
        """Return which state is read: entered by now, and in force today where the settings say that today is."""
        from syncd_workday.envelope import AsOf

        assert self._lists is not None, "open the source first"
        return AsOf(entered=await self._lists.clock(), effective=self._today().effective)

    async def _changes(self, last: Cursor, as_of: AsOf, known: Known) -> AsyncGenerator[Page | str]:
        """Yield the pages of a delta; or why there is none."""
        from syncd_workday.delta import Changed, Delta, StartOver

        assert self._lists is not None
        assert self._shape is not None
        settings = self._settings
        delta = Delta(lists=self._lists, shape=self._shape, settings=settings, as_of=as_of, known=known, last=last)
        match await delta.changed():
            case StartOver(why=why):
                yield why
            case Changed(pages=pages, cursor=cursor):
                for page in pages:
                    yield page
                completeness = Completeness(facts=(ProofFact(name=LEARNED, holds=True, detail=_BY_LOG),))
                yield Page(full=False, cursor=cursor.written(), completeness=completeness)

    async def _everybody(self, last: Cursor, as_of: AsOf, known: Known, *, how: str) -> AsyncGenerator[Page]:
        from syncd_workday.full import Full

        assert self._lists is not None
        assert self._shape is not None
        settings = self._settings
        reading = Full(lists=self._lists, shape=self._shape, settings=settings, as_of=as_of, known=known, last=last)
        async with aclosing(reading.pages()) as pages:
            async for page in pages:
                yield page
        facts = (*reading.facts(), ProofFact(name=LEARNED, holds=True, detail=how))
        completeness = Completeness(facts=facts)
        # Without a proof the next read compares itself with the last one that was proven.
        cursor = reading.cursor() if completeness.proven else last
        yield Page(cursor=cursor.written(), completeness=completeness, notes=tuple(reading.notes()))
