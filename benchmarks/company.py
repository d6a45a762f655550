"""A company of 10,000 people, end to end: the first plan, writing it, and synchronizing when nothing has changed. Processor time
and memory of the whole process, start included; the sandbox runs in it, as in the shipped configuration.

Told without goals: the next steps need to know where this stands.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Final

from benchmarks._installation import Usage, installation
from benchmarks._installation import run as syncd
from benchmarks.figures import Figure

PEOPLE: Final = 10_000
ROUNDS: Final = 3


def run() -> list[Figure]:
    """Measure, and return the figures."""
    with installation(PEOPLE) as folder:
        plans = [_plan(folder) for _ in range(ROUNDS)]
        first = [syncd(folder, "sync", "--accept")]
        assert first[0].exit_code == 0, f"the first synchronization ended with {first[0].exit_code}"
        again = [syncd(folder, "sync") for _ in range(ROUNDS)]
        assert {one.exit_code for one in again} == {0}
    return [
        *_figures("first plan", plans),
        *_figures("first synchronization", first, sandbox="the sandbox included"),
        *_figures("synchronization without a change", again),
    ]


def _plan(folder: Path) -> Usage:
    for file in (folder / "var").glob("*"):
        file.unlink()
    done = syncd(folder, "plan")
    assert done.exit_code == 0, f"plan ended with {done.exit_code}"
    return done


def _figures(what: str, used: list[Usage], sandbox: str = "") -> list[Figure]:
    note = ", ".join(filter(None, (f"{PEOPLE} people", f"median of {len(used)}" if len(used) > 1 else "once", sandbox)))
    figures = (
        ("CPU", median(one.cpu for one in used), "s"),
        ("wall clock", median(one.wall for one in used), "s"),
        ("memory", median(one.memory for one in used), "MiB"),
    )
    return [
        Figure(name=f"{what}: {name}", value=value, unit=unit, goal="", met=True, note=note)
        for name, value, unit in figures
    ]
