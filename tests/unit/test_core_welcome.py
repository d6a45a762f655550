"""Who is told of a joiner, when anew, and when that it is off: once of each day, and never what is not true any more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from syncd.core.model import SubjectId, TargetId
from syncd.core.welcome import (
    TO_ALL,
    TO_ONE,
    Addressee,
    Decision,
    Fate,
    News,
    Word,
    carried,
    coming,
    ended,
    in_turn,
    key_of,
    off,
    out_of_reach,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)
JOINER = SubjectId("person:7")
ADA, BUDI = (Addressee(subject=SubjectId(f"person:{name}"), account=TargetId(name), label=name) for name in "ab")
DAY, LATER = "2026-11-25", "2026-12-09"


def begins(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


class Story:
    """Everything that was said about one joiner."""

    def __init__(self) -> None:
        self.said: list[Word] = []
        self.got: list[tuple[Addressee, News, str]] = []

    def take(self, decision: Decision) -> list[tuple[Addressee, News, str]]:
        dropped = {word.key: ended(word, Fate.OVERTAKEN, at=NOW) for word in decision.drop}
        self.said = [dropped.get(word.key, word) for word in self.said]
        for one in decision.say:
            self.said.append(
                Word(
                    key=key_of(JOINER, one, self.said),
                    joiner=JOINER,
                    label="Example 7",
                    to=one.to,
                    news=one.news,
                    day=one.day,
                    begins_at=begins(one.day),
                    title="t",
                    text="t",
                    decided_at=NOW,
                    due_at=NOW,
                )
            )
        return [(one.to, one.news, one.day) for one in decision.say]

    def come(self, to: Iterable[Addressee], day: str, *, soon: bool = True) -> list[tuple[Addressee, News, str]]:
        return self.take(coming(self.said, tuple(to), day, soon=soon))

    def off(self, now: datetime = NOW) -> list[tuple[Addressee, News, str]]:
        return self.take(off(self.said, now=now))

    def send(self, fate: Fate = Fate.SENT) -> None:
        for word in self.said:
            if word.waits and fate is Fate.SENT:
                self.got.append((word.to, word.news, word.day))
        self.said = [ended(replace(word, attempts=1), fate, at=NOW) if word.waits else word for word in self.said]


def test_nothing_is_said_before_it_is_soon_and_then_once() -> None:
    story = Story()

    assert story.come([ADA], DAY, soon=False) == []
    assert story.come([ADA], DAY) == [(ADA, News.COMES, DAY)]
    assert story.come([ADA], DAY) == []
    story.send()
    assert story.come([ADA], DAY) == []


def test_another_day_is_told_also_when_it_is_far_away() -> None:
    story = Story()
    story.come([ADA], DAY)
    story.send()

    assert story.come([ADA], LATER, soon=False) == [(ADA, News.MOVED, LATER)]
    assert story.come([ADA], LATER, soon=False) == []


def test_a_word_that_waits_and_is_not_true_any_more_is_not_sent() -> None:
    story = Story()
    story.come([ADA], DAY)

    assert story.come([ADA], LATER) == [(ADA, News.COMES, LATER)]
    story.send()
    assert story.got == [(ADA, News.COMES, LATER)]


def test_another_manager_is_told_and_the_first_one_is_not_told_again() -> None:
    story = Story()
    story.come([ADA], DAY)
    story.send()

    assert story.come([BUDI], DAY) == [(BUDI, News.COMES, DAY)]
    story.send()
    assert story.come([ADA], DAY) == []


def test_whoever_has_heard_is_told_that_it_is_off_and_hears_again_when_it_is_on() -> None:
    story = Story()
    story.come([ADA], DAY)
    story.send()
    story.come([BUDI], DAY)

    assert story.off() == [(ADA, News.OFF, DAY)]
    assert story.off() == []
    story.send()
    assert story.off() == []
    assert story.come([ADA], DAY) == [(ADA, News.COMES, DAY)]
    assert len({word.key for word in story.said}) == len(story.said)


def test_what_was_tried_may_have_been_heard() -> None:
    story = Story()
    story.come([ADA], DAY)
    story.said = [replace(word, attempts=1) for word in story.said]

    assert story.off() == [(ADA, News.OFF, DAY)]
    assert [word.fate for word in story.said] == [Fate.OVERTAKEN, Fate.WAITING]


def test_that_it_is_off_is_not_said_after_the_day() -> None:
    story = Story()
    story.come([ADA], DAY)
    story.send()

    assert story.off(begins(DAY)) == []


def test_who_could_not_be_reached_has_heard_nothing() -> None:
    story = Story()
    story.come([ADA], DAY)
    story.send(Fate.UNREACHABLE)

    assert out_of_reach(story.said, DAY) == {ADA.account}
    assert story.off() == []


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("come"), st.sampled_from([(ADA,), (BUDI,), (ADA, BUDI)]), st.sampled_from([DAY, LATER])),
        st.tuples(st.just("off")),
        st.tuples(st.just("try")),
        st.tuples(st.just("send")),
    ),
    max_size=12,
)


@given(STEPS)
def test_whatever_happens_the_last_that_was_heard_is_true_and_nobody_hears_anything_twice(
    steps: list[tuple[object, ...]],
) -> None:
    story = Story()
    wanted: tuple[tuple[Addressee, ...], str] | None = None
    for step in steps:
        match step:
            case ("come", tuple() as to, str() as day):
                story.come(to, day)
                wanted = to, day
            case ("off",):
                story.off()
                wanted = None
            case ("try",):
                story.said = [replace(word, attempts=1) if word.waits else word for word in story.said]
            case _:
                story.send()
    story.send()

    for one in (ADA, BUDI):
        heard = [(news, day) for to, news, day in story.got if to == one]
        # What was only tried may have been heard, so it may be said again what was said before it.
        assert ("try",) in steps or all(before != after for before, after in pairwise(heard))
        if wanted is None:
            assert not heard or heard[-1][0] is News.OFF
        elif one in wanted[0]:
            assert heard[-1][0] is not News.OFF
            assert heard[-1][1] == wanted[1]
    assert len({word.key for word in story.said}) == len(story.said)
    assert all(word.begins_at - NOW > timedelta(0) for word in story.said)


# --- two who are one --------------------------------------------------------------------------------------------------


def test_what_was_heard_of_one_who_is_another_was_heard_of_the_other() -> None:
    story = Story()
    story.come([ADA], DAY)
    story.send()
    story.said = carried(story.said, [], SubjectId("person:8"), at=NOW)

    assert {word.joiner for word in story.said} == {"person:8"}
    assert story.come([ADA], DAY) == []


def test_what_waits_for_one_who_is_another_is_sent_only_if_it_was_tried_and_no_other_waits() -> None:
    untried = waiting("a")
    tried = replace(untried, attempts=1)

    def fate(about: Word, *known: Word) -> Fate:
        (word,) = carried([about], known, SubjectId("person:8"), at=NOW)
        return word.fate

    assert fate(untried) is Fate.OVERTAKEN
    assert fate(tried) is Fate.WAITING
    assert fate(tried, waiting("b")) is Fate.WAITING
    assert fate(tried, waiting("a", days=2)) is Fate.OVERTAKEN


# --- how many at once -------------------------------------------------------------------------------------------------


def waiting(account: str, *, days: int = 1, news: News = News.COMES) -> Word:
    to = Addressee(subject=SubjectId(f"person:{account}"), account=TargetId(account), label=account)
    return Word(
        key=f"{account} {days} {news}",
        joiner=JOINER,
        label="Example 7",
        to=to,
        news=news,
        day=DAY,
        begins_at=NOW + timedelta(days=days),
        title="t",
        text="t",
        decided_at=NOW,
        due_at=NOW,
    )


def test_what_corrects_a_word_goes_first_and_then_who_begins_next() -> None:
    some = [waiting("a", days=3), waiting("b", days=1), waiting("c", days=2, news=News.OFF)]
    assert [word.to.label for word in in_turn(some, {})] == ["c", "b", "a"]


def test_one_person_hears_of_so_many_within_an_hour_and_hinders_no_other() -> None:
    some = [*(waiting("a", days=each) for each in range(1, TO_ONE + 10)), waiting("b", days=300)]
    assert [word.to.label for word in in_turn(some, {TargetId("a"): 3})] == ["a"] * (TO_ONE - 3) + ["b"]


def test_all_together_hear_of_so_many_within_an_hour() -> None:
    some = [waiting(f"e{each}", days=each) for each in range(1, TO_ALL + 10)]
    assert in_turn(some, {}) == tuple(some[:TO_ALL])
    assert in_turn(some, {TargetId("x"): TO_ALL - 2}) == tuple(some[:2])
    assert in_turn(some, {TargetId("x"): TO_ALL + 1}) == ()
