"""`python -m benchmarks [NAME…] [--million]`: run the benchmarks and print their figures. Ends with 1 if a goal is missed.

Every module of this package with a function `run() -> list[Figure]` is one; where that takes a flag, `--flag` sets it.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Collection
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure


def names() -> list[str]:
    """Return the names of all benchmarks."""
    found = sorted(each.name for each in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return [name for name in found if not name.startswith("_") and name != "figures"]


def figures(name: str, flags: Collection[str] = ()) -> list[Figure]:
    """Run one benchmark, with those of the flags that it takes."""
    module = importlib.import_module(f"benchmarks.{name}")
    if not hasattr(module, "run"):
        return []
    taken = {flag: True for flag in flags if flag in inspect.signature(module.run).parameters}
    measured: list[Figure] = module.run(**taken)
    return measured


def table(name: str, measured: list[Figure]) -> Table:
    """Return the figures of one benchmark as a table."""
    shown = Table(title=name, title_justify="left")
    for column, side in (
        ("figure", "left"),
        ("value", "right"),
        ("unit", "left"),
        ("goal", "right"),
        ("", "left"),
        ("note", "left"),
    ):
        shown.add_column(column, justify="right" if side == "right" else "left")
    for each in measured:
        met = "" if not each.goal else "met" if each.met else "MISSED"
        shown.add_row(each.name, f"{each.value:,.4g}", each.unit, each.goal, met, each.note)
    return shown


def main(wanted: list[str]) -> int:
    """Run the named benchmarks, or all."""
    console = Console(width=160)
    flags = {word.removeprefix("--") for word in wanted if word.startswith("--")}
    wanted = [word for word in wanted if not word.startswith("--")]
    unknown = set(wanted) - set(names())
    if unknown:
        console.print(f"There is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(names())}.")
        return 2
    missed = 0
    for name in wanted or names():
        measured = figures(name, flags)
        if measured:
            console.print(table(name, measured))
        missed += sum(bool(each.goal) and not each.met for each in measured)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
