"""One consistent copy of a file's bytes, or an error; never half a file that somebody is still writing.

A file is taken when it has been quiet for a moment, and believed when its size, time and identity are the same after reading
as before.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias

from syncd.core.errors import NeedsHuman, Place, TryAgain
from syncd_table import messages
from syncd_table.threads import Stop

_LOOKS: Final = 5
"""How often a file that keeps changing is looked at before the read gives up until the next run."""

_Mark: TypeAlias = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What the file held at one moment."""

    path: Path
    content: bytes
    detail: str
    """Size and time, for the proof."""


async def take(stop: Stop, path: Path, *, now: datetime, settle: float) -> Snapshot:
    """Return the file's content once it has been quiet for `settle` seconds.

    Raises `TryAgain` (not there, empty, still changing) or `NeedsHuman` (may not be read).
    """
    mark = await stop.run(lambda: _mark(path))
    # A clock that is behind the file's time tells nothing about its age, and waiting would not help.
    age = now.timestamp() - mark[1] / 1e9
    if 0 <= age < settle:
        await asyncio.sleep(settle - age)
    for _ in range(_LOOKS):
        before = await stop.run(lambda: _mark(path))
        content = await stop.run(lambda: _content(path))
        if before == await stop.run(lambda: _mark(path)) and len(content) == before[0]:
            if not content:
                raise TryAgain(messages.EMPTY.at(Place(file=str(path))), after=timedelta(minutes=1))
            return Snapshot(path=path, content=content, detail=f"{len(content)} bytes, unchanged while it was read")
        await asyncio.sleep(settle)
    raise TryAgain(messages.CHANGING.at(Place(file=str(path))), after=timedelta(minutes=1))


def _mark(path: Path) -> _Mark:
    try:
        found = path.stat()
    except OSError as error:
        raise _explained(path, error) from error
    return found.st_size, found.st_mtime_ns, found.st_ino, found.st_dev


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _explained(path, error) from error


def _explained(path: Path, error: OSError) -> NeedsHuman | TryAgain:
    place = Place(file=str(path))
    if isinstance(error, FileNotFoundError):
        return TryAgain(messages.MISSING.at(place), after=timedelta(minutes=1))
    reason = os.strerror(error.errno) if error.errno else type(error).__name__
    return NeedsHuman(messages.UNREADABLE.at(place, reason=reason))
