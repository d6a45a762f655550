"""The brokers as `syncd.core.ports.Trigger`s. Each joins its settings to its line; listening itself is `listening`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from types import TracebackType
from typing import Any, ClassVar, Final, Self

from syncd.core.errors import NeedsHuman, Problem
from syncd.core.ports import Room, Standing, Verdict
from syncd.core.wakes import Wake
from syncd_brokers.lines import KafkaLine, NatsLine, RabbitMqLine, RedisLine
from syncd_brokers.listening import Line, Listening
from syncd_brokers.rocketmq_line import RocketMqLine
from syncd_brokers.settings import (
    BrokerSettings,
    KafkaSettings,
    NatsSettings,
    RabbitMqSettings,
    RedisSettings,
    RocketMqSettings,
)

_LOOK: Final = 10.0
"""Seconds until a check calls a broker one that does not answer."""
_MOMENT: Final = 0.02


class _Broker:
    """What they have in common."""

    settings: ClassVar[type[Any]]
    line: ClassVar[Callable[..., Line]]

    def __init__(self, settings: BrokerSettings, room: Room) -> None:
        self._settings = settings
        self._room = room

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._room.name!r})"

    def _line(self) -> Line:
        return type(self).line(self._settings, self._room.base)

    async def listen(self, wake: Callable[[Wake], Awaitable[None]]) -> None:
        """Wake the source at each message until cancelled. Raises what a person has to mend."""
        await Listening(name=self._room.name, line=self._line(), settings=self._settings, wake=wake).forever()

    async def check(self) -> AsyncIterator[Verdict]:
        """Connect and subscribe, and hang up again; a message that comes meanwhile stays unacknowledged."""
        yield await self._verdict()

    async def _verdict(self) -> Verdict:
        name, line = "connection", self._line()
        first = asyncio.ensure_future(_first(line))
        try:
            async with asyncio.timeout(_LOOK):
                while not (line.connected or first.done()):  # noqa: ASYNC110 - no client tells
                    await asyncio.sleep(_MOMENT)
            if first.done():
                first.result()
            return Verdict(name=name, standing=Standing.OK, seen=f"connected to {line.where}")
        except Exception as error:  # noqa: BLE001 - `told` raises defects again
            problem = _problem_of(error, line)
            return Verdict(name=name, standing=Standing.FAILED, seen=problem.what, problem=problem)
        finally:
            first.cancel()
            await asyncio.wait([first])


async def _first(line: Line) -> None:
    async with aclosing(line.messages()) as messages:  # type: ignore[type-var]
        await anext(messages, None)


def _problem_of(error: Exception, line: Line) -> Problem:
    try:
        return error.problem if isinstance(error, NeedsHuman) else line.told(error)
    except NeedsHuman as refused:
        return refused.problem


class Kafka(_Broker):
    """Kafka, or what speaks its protocol."""

    settings = KafkaSettings
    line = KafkaLine


class Nats(_Broker):
    """NATS JetStream."""

    settings = NatsSettings
    line = NatsLine


class RabbitMq(_Broker):
    """RabbitMQ."""

    settings = RabbitMqSettings
    line = RabbitMqLine


class Redis(_Broker):
    """Redis Streams."""

    settings = RedisSettings
    line = RedisLine


class RocketMq(_Broker):
    """RocketMQ 5."""

    settings = RocketMqSettings
    line = RocketMqLine
