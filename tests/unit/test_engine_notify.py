"""What systemd hears, on a real datagram socket."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from support.ear import Ear
from syncd.engine.notify import Notifier, Pulse


@pytest.fixture(params=["path", "abstract"])
def ear(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ear]:
    one = Ear(str(tmp_path / "notify") if request.param == "path" else f"@syncd-test-{os.getpid()}-{id(tmp_path)}")
    yield one
    one.close()


def test_every_word_of_the_service_s_life_arrives(ear: Ear) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": ear.address})
    notifier.ready("300 people,\nall agree")
    notifier.status("reading hr")
    notifier.reloading()
    notifier.alive()
    notifier.stopping("settling 3 changes")
    heard = ear.heard()
    assert heard[0] == {"READY": "1", "STATUS": "300 people, all agree"}
    assert heard[1] == {"STATUS": "reading hr"}
    assert heard[2]["RELOADING"] == "1"
    assert int(heard[2]["MONOTONIC_USEC"]) > 0
    assert heard[3:] == [{"WATCHDOG": "1"}, {"STOPPING": "1", "STATUS": "settling 3 changes"}]


def test_a_status_that_did_not_change_is_not_sent_again(ear: Ear) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": ear.address})
    for _ in range(3):
        notifier.status("waiting")
    assert len(ear.heard()) == 1


@pytest.mark.parametrize("address", ["", "relative", "/nowhere/at/all"])
def test_without_systemd_nothing_fails(address: str) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address})
    notifier.ready("")
    notifier.stopping("")


@pytest.mark.parametrize(
    ("env", "period"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "3000000"}, timedelta(seconds=3)),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "7"}, timedelta(seconds=3)),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_only_ours_where_it_is_meant_for_us(env: dict[str, str], period: timedelta | None) -> None:
    assert Notifier(env, pid=7).watchdog == period


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def _beats(pulse: Pulse, ear: Ear) -> list[str]:
    """Let the heart beat once, and return the names of what was said."""

    async def once() -> None:
        task = asyncio.create_task(pulse.beat())
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(once())
    return [name for message in ear.heard() for name in message]


def test_the_watchdog_is_fed_while_work_makes_progress_and_not_when_it_hangs(ear: Ear) -> None:
    clock = Clock()
    pulse = Pulse(Notifier({"NOTIFY_SOCKET": ear.address, "WATCHDOG_USEC": "3000000"}), clock=clock)
    assert _beats(pulse, ear) == ["EXTEND_TIMEOUT_USEC"]  # not ready yet: a start that makes progress may take longer
    pulse.ready("works")
    pulse.ready("works")
    assert ear.heard() == [{"READY": "1", "STATUS": "works"}]
    clock.time += 899
    assert _beats(pulse, ear) == ["WATCHDOG"]
    clock.time += 1
    assert _beats(pulse, ear) == []
    pulse.progress()
    assert _beats(pulse, ear) == ["WATCHDOG"]


def test_a_service_with_nothing_to_do_is_well_for_as_long_as_it_turns(ear: Ear) -> None:
    clock = Clock()
    pulse = Pulse(Notifier({"NOTIFY_SOCKET": ear.address, "WATCHDOG_USEC": "3000000"}), clock=clock)
    pulse.ready("works")
    pulse.idle()
    ear.heard()
    clock.time += 86_400
    assert _beats(pulse, ear) == ["WATCHDOG"]


def test_a_start_that_hangs_gets_no_more_time(ear: Ear) -> None:
    clock = Clock()
    pulse = Pulse(Notifier({"NOTIFY_SOCKET": ear.address}), clock=clock)
    clock.time += 901
    assert _beats(pulse, ear) == []
