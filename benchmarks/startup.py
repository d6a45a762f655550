"""What starting costs: `syncd --help` and friends against a bare `python -c pass`, as processor time of the child process.

Ratios, not seconds, are the goal: the pairs run alternately, so that a busy machine slows both sides alike.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Sequence

from benchmarks.figures import Figure

ROUNDS = 9
_BARE = (sys.executable, "-c", "pass")
_RUN = "import sys; from syncd.cli import main; sys.exit(main(sys.argv[1:]))"


def run() -> list[Figure]:
    """Measure, and return the figures."""
    return [
        _figure("syncd --help", ("--help",), goal=10),
        _figure("syncd plan --help", ("plan", "--help"), goal=10),
        _figure("syncd --version", ("--version",)),
        _figure("syncd plugins", ("plugins",)),
    ]


def _figure(name: str, arguments: Sequence[str], *, goal: float | None = None) -> Figure:
    ratios = []
    seconds = []
    for _ in range(ROUNDS):
        bare = _seconds(_BARE)
        ours = _seconds((sys.executable, "-c", _RUN, *arguments))
        seconds.append(ours)
        ratios.append(ours / bare)
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


def _seconds(command: Sequence[str]) -> float:
    """Return the processor time of one process from fork to end, as the kernel accounts it (wait4)."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(child.pid, 0)
    child.returncode = 0  # wait4 has reaped it
    return usage.ru_utime + usage.ru_stime
