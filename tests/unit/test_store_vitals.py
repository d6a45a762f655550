"""The figures of health, and forgetting certainties: the same statements on both databases."""

from __future__ import annotations

from datetime import timedelta

from support.stores import NOON, after
from syncd.core.model import RunId, SourceName, SubjectId
from syncd.store import Store, stale
from syncd.store.glance import asking
from syncd.store.rows import ReadRow
from syncd.store.vitals import vitals


def _read(run: str, finished: int, cursor: str | None = "here") -> ReadRow:
    return ReadRow(
        source=SourceName("hr"),
        run_id=RunId(run),
        started_at=after(minutes=finished - 1),
        finished_at=after(minutes=finished),
        full=True,
        proven=True,
        facts=(),
        count=3,
        cursor=cursor,
    )


def test_an_empty_state_has_figures(store: Store) -> None:
    with store.reading() as tx:
        found = vitals(asking(tx), target="dingtalk", late=NOON, file=store.file)
    assert (found.unsettled, found.unlinked, found.delays, found.by_lane) == (0, 0, (), {})


def test_who_is_marked_and_has_no_account_is_unlinked(store: Store) -> None:

    with store.transaction() as tx:
        tx.marks.add([SubjectId("person:1"), SubjectId("unit:1")], reason="new", at=NOON)
        found = vitals(asking(tx), target="dingtalk", late=NOON, file=None)
    assert (found.unlinked, found.unsettled, found.file_bytes) == (1, 0, None)


def test_forgetting_everything_leaves_no_cursor_and_no_number_that_was_given(store: Store) -> None:
    with store.transaction() as tx:
        tx.reads.put(_read("one", 1))
        tx.observed.set_last_full("dingtalk", NOON)
        tx.meta.set("other", "word")
        stale.forget_all(tx, at=after(minutes=2))
        last = tx.reads.last(SourceName("hr"))
        assert last is not None
        assert last.cursor is None
        assert tx.observed.last_full_at("dingtalk") is None
        assert tx.meta.get("other") == "word"


def test_forgetting_the_future_keeps_the_past(store: Store) -> None:
    with store.transaction() as tx:
        for run, minutes in (("past", 1), ("future", 1_000)):
            tx.runs.start(RunId(run), kind="sync", at=after(minutes=minutes), config_digest=b"")
            tx.reads.put(_read(run, minutes))
        stale.forget_future(tx, at=after(minutes=2), back=timedelta(minutes=998))
        last = tx.reads.last(SourceName("hr"))
        assert last is not None
        assert (last.run_id, last.cursor) == ("past", None)
        assert tx.runs.last()[0].started_at == after(minutes=2)
