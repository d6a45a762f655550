"""The contract suite of sources that can be written to: the rules of `syncd.core.ports.WritingBack`; and a source in memory that
keeps them.

Subclass `WritingBackContract` and give it one fixture, `rig`, which returns a `Rewritable` around your source.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, ClassVar, Final, TypeVar

import pytest

from syncd.core.errors import message
from syncd.core.model import Kind, NativeId, TargetId
from syncd.core.outcome import Applied, Deferred, Outcome, Rejected
from syncd.core.ports import Room, WritingBack
from syncd.core.values import Values, is_empty
from syncd.testing.memory import MemorySource

_T = TypeVar("_T")
MOVED: Final = message(
    "MEM-010",
    what="The record in memory holds something else than was expected.",
    do="Read it again.",
    example="A test in which somebody is quicker.",
)
REFUSES: Final = message(
    "MEM-011",
    what="The source in memory may not write {name}.",
    do="Correct the test.",
    example="An attribute that is locked.",
)
_MOBILE: Final = "+86-13900000001"


class MemoryRewritable(MemorySource):
    """A source in memory whose people can be written to. `writes` counts by attribute; `stores` may spell values anew."""

    writable: ClassVar[Mapping[Kind, frozenset[str]]] = {
        Kind.PERSON: frozenset({"mobile", "title", "account", "token", "note"})
    }

    def __init__(self, settings: Any, room: Room) -> None:
        super().__init__(settings, room)
        self.writes: Counter[str] = Counter()
        self.locked: set[str] = set()
        """Attributes that the account may not write."""
        self.stores: Callable[[str], str] = lambda text: text
        self.before: Callable[[], None] = lambda: None
        """Called before a record is looked at: somebody may be quicker."""
        self.after: Callable[[], None] = lambda: None
        """Called when something was written, and its answer is still to come."""

    async def write_back(self, native_id: NativeId, fields: Values, *, expected: Values) -> Outcome:
        self.before()
        moved = Deferred(problem=MOVED.at(), retry_at=self.room.now() + timedelta(minutes=1))
        held = self.records.get((Kind.PERSON, native_id))
        if held is None:
            return moved
        turned = {name: value for name, value in fields.items() if not _agree(held.get(name), value)}
        if any(not _agree(held.get(name), expected.get(name)) for name in turned):
            return moved
        if refused := sorted(self.locked & turned.keys()):
            return Rejected(problem=REFUSES.at(name=refused[0]))
        for name, value in turned.items():
            self.writes[name] += 1
            held.pop(name, None)
            if not is_empty(value):
                held[name] = self.stores(str(value))
        self.after()
        if not all(_agree(held.get(name), value) for name, value in fields.items()):
            return Rejected(problem=MOVED.at())
        return Applied(target_id=TargetId(native_id), detail="" if turned else "already so")


def _agree(one: object, other: object) -> bool:
    return one == other or (not one and not other)


class Rewritable(ABC):
    """A source that can be written to, one of its people, and what happens to it from elsewhere."""

    secrets: ClassVar[tuple[str, ...]] = ()
    person: NativeId
    attribute: str
    """One that can be written; the person holds `VALUE` in it at first."""
    other: str
    """Another one, which is empty at first."""
    locked: str
    """One that the account may not write."""

    @abstractmethod
    def open(self) -> Any:
        """Return the source, not yet entered."""

    @abstractmethod
    def held(self) -> Mapping[str, str]:
        """Return everything that the person holds, known from elsewhere than from the source; without bookkeeping."""

    @abstractmethod
    def by_hand(self, **values: str | None) -> None:
        """Change the person from elsewhere."""

    @abstractmethod
    def remove(self) -> None:
        """Take the person away."""


VALUE: Final = "Example One"


class WritingBackContract:
    """Each test is a rule of `syncd.core.ports.WritingBack`, by its number."""

    @pytest.fixture
    def rig(self) -> Rewritable:
        raise NotImplementedError("a subclass gives the rig")

    def test_rule_01_what_can_be_written_is_named(self, rig: Rewritable) -> None:
        source = rig.open()
        assert isinstance(source, WritingBack)
        assert {rig.attribute, rig.other} <= source.writable[Kind.PERSON]
        assert not {"objectGUID", "entryUUID", "userPassword", "unicodePwd", "distinguishedName", "manager"} & set(
            source.writable[Kind.PERSON]
        )

    def test_rule_02_only_the_named_attributes_are_written(self, rig: Rewritable) -> None:
        before = dict(rig.held())
        done = _write(rig, {rig.attribute: "Example Two", rig.other: "Example Three"}, {rig.attribute: VALUE})
        assert isinstance(done, Applied), done
        assert rig.held() == {**before, rig.attribute: "Example Two", rig.other: "Example Three"}

    def test_rule_02_nothing_empties_an_attribute(self, rig: Rewritable) -> None:
        before = dict(rig.held())
        done = _write(rig, {rig.attribute: None}, {rig.attribute: VALUE})
        assert isinstance(done, Applied), done
        assert rig.held() == {name: value for name, value in before.items() if name != rig.attribute}

    def test_rule_02_all_is_written_or_nothing(self, rig: Rewritable) -> None:
        before = dict(rig.held())
        done = _write(rig, {rig.attribute: "Example Two", rig.locked: "Example"}, {rig.attribute: VALUE})
        assert isinstance(done, Rejected), done
        assert rig.held() == before

    def test_rule_03_what_somebody_else_wrote_meanwhile_stays(self, rig: Rewritable) -> None:
        rig.by_hand(**{rig.attribute: "Example Quicker"})
        before = dict(rig.held())
        done = _write(rig, {rig.attribute: "Example Two"}, {rig.attribute: VALUE})
        assert isinstance(done, Deferred), done
        assert not done.whole_target
        assert rig.held() == before

    def test_rule_03_what_was_empty_and_is_no_longer_stays(self, rig: Rewritable) -> None:
        rig.by_hand(**{rig.other: "Example Quicker"})
        before = dict(rig.held())
        assert isinstance(_write(rig, {rig.other: "Example Two"}, {rig.other: None}), Deferred)
        assert rig.held() == before

    def test_rule_03_somebody_who_is_gone_is_not_made_anew(self, rig: Rewritable) -> None:
        rig.remove()
        done = _write(rig, {rig.attribute: "Example Two"}, {rig.attribute: VALUE})
        assert isinstance(done, Deferred), done
        assert not rig.held()

    def test_rule_05_a_call_that_comes_again_changes_nothing(self, rig: Rewritable) -> None:
        first = _write(rig, {rig.attribute: "Example Two"}, {rig.attribute: VALUE})
        before = dict(rig.held())
        again = _write(rig, {rig.attribute: "Example Two"}, {rig.attribute: VALUE})
        assert isinstance(first, Applied)
        assert isinstance(again, Applied)
        assert rig.held() == before

    def test_rule_05_several_calls_at_once_do_not_disturb_each_other(self, rig: Rewritable) -> None:
        async def both(source: Any) -> list[Outcome]:
            done: list[Outcome] = await asyncio.gather(
                source.write_back(rig.person, {rig.attribute: "Example Two"}, expected={rig.attribute: VALUE}),
                source.write_back(rig.person, {rig.other: _MOBILE}, expected={rig.other: None}),
            )
            return done

        assert all(isinstance(one, Applied) for one in _with(rig, both))
        assert {**rig.held(), rig.attribute: "Example Two", rig.other: _MOBILE} == rig.held()

    def test_rule_06_what_the_account_may_not_do_is_rejected_and_says_what_to_do(self, rig: Rewritable) -> None:
        done = _write(rig, {rig.locked: "Example"}, {rig.locked: rig.held().get(rig.locked)})
        assert isinstance(done, Rejected), done
        assert done.problem.do

    def test_rule_07_secrets_and_values_are_seen_nowhere(self, rig: Rewritable) -> None:
        rig.by_hand(**{rig.attribute: "Example Quicker"})
        moved = _write(rig, {rig.attribute: "Example Two"}, {rig.attribute: VALUE})
        refused = _write(rig, {rig.locked: "Example Nine"}, {rig.locked: rig.held().get(rig.locked)})
        told = [str(one.problem) for one in (moved, refused) if not isinstance(one, Applied)]
        assert len(told) == 2
        for word in (*rig.secrets, VALUE, "Example Two", "Example Quicker", "Example Nine"):
            assert not [text for text in told if word in text]


def _with(rig: Rewritable, work: Callable[[Any], Awaitable[_T]]) -> _T:
    async def whole() -> _T:
        async with rig.open() as source:
            return await work(source)

    return asyncio.run(whole())


def _write(rig: Rewritable, fields: Values, expected: Values) -> Outcome:
    async def one(source: Any) -> Outcome:
        done: Outcome = await source.write_back(rig.person, fields, expected=expected)
        return done

    return _with(rig, one)


__all__ = ["VALUE", "MemoryRewritable", "Rewritable", "WritingBackContract"]
