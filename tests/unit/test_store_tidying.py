"""What is forgotten in time, and what never is: reads that prove who is there, and holds that may still be released."""

from __future__ import annotations

from support.stores import NOON, after
from syncd.core.model import Effect, RunId, SourceName
from syncd.store import Store
from syncd.store.rows import HoldRow, ReadRow

AD = SourceName("ad")


def read(run: str, *, hours: float, full: bool = True, proven: bool = True) -> ReadRow:
    return ReadRow(
        source=AD,
        run_id=RunId(run),
        started_at=NOON,
        finished_at=after(hours=hours),
        full=full,
        proven=proven,
        facts=(),
        count=1,
        cursor="1",
        notes=(),
    )


def test_full_reads_are_forgotten_but_the_last_good_one_and_what_came_after_it(store: Store) -> None:
    with store.transaction() as tx:
        for row in (
            read("r1", hours=1),
            read("r2", hours=2, proven=False),
            read("r3", hours=3),
            read("r4", hours=4, proven=False),
            read("r5", hours=5, full=False),
        ):
            tx.reads.put(row)
        assert tx.reads.tidy_full(before=after(hours=2)) == 1, "what is younger stays, needed or not"
        assert tx.reads.tidy_full(before=after(hours=99)) == 1, "and of the others all that a later good one replaced"
        assert tx.reads.last_good(AD) == read("r3", hours=3)
        assert tx.reads.last_full(AD) == read("r4", hours=4, proven=False)
        assert tx.reads.last(AD) == read("r5", hours=5, full=False)


def test_holds_are_forgotten_long_after_their_time_however_they_ended(store: Store) -> None:
    with store.transaction() as tx:
        for name, days in (("open", 3), ("dropped", 3), ("released", 30)):
            tx.holds.put(
                HoldRow(
                    id=name,
                    run_id=RunId("r1"),
                    effect=Effect.LEAVE,
                    fingerprint=name,
                    reasons=(),
                    count=1,
                    names=("Example 1",),
                    created_at=NOON,
                    expires_at=after(days=days),
                )
            )
        tx.holds.drop("dropped", by="it", at=NOON, reason="-")
        tx.holds.release("released", by="it", at=NOON, reason="-")
        assert tx.holds.tidy(before=after(days=3)) == 0
        assert tx.holds.tidy(before=after(days=4)) == 2
        assert tx.holds.matching(Effect.LEAVE, "released", now=after(days=4)) is not None
