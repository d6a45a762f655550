"""The contract suite of targets that remember who has left: the rules of `syncd.core.leave_records.Remembering`; and a target in
memory that keeps them.

Subclass `RememberingContract` and give it one fixture, `memory`, which returns a `Memory` around your open target.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

import pytest

from syncd.core.errors import NeedsHuman, Problem
from syncd.core.leave_records import Left, LeftBy, Remembering
from syncd.core.model import Change, Kind, Op, TargetId
from syncd.core.outcome import Outcome
from syncd.core.ports import Room
from syncd.testing.memory import MemoryTarget

_LONG: Final = timedelta(days=3 * 365)


class MemoryRememberer(MemoryTarget):
    """A target in memory that remembers who left; `closed` is what it answers instead, where it is not permitted."""

    def __init__(self, settings: Any, room: Room) -> None:
        super().__init__(settings, room)
        self.records: list[Left] = []
        self.closed: Problem | None = None
        self.asked: list[tuple[datetime, datetime]] = []
        """Every question: since when, until when."""
        self.late = False
        """True: a record of what is removed is not there yet (`catch_up`)."""
        self._waiting: list[Left] = []

    async def left(self, *, since: datetime, until: datetime) -> AsyncIterator[Sequence[Left]]:
        """Yield the records, two at a time."""
        self.asked.append((since, until))
        if self.closed is not None:
            raise NeedsHuman(self.closed)
        some = iter([one for one in self.records if since <= one.at <= until])
        while page := tuple(islice(some, 2)):
            yield page

    async def apply(self, change: Change, *, key: str, again: bool = False) -> Outcome:
        there = (change.kind, change.target_id) in self.objects
        outcome = await super().apply(change, key=key, again=again)
        if there and change.op is Op.REMOVE and change.kind is Kind.PERSON and change.target_id is not None:
            self.remember(change.target_id, by=LeftBy.PROGRAM)
        return outcome

    def remember(self, target_id: TargetId, *, by: LeftBy) -> None:
        """Write a record of somebody who left this moment."""
        record = Left(target_id=target_id, at=self.room.now(), by=by)
        (self._waiting if self.late else self.records).append(record)

    def catch_up(self) -> None:
        """Let the records be there that were late."""
        self.records += self._waiting
        self._waiting.clear()
        self.late = False

    def leaves(self, target_id: TargetId, *, by: LeftBy = LeftBy.ADMINISTRATOR) -> None:
        """Let somebody leave without us."""
        del self.objects[Kind.PERSON, target_id]
        self.remember(target_id, by=by)


@dataclass(frozen=True, kw_only=True)
class Memory:
    """A target to test, and how somebody leaves it."""

    target: Remembering
    run: Callable[[Coroutine[Any, Any, Any]], Any]
    """Runs a coroutine where the target lives (`asyncio.Runner().run`)."""
    leave: Callable[[int, LeftBy], TargetId]
    """Lets the n-th person leave, in this way; returns whom. Called with numbers from 1 on, each once; 60 are enough."""
    ways: Sequence[LeftBy]
    """The ways that can be brought about."""
    now: Callable[[], datetime]
    """The target's clock."""


class RememberingContract:
    """Subclass me, and give me a fixture `memory`."""

    @pytest.fixture
    def memory(self) -> Memory:
        """Return an open target that remembers."""
        raise NotImplementedError("give the suite a fixture `memory`")

    def test_it_is_recognised_as_one_that_remembers(self, memory: Memory) -> None:
        assert isinstance(memory.target, Remembering)

    def test_whoever_left_is_told_with_the_way_and_the_time(self, memory: Memory) -> None:
        began = memory.now() - timedelta(seconds=1)
        expected = {memory.leave(number, way): way for number, way in enumerate(memory.ways, start=1)}

        found = _read(memory, since=began, until=memory.now())

        assert {one.target_id: one.by for one in found} == expected
        ended = memory.now() + timedelta(seconds=1)
        assert all(one.at.tzinfo is not None and began <= one.at <= ended for one in found)

    def test_nobody_is_told_of_another_time(self, memory: Memory) -> None:
        memory.leave(1, memory.ways[0])

        now = memory.now()

        assert _read(memory, since=now - timedelta(hours=2), until=now - timedelta(hours=1)) == []
        assert _read(memory, since=now + timedelta(hours=1), until=now + timedelta(hours=2)) == []

    def test_more_than_a_page_are_all_told(self, memory: Memory) -> None:
        gone = {memory.leave(number, memory.ways[0]) for number in range(1, 61)}

        found = _read(memory, since=memory.now() - timedelta(minutes=5), until=memory.now())

        assert {one.target_id for one in found} == gone

    def test_any_length_of_time_can_be_asked_for_and_asking_twice_gives_the_same(self, memory: Memory) -> None:
        gone = memory.leave(1, memory.ways[0])
        window = {"since": memory.now() - _LONG, "until": memory.now()}

        first, second = _read(memory, **window), _read(memory, **window)

        assert {one.target_id for one in first} == {gone}
        assert set(second) == set(first)


def _read(memory: Memory, *, since: datetime, until: datetime) -> list[Left]:
    async def all_() -> list[Left]:
        found: list[Left] = []
        async for some in memory.target.left(since=since, until=until):
            assert some, "at least one each time"
            found += some
        return found

    told: list[Left] = memory.run(all_())
    return told
