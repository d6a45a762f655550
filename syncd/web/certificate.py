"""The certificate of the HTTP side: loaded once, and again when its files change. It listens nowhere."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final

from syncd import telemetry
from syncd.core.errors import Misconfigured, foreign
from syncd.web import messages

if TYPE_CHECKING:
    from syncd.config.web import WebSettings

log = telemetry.get(__name__)

LOOK_SECONDS: Final = 60.0
"""Between two looks whether the files have changed."""


def context_of(web: WebSettings) -> ssl.SSLContext | None:
    """Return what TLS is spoken with, None where it is not. Raises Misconfigured."""
    if web.certificate is None or web.key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load(context, web.certificate, web.key)
    return context


def _load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Use these files from the next connection on. Raises Misconfigured, and then nothing has changed."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
        context.load_cert_chain(certificate, key, password=lambda: "")
    except OSError as error:  # ssl.SSLError is one
        why = foreign(error.strerror or "they do not belong together")
        raise Misconfigured([messages.BAD_CERTIFICATE.at(file=foreign(str(certificate)), why=why)]) from None


async def renewing(certificate: Path | None, key: Path | None, context: ssl.SSLContext) -> None:
    """Take a new certificate into use when its files have changed: they are renewed every few weeks, and nobody
    restarts us then."""
    if certificate is None or key is None:
        return
    known = _versions(certificate, key)
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        found = _versions(certificate, key)
        if found in (known, None):
            continue
        try:
            _load(context, certificate, key)
        except Misconfigured as error:  # mostly only one of the two is there yet
            log.warning("web.certificate", code=error.problems[0].code, what=error.problems[0].what)
            continue
        known = found
        log.info("web.certificate_renewed")


def _versions(*files: Path) -> tuple[tuple[int, int], ...] | None:
    try:
        found = [file.stat() for file in files]
    except OSError:
        return None
    return tuple((each.st_mtime_ns, each.st_ino) for each in found)
