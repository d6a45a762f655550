"""What reading a directory costs: 100,000 people × 16 attributes from an OpenLDAP on loopback, in pages of 1,000, as processor
time of the reading process from start to end.

The connector's wire, beside python-ldap (libldap, C; its values stay bytes, ours become text) and ldap3 as it comes. All read
the same directory in turns, so that a busy machine slows all alike; ratios are of medians. Reading 20,000 people as well shows
whether memory grows with them.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks import _openldap as openldap
from benchmarks._installation import ROOT, Usage, used
from benchmarks.figures import Figure

PEOPLE: Final = 100_000
FEW: Final = 20_000
ROUNDS: Final = 5
_STOCK_ROUNDS: Final = 3
"""Of stock ldap3, which takes half a minute each time."""
_PYTHON_LDAP: Final = Path(__file__).with_name("_python_ldap.py")


def run() -> list[Figure]:
    """Measure, and return the figures. Raises `RuntimeError` if slapd or python-ldap is not there."""
    if reason := openldap.missing():
        raise RuntimeError(reason)
    python = _python_with_ldap()
    with openldap.directory(FEW) as few:
        small = [_ours("decoded", few, FEW) for _ in range(ROUNDS)]
    spent: dict[str, list[Usage]] = {}
    with openldap.directory(PEOPLE) as many:
        for number in range(ROUNDS):
            for way in ("decoded", "recognised", "framed"):
                spent.setdefault(way, []).append(_ours(way, many, PEOPLE))
            spent.setdefault("python-ldap", []).append(_used([python, *_arguments(many)]))
            if number < _STOCK_ROUNDS:
                spent.setdefault("stock", []).append(_ours("stock", many, PEOPLE))
    return _figures(spent, small)


def _figures(spent: dict[str, list[Usage]], small: Sequence[Usage]) -> list[Figure]:
    cpu = {way: statistics.median(each.cpu for each in usages) for way, usages in spent.items()}
    seen = ", ".join(f"{way} {seconds:.2f}" for way, seconds in sorted(cpu.items(), key=lambda item: item[1]))
    on_top = 1e6 * (cpu["recognised"] - cpu["framed"]) / PEOPLE
    memory = [statistics.median(each.memory for each in usages) for usages in (small, spent["decoded"])]
    shown = f"medians of {ROUNDS}, CPU-s: {seen}"
    return [
        _ratio("decoded to text ÷ python-ldap", cpu["decoded"] / cpu["python-ldap"], goal=1.2, note=shown),
        _ratio("decoded to text ÷ stock ldap3", cpu["decoded"] / cpu["stock"], goal=1 / 7),
        _ratio("recognised, not decoded ÷ python-ldap", cpu["recognised"] / cpu["python-ldap"]),
        Figure(
            name="recognising an entry", value=on_top, unit="µs", goal="≤ 6", met=on_top <= 6, note="on top of framing"
        ),
        _ratio(
            "most memory at 100,000 ÷ at 20,000 people",
            memory[1] / memory[0],
            goal=1.1,
            note=f"{memory[1]:.0f} and {memory[0]:.0f} MiB",
        ),
    ]


def _ratio(name: str, value: float, *, goal: float | None = None, note: str = "") -> Figure:
    said = f"≤ {goal:.3g}" if goal else ""
    return Figure(name=name, value=value, unit="×", goal=said, met=goal is None or value <= goal, note=note)


def _ours(way: str, directory: openldap.Directory, people: int) -> Usage:
    return _used([sys.executable, "-m", "benchmarks._directory_reader", way, str(directory.port), str(people)])


def _used(command: Sequence[str]) -> Usage:
    """Return what a reader used. It ends well only if it saw everybody."""
    usage = used(command, ROOT)
    assert usage.exit_code == 0, f"{command[:4]} ended with {usage.exit_code}"
    return usage


def _arguments(directory: openldap.Directory) -> list[str]:
    account = [directory.user, directory.password, directory.suffix]
    return [str(_PYTHON_LDAP), str(PEOPLE), str(directory.port), *account, openldap.PEOPLE_FILTER, *openldap.ATTRIBUTES]


def _python_with_ldap() -> str:
    for python in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([python, "-c", "import ldap"], capture_output=True, check=False).returncode == 0:
            return python
    raise RuntimeError("python-ldap is not installed (tests/servers/install.sh installs Debian's)")
