"""What all tests share: the fixtures that start real servers, when a test asks for one.

Hypothesis tries the same examples each time in the gate, so that a change is judged by what it changes; `make fuzz` looks for
new ones.

What tests write goes to a file system in memory where there is room. Each commit of a store is flushed, for which a disk
takes ten milliseconds and memory none; processes are killed here, but nobody pulls the plug. `TMPDIR=/tmp pytest` has it
otherwise.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from hypothesis import HealthCheck, settings

from support.examples import FUZZ, PROFILE

# Nothing fails for being slow: the machine may be busy, and the first example pays for what is loaded late.
settings.register_profile(
    "gate", derandomize=True, print_blob=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(FUZZ, settings.get_profile("gate"), derandomize=False)
settings.load_profile(PROFILE)

_MEMORY: Final = Path("/dev/shm")
_ROOM: Final = 8 << 30  # bytes; a run takes less than two at a time, and containers often have 64 MiB there


def _write_to_memory() -> None:
    """Let this process and those that it starts make temporary files in memory, if they fit and programs run from there."""
    if "TMPDIR" in os.environ or not os.access(_MEMORY, os.W_OK):
        return
    there = os.statvfs(_MEMORY)
    if there.f_bavail * there.f_frsize >= _ROOM and not there.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)


_write_to_memory()

pytest_plugins = ["servers.fixtures", "support.office", "support.stores"]
