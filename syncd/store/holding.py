"""Who holds a lock of an SQLite database, asked without taking it and without SQLAlchemy. It changes nothing."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Final

from syncd.core.values import moment
from syncd.store.rows import Holder

SERVICE: Final = ".service"
"""The ending of the file that the service holds, for as long as it runs."""
WORK: Final = ".lock"
"""The ending of the file that whoever works on the database holds."""


def holder(database: Path, ending: str) -> Holder | None:
    """Return who holds a lock; None if nobody does, or if it cannot be found out.

    For an instant this holds the lock together with others who ask; whoever wants it for itself tries more than once.
    """
    path = database.with_name(f"{database.name}{ending}")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return told(path.read_text(errors="replace"))
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return None


def told(stored: str | None) -> Holder | None:
    """Return who wrote `stored`; None where it is not written yet or half written."""
    try:
        word = json.loads(stored or "")
        return Holder(who=word["who"], pid=word["pid"], host=word["host"], since=moment(word["since"]))
    except (ValueError, KeyError, TypeError):
        return None
