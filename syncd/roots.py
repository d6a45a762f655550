"""Whom we trust when somebody says by a certificate who they are. It connects to nobody, and no certificate of ours is here."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache
from pathlib import Path
from typing import Final

from syncd.core.errors import NeedsHuman, foreign, message

UNREADABLE_ROOTS: Final = message(
    "HTP-006",
    what="The certificate file {file} cannot be used: {why}.",
    do="Name a readable PEM file as `ca_file`, or leave it out to trust the system's roots.",
    example="target:\n  ca_file: missing.pem",
)


def tls(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context that trusts the roots in `ca_file` and no others, or the system's. TLS 1.2 or later.

    It is the same one as long as the files are: reading the system's roots takes 20 ms of processor time.
    """
    known = ssl.get_default_verify_paths()
    files = [str(ca_file)] if ca_file else [name for name in (known.cafile, known.capath) if name]
    try:
        return _context(str(ca_file) if ca_file else None, tuple(os.stat(name).st_mtime_ns for name in files))
    except (OSError, ssl.SSLError) as error:
        raise NeedsHuman(UNREADABLE_ROOTS.at(file=ca_file, why=foreign(str(error)))) from error


@lru_cache(maxsize=8)
def _context(ca_file: str | None, _changed_at: tuple[int, ...]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)
