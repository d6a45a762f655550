"""The values of RFC 4533's controls and messages, from and to their bytes (BER). Pure: it asks nobody and keeps nothing.

Only what a client needs, and strictly: what is not as the RFC has it raises `Malformed`, because a deletion that is
misread is worse than a read that starts over.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from syncd_active_directory.entry import OCTETS, SEQUENCE, SET, Malformed, element

_REFRESH_ONLY: Final = 1
_REFRESH_AND_PERSIST: Final = 3
_BOOLEAN, _ENUMERATED = 0x01, 0x0A
_NEW_COOKIE, _REFRESH_DELETE, _REFRESH_PRESENT, _ID_SET = 0x80, 0xA1, 0xA2, 0xA3

PRESENT: Final = 0
DELETE: Final = 3
"""Entry states (§2.3). The others, add (1) and modify (2), are not told apart: slapd says add of both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """The control of one entry (§2.3): who it is and what happened to it."""

    state: int
    identity: str
    """The entryUUID as lower-case text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Informed:
    """One intermediate message (§2.5)."""

    identities: frozenset[str] = frozenset()
    deleted: bool = False
    """What the message says of `identities`, or of the phase that it ends: True speaks of those who are gone, False of those who
    are present, so that everybody who is not named is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The control of the result (§2.4)."""

    cookie: bytes = b""
    deletes: bool = False
    """refreshDeletes: who is gone was named. Otherwise everybody who was not named is."""


def request(cookie: bytes) -> bytes:
    """Return the value of the request's control (§2.2) for refreshOnly; without a cookie it asks for everything."""
    return _request(_REFRESH_ONLY, cookie)


def persistent(cookie: bytes) -> bytes:
    """Return the value of the request's control for refreshAndPersist: what happened since the cookie, and from then on."""
    return _request(_REFRESH_AND_PERSIST, cookie)


def stated(value: bytes) -> Stated:
    """Read an entry's control."""
    parts = list(_sequence(value))
    if [tag for tag, _ in parts[:2]] != [_ENUMERATED, OCTETS] or len(parts[0][1]) != 1:
        raise Malformed("not a syncStateValue")
    return Stated(state=parts[0][1][0], identity=_identity(parts[1][1]))


def finished(value: bytes) -> Finished:
    """Read the result's control."""
    cookie, deletes = b"", False
    for tag, content in _sequence(value):
        if tag == OCTETS:
            cookie = content
        elif tag == _BOOLEAN:
            deletes = _flag(content)
    return Finished(cookie=cookie, deletes=deletes)


def informed(value: bytes) -> Informed | None:
    """Read an intermediate message; None for one that only carries a cookie."""
    ((tag, content),) = _whole(value)
    if tag == _NEW_COOKIE:
        return None
    if tag in (_REFRESH_DELETE, _REFRESH_PRESENT):
        return Informed(deleted=tag == _REFRESH_DELETE)
    if tag != _ID_SET:
        raise Malformed("not a syncInfoValue")
    deleted, identities = False, frozenset[str]()
    for inner, part in _parts(content):
        if inner == _BOOLEAN:
            deleted = _flag(part)
        elif inner == SET:
            identities = frozenset(_identity(each) for _, each in _parts(part))
    return Informed(identities=identities, deleted=deleted)


def _request(mode: int, cookie: bytes) -> bytes:
    return _packed(SEQUENCE, bytes((_ENUMERATED, 1, mode)) + (_packed(OCTETS, cookie) if cookie else b""))


def _identity(content: bytes) -> str:
    if len(content) != 16:
        raise Malformed("not a syncUUID")
    return str(uuid.UUID(bytes=content))


def _flag(content: bytes) -> bool:
    if len(content) != 1:
        raise Malformed("not a BOOLEAN")
    return content != b"\0"


def _packed(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def _sequence(value: bytes) -> Iterator[tuple[int, bytes]]:
    ((tag, content),) = _whole(value)
    if tag != SEQUENCE:
        raise Malformed("not a SEQUENCE")
    return _parts(content)


def _whole(value: bytes) -> list[tuple[int, bytes]]:
    parts = list(_parts(value))
    if len(parts) != 1:
        raise Malformed("not one element")
    return parts


def _parts(content: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(content):
        tag = content[at]
        start, at = element(content, at, len(content), tag)
        yield tag, content[start:at]
