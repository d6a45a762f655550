"""A week in minutes: the service in this process, with a clock that jumps over the waiting (`tests/support/virtual_time.py`).

Each hour the schedule comes round and four changes are announced; at night everything is read; there are hours in which the
source is down, its answer is cut off, or the tenant fails; each day brings another configuration and ends with the process,
killed or told to. Everything but time, source and tenant is the program.

Goal: what the process holds does not grow (memory, handles), and the database grows by what is kept on purpose: the audit log,
the feed, and for three months what was done.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import structlog
from rich.console import Console

from benchmarks._installation import ROOT
from benchmarks.figures import Figure
from syncd.engine import serving, trust

if TYPE_CHECKING:
    from support.long_run import Day

DAYS = 7
PEOPLE = 200
_LOOK = 60.0
"""Seconds of virtual time between two looks of the idle service: its time costs nothing here, and its looks do."""


def run() -> list[Figure]:
    """Measure; says each day."""
    sys.path.insert(0, str(ROOT / "tests"))
    from support.long_run import days
    from support.virtual_time import one_clock

    structlog.configure(processors=[], logger_factory=structlog.ReturnLoggerFactory())
    seen: list[Day] = []
    try:
        with (
            patch.object(trust, "Clock", one_clock),
            patch.object(serving, "LOOK_SECONDS", _LOOK),
            tempfile.TemporaryDirectory() as name,
        ):
            for day in days(Path(name), DAYS, people=PEOPLE):
                seen.append(day)
                _say(day)
    finally:
        structlog.reset_defaults()
    return _figures(seen)


def _say(day: Day) -> None:
    Console(width=160).print(
        f"day {day.number}: {day.written} written, {day.resident:.0f} MiB, {day.handles} handles, "
        f"{day.database / 1024:,.0f} KiB, {day.rows['audit']} audit, {day.rows['changes']} changes, {day.rows['reads']} reads"
    )


def _figures(seen: list[Day]) -> list[Figure]:
    # The first day brings the company itself, and what every process loads once.
    first, last = seen[1], seen[-1]
    per_day = (last.resident - first.resident) / (len(seen) - 2)
    kept = ("audit", "feed", "changes", "change_waits", "reads", "runs", "wakes")
    rows = sum(last.rows[name] - first.rows[name] for name in kept)
    others = sum(last.rows.values()) - sum(first.rows.values()) - rows
    size = (last.database - first.database) / max(1, rows)
    return [
        Figure(
            name="memory",
            value=per_day,
            unit="MiB a day",
            goal="≤ 1",
            met=per_day <= 1,
            note=f"{last.resident:.0f} at last",
        ),
        Figure(
            name="file handles",
            value=last.handles - first.handles,
            unit="",
            goal="0",
            met=last.handles == first.handles,
            note=f"{last.handles} at last",
        ),
        Figure(
            name="database, for each row that is kept",
            value=size,
            unit="bytes",
            goal="≤ 1,500",
            met=size <= 1_500,
            note=f"{rows:,} rows more of {', '.join(kept)}",
        ),
        Figure(
            name="rows of other tables", value=others, unit="rows", goal="≤ 100", met=others <= 100, note="in five days"
        ),
    ]
