"""The contract suite for triggers: subclass `TriggerContract`, say how to send and what is left; each rule is checked by number.

    class TestMine(TriggerContract):
        @pytest.fixture
        def stage(self) -> Stage:
            return Stage(make=…, send=…, garbage=…, left=…)

It needs pytest and nothing else of syncd.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from typing import Any, Final

from syncd.core.errors import Problem, TryAgain, message
from syncd.core.model import SourceName
from syncd.core.ports import Standing, Trigger
from syncd.core.wakes import Wake

NOT_NOW: Final = message(
    "TST-010", what="The wake cannot be kept now.", do="Send it again.", example="A database that is locked."
)
HR: Final = SourceName("hr")
PATIENCE: Final = 30.0
"""Seconds after which waiting is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A broker, as far as the suite has to know it."""

    make: Callable[[], Trigger]
    """Return a new trigger at this broker; each goes on where the last one was."""
    send: Callable[[str, str], Awaitable[None]]
    """Send a good message: for a source, about somebody, with the given key."""
    garbage: Callable[[], Awaitable[None]]
    """Send something that no one can understand."""
    left: Callable[[], Awaitable[int]]
    """Return how many messages are not acknowledged."""
    source: SourceName = HR
    secrets: tuple[str, ...] = ()
    """What must not be seen in errors and `repr`."""


class Ear:
    """Who is waked; told to fail, it fails."""

    def __init__(self) -> None:
        self.heard: list[Wake] = []
        self.refuses = 0
        self.waits: asyncio.Event | None = None
        """Set by the test when a wake that was handed in may become durable."""
        self.asked = 0

    async def wake(self, wake: Wake) -> None:
        self.asked += 1
        if self.waits is not None:
            await self.waits.wait()
        if self.refuses:
            self.refuses -= 1
            raise TryAgain(_problem())
        self.heard.append(wake)


def _problem() -> Problem:
    return NOT_NOW.at()


class TriggerContract:
    """The rules of `syncd.core.ports.Trigger`."""

    def test_01_what_is_sent_is_waked_and_it_listens_until_it_is_cancelled(self, stage: Stage) -> None:
        async def story(ear: Ear) -> None:
            await stage.send(stage.source, "k1")
            await _until(lambda: len(ear.heard) == 1)
            await stage.send(stage.source, "k2")
            await _until(lambda: len(ear.heard) == 2)
            assert {wake.source for wake in ear.heard} == {stage.source}
            assert len({wake.key for wake in ear.heard}) == 2, "each message has a key of its own"

        _listening(stage, story)

    def test_02_a_message_is_acknowledged_only_after_its_wake_is_durable(self, stage: Stage) -> None:
        async def story(ear: Ear) -> None:
            ear.waits = asyncio.Event()
            await stage.send(stage.source, "k1")
            await _until(lambda: ear.asked == 1)
            assert await stage.left() == 1
            ear.waits.set()
            await _until_none(stage)

        _listening(stage, story)

    def test_02_a_wake_that_cannot_be_kept_comes_again(self, stage: Stage) -> None:
        async def story(ear: Ear) -> None:
            ear.refuses = 1
            await stage.send(stage.source, "k1")
            await _until(lambda: len(ear.heard) == 1)
            assert ear.asked >= 2
            await _until_none(stage)

        _listening(stage, story)

    def test_03_what_cannot_be_understood_blocks_nobody_behind_it(self, stage: Stage) -> None:
        async def story(ear: Ear) -> None:
            await stage.garbage()
            await stage.send(stage.source, "k1")
            await _until(lambda: any(wake.source == stage.source for wake in ear.heard))
            await _until_none(stage)

        _listening(stage, story)

    def test_05_cancelled_it_leaves_nothing_running_and_acknowledges_nothing_that_was_not_waked(
        self, stage: Stage
    ) -> None:
        async def story(ear: Ear) -> None:
            ear.waits = asyncio.Event()
            await stage.send(stage.source, "k1")
            await _until(lambda: ear.asked == 1)

        _listening(stage, story)

        async def again(ear: Ear) -> None:
            await _until(lambda: len(ear.heard) == 1)

        _listening(stage, again)

    def test_06_check_gives_verdicts_and_never_raises(self, stage: Stage) -> None:
        async def story() -> list[Any]:
            async with stage.make() as trigger:
                return [verdict async for verdict in trigger.check()]

        verdicts = asyncio.run(story())
        assert verdicts
        assert all(verdict.standing in Standing for verdict in verdicts)

    def test_07_secrets_are_not_shown(self, stage: Stage) -> None:
        shown = repr(stage.make())
        assert not any(secret in shown for secret in stage.secrets)


def _listening(stage: Stage, story: Callable[[Ear], Coroutine[Any, Any, None]]) -> None:
    """Run a story beside a trigger that listens; afterwards nothing may be left running."""

    async def play() -> None:
        ear = Ear()
        before = asyncio.all_tasks()
        opened: AbstractAsyncContextManager[Trigger] = stage.make()
        async with opened as trigger:
            task = asyncio.create_task(trigger.listen(ear.wake))
            try:
                await story(ear)
                assert not task.done(), "listen has ended by itself"
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        assert asyncio.all_tasks() <= before, "something is left running"

    asyncio.run(play())


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - a condition of somebody else
            await asyncio.sleep(0.01)


async def _until_none(stage: Stage) -> None:
    async with asyncio.timeout(PATIENCE):
        while await stage.left():  # noqa: ASYNC110 - a question to the broker
            await asyncio.sleep(0.01)


__all__ = ["Ear", "Stage", "TriggerContract"]
