"""Whole cycles of a company of 100,000 people in 2,004 units from an OpenLDAP on loopback, as processor time and memory of
processes of the real command line from start to end: nothing changed, everybody computed again, the first plan, one person
changed; and the difference of two states of a million subjects.

`python -m benchmarks cycle --million` reads 1,000,000 people besides, which takes a quarter of an hour to set up. Each figure
that a busy machine would spoil stands beside a reference measured in turns with it: python-ldap (C) merely reading the same
people.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks import _large as large
from benchmarks import _openldap as openldap
from benchmarks import _reference as reference
from benchmarks._installation import ROOT, Usage, compiled
from benchmarks._installation import run as syncd
from benchmarks.figures import Figure

PEOPLE: Final = 100_000
FEW: Final = 10_000
MILLION: Final = 1_000_000
ROUNDS: Final = 3
USER_SYNC: Final = 140.0
"""CPU seconds that Adobe's user-sync.py needs for 100,000 people with the same 16 attributes, as it was measured once, elsewhere,
beside python-ldap with 4.3 (Adobe's reader is stock ldap3)."""
USER_SYNC_BESIDE: Final = 4.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What one kind of run may use."""

    name: str
    cpu: float
    """Seconds."""
    memory: float
    """MiB."""


NOTHING: Final = Goal(name="nothing changed, all read", cpu=4, memory=130)
AGAIN: Final = Goal(name="everybody computed again", cpu=15, memory=150)
FIRST: Final = Goal(name="first plan into the queue", cpu=25, memory=250)
STATES: Final = Goal(name="difference of two states of 1,000,000", cpu=5, memory=250)
VAST: Final = Goal(name="nothing changed, 1,000,000 read", cpu=30, memory=320)
ONE_PERSON: Final = 50.0
"""Milliseconds for one changed person."""


def run(*, million: bool = False) -> list[Figure]:
    """Measure, and return the figures. Raises `RuntimeError` if slapd or python-ldap is not there."""
    if reason := openldap.missing():
        raise RuntimeError(reason)
    with large.seeded(FEW) as (_, folder):
        few = [_one_person(folder) for _ in range(ROUNDS)]
    with large.seeded(PEOPLE) as (directory, folder):
        figures = _cycles(directory, folder)
        figures += _one(few, [_one_person(folder) for _ in range(ROUNDS)])
    figures += _difference()
    return figures + (_million() if million else [])


def _cycles(directory: openldap.Directory, folder: Path) -> list[Figure]:
    beside = reference.reader(directory, PEOPLE)
    _done(folder, "status")  # so that modules are compiled
    compared = _done(folder, "sync", "--recompute")
    with _empty(folder, directory) as fresh:
        spent = _in_turns(
            beside,
            nothing=lambda: _done(folder, "sync", "--full"),
            delta=lambda: _done(folder, "sync"),
            again=lambda: _done(folder, "sync", "--recompute"),
            first=lambda: _first(fresh),
        )
    read = spent["beside"]
    ratio = _cpu(spent["nothing"]) / _cpu(read)
    peer = USER_SYNC / USER_SYNC_BESIDE / ratio
    return [
        *_figures(NOTHING, spent["nothing"], read),
        _ratio("nothing changed ÷ python-ldap merely reading", ratio, most=1),
        Figure(
            name="Adobe user-sync.py ÷ nothing changed",
            value=peer,
            unit="×",
            goal="≥ 25",
            met=peer >= 25,
            note=f"its {USER_SYNC:.0f} CPU-s beside python-ldap's {USER_SYNC_BESIDE}, measured elsewhere: not run here",
        ),
        *_figures(Goal(name="nothing changed, a delta", cpu=0, memory=0), spent["delta"], read),
        *_figures(AGAIN, spent["again"], read),
        *_figures(
            Goal(name="the same, for the first time after writing", cpu=0, memory=0),
            [compared],
            read,
            " (field by field)",
        ),
        *_figures(FIRST, spent["first"], read, " (sync --accept, stopped before it writes)"),
    ]


def _in_turns(beside: Callable[[], Usage], **runs: Callable[[], Usage]) -> dict[str, list[Usage]]:
    """Run each some times, one after the other, so that a busy machine slows all alike."""
    spent: dict[str, list[Usage]] = {}
    for _ in range(ROUNDS):
        for name, one in (*runs.items(), ("beside", beside)):
            spent.setdefault(name, []).append(one())
    return spent


def _done(folder: Path, *words: str) -> Usage:
    usage = syncd(folder, *words)
    assert usage.exit_code == 0, f"syncd {' '.join(words)} ended with {usage.exit_code}"
    return usage


@contextmanager
def _empty(folder: Path, directory: openldap.Directory) -> Iterator[Path]:
    """Yield another installation for the same directory, whose tenant is empty."""
    fresh = folder / "fresh"
    large.install(fresh, directory)
    yield fresh
    shutil.rmtree(fresh)


def _first(folder: Path) -> Usage:
    shutil.rmtree(folder / "var", ignore_errors=True)
    return large.worker(folder, "first")


# --- one person, two states, a million ------------------------------------------------------------------------------


def _one_person(folder: Path) -> float:
    """Return the CPU milliseconds of one changed person. The changes stay queued in a copy of the database."""
    with tempfile.TemporaryDirectory(prefix="syncd-one-") as name:
        copy = Path(name) / "copy"
        shutil.copytree(folder, copy)
        command = [sys.executable, "-m", "benchmarks._large_worker", "one", str(copy)]
        said = subprocess.run(command, cwd=ROOT, env=compiled(), check=True, capture_output=True, text=True).stdout
    seconds: float = json.loads(said.splitlines()[-1])["cpu"]
    return seconds * 1e3


def _one(few: list[float], many: list[float]) -> list[Figure]:
    each, growth = median(many), median(many) / median(few)
    shown = f"of {PEOPLE:,}; {median(few):.1f} ms of {FEW:,}; a whole cycle, medians of {ROUNDS} × 20"
    return [
        Figure(
            name="one changed person: CPU",
            value=each,
            unit="ms",
            goal=f"< {ONE_PERSON:.0f}",
            met=each < ONE_PERSON,
            note=shown,
        ),
        _ratio("one changed person: of 100,000 ÷ of 10,000", growth, most=1.25),
    ]


def _difference() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="syncd-states-") as name:
        large.worker(Path(name), "store-states")
        spent = [large.worker(Path(name), "difference") for _ in range(ROUNDS)]
    return _figures(STATES, spent, None, " (fingerprints against the store, start included)")


def _million() -> list[Figure]:
    with large.stored(MILLION) as (directory, folder):
        spent = _in_turns(reference.reader(directory, MILLION), nothing=lambda: _done(folder, "sync", "--full"))
    return [
        *_figures(VAST, spent["nothing"], spent["beside"]),
        _ratio("1,000,000 ÷ python-ldap merely reading", _cpu(spent["nothing"]) / _cpu(spent["beside"])),
    ]


# --- figures --------------------------------------------------------------------------------------------------------


def _cpu(spent: list[Usage]) -> float:
    return median(one.cpu for one in spent)


def _figures(goal: Goal, spent: list[Usage], read: list[Usage] | None, how: str = "") -> list[Figure]:
    cpu, memory = _cpu(spent), median(one.memory for one in spent)
    beside = f"; python-ldap reads them in {_cpu(read):.2f} s" if read is not None else ""
    times = f"median of {len(spent)}" if len(spent) > 1 else "once"
    return [
        _limited(f"{goal.name}: CPU", cpu, "s", goal.cpu, note=f"{times}{how}{beside}"),
        _limited(f"{goal.name}: memory", memory, "MiB", goal.memory),
    ]


def _limited(name: str, value: float, unit: str, most: float, note: str = "") -> Figure:
    said = f"< {most:.0f}" if most else ""
    return Figure(name=name, value=value, unit=unit, goal=said, met=not most or value < most, note=note)


def _ratio(name: str, value: float, *, most: float | None = None) -> Figure:
    said = f"≤ {most:g}" if most else ""
    return Figure(name=name, value=value, unit="×", goal=said, met=most is None or value <= most)
