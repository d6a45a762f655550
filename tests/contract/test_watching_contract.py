"""Sources that watch: the one in memory keeps the rules."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.core.model import SourceName
from syncd.core.ports import Room
from syncd.testing.watching import MemoryWatcher, Watcher, WatchingContract


class TestMemoryWatcher(WatchingContract):
    @pytest.fixture
    def watcher(self) -> Watcher:
        room = Room(name="hr", now=lambda: datetime.now(UTC), base=Path())
        made: list[MemoryWatcher] = []

        def make() -> MemoryWatcher:
            made.append(MemoryWatcher({}, room))
            return made[-1]

        async def change() -> None:
            made[-1].changed()

        async def interrupt() -> None:
            made[-1].cut()

        return Watcher(make=make, source=SourceName("hr"), change=change, interrupt=interrupt)
