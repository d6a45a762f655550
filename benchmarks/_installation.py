"""An installation of its own in a temporary folder: the shipped configuration and rules, an example company of any size, and
the built-in sandbox without a rate limit."""

from __future__ import annotations

import atexit
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Final

ROOT: Final = Path(__file__).parent.parent
RUN: Final = "import sys; from syncd.cli import main; sys.exit(main(sys.argv[1:]))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one process used."""

    cpu: float
    """Seconds, user and system."""
    wall: float
    """Seconds."""
    memory: float
    """The most that was resident, in MiB."""
    exit_code: int


@contextmanager
def installation(people: int) -> Iterator[Path]:
    """Yield the folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(ROOT / "mappings", folder / "mappings")
        (folder / "examples").mkdir()
        generate = [sys.executable, str(ROOT / "examples" / "generate.py"), "--people", str(people)]
        subprocess.run([*generate, "--out", str(folder / "examples" / "company.csv")], check=True)
        text = (ROOT / "syncd.yaml").read_text(encoding="utf-8")
        unlimited = text.replace("    state: var/sandbox.json\n", "    state: var/sandbox.json\n    qps: null\n")
        assert unlimited != text
        (folder / "syncd.yaml").write_text(unlimited, encoding="utf-8")
        yield folder


def run(folder: Path, *words: str) -> Usage:
    """Run one command of syncd there."""
    return used((sys.executable, "-c", RUN, *words), folder)


def used(command: Sequence[str], folder: Path) -> Usage:
    """Return what a process uses from fork to end, as the kernel accounts it (wait4)."""
    environment = compiled()
    started = perf_counter()
    child = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return _usage(usage, perf_counter() - started, child.returncode)


def compiled() -> dict[str, str]:
    """Return an environment in which modules are compiled once, as they are when a package is installed, and not at each start:
    in a folder of its own, whatever PYTHONDONTWRITEBYTECODE says here. The first process in it pays for all."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return environment | {"PYTHONPYCACHEPREFIX": _bytecode()}


@cache
def _bytecode() -> str:
    folder = tempfile.mkdtemp(prefix="syncd-bytecode-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _usage(usage: resource.struct_rusage, wall: float, exit_code: int) -> Usage:
    # Linux counts ru_maxrss in KiB.
    return Usage(cpu=usage.ru_utime + usage.ru_stime, wall=wall, memory=usage.ru_maxrss / 1024, exit_code=exit_code)
