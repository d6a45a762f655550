"""A dated world whose target can tell people something: every word is kept once by key, and sending can be made to fail."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from support.dated_world import with_dates
from support.incidents import Make
from support.small_world import SmallWorld, run
from syncd.core.model import TargetId
from syncd.core.ports import Room
from syncd.core.welcome import Word
from syncd.engine.welcome import decide
from syncd.engine.welcoming import Welcoming
from syncd.engine.world import JoinerTerms
from syncd.testing.listeners import MemoryMessenger, Shelf
from syncd.testing.memory import MemoryTarget

BEGINS = datetime(2026, 12, 1, 17, tzinfo=UTC)
"""Midnight of 2 December in Jakarta."""
DAY = "2026-12-02"


class TalkingTarget(MemoryTarget):
    """The target in memory, with a way to reach its people."""

    def __init__(self, settings: object, room: Room) -> None:
        super().__init__(settings, room)
        self.shelf = Shelf()
        self._post = MemoryMessenger(self.shelf, room)
        self.sent = 0

    async def send(self, *, key: str, to: Sequence[TargetId], title: str, text: str) -> frozenset[TargetId]:
        self.sent += 1
        return await self._post.send(key=key, to=to, title=title, text=text)


class Heard(NamedTuple):
    """Who has read what."""

    who: str
    title: str


class WordWorld:
    """1 leads everybody, 2 the team; 7 begins on 2 December in Jakarta under 2. It is 22 November 2026; 2 hears 3 days before."""

    def __init__(self, make: Make, **terms: object) -> None:
        self.small: SmallWorld = make(joiners=JoinerTerms(**({"tell": timedelta(days=3)} | terms)))  # type: ignore[arg-type]
        with_dates(self.small)
        self.target = TalkingTarget({}, self.small.target.room)
        self.small.target = self.target
        self.small.unit("top", leader="e1")
        self.small.unit("team", "top", leader="e2")
        self.small.person("1", "top")
        self.small.person("2", "team", manager="e1")
        self.small.person("3", "top", manager="e1")
        self.small.person("7", "team", manager="e2", hired=DAY, zone="Asia/Jakarta", title="Buyer")
        self.restart()

    def restart(self) -> None:
        """Begin anew, as a process that has just started does."""
        self._part = Welcoming(lambda: self.small.world)

    def reopen(self) -> None:
        """The process is gone; another one opens the database."""
        self.small.store.close()
        self.small.reopen()
        self.restart()

    def sync(self) -> None:
        self.small.sync()

    def tick(self) -> list[Heard]:
        """Let the part look, and return what has been read since."""
        before = len(self.target.shelf.letters)
        run(self._part.tick())
        return self.heard()[before:]

    def day(self, at: datetime) -> list[Heard]:
        """Let it be then: a turn, and a look."""
        self.small.time = at
        self.sync()
        return self.tick()

    def heard(self) -> list[Heard]:
        return [Heard(str(who), title) for (_, who), (title, _) in self.target.shelf.letters.items()]

    def text(self) -> str:
        """Return the last text that anybody has read."""
        return list(self.target.shelf.letters.values())[-1][1]

    def decide(self) -> tuple[Word, ...]:
        with self.small.store.transaction() as tx:
            return decide(tx, self.small.world)

    def terms(self, **changes: object) -> None:
        joiners = replace(self.small.world.joiners, **changes)  # type: ignore[arg-type]
        self.small.world = replace(self.small.world, joiners=joiners)

    def audited(self) -> list[tuple[str, str, str]]:
        """Return type, op and account of what the log says of words."""
        with self.small.store.reading() as tx:
            bodies = [json.loads(row.body) for row in self.small.store.audit.iterate(tx)]
        return [
            (str(body["type"]), str(body.get("op", "")), str(body.get("target", "")))
            for body in bodies
            if str(body["type"]).startswith("joiner.")
        ]
