"""Much at once: indexes that are left out meanwhile are there again, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support.stores import NOON
from syncd.core.errors import SyncdError
from syncd.core.model import Change, Effect, FieldChange, Kind, Lane, Op, RunId, SubjectId
from syncd.store import Store, bulk


def change(subject: str, *, rank: int = 10) -> Change:
    return Change(
        op=Op.CREATE,
        subject=SubjectId(subject),
        kind=Kind.PERSON,
        label=subject,
        reason="because",
        effects=(Effect.CREATE,),
        lane=Lane.JOINER,
        rank=rank,
        fields=(FieldChange(name="name", before=None, after=subject),),
        needs=(SubjectId("person:0"),) if subject != "person:0" else (),
    )


def indexes(store: Store) -> dict[str, str]:
    with store.reading() as tx:
        question = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        rows = tx.connection.exec_driver_sql(question).all()
    return {name: " ".join(sql.replace(" IF NOT EXISTS", "").split()) for name, sql in rows}


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MANY", 3)


def test_a_queue_that_was_filled_at_once_is_as_if_it_had_been_filled_one_by_one(new_store: Callable[[], Store]) -> None:
    store = new_store()
    before = indexes(store)
    changes = [change(f"person:{number}", rank=number % 2) for number in range(5)]

    with store.transaction() as tx:
        accepted = tx.queue.accept(RunId("r1"), changes, at=NOON)

    assert indexes(store) == before
    with store.transaction() as tx:
        first = tx.queue.claim(NOON, 10)
    assert [one.change for one in first] == changes[:1]  # all others wait for it
    assert [one.id for one in first] == [accepted.ids[0]]


def test_a_promise_that_is_broken_in_between_keeps_everything_out(new_store: Callable[[], Store]) -> None:
    store = new_store()
    before = indexes(store)

    with pytest.raises(SyncdError):
        _break_promise(store)

    assert indexes(store) == before
    with store.reading() as tx:
        assert not tx.queue.standing()


def _break_promise(store: Store) -> None:
    """Let one subject have two waiting changes of a sort."""
    changes = [change(f"person:{number}") for number in range(2)]
    with store.transaction() as tx, bulk.filling_queue(tx.connection, bulk.MANY):
        tx.queue.accept(RunId("r1"), changes, at=NOON)
        tx.connection.exec_driver_sql("UPDATE changes SET subject = 'person:0'")


@pytest.mark.parametrize("ids", [True, False])
def test_indexes_of_records_are_there_again_also_for_whoever_comes_after_a_process_that_died(
    new_store: Callable[[], Store], ids: bool
) -> None:
    store = new_store()
    before = indexes(store)

    with store.transaction() as tx:
        tx.records.begin_bulk(ids=ids)
    without = indexes(store)
    with store.transaction() as tx:
        tx.records.end_bulk()
        tx.records.end_bulk()

    by_id = {"records_by_id"} if ids else set()
    assert before.keys() - without.keys() == {"record_keys_by_value", "records_by_subject", *by_id}
    assert indexes(store) == before
