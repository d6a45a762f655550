"""Distinguished names (RFC 4514): taking them apart and putting them together again, in one pass over the text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from syncd.core.errors import message
from syncd.mapping.functions.contract import unfit

NOT_A_DN: Final = message(
    "FUN-115",
    what="The value is not a distinguished name ({why}).",
    do="Use this function only on attributes such as distinguishedName and manager.",
    example='via: [dn_ous]   # on "Sales/North"',
)

# One attribute of an RDN. Within a value a backslash takes the next character along; nothing is tried twice, so the
# expression is linear.
_PART: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)*)\s*=((?:[^\\,+]|\\.)*)([,+]|\Z)", re.DOTALL)
_TYPE: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)*")
_SPECIAL: Final = re.compile(r'[\\+"]')
_HEX: Final = re.compile(r"((?:\\[0-9A-Fa-f]{2})+)|\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One RDN: of several attributes (`CN=a+OU=b`) the first one counts."""

    type: str
    """In small letters."""
    value: str
    """Without escapes."""
    written: str
    """As it stood in the text."""


def components(text: str) -> tuple[Component, ...]:
    """Return the RDNs of `text`, the entry's own first; `Unfit` (FUN-115) where it is no distinguished name."""
    if not _SPECIAL.search(text):
        return tuple(map(_simple, text.split(","))) if text else ()
    found: list[Component] = []
    position, begins, first = 0, 0, True
    type_ = value = ""
    while position < len(text):
        part = _PART.match(text, position)
        if part is None or (part.end() == len(text) and part[3]):
            unfit(NOT_A_DN, why=f"wrong at character {position + 1}")
        if first:
            type_, value = part[1].lower(), unescaped(part[2])
        first = part[3] != "+"
        position = part.end()
        if first:
            written = _trimmed(text[begins : part.start(3)])
            found.append(Component(type=type_, value=value, written=written))
            begins = position
    return tuple(found)


def _simple(written: str) -> Component:
    """Return an RDN in which nothing is escaped: the form of nearly all names, taken apart without an expression."""
    type_, equals, value = written.partition("=")
    type_ = type_.strip(" ")
    if not equals or not _TYPE.fullmatch(type_):
        unfit(NOT_A_DN, why="a part has no attribute before its =")
    return Component(type=type_.lower(), value=value.strip(" "), written=written.strip(" "))


def unescaped(value: str) -> str:
    """Return an attribute's value without escapes and without the blanks around it that are not escaped."""
    if "\\" not in value:
        return value.strip(" ")
    return _HEX.sub(lambda escape: _octets(escape[1]) if escape[1] else escape[2], _trimmed(value))


def _trimmed(text: str) -> str:
    """Return a text without outer blanks. A last blank that is escaped stays: the backslash before it is not itself one."""
    text = text.lstrip(" ")
    end = len(text.rstrip(" "))
    if end < len(text) and (end - len(text[:end].rstrip("\\"))) % 2:
        end += 1
    return text[:end]


def _octets(escaped: str) -> str:
    return bytes.fromhex(escaped.replace("\\", "")).decode("utf-8", "replace")


def dn_text(parts: Sequence[Component]) -> str:
    """Return the distinguished name of `parts`, each as it was written, joined without blanks."""
    return ",".join(part.written for part in parts)
