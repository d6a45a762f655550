"""How to speak to Kafka, NATS JetStream, RabbitMQ and Redis, through the clients of their communities.

Each line is connected anew each time. Nothing is declared at the broker but what keeps our place (consumer group, durable
consumer), so that a misspelled name is an error and not an empty queue. A layer over all four (FastStream) was tried: it fails on
entries of a stream that are not UTF-8, and swallows cancellation.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from syncd.core.errors import NeedsHuman, Problem, foreign
from syncd_brokers.listening import Message, give_way
from syncd_brokers.messages import AWAY, NO_LIBRARY, NO_TLS, NOT_THERE, REFUSED
from syncd_brokers.settings import KafkaSettings, LogonSettings, NatsSettings, RabbitMqSettings, RedisSettings

BATCH: Final = 100
"""Messages that are fetched at once; they are dealt with one after the other."""
_SECOND: Final = 1.0
_CONNECT: Final = 10.0
CLIENT: Final = "syncd"
_CLIENTS: Final = frozenset({"aiokafka", "nats", "aio_pika", "aiormq", "redis", "pamqp", "rocketmq", "grpc"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A message of any broker."""

    body: bytes
    headers: Mapping[str, str]
    ack: Callable[[], Awaitable[object]]
    reject: Callable[[], Awaitable[object]]


class BrokerLine:
    """What all of them have in common."""

    broker: str
    library: str
    extra: str = "brokers"
    """What of syncd has to be installed for it."""
    refusals: tuple[str, ...] = ()
    """Names of exceptions that say that we may not; the classes themselves are imported late."""

    def __init__(self, settings: LogonSettings, base: Path) -> None:
        self._base = base
        self._settings = settings
        self.connected = False

    @property
    def where(self) -> str:
        raise NotImplementedError

    def told(self, error: Exception) -> Problem:
        name = type(error).__name__
        why = foreign(f"{name}: {error}")
        if name in self.refusals:
            raise NeedsHuman(REFUSED.at(broker=self.broker, where=self.where, why=why)) from None
        if isinstance(error, OSError | TimeoutError) or type(error).__module__.split(".")[0] in _CLIENTS:
            return AWAY.at(broker=self.broker, where=self.where, why=why)
        raise error

    def _tls(self) -> ssl.SSLContext | None:
        file = self._settings.ca_file
        cafile = str(self._base / file) if file else None
        return ssl.create_default_context(cafile=cafile) if self._settings.tls else None

    def _password(self) -> str:
        return self._settings.password.reveal() if self._settings.password else ""

    @contextmanager
    def _imported(self) -> Iterator[None]:
        """Around the import of a library that is an extra."""
        try:
            yield
        except ImportError:
            raise NeedsHuman(NO_LIBRARY.at(broker=self.broker, library=self.library, extra=self.extra)) from None

    def _missing(self, thing: str, name: str) -> NoReturn:
        raise NeedsHuman(NOT_THERE.at(broker=self.broker, where=self.where, thing=thing, name=name)) from None


class KafkaLine(BrokerLine):
    """Kafka's protocol; the consumer group keeps the place."""

    broker, library = "Kafka", "aiokafka"
    refusals = ("TopicAuthorizationFailedError", "GroupAuthorizationFailedError", "AuthenticationFailedError")
    _settings: KafkaSettings

    @property
    def where(self) -> str:
        return ", ".join(self._settings.servers)

    async def messages(self) -> AsyncIterator[Message]:
        with self._imported():
            from aiokafka import AIOKafkaConsumer, TopicPartition
        chosen = self._settings
        consumer = AIOKafkaConsumer(
            bootstrap_servers=chosen.servers,
            client_id=CLIENT,
            group_id=chosen.group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            **self._security(),
        )
        try:
            await consumer.start()
            known = await consumer.topics()
            for topic in chosen.topics:
                if topic not in known:  # a consumer would wait for it for ever
                    self._missing("topic", topic)
            consumer.subscribe(chosen.topics)
            self.connected = True
            async for record in consumer:
                place = {TopicPartition(record.topic, record.partition): record.offset + 1}
                done = lambda place=place: consumer.commit(place)  # noqa: E731
                headers = {name: text.decode("utf-8", "replace") for name, text in record.headers}
                yield Arrived(body=record.value or b"", headers=headers, ack=done, reject=done)
        finally:
            self.connected = False
            await consumer.stop()

    def _security(self) -> dict[str, Any]:
        chosen, context = self._settings, self._tls()
        protocol = ("SASL_" if chosen.user else "") + ("SSL" if context else "PLAINTEXT")
        found: dict[str, Any] = {"security_protocol": protocol, "ssl_context": context}
        if chosen.user:
            found |= {"sasl_mechanism": "PLAIN", "sasl_plain_username": chosen.user}
            found["sasl_plain_password"] = self._password()
        return found


class NatsLine(BrokerLine):
    """A durable pull consumer of a JetStream stream."""

    broker, library = "NATS", "nats-py"
    refusals = ("AuthorizationError",)
    _settings: NatsSettings

    def told(self, error: Exception) -> Problem:
        """While it connects the client has no class for a refusal, only the server's words."""
        if "authorization violation" in str(error).lower():
            raise NeedsHuman(REFUSED.at(broker=self.broker, where=self.where, why=foreign(str(error)))) from None
        return super().told(error)

    @property
    def where(self) -> str:
        return ", ".join(self._settings.servers)

    async def messages(self) -> AsyncIterator[Message]:
        with self._imported():
            from nats.aio.client import Client
            from nats.js.errors import NotFoundError
        chosen = self._settings
        # Our own loop mends the connection, and says so.
        options: dict[str, Any] = {"allow_reconnect": False, "max_reconnect_attempts": 0, "error_cb": _ignored}
        if chosen.user:
            options |= {"user": chosen.user, "password": self._password()}
        if (context := self._tls()) is not None:
            options["tls"] = context
        client = self._insisting(Client)() if chosen.tls else Client()
        try:
            await client.connect(chosen.servers, name=CLIENT, **options)
            pull = client.jetstream().pull_subscribe
            try:
                waiting = await pull(chosen.subject, durable=chosen.durable, stream=chosen.stream)
            except NotFoundError:
                self._missing("stream", chosen.stream)
            self.connected = True
            while client.is_connected:
                for message in await _fetched(waiting):
                    yield Arrived(
                        body=message.data, headers=message.headers or {}, ack=message.ack, reject=message.term
                    )
            raise ConnectionResetError("the connection was closed")
        finally:
            self.connected = False
            await _hung_up(client)

    def _insisting(self, client: type[Any]) -> type[Any]:
        """Return a client that speaks TLS or not at all. The library's own (2.15) leaves it to the server's first line, which is
        not encrypted: whoever stands in between could leave TLS out, and would be sent the password."""

        class Insisting(client):  # type: ignore[misc]
            async def _process_info(me, info: dict[str, Any], initial_connection: bool = False) -> None:
                if not info.get("tls_required"):
                    raise NeedsHuman(NO_TLS.at(broker=self.broker, where=self.where))
                await super()._process_info(info, initial_connection)

        return Insisting


async def _hung_up(client: Any) -> None:
    """Close a client of NATS. Of a connection that never stood it would wait for ever to be flushed."""
    if client.is_connected:
        await client.close()
    elif client._transport is not None:
        client._transport.close()


async def _ignored(error: Exception) -> None:
    """What happens to the connection is raised where it is used."""


async def _fetched(waiting: Any) -> list[Any]:
    try:
        found: list[Any] = await waiting.fetch(BATCH, timeout=_SECOND)
    except TimeoutError:
        return []
    return found


class RabbitMqLine(BrokerLine):
    """A queue of RabbitMQ."""

    broker, library = "RabbitMQ", "aio-pika"
    refusals = ("ProbableAuthenticationError", "AuthenticationError", "ChannelAccessRefused")
    _settings: RabbitMqSettings

    @property
    def where(self) -> str:
        return f"{self._settings.host}:{self._port}"

    @property
    def _port(self) -> int:
        return self._settings.port or (5671 if self._settings.tls else 5672)

    async def messages(self) -> AsyncIterator[Message]:
        with self._imported():
            import aio_pika
            from aiormq.exceptions import ChannelNotFoundEntity
        chosen = self._settings
        connection = await aio_pika.connect(
            host=chosen.host,
            port=self._port,
            login=chosen.user or "guest",
            password=self._password() or "guest",
            virtualhost=chosen.virtual_host,
            ssl=chosen.tls,
            ssl_context=self._tls(),
            timeout=_CONNECT,
        )
        try:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=BATCH)
            try:
                queue = await channel.get_queue(chosen.queue, ensure=True)
            except ChannelNotFoundEntity:
                self._missing("queue", chosen.queue)
            self.connected = True
            async with queue.iterator() as waiting:
                async for message in waiting:
                    headers = {name: str(text) for name, text in message.headers.items()}
                    yield Arrived(body=message.body, headers=headers, ack=message.ack, reject=message.reject)
            raise ConnectionResetError("the connection was closed")
        finally:
            self.connected = False
            await connection.close()


class RedisLine(BrokerLine):
    """A consumer group of a Redis stream: first what was left unacknowledged, then what is new."""

    broker, library = "Redis", "redis"
    refusals = ("AuthenticationError", "NoPermissionError")
    _settings: RedisSettings

    @property
    def where(self) -> str:
        return f"{self._settings.host}:{self._settings.port}"

    async def messages(self) -> AsyncIterator[Message]:
        with self._imported():
            from redis.asyncio import Redis
        chosen = self._settings
        options: dict[str, Any] = {"ssl": True, "ssl_ca_certs": self._ca_file()} if chosen.tls else {}
        if chosen.user:
            options |= {"username": chosen.user, "password": self._password()}
        client = Redis(
            host=chosen.host,
            port=chosen.port,
            db=chosen.database,
            client_name=CLIENT,
            socket_connect_timeout=_CONNECT,
            **options,
        )
        try:
            await self._join(client)
            self.connected = True
            while True:
                for number, fields in await self._next(client):
                    done = lambda number=number: client.xack(chosen.stream, chosen.group, number)  # noqa: E731
                    yield Arrived(body=_entry(fields or {}), headers={}, ack=done, reject=done)
        finally:
            self.connected = False
            await client.aclose()

    def _ca_file(self) -> str | None:
        return str(self._base / self._settings.ca_file) if self._settings.ca_file else None

    async def _join(self, client: Any) -> None:
        from redis.exceptions import ResponseError

        try:
            await client.xgroup_create(self._settings.stream, self._settings.group, id="$", mkstream=False)
        except ResponseError as error:
            if "requires the key to exist" in str(error):
                self._missing("stream", self._settings.stream)
            if "BUSYGROUP" not in str(error):
                raise

    async def _next(self, client: Any) -> list[tuple[bytes, dict[bytes, bytes] | None]]:
        """Return entries that somebody left unacknowledged, else new ones; none if there is nothing for a second."""
        chosen = self._settings
        idle = int(chosen.claim_after.total_seconds() * 1000)
        left = await client.xautoclaim(
            chosen.stream, chosen.group, chosen.consumer, min_idle_time=idle, start_id="0-0", count=BATCH
        )
        if entries := left[1]:
            return list(entries)
        new = {chosen.stream: ">"}
        found = await client.xreadgroup(chosen.group, chosen.consumer, new, count=BATCH, block=int(_SECOND * 1000))
        give_way()
        pairs = found.items() if isinstance(found, dict) else found or ()
        return [entry for _, entries in pairs for entry in _flat(entries)]


def _flat(entries: Any) -> Any:
    """Return entries, which come in a list of their own by the newer of the two protocols."""
    return entries[0] if entries and isinstance(entries[0], list) else entries


def _entry(fields: Mapping[bytes, bytes]) -> bytes:
    """Return the event of an entry: its field `data`, else its fields as the attributes."""
    if b"specversion" not in fields and b"data" in fields:
        return fields[b"data"]
    named = {name.decode("utf-8", "replace"): text.decode("utf-8", "replace") for name, text in fields.items()}
    return json.dumps(named).encode()
