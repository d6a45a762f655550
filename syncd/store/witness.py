"""How far the audit log of a database file had come, noted in a small file beside it: a file that is older than its note was put
back from a backup. It notes and reads; it judges nothing. A database on a server has no file beside it, and no note.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from syncd.store.owner import share


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """The end of an audit log."""

    sequence: int
    hash: bytes


def beside(database: Path) -> Path:
    """Return where the note of a database is."""
    return database.with_name(f"{database.name}.head")


def read(database: Path) -> Witness | None:
    """Return the note; None where there is none that can be read, which proves nothing."""
    try:
        sequence, _, hash_ = beside(database).read_text(encoding="ascii").strip().partition(":")
        return Witness(sequence=int(sequence), hash=bytes.fromhex(hash_))
    except (OSError, ValueError):
        return None


def note(database: Path, witness: Witness) -> None:
    """Note the end of the log. A disk that takes no note keeps the old one, which is true, too: logs only grow.

    Not flushed: a note that a power cut takes away is older than the database, never newer, since that was flushed first.
    """
    path = beside(database)
    fresh = path.with_name(f"{path.name}.new")
    with contextlib.suppress(OSError):
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            share(descriptor, path.parent)
            file.write(f"{witness.sequence}:{witness.hash.hex()}\n")
        fresh.replace(path)
