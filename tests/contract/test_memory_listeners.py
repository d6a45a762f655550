"""The in-memory consumer, messenger and sink keep the rules of their sockets; those that break one are found by its number."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from syncd.core.census import EMPTY, Census, retold
from syncd.core.errors import TryAgain
from syncd.core.model import TargetId
from syncd.core.outcome import Fact
from syncd.core.ports import Alert, Consumer, Messenger, Room, Sink
from syncd.testing.consumer import Audience, ConsumerContract
from syncd.testing.listeners import MemoryConsumer, MemoryMessenger, MemorySink, Shelf
from syncd.testing.memory import refusal
from syncd.testing.messenger import Letter, MessengerContract, Post
from syncd.testing.sink import Desk, SinkContract

ROOM = Room(name="memory", now=lambda: datetime(2026, 11, 22, tzinfo=UTC), base=Path())


def refuse() -> None:
    raise TryAgain(refusal("not now"))


class _Shelved:
    """What the three have in common: a shelf, and trouble on demand."""

    def __init__(self, made: Callable[[Shelf, Room], Any]) -> None:
        self.made, self.shelf = made, Shelf(unknown=frozenset({TargetId("nobody")}))

    def open(self) -> Any:
        return self.made(self.shelf, ROOM)

    def trouble(self) -> Any:
        self.shelf.before = refuse
        return True

    def heal(self) -> None:
        self.shelf.before = self.shelf.after = lambda: None


class MemoryAudience(_Shelved, Audience):
    def open(self) -> Consumer:
        return super().open()  # type: ignore[no-any-return]

    def knows(self) -> object:
        # A census says of a fact's label and of since; what was heard of those who are gone is left out.
        return dict(self.shelf.census.members)

    def forget(self) -> None:
        self.shelf.census, self.shelf.heard = EMPTY, []


class MemoryPost(_Shelved, Post):
    def open(self) -> Messenger:
        return super().open()  # type: ignore[no-any-return]

    def got(self, person: TargetId) -> list[Letter]:
        return [letter for (_, reader), letter in self.shelf.letters.items() if reader == person]

    def lose_the_answer(self) -> bool:
        self.shelf.after = refuse
        return True


class MemoryDesk(_Shelved, Desk):
    def open(self) -> Sink:
        return super().open()  # type: ignore[no-any-return]

    def burning(self) -> dict[str, str]:
        return {key: alert.title for key, alert in self.shelf.open.items()}

    def over(self) -> list[str]:
        return [alert.key for alert in self.shelf.closed]


class TestMemoryConsumer(ConsumerContract):
    @pytest.fixture
    def audience(self) -> MemoryAudience:
        return MemoryAudience(MemoryConsumer)


class TestMemoryMessenger(MessengerContract):
    @pytest.fixture
    def post(self) -> MemoryPost:
        return MemoryPost(MemoryMessenger)


class TestMemorySink(SinkContract):
    @pytest.fixture
    def desk(self) -> MemoryDesk:
        return MemoryDesk(MemorySink)


# --- a suite that finds nothing is worth nothing ---


class Replaying(MemoryConsumer):
    async def receive(self, facts: Sequence[Fact]) -> None:
        self._shelf.before()
        self._shelf.census = retold(facts, replace(self._shelf.census, sequence=0))


class Forgetful(MemoryConsumer):
    def __init__(self, settings: Shelf, room: Room) -> None:
        super().__init__(Shelf(), room)


class Additive(MemoryConsumer):
    async def reconcile(self, census: Census) -> None:
        self._shelf.before()
        members = {**self._shelf.census.members, **census.members}
        self._shelf.census = Census(sequence=census.sequence, members=members)


class Hasty(MemoryConsumer):
    async def receive(self, facts: Sequence[Fact]) -> None:
        before = self._shelf.census
        self._shelf.census = replace(before, sequence=max([before.sequence, *(fact.sequence for fact in facts)]))
        self._shelf.before()
        self._shelf.census = retold(facts, before)


class Silent(MemoryConsumer):
    async def receive(self, facts: Sequence[Fact]) -> None:
        if self._shelf.before is not refuse:
            await super().receive(facts)


class Rude(MemoryConsumer):
    async def receive(self, facts: Sequence[Fact]) -> None:
        try:
            await super().receive(facts)
        except TryAgain as error:
            raise RuntimeError("dingsecret") from error


class Eager(MemoryMessenger):
    async def send(self, *, key: str, to: Sequence[TargetId], title: str, text: str) -> frozenset[TargetId]:
        return await super().send(key=f"{key}{len(self._shelf.letters)}", to=to, title=title, text=text)


class Thrifty(MemoryMessenger):
    async def send(self, *, key: str, to: Sequence[TargetId], title: str, text: str) -> frozenset[TargetId]:
        return await super().send(key=text, to=to, title=title, text=text)


class AllOrNothing(MemoryMessenger):
    async def send(self, *, key: str, to: Sequence[TargetId], title: str, text: str) -> frozenset[TargetId]:
        if self._shelf.unknown & set(to) or key in {known for known, _ in self._shelf.letters}:
            return frozenset()
        return await super().send(key=key, to=to, title=title, text=text)


class Talkative(MemoryMessenger):
    async def send(self, *, key: str, to: Sequence[TargetId], title: str, text: str) -> frozenset[TargetId]:
        try:
            return await super().send(key=key, to=to, title=title, text=text)
        except TryAgain:
            raise TryAgain(refusal(f"cannot send {text}")) from None


class Deaf(MemorySink):
    async def send(self, alert: Alert) -> None:
        await super().send(replace(alert, resolved=False))


class Sweeping(MemorySink):
    async def send(self, alert: Alert) -> None:
        if alert.resolved:
            self._shelf.open = {key: one for key, one in self._shelf.open.items() if key == alert.key}
        await super().send(replace(alert, key=alert.key.strip().lower()))


def found(suite: type, rig: Callable[[], Any]) -> set[str]:
    """Return the numbers of the rules whose tests fail for a double."""
    broken = set()
    one = suite()
    for name, test in inspect.getmembers(one, inspect.ismethod):
        if name.startswith("test_"):
            try:
                test(rig())
            except (AssertionError, RuntimeError, pytest.fail.Exception):
                broken.add(name.split("_")[1])
            except pytest.skip.Exception:
                continue
    return broken


@pytest.mark.parametrize(
    ("double", "rule"),
    [(Replaying, "01"), (Forgetful, "02"), (Hasty, "02"), (Additive, "04"), (Silent, "07"), (Rude, "07")],
)
def test_a_consumer_that_breaks_a_rule_is_found(double: type[MemoryConsumer], rule: str) -> None:
    assert rule in found(ConsumerContract, lambda: MemoryAudience(double))


@pytest.mark.parametrize(
    ("double", "rules"),
    [(Eager, {"01", "06"}), (Thrifty, {"02"}), (AllOrNothing, {"03", "04"}), (Talkative, {"07"})],
)
def test_a_messenger_that_breaks_a_rule_is_found(double: type[MemoryMessenger], rules: set[str]) -> None:
    assert rules <= found(MessengerContract, lambda: MemoryPost(double))


@pytest.mark.parametrize(("double", "rules"), [(Deaf, {"02", "03"}), (Sweeping, {"02", "04"})])
def test_a_sink_that_breaks_a_rule_is_found(double: type[MemorySink], rules: set[str]) -> None:
    assert rules <= found(SinkContract, lambda: MemoryDesk(double))


def test_doubles_that_keep_the_rules_are_not_found_to_break_any() -> None:
    assert found(ConsumerContract, lambda: MemoryAudience(MemoryConsumer)) == set()
    assert found(MessengerContract, lambda: MemoryPost(MemoryMessenger)) == set()
    assert found(SinkContract, lambda: MemoryDesk(MemorySink)) == set()
