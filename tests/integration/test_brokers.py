"""Real brokers as triggers: a message wakes its source, is acknowledged when the wake is kept, and never holds up the others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import syncd_brokers
from servers.brokers import BROKERS, Broker
from servers.certificates import Authority
from servers.rocketmq import RocketMqBroker
from syncd.core.errors import NeedsHuman, TryAgain
from syncd.core.ports import Room, Standing
from syncd.core.wakes import Wake, WakeReason
from syncd_brokers.messages import AWAY

CLASSES: dict[str, Any] = {
    "redis": syncd_brokers.Redis,
    "nats": syncd_brokers.Nats,
    "rabbitmq": syncd_brokers.RabbitMq,
    "kafka": syncd_brokers.Kafka,
    "rocketmq": syncd_brokers.RocketMq,
}
KINDS: dict[str, type[Broker]] = {**BROKERS, "rocketmq": RocketMqBroker}
LONG = 60
NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("brokers")]


@pytest.fixture(scope="module", params=list(KINDS))
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    kind = KINDS[request.param]
    if reason := kind.missing():
        pytest.fail(reason)
    with kind() as running:
        yield running


def event(number: int, subject: str = "e7") -> dict[str, str]:
    return {
        "specversion": "1.0",
        "id": str(number),
        "source": "/hr.example.com",
        "type": "com.example.hr.person.changed",
        "subject": subject,
        "time": "2026-11-22T01:29:58.5Z",
    }


def body(number: int) -> bytes:
    return json.dumps(event(number)).encode()


def trigger(broker: Broker, tmp_path: Path, **changes: Any) -> Any:
    made = CLASSES[broker.kind]
    settings = made.settings(**{"wakes": "hr", **broker.settings(), **changes})
    return made(settings, Room(name="people", now=lambda: NOW, base=tmp_path))


class Heard:
    """Whom we were told of; `refuse` wakes fail first, as if the disk were full.

    A message is acknowledged before the next one is told of. The last one may not be when listening ends, and then comes again.
    """

    def __init__(self, *, refuse: int = 0) -> None:
        self.wakes: list[Wake] = []
        self.tries = 0
        self._refuse = refuse
        self._more = asyncio.Condition()

    async def wake(self, wake: Wake) -> None:
        async with self._more:
            self.tries += 1
            self._more.notify_all()
        if self.tries <= self._refuse:
            raise TryAgain(AWAY.at(broker="the disk", where="here", why="full"), after=timedelta(milliseconds=50))
        async with self._more:
            self.wakes.append(wake)
            self._more.notify_all()

    async def until(self, met: Callable[[], bool]) -> None:
        async with self._more:
            await asyncio.wait_for(self._more.wait_for(met), LONG)

    @property
    def keys(self) -> list[str]:
        return [wake.key.rpartition("#")[2] for wake in self.wakes]


@asynccontextmanager
async def listening(one: Any, wake: Callable[[Wake], Awaitable[None]]) -> AsyncIterator[None]:
    async with one:
        task = asyncio.create_task(one.listen(wake))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def test_a_message_in_either_mode_wakes_the_source_and_comes_once(broker: Broker, tmp_path: Path) -> None:
    async def story() -> None:
        heard = Heard()
        async with listening(trigger(broker, tmp_path), heard.wake):
            await broker.publish(body(1))
            await broker.publish(b"{}", {f"ce_{name}": text for name, text in event(2).items()})
            await heard.until(lambda: len(heard.wakes) == 2)
        wake = heard.wakes[0]
        assert (wake.source, wake.reason, wake.who) == ("hr", WakeReason.BROKER, ("e7",))
        assert wake.event_at == datetime(2026, 11, 22, 1, 29, 58, 500_000, tzinfo=UTC)
        again = Heard()
        async with listening(trigger(broker, tmp_path), again.wake):
            await broker.publish(body(3))
            await again.until(lambda: "3" in again.keys)
        assert heard.keys == ["1", "2"]
        assert set(again.keys) <= {"2", "3"}, "before the second was told, the first had been acknowledged"

    run(story())


def test_what_could_not_be_kept_is_not_acknowledged_and_comes_again(broker: Broker, tmp_path: Path) -> None:
    async def story() -> None:
        never = Heard(refuse=1_000_000)
        async with listening(trigger(broker, tmp_path), never.wake):
            await broker.publish(body(11))
            await never.until(lambda: never.tries > 2)
        heard = Heard(refuse=2)
        async with listening(trigger(broker, tmp_path), heard.wake):
            await broker.publish(body(12))
            await heard.until(lambda: {"11", "12"} <= set(heard.keys))

    run(story())


def test_what_cannot_be_understood_holds_up_nobody(broker: Broker, tmp_path: Path) -> None:
    async def story() -> None:
        heard = Heard()
        async with listening(trigger(broker, tmp_path), heard.wake):
            for odd in (b"", b"\xff\xfe", b"[1, 2", b'{"specversion": "0.3"}', b"x" * 100_000):
                await broker.publish(odd)
            await broker.publish(body(21))
            await heard.until(lambda: "21" in heard.keys)
        again = Heard()
        async with listening(trigger(broker, tmp_path), again.wake):
            await broker.publish(body(22))
            await again.until(lambda: "22" in again.keys)

    run(story())


def test_any_message_wakes_where_that_is_asked_for(broker: Broker, tmp_path: Path) -> None:
    async def story() -> None:
        heard = Heard()
        async with listening(trigger(broker, tmp_path, format="any"), heard.wake):
            await broker.publish(b"something happened")
            await heard.until(lambda: bool(heard.wakes))
        assert heard.wakes == [Wake(source=heard.wakes[0].source, reason=WakeReason.BROKER)]

    run(story())


# RabbitMQ takes half a minute for it, and Tansu remembers nothing.
@pytest.mark.parametrize("broker", ["redis", "nats", "rocketmq"], indirect=True)
def test_a_restart_of_the_broker_is_survived(broker: Broker, tmp_path: Path) -> None:
    async def story() -> None:
        heard = Heard()
        async with listening(trigger(broker, tmp_path), heard.wake):
            await broker.publish(body(31))
            await heard.until(lambda: "31" in heard.keys)
            await asyncio.to_thread(broker.stop)
            await asyncio.to_thread(broker.start)
            await broker.publish(body(32))
            await heard.until(lambda: "32" in heard.keys)

    run(story())


# Tansu's own TLS cannot be switched on (its two options exclude each other), and it has no users before it has one.
@pytest.mark.parametrize("broker", ["redis", "nats", "rabbitmq"], indirect=True)
def test_over_tls_with_few_rights_messages_come_and_who_is_wrong_is_told(broker: Broker, tmp_path: Path) -> None:
    def made(**changes: Any) -> Any:
        return trigger(broker, tmp_path, **{**broker.secured(), **changes})

    async def told(**changes: Any) -> tuple[str, str]:
        (verdict,) = [one async for one in made(**changes).check()]
        return verdict.problem.code, verdict.problem.what

    async def story() -> None:
        heard = Heard()
        async with listening(made(), heard.wake):
            await broker.publish(body(40))
            await broker.publish(body(41))
            await heard.until(lambda: "41" in heard.keys)
        again = Heard()
        async with listening(made(), again.wake):
            await broker.publish(body(42))
            await again.until(lambda: "42" in again.keys)
        assert "40" not in again.keys
        stranger = Authority.create(tmp_path / "stranger")
        code, what = await told(ca_file=stranger.ca_file)
        assert (code, "certificate" in what.lower()) == ("BRK-003", True), what
        code, what = await told(password="a-wrong-password")
        assert code == "BRK-004"
        assert "a-wrong-password" not in what

    run(story())


def test_a_nats_server_that_leaves_tls_out_is_not_sent_the_password(tmp_path: Path) -> None:
    sent = bytearray()

    async def story() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b'INFO {"server_id":"x","version":"2.9.10","max_payload":1048576,"auth_required":true}\r\n')
            sent.extend(await reader.read())
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            where = {"servers": [f"nats://127.0.0.1:{port}"], "stream": "HR", "subject": "people.>"}
            settings = syncd_brokers.Nats.settings(wakes="hr", user="u", password="p-secret", tls=True, **where)
            one = syncd_brokers.Nats(settings, Room(name="people", now=lambda: NOW, base=tmp_path))
            (verdict,) = [told async for told in one.check()]
            assert verdict.problem is not None
            assert verdict.problem.code == "BRK-006"

    run(story())
    assert sent == b""


MISNAMED: dict[str, dict[str, Any]] = {
    "redis": {"stream": "no-such"},
    "nats": {"stream": "NO"},
    "rabbitmq": {"queue": "no-such"},
    "kafka": {"topics": ["no-such"]},
    "rocketmq": {"topic": "no-such"},
}


def test_a_misspelled_name_and_a_broker_that_is_away_are_said(broker: Broker, tmp_path: Path) -> None:
    async def verdict(one: Any) -> Any:
        return await anext(one.check())

    async def story() -> None:
        assert (await verdict(trigger(broker, tmp_path))).standing is Standing.OK
        misspelled = trigger(broker, tmp_path, **MISNAMED[broker.kind])
        with pytest.raises(NeedsHuman) as refused:
            await misspelled.listen(Heard().wake)
        assert refused.value.problem.code == "BRK-005"
        assert (await verdict(misspelled)).problem.code == "BRK-005"
        nowheres = {"servers": ["127.0.0.1:1"], "server": "127.0.0.1:1", "port": 1}
        nowhere = {name: value for name, value in nowheres.items() if name in broker.settings()}
        assert (await verdict(trigger(broker, tmp_path, **nowhere))).problem.code == "BRK-003"

    run(story())
