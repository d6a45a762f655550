"""A broker and a trigger that live in memory and keep every rule of their socket. For tests; nothing is durable."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from syncd.core.errors import TryAgain
from syncd.core.model import SourceName
from syncd.core.ports import Standing, Verdict
from syncd.core.wakes import Wake, WakeReason
from syncd.testing.double import Double

_PAUSE = 0.01
"""Seconds until a message that could not be kept comes again."""


@dataclass
class Broker:
    """Messages that wait: a wake each, or None for what nobody can understand."""

    messages: deque[Wake | None] = field(default_factory=deque)
    garbled: int = 0
    """Messages that could not be understood and were put away."""

    def send(self, source: SourceName, key: str) -> None:
        """Say that somebody changed."""
        self.messages.append(Wake(source=source, reason=WakeReason.BROKER, key=key))


class MemoryTrigger(Double[Broker]):
    """Takes from a `Broker`, which the test hands to it as its settings. A message stays there until its wake is kept."""

    settings: ClassVar[type[Any]] = Broker

    async def listen(self, wake: Callable[[Wake], Awaitable[None]]) -> None:
        """Hand on one message after the other, for ever."""
        waiting = self._settings.messages
        while True:
            while waiting:
                if waiting[0] is None:
                    self._settings.garbled += 1
                    waiting.popleft()
                elif await self._kept(waiting[0], wake):
                    waiting.popleft()
            await asyncio.sleep(_PAUSE)

    async def _kept(self, one: Wake, wake: Callable[[Wake], Awaitable[None]]) -> bool:
        try:
            await wake(one)
        except TryAgain:
            await asyncio.sleep(_PAUSE)
            return False
        return True

    async def check(self) -> AsyncIterator[Verdict]:
        yield Verdict(name="memory", standing=Standing.OK, seen="here")


__all__ = ["Broker", "MemoryTrigger"]
