"""The intake, as whoever rings meets it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

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
