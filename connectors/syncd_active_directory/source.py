"""The Active Directory source: connects, reads everything, proves it, and hangs up. It keeps nothing between two reads."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from types import TracebackType
from typing import ClassVar

from syncd.core.errors import NeedsHuman, SyncdError, TryAgain
from syncd.core.model import Kind, Page
from syncd.core.ports import NOTHING_KNOWN, Known, Room, Verdict
from syncd_active_directory.checks import Checks
from syncd_active_directory.reading import Reading
from syncd_active_directory.schema import declared
from syncd_active_directory.settings import DirectorySettings
from syncd_active_directory.threads import finished
from syncd_active_directory.trust import trust
from syncd_active_directory.wire import Wire


class ActiveDirectory:
    """People, units and groups of a domain as a `syncd.core.ports.Source`.

    Every read is a full read over one connection to one server.
    """

    settings: ClassVar[type[DirectorySettings]] = DirectorySettings
    attributes: ClassVar[Mapping[Kind, Mapping[str, str]] | None] = declared()

    def __init__(self, settings: DirectorySettings, room: Room) -> None:
        self._settings = settings
        self._room = room

    async def __aenter__(self) -> ActiveDirectory:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    @classmethod
    def attributes_with(cls, settings: DirectorySettings) -> Mapping[Kind, Mapping[str, str]]:
        """Return `attributes` together with those that the settings add."""
        known = dict(declared())
        known[Kind.PERSON] = {**known[Kind.PERSON], **settings.attributes}
        return known

    async def read(
        self,
        cursor: str | None,  # noqa: ARG002
        *,
        full: bool = False,  # noqa: ARG002
        known: Known = NOTHING_KNOWN,  # noqa: ARG002
    ) -> AsyncIterator[Page]:
        """Yield the whole directory, units first. There is no cursor yet: each read starts over."""
        wire = await self._connected()
        try:
            pages = Reading(wire, self._settings, self._room.now()).pages()
            while (page := await finished(lambda: next(pages, None), interrupt=wire.abort)) is not None:
                yield page
        finally:
            await finished(wire.close, interrupt=wire.abort)

    async def check(self) -> AsyncIterator[Verdict]:
        """Try each server, its certificate, the account, each base, and what can be seen, one verdict each."""
        checks = Checks(self._settings, trust=self._trust, now=self._room.now())
        verdicts = checks.verdicts()
        try:
            while (verdict := await finished(lambda: next(verdicts, None), interrupt=checks.abort)) is not None:
                yield verdict
        finally:
            verdicts.close()

    def _trust(self) -> ssl.SSLContext:
        ca_file = self._settings.ca_file
        return trust(self._room.base / ca_file if ca_file else None)

    async def _connected(self) -> Wire:
        """Return a bound connection to the first server that can be reached.

        A refused password is not tried on the next server: that would only lock the account sooner.
        """
        context = self._trust()
        failures: list[SyncdError] = []
        for address in self._settings.servers:
            wire = Wire(address, self._settings, context)
            try:
                await _done(wire, wire.connect)
            except (TryAgain, NeedsHuman) as failure:
                failures.append(failure)
                continue
            await _done(wire, wire.bind)
            return wire
        # What needs a person is said first: a certificate does not mend itself, a network often does.
        raise next((failure for failure in failures if isinstance(failure, NeedsHuman)), failures[0])


async def _done(wire: Wire, step: Callable[[], None]) -> None:
    try:
        await finished(step, interrupt=wire.abort)
    except BaseException:
        wire.close()
        raise
