"""What the store keeps for the service: wakes, which marks are new, the guard's window, since when a change is awaited."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from support.stores import NOON, after
from syncd.core.model import Change, Effect, FieldChange, Kind, Lane, Op, RunId, SourceName, SubjectId
from syncd.core.wakes import Wake, WakeReason
from syncd.store import Store, Transaction
from syncd.store.rows import QueueState, Settlement

HR, AD = SourceName("hr"), SourceName("ad")
ADA, BEN, CY = (SubjectId(f"person:{name}") for name in ("ada", "ben", "cy"))


@pytest.fixture
def tx(store: Store) -> Iterator[Transaction]:
    with store.transaction() as one:
        yield one


def wake(source: SourceName = HR, key: str = "", minutes: int | None = None, *who: str) -> Wake:
    event_at = None if minutes is None else after(minutes=minutes)
    return Wake(source=source, reason=WakeReason.WEBHOOK, key=key, event_at=event_at, who=who)


def title(subject: SubjectId, text: str, *, since: int | None = None, effect: Effect = Effect.UPDATE) -> Change:
    return Change(
        op=Op.UPDATE,
        subject=subject,
        kind=Kind.PERSON,
        label=subject,
        reason="differs",
        effects=(effect,),
        lane=Lane.REST,
        rank=1000,
        fields=(FieldChange(name="title", before=None, after=text),),
        since=None if since is None else after(minutes=since),
    )


# --- wakes ------------------------------------------------------------------------------------------------------------


def test_wakes_of_one_source_are_one_and_keep_the_earliest_event(tx: Transaction) -> None:
    tx.wakes.put([wake(HR, "", 5, "e1"), wake(HR, "", 3, "e2"), wake(AD)], at=NOON)

    waiting = tx.wakes.waiting()
    assert {name: one.count for name, one in waiting.items()} == {HR: 1, AD: 1}
    assert waiting[HR].event_at == after(minutes=3)
    assert waiting[AD].event_at is None


def test_an_event_that_comes_again_is_one_event_also_after_it_was_done(tx: Transaction) -> None:
    assert tx.wakes.put([wake(HR, "k1"), wake(HR, "k1"), wake(HR, "k2"), wake(AD, "k1")], at=NOON) == 3
    taken = tx.wakes.of(HR)
    assert taken is not None
    tx.wakes.done(HR, upto=taken.upto, at=NOON)

    assert tx.wakes.put([wake(HR, "k1")], at=NOON) == 0
    assert tx.wakes.of(HR) is None
    assert tx.wakes.tidy(before=after(minutes=1)) == 2
    assert tx.wakes.put([wake(HR, "k1")], at=NOON) == 1


@pytest.mark.parametrize("key", ["", "another"])
def test_a_wake_that_comes_during_a_read_is_not_answered_by_it(tx: Transaction, key: str) -> None:
    tx.wakes.put([wake(HR, key and "first")], at=NOON)
    taken = tx.wakes.of(HR)
    assert taken is not None
    tx.wakes.put([wake(HR, key)], at=NOON)

    tx.wakes.done(HR, upto=taken.upto, at=NOON)

    assert tx.wakes.of(HR) is not None


# --- marks ------------------------------------------------------------------------------------------------------------


def test_who_is_marked_again_while_a_plan_is_made_stays_marked(tx: Transaction) -> None:
    tx.marks.add([ADA, BEN, CY], reason="read", at=NOON)
    upto = tx.marks.last()
    tx.marks.add([BEN], reason="read again", at=after(minutes=1))

    tx.marks.clear([ADA, BEN], upto=upto)
    tx.marks.keep([CY], reason="not in agreement", at=NOON, upto=upto)

    assert tx.marks.after(upto) == [BEN]
    assert tx.marks.after(0) == [BEN], "who stands marked tells nothing new"
    assert set(tx.marks.all()) == {BEN, CY}


# --- the guard's window -----------------------------------------------------------------------------------------------


def test_the_window_counts_subjects_and_not_what_was_approved_or_taken_back_untouched(tx: Transaction) -> None:
    run = RunId("r")
    leave = Effect.LEAVE
    tx.queue.accept(run, [title(ADA, "a", effect=leave), title(BEN, "b", effect=leave)], at=NOON)
    tx.queue.accept(run, [title(CY, "c", effect=leave)], at=NOON, approved={leave})
    assert tx.queue.window(NOON, beside=()) == {leave: 2}
    assert tx.queue.window(NOON, beside=[ADA]) == {leave: 1}
    assert tx.queue.window(after(seconds=1), beside=()) == {}

    tx.queue.accept(run, [title(ADA, "a2", effect=leave)], at=after(minutes=1))
    assert tx.queue.window(NOON, beside=()) == {leave: 2}, "a newer change of the same person is the same person"
    tx.queue.supersede([BEN], at=after(minutes=2))
    assert tx.queue.window(NOON, beside=()) == {leave: 1}
    assert [change.subject for change, done in tx.queue.window_changes(NOON, [leave]) if not done] == [ADA]


# --- delays -----------------------------------------------------------------------------------------------------------


def test_a_delay_begins_with_the_first_change_that_was_superseded(tx: Transaction) -> None:
    tx.queue.accept(RunId("r1"), [title(ADA, "one", since=-5)], at=NOON)
    tx.queue.accept(RunId("r2"), [title(ADA, "two", since=-1), title(BEN, "other", since=-2)], at=NOON)
    taken = tx.queue.claim(NOON, 10)
    done = [Settlement(change_id=one.id, subject=one.change.subject, state=QueueState.DONE, attempt=1) for one in taken]

    tx.queue.settle_many(done, at=after(minutes=1))

    assert sorted(tx.queue.delays(10)) == [timedelta(minutes=3), timedelta(minutes=6)]
    assert len(tx.queue.delays(1)) == 1


def test_without_a_word_of_the_source_a_delay_begins_when_it_was_accepted(tx: Transaction) -> None:
    tx.queue.accept(RunId("r1"), [title(ADA, "one")], at=NOON)
    tx.queue.accept(RunId("r2"), [replace(title(ADA, "two"), since=None)], at=after(minutes=2))
    (one,) = tx.queue.claim(after(minutes=2), 10)

    tx.queue.settle(Settlement(change_id=one.id, subject=ADA, state=QueueState.DONE, attempt=1), at=after(minutes=5))

    assert tx.queue.delays(10) == [timedelta(minutes=5)]
