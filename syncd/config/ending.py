"""When what the configuration names ends: certificates in files, and secrets whose end is declared (`expires:`).

It reads files that the configuration names, and keeps nothing; a file that cannot be read is told by whoever needs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from syncd.config.plugged import Plugged
from syncd.config.settings import Settings, secrets_of

FILES: Final = frozenset({"ca_file", "certificate", "certificate_file", "client_certificate"})
"""The names under which all parts of the configuration name files with certificates."""
MOST_BYTES: Final = 4 * 1024 * 1024
"""A bundle of all public authorities has a quarter of a mebibyte."""


def ends_of(settings: Settings) -> dict[str, datetime]:
    """Return what ends when, by where the configuration names it."""
    found: dict[str, datetime] = {}
    for at, secret in secrets_of(settings):
        if secret.expires is not None:
            found[f"the secret {_spelled(at)}"] = datetime.combine(secret.expires, time(), UTC)
    for at, file in _files(settings, ()):
        ends = end_of(settings.base / file)
        if ends is not None:
            found[f"the certificate {_spelled(at)}"] = ends
    return found


def end_of(file: Path) -> datetime | None:
    """Return when the first certificate of a chain, or the last authority of several, ends; None where the file holds none.

    A file with authorities serves as long as one of them does. A chain begins with the server's own, which ends first.
    """
    from cryptography import x509

    try:
        with file.open("rb") as lines:
            certificates = x509.load_pem_x509_certificates(lines.read(MOST_BYTES))
    except (OSError, ValueError):
        return None
    own = [one for one in certificates if not _is_authority(one)]
    return min((one.not_valid_after_utc for one in own), default=None) or max(
        one.not_valid_after_utc for one in certificates
    )


def _is_authority(certificate: Any) -> bool:
    """Tell whether a certificate is one that signs others. One that says nothing of it and signed itself is taken for one."""
    from cryptography import x509

    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except x509.ExtensionNotFound:
        return bool(certificate.issuer == certificate.subject)
    except ValueError:
        return False


def _files(value: Any, at: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Path]]:
    match value:
        case Plugged():
            yield from _files(value.settings, at)
        case BaseModel():
            for name in type(value).model_fields:
                yield from _files(getattr(value, name), (*at, name))
        case Mapping():
            for key, item in value.items():
                yield from _files(item, (*at, str(key)))
        case Path() | str() if at and at[-1] in FILES and str(value):
            yield at, Path(value)
        case _:
            return


def _spelled(at: tuple[str | int, ...]) -> str:
    return ".".join(map(str, at))
