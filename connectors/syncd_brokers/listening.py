"""Listening to any broker: each message becomes a wake, and is acknowledged when the wake is durable. Mends its own connection.

It knows no broker: who speaks to one offers `Line`. What a message says about people is neither kept nor logged.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from syncd.core.cloudevents import NotAnEvent, event_of
from syncd.core.errors import Misconfigured, NeedsHuman, Problem, TryAgain
from syncd.core.model import SourceName
from syncd.core.wakes import Wake, WakeReason
from syncd.structured import structlog
from syncd_brokers.settings import BrokerSettings, Format

log = structlog.get_logger(__name__)

SHORTEST: Final = timedelta(seconds=0.5)
LONGEST: Final = timedelta(seconds=60)
"""Between two attempts to connect: doubled each time, with jitter."""
_UNREADABLE_KEPT: Final = 100
"""Every hundredth message that cannot be understood is logged after the first; a broken sender must not fill the log."""


class Message(Protocol):
    """One message."""

    @property
    def body(self) -> bytes: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def ack(self) -> Callable[[], Awaitable[object]]: ...

    @property
    def reject(self) -> Callable[[], Awaitable[object]]:
        """Never again, and aside where the broker has a place for that."""
        ...


class Line(Protocol):
    """How to speak to one kind of broker."""

    connected: bool

    @property
    def where(self) -> str: ...

    def messages(self) -> AsyncIterator[Message]:
        """Connect, yield each message, and disconnect at the end; the next is asked for when the last was dealt with."""
        ...

    def told(self, error: Exception) -> Problem:
        """Return what went wrong, in words. Raises NeedsHuman where only a person can mend it, and a defect as it is."""
        ...


@dataclass(slots=True)
class Listening:
    """One line, listened to until cancelled."""

    name: str
    line: Line
    settings: BrokerSettings
    wake: Callable[[Wake], Awaitable[None]]
    unreadable: int = 0

    async def forever(self) -> None:
        """Raises only what a person has to mend."""
        failures = 0
        while True:
            try:
                async with aclosing(self.line.messages()) as messages:  # type: ignore[type-var]
                    async for message in messages:
                        failures = 0
                        await self._take(message)
                give_way()
            except (NeedsHuman, Misconfigured):
                raise
            except Exception as error:  # noqa: BLE001 - `told` raises defects again
                give_way(error)
                problem = self.line.told(error)
                log.warning("broker.away", trigger=self.name, code=problem.code, what=problem.what)
            failures += 1
            await asyncio.sleep(_pause(failures))

    async def _take(self, message: Message) -> None:
        try:
            wake = self._meaning(message)
        except NotAnEvent as error:
            self.unreadable += 1
            if self.unreadable % _UNREADABLE_KEPT == 1:
                log.warning("broker.unreadable", trigger=self.name, why=str(error), so_far=self.unreadable)
            await message.reject()
            return
        while True:
            try:
                await self.wake(wake)
            except TryAgain as error:
                # It stays unacknowledged meanwhile, and so do those behind it: they would fare no better.
                await asyncio.sleep((error.after or SHORTEST).total_seconds())
            else:
                break
        await message.ack()

    def _meaning(self, message: Message) -> Wake:
        source = SourceName(self.settings.wakes)
        if self.settings.format is Format.ANY:
            return Wake(source=source, reason=WakeReason.BROKER)
        event = event_of(message.body, message.headers)
        who = (event.subject,) if event.subject else ()
        return Wake(source=source, reason=WakeReason.BROKER, event_at=event.at, who=who, key=event.key)


def give_way(error: Exception | None = None) -> None:
    """End where we were cancelled: some clients turn a cancellation into an error of their own."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError from error


def _pause(failures: int) -> float:
    most = min(LONGEST.total_seconds(), SHORTEST.total_seconds() * 2 ** min(failures - 1, 10))
    return random.uniform(most / 2, most)
