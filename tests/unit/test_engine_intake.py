"""The intake, as whoever rings meets it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from syncd.core.model import SourceName
from syncd.core.wakes import Wake, WakeReason
from syncd.engine.intake import Intake
from syncd.store import Store

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HR = SourceName("hr")


def test_what_a_watch_tells_again_rings_once_until_a_read_begins_and_counts_from_the_first(tmp_path: Path) -> None:
    rung: list[str] = []
    store = Store.open(f"sqlite:///{tmp_path / 'syncd.db'}", now=lambda: NOON)
    intake = Intake(store, sources=lambda: [HR], now=lambda: NOON, ring=lambda: rung.append("ring"))
    for seconds in (0, 1, 2):
        intake.hear(Wake(source=HR, reason=WakeReason.NOTIFICATION, event_at=NOON + timedelta(seconds=seconds)))
    assert rung == ["ring"]
    taken = intake.taken(HR)
    assert taken is not None
    assert taken.event_at == NOON
    intake.hear(Wake(source=HR, reason=WakeReason.NOTIFICATION, event_at=NOON + timedelta(seconds=3)))
    assert rung == ["ring", "ring"], "a read that has begun may not see it"
    store.close()


def test_the_bell_rings_while_a_wake_is_being_kept_and_whoever_waits_is_told_when_it_is(tmp_path: Path) -> None:
    seen: list[str] = []

    class Keeping(Store):
        async def do(self, fn: Any, *, patience: float = 0.0) -> Any:
            found = super().do(fn, patience=patience)
            seen.append("handed to the store")
            kept = await found
            seen.append("kept")
            return kept

    async def story() -> None:
        store = Keeping.open(f"sqlite:///{tmp_path / 'syncd.db'}", now=lambda: NOON)
        intake = Intake(store, sources=lambda: [HR], now=lambda: NOON, ring=lambda: seen.append("rung"))
        await intake.wake(Wake(source=HR, reason=WakeReason.WEBHOOK))
        assert seen == ["handed to the store", "rung", "kept"]
        assert intake.heard == {HR}
        assert (await store.look(lambda tx: tx.wakes.of(HR))) is not None
        store.close()

    asyncio.run(story())
