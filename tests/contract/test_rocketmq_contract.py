"""The trigger's rules on RocketMQ's official client, against a stand-in that speaks its protocol."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from servers.rocketmq import RocketMqBroker
from syncd.core.ports import Room
from syncd.testing.trigger import HR, Stage, TriggerContract
from syncd_brokers import RocketMq

NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with RocketMqBroker() as broker:

        def make() -> RocketMq:
            settings = RocketMq.settings(wakes=HR, **broker.settings())
            return RocketMq(settings, Room(name="people", now=lambda: NOW, base=tmp_path))

        async def send(source: str, key: str) -> None:
            event = {"specversion": "1.0", "id": key, "source": "/hr.example.com", "type": "changed"}
            await broker.publish(json.dumps(event).encode())

        async def garbage() -> None:
            await broker.publish(b"\xff no event")

        async def left() -> int:
            return len(broker.store.messages)

        yield Stage(make=make, send=send, garbage=garbage, left=left, secrets=(broker.secret,))


class TestRocketMq(TriggerContract):
    pass
