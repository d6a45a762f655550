"""Distinguished names for the stand-in (RFC 4514): read, compared, written as a domain controller writes them."""

from __future__ import annotations

import re
import uuid

Rdn = tuple[str, str]
"""(type, value), as it was written when the object was made."""
Name = tuple[Rdn, ...]
"""From the object up to the root."""

_HEX = re.compile(rb"\\([0-9a-fA-F]{2})")
_SPECIAL = frozenset(',+"\\<>;=')
_IDENTITY = re.compile(r"<GUID=([0-9a-fA-F-]{32,36})>(?:;.*)?", re.DOTALL)


def parsed(text: str) -> Name:
    """Return the parts of a name; "" has none. Raises `ValueError` for what is no name."""
    return tuple(_rdn(part) for part in _split(text)) if text.strip() else ()


def _split(text: str) -> list[str]:
    parts, at, begun = [], 0, 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if text[at] == ",":
            parts.append(text[begun:at])
            begun = at + 1
        at += 1
    return [*parts, text[begun:]]


def _rdn(part: str) -> Rdn:
    type_, sign, value = part.partition("=")
    if not sign or not type_.strip():
        raise ValueError(f"no name: {part!r}")
    return type_.strip(), unescaped(_trimmed(value))


def _trimmed(value: str) -> str:
    value = value.lstrip(" ")
    bare = value.rstrip(" ")
    # The blank behind a backslash belongs to the value.
    return bare + " " if bare.endswith("\\") and len(bare) < len(value) else bare


def unescaped(value: str) -> str:
    """Return a value without its escapes."""
    raw = _HEX.sub(lambda found: bytes.fromhex(found[1].decode()), value.encode())
    return re.sub(rb"\\(.)", rb"\1", raw, flags=re.DOTALL).decode()


def escaped(value: str) -> str:
    """Return a value with escapes, as [MS-ADTS] 3.1.1.3.1.2.1 has them: `\\0A` for a line's end, `\\,` for a comma."""
    last = len(value) - 1
    out = []
    for at, character in enumerate(value):
        edge = (character == " " and at in (0, last)) or (character == "#" and at == 0)
        if character in _SPECIAL or edge:
            out.append("\\" + character)
        elif character in "\n\r\0":
            out.append(f"\\{ord(character):02X}")
        else:
            out.append(character)
    return "".join(out)


def written(name: Name) -> str:
    """Return the text of a name."""
    return ",".join(f"{type_}={escaped(value)}" for type_, value in name)


def key(name: Name) -> Name:
    """Return a name by which equal names are equal."""
    return tuple((type_.casefold(), value.casefold()) for type_, value in name)


def identity(text: str) -> uuid.UUID | None:
    """Return the GUID of `<GUID=…>` ([MS-ADTS] 3.1.1.3.1.2.4), None for other names. Undashed, it is the bytes in hex."""
    found = _IDENTITY.fullmatch(text)
    if not found:
        return None
    return uuid.UUID(found[1]) if "-" in found[1] else uuid.UUID(bytes_le=bytes.fromhex(found[1]))
