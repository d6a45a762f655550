"""What is forgotten in time, so that years of service leave no more behind than they must. The audit log forgets nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from syncd.engine.world import World
from syncd.store import Transaction

KEEP_SETTLED: Final = timedelta(days=90)
"""How long the queue remembers what is over."""
KEEP_RUNS: Final = timedelta(days=90)
"""And full reads, and holds: of very many people each, where what is held changes from cycle to cycle.
And words about joiners."""
KEEP_READS: Final = timedelta(days=7)
"""Of deltas that were followed by others."""
KEEP_KEYS: Final = timedelta(days=1)
"""How long an event that comes again is recognised."""


async def tidy(world: World) -> None:
    """Forget what is over. Raises what the store raises."""
    await world.store.do(lambda tx: _tidy(tx, world.now()))


def _tidy(tx: Transaction, now: datetime) -> None:
    tx.queue.tidy(before=now - KEEP_SETTLED)
    tx.records.tidy()
    tx.runs.tidy(before=now - KEEP_RUNS)
    tx.reads.tidy(before=now - KEEP_READS)
    tx.reads.tidy_full(before=now - KEEP_RUNS)
    tx.holds.tidy(before=now - KEEP_RUNS)
    tx.wakes.tidy(before=now - KEEP_KEYS)
    tx.words.tidy(before=now - KEEP_RUNS)
    tx.leavings.tidy(before=now - KEEP_SETTLED)
