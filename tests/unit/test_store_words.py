"""Words about joiners stay in the order in which they were decided, are replaced by what became of them, and go in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from support.stores import NOON, after
from syncd.core.model import SubjectId, TargetId
from syncd.core.welcome import Addressee, Fate, News, Word, ended
from syncd.store import Store

JOINER, OTHER = SubjectId("person:7"), SubjectId("person:8")


def word(key: str, joiner: SubjectId = JOINER, *, begins_at: datetime = NOON, **changes: Any) -> Word:
    return replace(
        Word(
            key=key,
            joiner=joiner,
            label="Example 7",
            to=Addressee(subject=SubjectId("person:2"), account=TargetId("e2"), label="Example 2"),
            news=News.COMES,
            day="2026-03-02",
            begins_at=begins_at,
            title="Example 7 starts",
            text="Soon.",
            decided_at=NOON,
            due_at=NOON,
        ),
        **changes,
    )


def test_words_come_back_as_they_were_and_in_their_order(store: Store) -> None:
    first, second, other = word("b"), word("a"), word("c", OTHER)
    with store.transaction() as tx:
        tx.words.keep([first])
        tx.words.keep([second, other])

    sent = ended(replace(first, attempts=1), Fate.SENT, at=after(hours=1))
    with store.transaction() as tx:
        tx.words.keep([sent])

    with store.reading() as tx:
        assert tx.words.about([JOINER, OTHER, SubjectId("person:9")]) == {JOINER: [sent, second], OTHER: [other]}
        assert tx.words.waiting() == [second, other]
    assert (sent.title, sent.text) == ("", "")


def test_of_whom_was_spoken_whose_day_lies_ahead(store: Store) -> None:
    with store.transaction() as tx:
        tx.words.keep([word("a"), word("b", OTHER, begins_at=after(hours=1))])

    with store.reading() as tx:
        assert tx.words.ahead(NOON) == {OTHER}


def test_words_are_found_by_whom_they_are_to(store: Store) -> None:
    elsewhere = Addressee(subject=SubjectId("person:3"), account=TargetId("e3"), label="")
    with store.transaction() as tx:
        tx.words.keep([word("b"), word("c", to=elsewhere), word("a", OTHER)])

    with store.reading() as tx:
        assert [one.key for one in tx.words.to(SubjectId("person:2"))] == ["b", "a"]


def test_what_was_sent_of_late_is_counted_by_account(store: Store) -> None:
    def sent(key: str, hours: float, fate: Fate = Fate.SENT) -> Word:
        return ended(word(key), fate, at=after(hours=hours))

    with store.transaction() as tx:
        some = [sent("a", 1), sent("b", 2), sent("c", 2), sent("d", 3), sent("e", 2, Fate.OVERTAKEN), word("f")]
        elsewhere = replace(sent("g", 2), to=Addressee(subject=SubjectId("person:3"), account=TargetId("e3"), label=""))
        tx.words.keep([*some, elsewhere])

    with store.reading() as tx:
        assert tx.words.sent(since=after(hours=1), until=after(hours=2)) == {TargetId("e2"): 2, TargetId("e3"): 1}


def test_what_was_said_of_days_long_ago_is_forgotten_and_what_waits_is_not(store: Store) -> None:
    old, fresh = ended(word("a"), Fate.SENT, at=NOON), ended(word("b"), Fate.SENT, at=after(days=2))
    waits = word("c")
    with store.transaction() as tx:
        tx.words.keep([old, fresh, waits])
        tx.words.tidy(before=after(days=1))

    with store.reading() as tx:
        assert tx.words.about([JOINER]) == {JOINER: [fresh, waits]}
