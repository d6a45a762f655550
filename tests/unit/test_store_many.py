"""Many rows at a time say the same as one by one, on both databases; and the loop waits for a transaction only so long."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest
from sqlalchemy import bindparam, insert, select, update

from support.stores import NOON
from syncd.core.model import Kind, Observed, TargetId
from syncd.store import Store
from syncd.store.statements import AT_ONCE, Fields, Many, Upsert
from syncd.store.tables import meta


def rows(count: int) -> list[Fields]:
    return [{"value": f"{number} ? '%s' :x", "key": f"key {number:04}"} for number in range(count)]


def kept(store: Store) -> list[Fields]:
    with store.reading() as tx:
        found = tx.connection.execute(select(meta).where(meta.c.key.like("key %")).order_by(meta.c.key))
        return [{"value": row.value, "key": row.key} for row in found]


@pytest.mark.parametrize("count", [1, 2, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE])
def test_every_row_arrives_as_it_is(store: Store, count: int) -> None:
    with store.transaction() as tx:
        Many(insert(meta)).run(tx.connection, rows(count))

    assert kept(store) == rows(count)


def test_an_upsert_replaces_what_is_there(store: Store) -> None:
    put = Upsert(meta, key=["key"])
    with store.transaction() as tx:
        put.run(tx.connection, rows(3))
        put.run(tx.connection, [{**row, "value": "new"} for row in rows(5)])

    assert kept(store) == [{**row, "value": "new"} for row in rows(5)]


def test_values_of_the_statement_itself_are_kept_apart_from_those_of_the_rows(store: Store) -> None:
    change = update(meta).where(meta.c.key == bindparam("this"), meta.c.value != "kept").values(value="changed")
    with store.transaction() as tx:
        Many(insert(meta)).run(tx.connection, [{"key": "key a", "value": "kept"}, {"key": "key b", "value": "old"}])
        Many(change).run(tx.connection, [{"this": "key a"}, {"this": "key b"}])

    assert [row["value"] for row in kept(store)] == ["kept", "changed"]


def test_several_pictures_are_asked_for_together(store: Store) -> None:
    seen = [Observed(target_id=TargetId(str(one)), kind=Kind.PERSON, label="Example", fields={}) for one in range(4)]
    with store.transaction() as tx:
        tx.observed.put_many("dingtalk", seen, at=NOON)
        found = tx.observed.get_many("dingtalk", Kind.PERSON, {TargetId("1"), TargetId("3"), TargetId("9")})

    assert found == {one.target_id: one for one in seen if one.target_id in ("1", "3")}


def test_a_slow_transaction_does_not_hold_up_the_loop_for_longer_than_its_patience(
    new_store: Callable[[], Store],
) -> None:
    store, go_on = new_store(), threading.Event()

    async def work() -> str:
        doing = asyncio.create_task(store.do(lambda _: str(go_on.wait(30)), patience=0.001))
        await asyncio.sleep(
            0
        )  # the transaction waits, and yet the next line runs: else nothing would ever let it go on
        go_on.set()
        return await doing

    assert asyncio.run(work()) == "True"


def test_what_a_quick_transaction_raises_is_raised(new_store: Callable[[], Store]) -> None:
    def fail(_: object) -> None:
        raise LookupError("in the middle")

    with pytest.raises(LookupError, match="in the middle"):
        asyncio.run(new_store().do(fail, patience=30))
