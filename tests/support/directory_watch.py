"""Somebody who waits for wakes as the engine does: the watch of a source runs in an event loop of its own thread."""

from __future__ import annotations

import asyncio
import queue
import threading
from types import TracebackType
from typing import Final, Self

from syncd.core.ports import Watching
from syncd.core.wakes import Wake

_LONG: Final = 60.0
"""Seconds: far more than any wake takes, on any machine."""


class Sentry:
    """Runs `watch()` between `with` and its end."""

    def __init__(self, source: Watching) -> None:
        self._source = source
        self._heard: queue.Queue[Wake | BaseException] = queue.Queue()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._task: asyncio.Task[None] | None = None
        self._left = asyncio.Event()
        """Nobody waits for wakes any more: only then the loop ends, whatever ended the watch."""
        self._started = threading.Event()

    @property
    def watching(self) -> str:
        """How it watches right now."""
        return self._source.watching()

    def wake(self) -> Wake:
        """Return the next wake; raise what ended the watch."""
        heard = self._heard.get(timeout=_LONG)
        if isinstance(heard, BaseException):
            raise heard
        return heard

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait(_LONG)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._leave)
        self._thread.join(_LONG)
        assert not self._thread.is_alive(), "the watch does not end when it is cancelled"

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._watch())

    def _leave(self) -> None:
        assert self._task is not None
        self._task.cancel()
        self._left.set()

    async def _watch(self) -> None:
        self._task = asyncio.ensure_future(self._listen())
        self._started.set()
        await asyncio.wait([self._task])
        await self._left.wait()

    async def _listen(self) -> None:
        try:
            async for wake in self._source.watch():
                self._heard.put(wake)
        except Exception as error:  # noqa: BLE001
            self._heard.put(error)
