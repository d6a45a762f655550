"""Days of a service in seconds: what it holds does not grow, and what it keeps is what the days have brought."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from support.long_run import days
from support.virtual_time import one_clock
from syncd.engine import serving, tidying, trust

ONLY_GROW = {"audit", "feed", "allocations", "origins"}
"""What tells of the past for ever."""


@pytest.mark.slow
def test_two_days_leave_no_more_behind_than_the_first_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "Clock", one_clock)
    monkeypatch.setattr(serving, "LOOK_SECONDS", 300.0)
    # As if the days were months: each forgets what the one before it did.
    for name in ("KEEP_SETTLED", "KEEP_RUNS", "KEEP_READS", "KEEP_KEYS"):
        monkeypatch.setattr(tidying, name, timedelta(hours=6))
    first, second = days(tmp_path, 2, people=25, events=2)
    assert second.written > first.written > 30, "there was something to do"
    assert second.handles == first.handles
    grown = {name for name, rows in second.rows.items() if rows > 1.3 * first.rows[name] + 10}
    assert grown <= ONLY_GROW
    assert first.rows["runs"] < 30
    assert first.rows["changes"] < first.written, "what is over is forgotten"
