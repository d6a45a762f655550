"""A stand-in for RocketMQ 5's proxy: it speaks the published gRPC protocol, as far as a simple consumer of one topic uses it.

No package holds RocketMQ's server. The messages are those of the protocol, as the official client ships them; what the server
does with them is built from the documentation: topics have one queue, a message that was handed out is invisible until it is
acknowledged or its time is over, and a handle is good once. Everything is in memory and outlives `stop`, not the process.
"""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha1
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from servers.brokers import TOPIC, Broker
from servers.ports import free_port
from syncd_brokers.rocketmq_line import library

library()

import grpc  # noqa: E402 - only after the client's log was taken away
from google.protobuf import timestamp_pb2  # noqa: E402
from rocketmq.grpc_protocol import definition_pb2 as d  # noqa: E402
from rocketmq.grpc_protocol import service_pb2 as s  # noqa: E402
from rocketmq.grpc_protocol import service_pb2_grpc  # noqa: E402

GZIP: int = d.Encoding.GZIP
_POLL = 0.005
"""Seconds between two looks whether the client is still there."""


@dataclass
class _Stored:
    id: str
    body: bytes
    properties: dict[str, str]
    encoding: int = d.Encoding.IDENTITY
    visible_at: float = 0.0
    handle: str = ""
    attempts: int = 0


@dataclass
class Store:
    """What the broker keeps, and what it was asked."""

    lock: threading.Condition = field(default_factory=threading.Condition)
    messages: dict[str, _Stored] = field(default_factory=dict)
    acknowledged: list[str] = field(default_factory=list)
    renewed: int = 0
    ended: int = 0
    """Clients that said good-bye."""
    forget_acks: int = 0
    """So many acknowledgements are answered and not kept."""
    routes: int = 0
    """How often it was asked where the topic is."""
    lost_routes: frozenset[int] = frozenset()
    """Which of these questions are not answered."""
    serial: int = 0

    def put(self, body: bytes, properties: Mapping[str, str], *, encoding: int = d.Encoding.IDENTITY) -> None:
        with self.lock:
            self.serial += 1
            id_ = f"01{self.serial:030X}"
            self.messages[id_] = _Stored(id=id_, body=body, properties=dict(properties), encoding=encoding)
            self.lock.notify_all()

    def take(self, most: int, invisible: float) -> list[_Stored]:
        """Hand out what nobody holds."""
        now = time.monotonic()
        found: list[_Stored] = []
        for one in self.messages.values():
            if one.visible_at <= now and len(found) < most:
                self.serial += 1
                one.attempts, one.visible_at, one.handle = one.attempts + 1, now + invisible, f"h{self.serial}"
                found.append(one)
        return found

    def held_by(self, id_: str, handle: str) -> _Stored | None:
        one = self.messages.get(id_)
        return one if one is not None and one.handle == handle and one.visible_at > time.monotonic() else None


class _Service(service_pb2_grpc.MessagingServiceServicer):  # type: ignore[misc]
    """The procedures. Each looks at the signature first."""

    def __init__(self, broker: RocketMqBroker) -> None:
        self._broker = broker
        self._store = broker.store

    def _refused(self, context: Any) -> d.Status | None:
        """Return why we may not, None if we may: the client's signature is an HMAC-SHA1 of the time by the secret key."""
        told = dict(context.invocation_metadata())
        sign = hmac.new(self._broker.secret.encode(), told["x-mq-date-time"].encode(), sha1).hexdigest()
        wanted = f"Credential={self._broker.user}, SignedHeaders=x-mq-date-time, Signature={sign}"
        if told["authorization"].endswith(wanted):
            return None
        return d.Status(code=d.Code.UNAUTHORIZED, message="signature does not match")

    def QueryRoute(self, request: Any, context: Any) -> Any:
        self._store.routes += 1
        if self._store.routes in self._store.lost_routes:
            context.abort(grpc.StatusCode.UNAVAILABLE, "busy")
        if status := self._refused(context):
            return s.QueryRouteResponse(status=status)
        if request.topic.name != TOPIC:
            return s.QueryRouteResponse(status=d.Status(code=d.Code.TOPIC_NOT_FOUND, message="no such topic"))
        addresses = [d.Address(host="127.0.0.1", port=self._broker.port)]
        endpoints = d.Endpoints(scheme=d.AddressScheme.IPv4, addresses=addresses)
        queue = d.MessageQueue(
            topic=request.topic,
            permission=d.Permission.READ_WRITE,
            broker=d.Broker(name="stand-in", endpoints=endpoints),
            accept_message_types=[d.MessageType.NORMAL],
        )
        return s.QueryRouteResponse(status=_OK, message_queues=[queue])

    def Heartbeat(self, request: Any, context: Any) -> Any:
        return s.HeartbeatResponse(status=_OK)

    def Telemetry(self, requests: Iterator[Any], context: Any) -> Iterator[Any]:
        for request in requests:
            yield s.TelemetryCommand(status=_OK, settings=request.settings)

    def ReceiveMessage(self, request: Any, context: Any) -> Iterator[Any]:
        if status := self._refused(context):
            yield s.ReceiveMessageResponse(status=status)
            return
        ends = time.monotonic() + request.long_polling_timeout.ToTimedelta().total_seconds()
        found: list[_Stored] = []
        while not found and context.is_active() and time.monotonic() < ends and not self._broker.stopping:
            with self._store.lock:
                found = self._store.take(request.batch_size, request.invisible_duration.ToTimedelta().total_seconds())
                if not found:
                    self._store.lock.wait(_POLL)
        if not found:
            yield s.ReceiveMessageResponse(status=d.Status(code=d.Code.MESSAGE_NOT_FOUND, message="none"))
            return
        yield s.ReceiveMessageResponse(status=_OK)
        for one in found:
            yield s.ReceiveMessageResponse(message=_told(one))
        stamp = timestamp_pb2.Timestamp()
        stamp.GetCurrentTime()
        yield s.ReceiveMessageResponse(delivery_timestamp=stamp)

    def AckMessage(self, request: Any, context: Any) -> Any:
        (entry,) = request.entries
        with self._store.lock:
            if self._store.held_by(entry.message_id, entry.receipt_handle) is None:
                return s.AckMessageResponse(status=d.Status(code=d.Code.INVALID_RECEIPT_HANDLE, message="too late"))
            if self._store.forget_acks:
                self._store.forget_acks -= 1
                return s.AckMessageResponse(status=_OK)
            del self._store.messages[entry.message_id]
            self._store.acknowledged.append(entry.message_id)
        return s.AckMessageResponse(status=_OK)

    def ChangeInvisibleDuration(self, request: Any, context: Any) -> Any:
        with self._store.lock:
            one = self._store.held_by(request.message_id, request.receipt_handle)
            if one is None:
                status = d.Status(code=d.Code.INVALID_RECEIPT_HANDLE, message="too late")
                return s.ChangeInvisibleDurationResponse(status=status)
            self._store.serial += 1
            self._store.renewed += 1
            one.visible_at = time.monotonic() + request.invisible_duration.ToTimedelta().total_seconds()
            one.handle = f"h{self._store.serial}"
            return s.ChangeInvisibleDurationResponse(status=_OK, receipt_handle=one.handle)

    def NotifyClientTermination(self, request: Any, context: Any) -> Any:
        self._store.ended += 1
        return s.NotifyClientTerminationResponse(status=_OK)


_OK = d.Status(code=d.Code.OK, message="ok")


def _told(one: _Stored) -> Any:
    digest = d.Digest(type=d.DigestType.SHA1, checksum=sha1(one.body).hexdigest().upper())
    properties = d.SystemProperties(
        message_id=one.id,
        body_digest=digest,
        body_encoding=one.encoding,
        message_type=d.MessageType.NORMAL,
        receipt_handle=one.handle,
        delivery_attempt=one.attempts,
    )
    topic = d.Resource(name=TOPIC)
    return d.Message(topic=topic, user_properties=one.properties, system_properties=properties, body=one.body)


class RocketMqBroker(Broker):
    """The stand-in between `with` and its end. With `certificate` (and its key) it speaks TLS."""

    kind = "rocketmq"

    def __init__(self, certificate: tuple[Path, Path] | None = None) -> None:
        super().__init__()
        self.port = free_port()
        self.user, self.secret = "example-access-key", "example-secret-key"
        self.store = Store()
        self.stopping = False
        self._certificate = certificate
        self._server: Any = None

    @classmethod
    def missing(cls) -> str:
        return ""

    def start(self) -> None:
        self.stopping = False
        self._server = grpc.server(ThreadPoolExecutor(16))
        service_pb2_grpc.add_MessagingServiceServicer_to_server(_Service(self), self._server)
        where = f"127.0.0.1:{self.port}"
        if self._certificate is None:
            bound = self._server.add_insecure_port(where)
        else:
            file, key = self._certificate
            pair = [(key.read_bytes(), file.read_bytes())]
            bound = self._server.add_secure_port(where, grpc.ssl_server_credentials(pair))
        assert bound == self.port
        self._server.start()

    def stop(self) -> None:
        self.stopping = True
        self._server.stop(0.2).wait()

    async def publish(self, body: bytes, headers: Mapping[str, str] | None = None, *, to: str = TOPIC) -> None:
        # The working draft of the binding spells attributes `CE_id`.
        self.store.put(body, {name.replace("ce_", "CE_"): text for name, text in (headers or {}).items()})

    def settings(self) -> dict[str, Any]:
        return {
            "server": f"127.0.0.1:{self.port}",
            "topic": TOPIC,
            "user": self.user,
            "password": self.secret,
            "invisible": "1s",
        }

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.folder.rmdir()
