"""An installation whose configuration, environment and people a test changes, and what came of a command: code, words, log.

What must be killed, or run beside another, gets a process of its own (`start`, `run`); what is only typed does not (`ran`).
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from examples.generate import company
from support.installation import Installation
from syncd.cli import main

PATIENCE: Final = 60
"""Seconds after which waiting is given up; nothing is said about how long things take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What came of one command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def codes(self) -> list[str]:
        """Return the codes of the messages on standard error, in order."""
        return re.findall(r"\b[A-Z]{3}-\d{3}\b", self.err)


class Journey(Installation):
    """A folder of IT's, beside a sandbox."""

    def __init__(self, folder: Path, url: str, people: int = 12, *, migrated: Path | None = None) -> None:
        """With `migrated`, an empty database that is ready for use, the first command need not make one."""
        super().__init__(folder, url, company(people))
        if migrated is not None:
            shutil.copy(migrated, folder / "syncd.db")

    def amend(self, old: str, new: str) -> None:
        """Change a line of syncd.yaml; it must be there."""
        path = self.folder / "syncd.yaml"
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in syncd.yaml"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def add(self, text: str) -> None:
        """Add lines to syncd.yaml."""
        with (self.folder / "syncd.yaml").open("a", encoding="utf-8") as file:
            file.write(text)

    def ran(self, *arguments: str) -> Ran:
        """Type `syncd` and these words: the real command, in this process, in the installation's folder and environment."""
        out, err, environment, folder = io.StringIO(), io.StringIO(), dict(os.environ), Path.cwd()
        os.environ.clear()
        os.environ.update(self.environment)
        os.chdir(self.folder)
        try:
            with redirect_stdout(out), redirect_stderr(err):
                code = main(arguments)
        finally:
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)
        return Ran(code=code, out=out.getvalue(), err=err.getvalue())


def until(condition: Callable[[], Any], what: str, *, patience: float = PATIENCE) -> None:
    """Wait until something is so."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.05)
