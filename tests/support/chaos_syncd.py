"""`syncd` on a machine whose clock a test sets: `CHAOS_CLOCK` names a file with the seconds that the clock is wrong by.

Only the time of day moves, as when somebody sets a clock; the time since boot, by which timers go, does not. A program of the
tests: the product has no such switch.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

CLOCK: Final = "CHAOS_CLOCK"


def moved(file: Path) -> Callable[[], datetime]:
    """Return a clock that is wrong by what the file says, which may change at any time."""

    def now() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(file.read_text(encoding="ascii")))

    return now


def main() -> int:
    """Run the command line."""
    from syncd.cli import main as command
    from syncd.cli import session

    session.utc_now = moved(Path(os.environ[CLOCK]))
    return command(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
