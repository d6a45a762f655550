"""What both ways of asking Workday share: a connection that is opened and closed, and a sign-in that is renewed once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import urlsplit

from syncd.core.errors import NeedsHuman
from syncd.core.ports import Room
from syncd.http import Client, open_client
from syncd_workday import messages
from syncd_workday.settings import WorkdaySettings
from syncd_workday.signing import SignIn

_T = TypeVar("_T")


class SignedIn:
    """The service, open between `__aenter__` and `__aexit__`."""

    def __init__(self, settings: WorkdaySettings, room: Room) -> None:
        self._settings = settings
        self._room = room
        self.host = urlsplit(settings.base).hostname or settings.base
        self._opened: Client | None = None
        self._sign_in = SignIn(settings, room)

    async def __aenter__(self) -> Self:
        self._opened = open_client(self._settings.http(self._room.base))
        await self._opened.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._opened is not None:
            await self._opened.__aexit__(kind, error, trace)

    @property
    def _client(self) -> Client:
        assert self._opened is not None, "open the wire first"
        return self._opened

    async def _renewing(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        """Ask once; once more with a new token where the old one is refused."""
        try:
            return await ask()
        except NeedsHuman as error:
            if error.problem.code != messages.UNAUTHENTICATED.code or not self._sign_in.forget():
                raise
        return await ask()
