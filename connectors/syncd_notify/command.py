"""Alerts to a program of one's own: the alert as JSON on its standard input, its exit code is the answer.

0 means told, 75 (EX_TEMPFAIL of sysexits.h) means try again, everything else needs somebody. No shell is involved, and what the
program prints is not read: it could name people.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Final

from pydantic import Field

from syncd.config.durations import Duration
from syncd.core.errors import NeedsHuman, TryAgain, foreign
from syncd.core.ports import Alert, Standing, Verdict
from syncd_notify.messages import COMMAND_FAILED, COMMAND_MISSING, COMMAND_SLOW
from syncd_notify.posting import Channel, Plain
from syncd_notify.webhook import body_of

TEMPORARY: Final = 75


class CommandSettings(Channel):
    """A program that is run for each alert."""

    run: list[str] = Field(min_length=1)
    """The program and its arguments; a relative path with a slash starts at the folder of syncd.yaml."""
    timeout: Duration = timedelta(seconds=30)
    """How long it may take before it is ended."""


class Command(Plain):
    """Runs a program."""

    settings: ClassVar[type[Any]] = CommandSettings

    async def send(self, alert: Alert) -> None:
        settings: CommandSettings = self._settings
        program, *arguments = settings.run
        name = foreign(Path(program).name)
        path = str(self._room.base / program) if "/" in program else program
        quiet = asyncio.subprocess.DEVNULL
        try:
            process = await asyncio.create_subprocess_exec(
                path, *arguments, stdin=asyncio.subprocess.PIPE, stdout=quiet, stderr=quiet, cwd=self._room.base
            )
        except OSError as error:
            problem = COMMAND_MISSING.at(program=name, why=error.strerror or type(error).__name__)
            raise NeedsHuman(problem) from None
        code = await self._ended(process, body_of(alert), name)
        if code == TEMPORARY:
            raise TryAgain(COMMAND_FAILED.at(program=name, code=code))
        if code != 0:
            raise NeedsHuman(COMMAND_FAILED.at(program=name, code=code))

    async def check(self) -> AsyncIterator[Verdict]:
        """Look whether the program is there and may be run; it is not run."""
        program = self._settings.run[0]
        path = str(self._room.base / program) if "/" in program else shutil.which(program)
        name = foreign(Path(program).name)
        if path is not None and os.access(path, os.X_OK):
            yield Verdict(name="program", standing=Standing.OK, seen=f"{name} may be run")
        else:
            problem = COMMAND_MISSING.at(program=name, why="it is not there, or may not be run")
            yield Verdict(name="program", standing=Standing.FAILED, seen=problem.what, problem=problem)

    async def _ended(self, process: asyncio.subprocess.Process, body: bytes, name: str) -> int | None:
        seconds = self._settings.timeout.total_seconds()
        try:
            async with asyncio.timeout(seconds):
                await process.communicate(body)
        except TimeoutError:
            raise TryAgain(COMMAND_SLOW.at(program=name, seconds=round(seconds))) from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return process.returncode
