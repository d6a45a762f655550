"""How to speak to RocketMQ 5 through its official client (gRPC), whose threads and log are kept to themselves.

A message that was handed to us is invisible to others for a while; that is renewed until it is dealt with. The client blocks, so
it is asked in threads. Nothing is declared at the broker: topic and group have to be there.

The facts about the client are those of rocketmq-python-client 5.1.2, read in its source; about servers, where nothing else is
said, recalled from the documentation of RocketMQ 5.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
import os
import sys
import zlib
from collections.abc import AsyncIterator
from contextlib import suppress
from types import ModuleType
from typing import Any, Final

from syncd.core.errors import NeedsHuman, Problem, foreign
from syncd_brokers.lines import BATCH, Arrived, BrokerLine
from syncd_brokers.listening import Message
from syncd_brokers.messages import AWAY, REFUSED
from syncd_brokers.settings import RocketMqSettings

POLL: Final = 20
"""Seconds that the broker may keep a question open until there is a message; the client's own default, and the servers' limit."""
REQUEST: Final = 5
"""Seconds until any other question must be answered."""
_TRIES: Final = 5
"""So often the client may fail to learn where the topic is; each fails by itself in about one of fifty connections."""
_LOG: Final = "rocketmq.v5.log.log_config"
_ROOTS: Final = "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"
_NO: Final = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED"})


class _Silent(logging.Logger):
    """The client's logger. What goes wrong is raised, or seen by what does not come; the rest is its own business."""

    def __init__(self) -> None:
        super().__init__("rocketmq", logging.CRITICAL)
        self.disabled = True

    def warn(self, *_: object, **__: object) -> None:  # the client calls it by the name that Python deprecates
        return


def library() -> ModuleType:
    """Import the client. Raises ImportError.

    Left alone, importing it makes a folder in the home directory, which a service has not, and logs there for ever.
    """
    if _LOG not in sys.modules:
        log = ModuleType(_LOG)
        log.logger = _Silent()  # type: ignore[attr-defined]
        sys.modules[_LOG] = log
    import rocketmq

    found: ModuleType = rocketmq
    return found


class RocketMqLine(BrokerLine):
    """A simple consumer of one topic; the consumer group keeps the place."""

    broker, library, extra = "RocketMQ", "rocketmq-python-client", "rocketmq"
    refusals = ("UnauthorizedException", "ForbiddenException")
    _settings: RocketMqSettings

    @property
    def where(self) -> str:
        return self._settings.server

    def told(self, error: Exception) -> Problem:
        """What gRPC raises says it in `code` and `details`; its text is a page."""
        code = getattr(error, "code", None)
        if type(error).__name__ == "NotFoundException":
            self._missing("consumer group", self._settings.group)  # the topic was asked for first
        if type(error) is Exception:  # so the client says that it has not been told where the topic is
            return AWAY.at(broker=self.broker, where=self.where, why=foreign(str(error)))
        if not callable(code):
            return super().told(error)
        why = foreign(f"{code().name}: {getattr(error, 'details', str)()}")
        if code().name in _NO:
            raise NeedsHuman(REFUSED.at(broker=self.broker, where=self.where, why=why)) from None
        return AWAY.at(broker=self.broker, where=self.where, why=why)

    async def messages(self) -> AsyncIterator[Message]:
        with self._imported():
            library()
        consumer = self._consumer()
        held = _Held(consumer, seconds=max(1, round(self._settings.invisible.total_seconds())))
        renewing: asyncio.Task[None] | None = None
        try:
            await self._look_for_the_topic(consumer)
            await asyncio.to_thread(consumer.startup)
            await _told_where(consumer, self._settings.topic)
            renewing = asyncio.create_task(held.renewing())
            self.connected = True
            while True:
                for message in await held.more():
                    headers = {str(name): str(text) for name, text in (message.properties or {}).items()}
                    done = lambda message=message: held.done(message)  # noqa: E731
                    yield Arrived(body=message.body or b"", headers=headers, ack=done, reject=done)
        finally:
            self.connected = False
            if renewing is not None:
                renewing.cancel()
                await asyncio.wait([renewing])
            await asyncio.to_thread(_closed, consumer)

    def _consumer(self) -> Any:
        from rocketmq import ClientConfiguration, Credentials, FilterExpression, SimpleConsumer

        chosen = self._settings
        if chosen.tls and chosen.ca_file is not None:
            # The client trusts what gRPC trusts by itself, and gRPC looks here, once for the whole process.
            os.environ[_ROOTS] = str(self._base / chosen.ca_file)
        logon = Credentials(chosen.user, self._password())
        configuration = ClientConfiguration(chosen.server, logon, chosen.namespace, REQUEST)
        wanted = {chosen.topic: FilterExpression(chosen.tags)}
        return SimpleConsumer(configuration, chosen.group, wanted, POLL, tls_enable=chosen.tls)

    async def _look_for_the_topic(self, consumer: Any) -> None:
        """Raise what is wrong at once: the client's own start logs it and goes on."""
        from rocketmq.grpc_protocol import QueryRouteRequest
        from rocketmq.v5.exception import NotFoundException
        from rocketmq.v5.util import MessagingResultChecker

        chosen, endpoints = self._settings, consumer.client_configuration.rpc_endpoints
        question = QueryRouteRequest()
        question.topic.name, question.topic.resource_namespace = chosen.topic, chosen.namespace
        question.endpoints.CopyFrom(endpoints.endpoints)
        asked = consumer.rpc_client.query_topic_route_async(
            endpoints, question, metadata=consumer.sign(), timeout=REQUEST
        )
        try:
            MessagingResultChecker.check((await asyncio.wrap_future(asked)).status)
        except NotFoundException:
            self._missing("topic", chosen.topic)


class _Held:
    """The messages that were handed to us and are not dealt with yet."""

    def __init__(self, consumer: Any, *, seconds: int) -> None:
        self._consumer = consumer
        self._seconds = seconds
        self._messages: dict[str, Any] = {}
        self._one = asyncio.Lock()
        """Renewing and acknowledging use a handle that renewing changes."""
        self._most = BATCH

    async def more(self) -> list[Any]:
        """Return what there is, or nothing after `POLL` seconds."""
        asked = await asyncio.to_thread(self._consumer.receive_async, self._most, self._seconds)
        try:
            found: list[Any] = await asyncio.wrap_future(asked)
        except Exception as error:
            if not _is_garbled(error):
                raise
            # The client gives up all that came together with it. One by one the others come through; the broker puts it aside
            # when it was handed out too often.
            self._most = 1
            return []
        self._most = BATCH if not found else self._most
        self._messages.update((message.message_id, message) for message in found)
        return found

    async def done(self, message: Any) -> None:
        """Acknowledge. What was held for too long comes again, and is then known to be the same."""
        from rocketmq.v5.exception import BadRequestException

        async with self._one:
            self._messages.pop(message.message_id, None)
            try:
                await asyncio.to_thread(self._consumer.ack, message)
            except BadRequestException:
                return  # the handle is no longer valid

    async def renewing(self) -> None:
        """Keep what is held invisible to others, until cancelled."""
        while True:
            await asyncio.sleep(self._seconds / 2)
            for name in list(self._messages):
                async with self._one:
                    if (message := self._messages.get(name)) is not None:
                        await self._renew(name, message)

    async def _renew(self, name: str, message: Any) -> None:
        try:
            await asyncio.to_thread(self._consumer.change_invisible_duration, message, self._seconds)
        except Exception:  # noqa: BLE001 - whatever it is: it comes again, and acknowledging it says what is wrong
            self._messages.pop(name, None)


async def _told_where(consumer: Any, topic: str) -> None:
    """Ask where the topic is until the client keeps it, at most `_TRIES` times; what it is asked later says what is wrong.

    An answer that is there before the client has put its callback on it is dealt with in the thread that asked, which has no
    event loop: the client loses the answer and logs why.
    """
    for _ in range(_TRIES):
        with suppress(Exception):
            await asyncio.to_thread(consumer.route_manager.retrieve_topic_route_data, topic)
            return


def _is_garbled(error: Exception) -> bool:
    """Tell whether a body could not be unpacked; the client has no class for it."""
    return isinstance(error, zlib.error | gzip.BadGzipFile | EOFError) or "unsupported message encoding" in str(error)


def _closed(consumer: Any) -> None:
    """End the client's threads, and its connections also where it never started."""
    if consumer.is_running:
        consumer.shutdown()
    else:
        consumer.rpc_client.stop()
