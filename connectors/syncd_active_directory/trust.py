"""Whom to trust: the TLS context of all connections. Verification cannot be turned off here or anywhere."""

from __future__ import annotations

import ssl
from pathlib import Path

from syncd.core.errors import Misconfigured, Place
from syncd_active_directory import messages


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context that trusts `ca_file` alone, or the operating system's authorities if there is none.

    Raises `Misconfigured` if the file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except (OSError, ssl.SSLError) as error:
        missing = isinstance(error, FileNotFoundError)
        reason = "it is not there" if missing else "it holds no certificate in PEM form, or may not be read"
        raise Misconfigured([messages.BAD_CA.at(Place(file=str(ca_file)), reason=reason)]) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
