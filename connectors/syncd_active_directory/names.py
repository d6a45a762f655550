"""Names (DNs) that come with ids: `<GUID=…>;<SID=…>;CN=…` ([MS-ADTS] 3.1.1.3.4.1.5), taken apart. Pure."""

from __future__ import annotations

import re
from typing import Final

_PREFIX: Final = r"<GUID=([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})>;(?:<SID=[^>]*>;)?"
_TEXT: Final = re.compile(_PREFIX)
_BYTES: Final = re.compile(_PREFIX.encode())


def name_and_id(text: str) -> tuple[str, str]:
    """Return the plain name and the id; an empty id if the name comes without."""
    found = _TEXT.match(text)
    return (text[found.end() :], found[1].lower()) if found else (text, "")


def plain(text: str) -> str:
    """Return the name without ids."""
    return name_and_id(text)[0]


def plain_bytes(dn: bytes) -> bytes:
    """Return the name without ids."""
    found = _BYTES.match(dn)
    return dn[found.end() :] if found else dn


def id_bytes(dn: bytes) -> bytes:
    """Return the id that a name comes with, as it was sent; empty if it comes without."""
    found = _BYTES.match(dn)
    return found[1] if found else b""
