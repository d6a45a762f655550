"""RocketMQ's official client against a stand-in: what is held stays ours, what is refused is said, and nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from servers.certificates import Authority
from servers.rocketmq import GZIP, RocketMqBroker
from support.serving import until
from syncd.core.errors import NeedsHuman, TryAgain, message
from syncd.core.ports import Room, Standing, Verdict
from syncd.core.wakes import Wake
from syncd_brokers import RocketMq

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
FULL = message("XXX-874", what="The disk is full.", do="Make room.", example="a test")


@pytest.fixture
def broker() -> Iterator[RocketMqBroker]:
    with RocketMqBroker() as running:
        yield running


def event(number: int) -> bytes:
    return json.dumps({"specversion": "1.0", "id": str(number), "source": "/hr", "type": "changed"}).encode()


def trigger(broker: RocketMqBroker, folder: Path, **changes: Any) -> RocketMq:
    settings = RocketMq.settings(**{"wakes": "hr", **broker.settings(), **changes})
    return RocketMq(settings, Room(name="people", now=lambda: NOW, base=folder))


@asynccontextmanager
async def heard(one: RocketMq, keep: Callable[[Wake], Any] = lambda _: None) -> AsyncIterator[list[str]]:
    """Listen, and yield the ids of the events that were kept; `keep` may raise."""
    ids: list[str] = []

    async def wake(wake: Wake) -> None:
        keep(wake)
        ids.append(wake.key.rpartition("#")[2])

    async with one:
        task = asyncio.create_task(one.listen(wake))
        try:
            yield ids
        finally:
            task.cancel()
            await asyncio.wait([task])


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


async def verdict(one: RocketMq) -> Verdict:
    return await anext(one.check())


def test_a_client_that_is_not_told_where_the_topic_is_asks_again(broker: RocketMqBroker, tmp_path: Path) -> None:
    broker.store.lost_routes = frozenset({2, 3})  # the first question is our own

    async def story() -> None:
        assert (await verdict(trigger(broker, tmp_path))).standing is Standing.OK

    run(story())
    assert broker.store.routes > 3


def test_a_client_that_never_learns_where_the_topic_is_is_replaced(broker: RocketMqBroker, tmp_path: Path) -> None:
    one_client = range(2, 9)
    broker.store.lost_routes = frozenset(one_client)

    async def story() -> None:
        async with heard(trigger(broker, tmp_path)) as ids:
            await broker.publish(event(1))
            await until(lambda: ids == ["1"], "the event")

    run(story())
    assert broker.store.routes > one_client.stop


def test_what_cannot_be_kept_for_long_is_renewed_and_given_to_nobody_else(
    broker: RocketMqBroker, tmp_path: Path
) -> None:
    tries: list[str] = []

    def full(wake: Wake) -> None:
        tries.append(wake.key)
        if broker.store.renewed < 4:
            raise TryAgain(FULL.at(), after=timedelta(milliseconds=20))

    async def story() -> None:
        async with heard(trigger(broker, tmp_path), full) as ids:
            await broker.publish(event(1))
            await broker.publish(event(2))
            await until(lambda: len(broker.store.acknowledged) == 2, "both to be acknowledged")
            assert ids == ["1", "2"]

    run(story())
    assert broker.store.renewed >= 4
    assert broker.store.ended == 1


def test_a_lost_acknowledgement_brings_the_same_event_again(broker: RocketMqBroker, tmp_path: Path) -> None:
    broker.store.forget_acks = 1

    async def story() -> None:
        async with heard(trigger(broker, tmp_path)) as ids:
            await broker.publish(event(1))
            await until(lambda: len(broker.store.acknowledged) == 1, "the second acknowledgement")
            assert ids == ["1", "1"]

    run(story())


def test_a_body_that_cannot_be_unpacked_holds_up_nobody(broker: RocketMqBroker, tmp_path: Path) -> None:
    async def story() -> None:
        for _ in range(3):
            broker.store.put(b"\x1f\x8b broken", {}, encoding=GZIP)
        await broker.publish(event(1))
        async with heard(trigger(broker, tmp_path)) as ids:
            await until(lambda: ids == ["1"], "the event behind the broken ones")
            await until(lambda: len(broker.store.messages) == 3, "its acknowledgement, and that of no other")

    run(story())


def test_a_wrong_key_and_speaking_without_tls_are_said_without_the_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "")  # what the line writes into it is taken away again
    authority = Authority.create(tmp_path / "ca")
    with RocketMqBroker(authority.issue("rocketmq", ip="127.0.0.1")) as broker:
        good = {"tls": True, "ca_file": authority.ca_file}
        wrong = trigger(broker, tmp_path, password="guessed-secret", **good)

        async def story() -> None:
            assert (await verdict(trigger(broker, tmp_path, **good))).standing is Standing.OK
            with pytest.raises(NeedsHuman, match="BRK-004") as refused:
                await wrong.listen(_never)
            assert "guessed-secret" not in str(refused.value)
            bare = await verdict(trigger(broker, tmp_path))
            assert bare.problem is not None
            assert bare.problem.code == "BRK-003"
            async with heard(trigger(broker, tmp_path, **good)) as ids:
                await broker.publish(event(1))
                await until(lambda: ids == ["1"], "an event over TLS")

        run(story())


async def _never(_: Wake) -> None:
    raise AssertionError("nothing is there to wake for")


def test_when_it_has_stopped_no_thread_of_the_clients_waits_for_the_broker(
    broker: RocketMqBroker, tmp_path: Path
) -> None:
    async def story() -> None:
        async with heard(trigger(broker, tmp_path)) as ids:
            await broker.publish(event(1))
            await until(lambda: ids == ["1"], "the event")

    run(story())
    left = [one.name for one in threading.enumerate() if "schedule_thread" in one.name or "callback_worker" in one.name]
    assert left == []


def test_importing_the_client_writes_nothing_into_the_home_directory(tmp_path: Path) -> None:
    script = "from syncd_brokers.rocketmq_line import library; library(); import rocketmq.v5.client"
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": f"{ROOT}:{ROOT / 'connectors'}"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], env=environment, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []
