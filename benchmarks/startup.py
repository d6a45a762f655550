"""What starting costs: `syncd --help` and friends against a bare `python -c pass`, as processor time of the child process.

Ratios, not seconds, are the goal: the pairs run alternately, so that a busy machine slows both sides alike. `syncd status` looks
at an installation that has synchronized the example company once.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks._installation import RUN, installation, used
from benchmarks._installation import run as syncd
from benchmarks.figures import Figure

ROUNDS = 15
PEOPLE = 300
_BARE = (sys.executable, "-c", "pass")


def run() -> list[Figure]:
    """Measure, and return the figures."""
    with installation(PEOPLE) as folder:
        written = syncd(folder, "sync", "--accept")
        assert written.exit_code == 0, f"the first synchronization ended with {written.exit_code}"
        return [
            _figure(folder, "syncd --help", ("--help",), goal=10),
            _figure(folder, "syncd plan --help", ("plan", "--help"), goal=10),
            _figure(folder, "syncd status", ("status",), goal=30),
            _figure(folder, "syncd --version", ("--version",)),
            _figure(folder, "syncd plugins", ("plugins",)),
            _figure(folder, "syncd check", ("check",)),
        ]


def _figure(folder: Path, name: str, arguments: Sequence[str], *, goal: float | None = None) -> Figure:
    ratios = []
    seconds = []
    for _ in range(ROUNDS):
        bare = used(_BARE, folder)
        ours = used((sys.executable, "-c", RUN, *arguments), folder)
        assert ours.exit_code == 0, f"{name} ended with {ours.exit_code}"
        seconds.append(ours.cpu)
        ratios.append(ours.cpu / bare.cpu)
    ratio = statistics.median(ratios)
    note = f"{1000 * statistics.median(seconds):.0f} ms CPU, median of {ROUNDS} pairs"
    return Figure(
        name=name,
        value=ratio,
        unit="× python -c pass",
        goal=f"≤ {goal:g}" if goal else "",
        met=goal is None or ratio <= goal,
        note=note,
    )
