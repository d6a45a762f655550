"""Human_Resources over HTTP: signs in, asks, waits while Workday is busy. It follows no redirect, and only ever reads.

Nothing that only reads can be done twice, so a page that was cut off is asked for again by itself: its entry moment is in it.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from syncd.core.errors import NeedsHuman
from syncd.core.ports import Room
from syncd.http import Client, open_client
from syncd_workday import messages
from syncd_workday.answers import Element, understood
from syncd_workday.patience import patiently
from syncd_workday.settings import WorkdaySettings
from syncd_workday.signing import SignIn
from syncd_workday.threads import beside


class Wire:
    """The service, open between `__aenter__` and `__aexit__`."""

    def __init__(self, settings: WorkdaySettings, room: Room) -> None:
        self._settings = settings
        self._room = room
        self._url = f"{settings.base}/ccx/service/{settings.tenant}/Human_Resources/{settings.version}"
        self.host = urlsplit(settings.base).hostname or settings.base
        self._client: Client | None = None
        self._sign_in = SignIn(settings, room)

    async def __aenter__(self) -> Self:
        self._client = open_client(self._settings.http(self._room.base))
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.__aexit__(kind, error, trace)

    async def ask(self, body: str, *, task: str) -> Element:
        """Return the response to a request. Raises `TryAgain` when patience ends, `NeedsHuman` at once."""
        return await patiently(lambda: self._renewing(body, task), patience=self._settings.patience)

    async def _renewing(self, body: str, task: str) -> Element:
        """Ask once; once more with a new token where the old one is refused."""
        try:
            return await self._once(body, task)
        except NeedsHuman as error:
            if error.problem.code != messages.UNAUTHENTICATED.code or not self._sign_in.forget():
                raise
        return await self._once(body, task)

    async def _once(self, body: str, task: str) -> Element:
        assert self._client is not None, "open the wire first"
        content, headers = await self._sign_in.signed(self._client, body)
        # SOAP 1.1; the binding names no SOAPAction.
        headers |= {"content-type": "text/xml;charset=UTF-8", "accept": "text/xml"}
        answer = await self._client.send("POST", self._url, content=content, headers=headers)
        return await beside(understood, answer, host=self.host, task=task)
