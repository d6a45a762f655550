"""What channels over HTTP have in common: how the service is reached, and what its answer means. It knows no service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Final, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from syncd.config.durations import Duration
from syncd.config.secrets import Secret
from syncd.core.errors import NeedsHuman, OutcomeUnknown, TryAgain, foreign
from syncd.core.ports import Alert, Room, Standing, Verdict
from syncd.http import Answer, Client, HttpSettings, open_client
from syncd_notify.messages import BUSY, REFUSED

_LATER: Final = frozenset({408, 425, 429, *range(500, 600)})
LONGEST_WAIT: Final = timedelta(hours=1)
"""What a service may ask us to wait; an alert must not be put off to another day."""


class Channel(BaseModel):
    """What the settings of all channels have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Reached(Channel):
    """A service that is reached over HTTP."""

    timeout: Duration = timedelta(seconds=20)
    """How long an answer may take."""
    proxy: Secret | None = None
    """`http://[user:password@]host:port`; the environment is not consulted."""
    ca_file: Path | None = Field(None)
    """A PEM file of the only roots to trust; without one, the system's. A relative path starts at the folder of syncd.yaml."""

    def http(self, base: Path) -> HttpSettings:
        """Return the same in the words of `syncd.http`."""
        return HttpSettings(
            timeout=self.timeout.total_seconds(),
            proxy=SecretStr(self.proxy.reveal()) if self.proxy else None,
            ca_file=base / self.ca_file if self.ca_file else None,
            connections=1,
        )


class Plain:
    """A channel that has nothing to open and nothing to close."""

    settings: ClassVar[type[Any]]

    def __init__(self, settings: Any, room: Room) -> None:
        self._settings = settings
        self._room = room

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def send(self, alert: Alert) -> None:
        raise NotImplementedError

    async def check(self) -> AsyncIterator[Verdict]:
        """Yield what can be known without sending an alert: here nothing."""
        return
        yield  # an empty generator


class Posting(Plain):
    """A channel that posts to a service over HTTP."""

    _client: Client | None = None

    async def __aenter__(self) -> Self:
        self._client = open_client(self._settings.http(self._room.base))
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.__aexit__(kind, error, trace)

    async def post(
        self, url: str, *, json: object = None, content: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Return the answer to a post, whatever its status. Raises TryAgain where there is none: repeating is harmless, because a
        message has a name, or is at worst read twice."""
        assert self._client is not None, "used outside of `async with`"
        sent: dict[str, Any] = {"content": content} if content is not None else {"json": json}
        try:
            return await self._client.send("POST", url, headers=headers, **sent)
        except OutcomeUnknown as error:
            raise TryAgain(error.problem) from error

    def address(self) -> str:
        """Return where alerts are posted. Raises Misconfigured where the secret in it is not to be had."""
        url = self._settings.url
        return url.reveal() if isinstance(url, Secret) else str(url)

    async def check(self) -> AsyncIterator[Verdict]:
        """Ask the service for its front page: whatever it answers, it is there and its certificate is good. Nothing is sent."""
        assert self._client is not None, "used outside of `async with`"
        parts = urlsplit(self.address())
        try:
            answer = await self._client.send("HEAD", f"{parts.scheme}://{parts.netloc}/")
        except (TryAgain, OutcomeUnknown) as error:
            yield Verdict(name="reachable", standing=Standing.FAILED, seen="no answer", problem=error.problem)
        else:
            seen = f"{parts.hostname} answers ({answer.status}); `syncd alerts test` sends a message"
            yield Verdict(name="reachable", standing=Standing.OK, seen=seen)

    def accepted(self, answer: Answer, url: str, *, secrets: tuple[str, ...] = ()) -> None:
        """Return if the answer says that the message was taken. Raises TryAgain or NeedsHuman."""
        if 200 <= answer.status < 300:
            return
        host = urlsplit(url).hostname or ""
        if answer.status in _LATER:
            raise TryAgain(BUSY.at(host=host, status=answer.status), after=_wait(answer))
        said = said_by(answer.content, (url, *secrets))
        raise NeedsHuman(REFUSED.at(host=host, status=answer.status, said=said, name=self._room.name))


def said_by(content: bytes, secrets: tuple[str, ...]) -> str:
    """Return what a service said, in one short line; what we know to be secret is taken out should it be repeated."""
    text = content[:2_000].decode("utf-8", "replace")
    for secret in secrets:
        text = text.replace(secret, "***") if secret else text
    return foreign(text)


def _wait(answer: Answer) -> timedelta:
    """Return what `Retry-After` asks for, in seconds; dates are not understood."""
    asked = answer.headers.get("retry-after", "")
    return min(timedelta(seconds=int(asked)), LONGEST_WAIT) if asked.isdecimal() and len(asked) < 9 else timedelta(0)


def cut(text: str, limit: int) -> str:
    """Return a text of at most `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
