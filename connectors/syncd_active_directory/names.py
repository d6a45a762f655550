"""Names (DNs): those that come with ids, `<GUID=…>;<SID=…>;CN=…` ([MS-ADTS] 3.1.1.3.4.1.5), taken apart, and one spelling for
those that come without.

Pure. A name may be spelled in several ways (RFC 4514 §2.4), and one server uses more than one of them: slapd 2.5 shows an entry
as `ou=Sales\\2C Service` to whose name others refer as they wrote it, `ou=Sales\\, Service`.
"""

from __future__ import annotations

import re
from typing import Final

_PREFIX: Final = r"<GUID=([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})>;(?:<SID=[^>]*>;)?"
_TEXT: Final = re.compile(_PREFIX)
_BYTES: Final = re.compile(_PREFIX.encode())
_ESCAPED: Final = re.compile(r"((?:\\[0-9A-Fa-f]{2})+)|\\(.)", re.DOTALL)
_SPECIAL: Final = frozenset(',+"\\<>;# ')
"""What keeps its backslash (RFC 4514 §2.4). An equals sign needs none, though some servers give it one."""


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


def one_spelling(text: str) -> str:
    """Return a name with nothing escaped but what has to be, and that by a backslash; control characters and bytes that are no
    text stay hexadecimal."""
    return _ESCAPED.sub(_respelled, text) if "\\" in text else text


def _respelled(found: re.Match[str]) -> str:
    if found[1] is None:
        return _escaped(found[2])
    try:
        decoded = bytes.fromhex(found[1].replace("\\", "")).decode()
    except UnicodeDecodeError:
        return found[1].lower()
    return "".join(map(_escaped, decoded))


def _escaped(character: str) -> str:
    if character in _SPECIAL:
        return f"\\{character}"
    if character < " ":
        return f"\\{ord(character):02x}"
    return character
