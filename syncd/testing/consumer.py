"""The contract suite of consumers: the numbered rules of `syncd.core.ports.Consumer`, as tests with the same numbers.

A consumer's author writes an `Audience` (how to open the consumer, and what it has come to know) and

    class TestMyConsumer(ConsumerContract):
        @pytest.fixture
        def audience(self, tmp_path): return MyAudience(tmp_path)

The suite tells it the history of a small company in every way in which the engine may tell it.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

import pytest

from syncd.core.census import Census, retold
from syncd.core.errors import NeedsHuman, TryAgain
from syncd.core.model import FieldChange, Kind, SubjectId, TargetId
from syncd.core.outcome import Fact, FactType
from syncd.core.ports import Consumer
from syncd.core.values import Value

_DAWN: Final = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)


class Audience(ABC):
    """A consumer with a memory of its own."""

    secrets: ClassVar[tuple[str, ...]] = ()
    """Secrets that the consumer is opened with; they may be seen nowhere."""

    @abstractmethod
    def open(self) -> Consumer:
        """Return the consumer, not yet entered. Called several times: each knows what the one before it knew."""

    @abstractmethod
    def knows(self) -> object:
        """Return what the consumer has made of what it heard, comparable by `==`: from where it keeps it, without the order
        or the times of hearing, and without the history of those who are gone."""

    @abstractmethod
    def forget(self) -> None:
        """Take its memory away, so that it is new again."""

    def trouble(self) -> bool:
        """Make the next calls fail, as its own server or disk would; False if that cannot happen to it."""
        return False

    @abstractmethod
    def heal(self) -> None:
        """End the trouble, if there was any."""


def fact(sequence: int, type_: FactType, subject: str, label: str, **after: Value) -> Fact:
    """Return a fact as the feed has it: values old → new, references as subjects."""
    return Fact(
        sequence=sequence,
        at=_DAWN + timedelta(minutes=sequence),
        type=type_,
        subject=SubjectId(subject),
        kind=Kind(subject.partition(":")[0]),
        target_id=TargetId(subject.partition(":")[2]),
        label=label,
        fields=tuple(FieldChange(name=name, before=None, after=value) for name, value in sorted(after.items())),
    )


def history() -> tuple[Fact, ...]:
    """Return the history of a small company: everything that can happen, sequences with gaps, two facts of one change."""
    sales, team = ({"unit": "unit:sales"},), ({"unit": "unit:team"},)
    return (
        fact(1, FactType.UNIT_CREATED, "unit:sales", "Sales", name="Sales", parent="unit:root"),
        fact(2, FactType.UNIT_CREATED, "unit:team", "Team", name="Team", parent="unit:root"),
        fact(3, FactType.JOINED, "person:ada", "Ada Example", name="Ada Example", departments=sales, title="Lead"),
        fact(5, FactType.JOINED, "person:budi", "Budi Contoh", name="Budi Contoh", departments=sales),
        fact(6, FactType.MANAGER_CHANGED, "person:budi", "Budi Contoh", manager="person:ada"),
        fact(7, FactType.UNIT_CHANGED, "unit:sales", "Sales", managers=("person:ada",)),
        fact(8, FactType.JOINED, "person:li", "李例", name="李例", departments=team, title="Clerk"),
        fact(9, FactType.CHANGED, "person:ada", "Ada Example", title=None),
        fact(11, FactType.MOVED, "person:budi", "Budi Contoh", departments=team, title="Clerk"),
        fact(12, FactType.CHANGED, "person:budi", "Budi Contoh", departments=team, title="Clerk"),
        fact(13, FactType.UNIT_MOVED, "unit:team", "Team", parent="unit:sales"),
        fact(14, FactType.LEFT, "person:li", "李例", departments=({"unit": "unit:leavers"},), manager=None),
        fact(15, FactType.LEFT, "person:ada", "Ada Example", departments=({"unit": "unit:leavers"},), manager=None),
        fact(20, FactType.JOINED, "person:li", "李例", name="李例", departments=sales, manager="person:budi"),
        fact(21, FactType.UNIT_CREATED, "unit:spare", "Spare", name="Spare", parent="unit:root"),
        fact(22, FactType.UNIT_REMOVED, "unit:spare", "Spare"),
    )


class ConsumerContract:
    """Subclass me, and give me a fixture `audience`."""

    @pytest.fixture
    def audience(self) -> Audience:
        raise NotImplementedError("give the suite a fixture `audience`")

    def wanted(self, audience: Audience) -> object:
        """Return what the consumer knows when everything went well, and make it new again."""
        assert tell(audience, history()) is None
        known = audience.knows()
        audience.forget()
        return known

    def test_01_facts_that_were_heard_before_change_nothing(self, audience: Audience) -> None:
        everything, wanted = history(), self.wanted(audience)

        for upto in range(1, len(everything) + 1):
            assert tell(audience, everything[:upto]) is None
            assert tell(audience, everything[max(0, upto - 3) : upto]) is None
        for each in reversed(everything):
            assert tell(audience, [each]) is None

        assert audience.knows() == wanted

    def test_01_a_census_that_was_heard_before_changes_nothing(self, audience: Audience) -> None:
        everything, wanted = history(), self.wanted(audience)
        census = retold(everything)

        for _ in range(2):
            assert introduce(audience, census) is None
        assert tell(audience, everything) is None

        assert audience.knows() == wanted

    def test_02_what_was_heard_one_by_one_is_known_by_one_that_is_opened_anew(self, audience: Audience) -> None:
        wanted = self.wanted(audience)

        for each in history():
            assert tell(audience, [each]) is None  # each time a consumer that is opened anew

        assert audience.knows() == wanted

    def test_02_what_it_could_not_take_comes_again_and_is_taken_then(self, audience: Audience) -> None:
        everything, wanted = history(), self.wanted(audience)
        assert tell(audience, everything[:5]) is None
        if not audience.trouble():
            pytest.skip("nothing can keep this consumer from listening")

        raised = tell(audience, everything[5:])
        audience.heal()
        assert raised is not None
        assert tell(audience, everything[5:]) is None

        assert audience.knows() == wanted

    def test_03_hearing_everything_and_being_handed_the_census_are_the_same(self, audience: Audience) -> None:
        wanted = self.wanted(audience)

        assert introduce(audience, retold(history())) is None

        assert audience.knows() == wanted

    def test_03_a_census_at_any_point_and_the_facts_after_it_are_the_same(self, audience: Audience) -> None:
        everything, wanted = history(), self.wanted(audience)

        for upto in range(1, len(everything)):
            assert introduce(audience, retold(everything[:upto])) is None
            assert tell(audience, everything[upto:]) is None
            assert audience.knows() == wanted
            audience.forget()

    def test_04_who_is_not_in_a_census_is_gone(self, audience: Audience) -> None:
        """A consumer that missed the end of somebody is healed."""
        everything, wanted = history(), self.wanted(audience)
        missed = [each for each in everything if each.type not in (FactType.LEFT, FactType.UNIT_REMOVED)]

        assert tell(audience, missed[:-3]) is None
        assert introduce(audience, retold(everything)) is None

        assert audience.knows() == wanted

    def test_04_a_census_older_than_what_was_heard_is_passed_over(self, audience: Audience) -> None:
        everything, wanted = history(), self.wanted(audience)

        assert tell(audience, everything) is None
        assert introduce(audience, retold(everything[:4])) is None

        assert audience.knows() == wanted

    def test_05_fields_subjects_and_managers_that_it_does_not_know_are_taken(self, audience: Audience) -> None:
        strange = (
            fact(30, FactType.CHANGED, "person:li", "李例", never_heard_of={"a": ["b", 1, None]}),
            fact(31, FactType.MANAGER_CHANGED, "person:li", "李例", manager="target:4711"),
            fact(32, FactType.LEFT, "person:nobody", "Nobody"),
        )
        assert tell(audience, (*history(), *strange)) is None
        heard = audience.knows()
        audience.forget()

        assert introduce(audience, retold((*history(), *strange))) is None

        assert audience.knows() == heard

    def test_06_an_empty_receive_is_harmless(self, audience: Audience) -> None:
        wanted = self.wanted(audience)

        assert tell(audience, []) is None
        assert tell(audience, history()) is None
        assert tell(audience, []) is None

        assert audience.knows() == wanted

    def test_07_what_it_cannot_do_is_raised_in_words_that_the_engine_knows(self, audience: Audience) -> None:
        assert tell(audience, history()[:2]) is None
        if not audience.trouble():
            pytest.skip("nothing can keep this consumer from listening")

        raised = [tell(audience, history()[2:]), introduce(audience, retold(history()))]

        assert all(isinstance(each, TryAgain | NeedsHuman) for each in raised), raised

    def test_08_secrets_are_seen_nowhere(self, audience: Audience) -> None:
        seen = repr(audience.open())
        if audience.trouble():
            seen += f"{tell(audience, history())!r} {introduce(audience, retold(history()))!r}"

        assert [secret for secret in audience.secrets if secret in seen] == []


def tell(audience: Audience, facts: Sequence[Fact]) -> Exception | None:
    """Open the consumer, tell it facts, close it; return what it raised."""
    return _listening(audience, lambda consumer: consumer.receive(facts))


def introduce(audience: Audience, census: Census) -> Exception | None:
    """Open the consumer, hand it a census, close it; return what it raised."""
    return _listening(audience, lambda consumer: consumer.reconcile(census))


def _listening(audience: Audience, do: Callable[[Consumer], Awaitable[None]]) -> Exception | None:
    async def go() -> None:
        async with audience.open() as consumer:
            await do(consumer)

    try:
        asyncio.run(go())
    except Exception as error:  # noqa: BLE001 - what may be raised is what is tested
        return error
    return None
