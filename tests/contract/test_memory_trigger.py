"""The trigger in memory keeps the rules of its socket, and the service hears it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.serving import served, until
from support.small_world import HR, SmallWorld, run
from syncd.core.model import SourceName
from syncd.core.ports import Room
from syncd.testing.broker import Broker, MemoryTrigger
from syncd.testing.trigger import Stage, TriggerContract


def room() -> Room:
    return Room(name="memory", now=lambda: datetime.now(UTC), base=Path())


class TestMemoryTrigger(TriggerContract):
    @pytest.fixture
    def stage(self) -> Stage:
        broker = Broker()

        async def send(source: str, key: str) -> None:
            broker.send(SourceName(source), key)

        async def garbage() -> None:
            broker.messages.append(None)

        async def left() -> int:
            return len(broker.messages)

        return Stage(make=lambda: MemoryTrigger(broker, room()), send=send, garbage=garbage, left=left)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SmallWorld]:
    one = SmallWorld(tmp_path)
    one.source.tells = True
    one.company(4)
    yield one
    one.store.close()


def test_a_message_of_a_broker_leads_to_a_write(world: SmallWorld) -> None:
    broker = Broker()
    heard = replace(world.world, triggers={"people": lambda: MemoryTrigger(broker, room())})

    async def story() -> None:
        async with served(heard):
            await until(lambda: len(world.target.objects) == 6, "everybody")
            world.person("9", "team")
            broker.send(HR, "event 1")
            await until(lambda: len(world.target.objects) == 7, "the joiner")
            await until(lambda: not broker.messages, "the acknowledgement")

    run(story())
