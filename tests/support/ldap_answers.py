"""Answers of LDAP servers as bytes, and what a strategy of ldap3 makes of them, with no network in between.

The bytes are put together here once more, apart from the connector and from ldap3, so that neither is judged by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Any

from ldap3 import NONE, Connection, Server
from ldap3.core.exceptions import LDAPException
from ldap3.strategy.sync import SyncStrategy

from syncd_active_directory.entry import RawEntry

ASKED = 2
"""The number of the search that is being answered."""
OCTETS, SEQUENCE, SET = 0x04, 0x30, 0x31


class Length(StrEnum):
    """How a length is written."""

    SHORTEST = "shortest"
    """As OpenLDAP and 389 Directory Server do."""
    FOUR = "four"
    """In four bytes from 128 on, as Active Directory does."""
    CONSTRUCTED_FOUR = "constructed ones in four"
    """In four bytes wherever something holds others, however short it is: so do domain controllers, as recalled."""
    ALWAYS_FOUR = "always four"
    """Legal, and nobody does it."""


def element(tag: int, content: bytes, length: Length = Length.SHORTEST) -> bytes:
    """Return one BER element."""
    size = len(content)
    four = length is Length.ALWAYS_FOUR or (length is Length.CONSTRUCTED_FOUR and tag & 0x20)
    if size < 128 and not four:
        return bytes((tag, size)) + content
    width = 4 if length is not Length.SHORTEST else (size.bit_length() + 7) // 8
    return bytes((tag, 128 + width)) + size.to_bytes(width, "big") + content


def message(op: bytes, *, number: int = ASKED, controls: bytes = b"", length: Length = Length.SHORTEST) -> bytes:
    """Return one LDAPMessage."""
    width = number.bit_length() // 8 + 1
    return element(SEQUENCE, element(2, number.to_bytes(width, "big")) + op + controls, length)


def entry(dn: bytes, attributes: Mapping[str, Sequence[bytes]], length: Length = Length.SHORTEST) -> bytes:
    """Return the protocol op of an entry."""
    listed = b"".join(
        element(
            SEQUENCE,
            element(OCTETS, name.encode(), length)
            + element(SET, b"".join(element(OCTETS, value, length) for value in values), length),
            length,
        )
        for name, values in attributes.items()
    )
    return element(0x64, element(OCTETS, dn, length) + element(SEQUENCE, listed, length), length)


def control(oid: str, value: bytes | None = None, *, critical: bool | None = None) -> bytes:
    """Return one control."""
    parts = [element(OCTETS, oid.encode())]
    if critical is not None:
        parts.append(element(1, b"\xff" if critical else b"\x00"))
    if value is not None:
        parts.append(element(OCTETS, value))
    return element(SEQUENCE, b"".join(parts))


def controls(*each: bytes) -> bytes:
    """Return the controls of a message, nothing if there are none."""
    return element(0xA0, b"".join(each)) if each else b""


def done(code: int = 0, *, text: bytes = b"", referrals: Iterable[bytes] = (), tag: int = 0x65) -> bytes:
    """Return the protocol op that ends a search, or another operation."""
    urls = b"".join(element(OCTETS, url) for url in referrals)
    told = element(0x0A, bytes((code,))) + element(OCTETS, b"") + element(OCTETS, text)
    return element(tag, told + (element(0xA3, urls) if urls else b""))


def reference(*urls: bytes) -> bytes:
    """Return the protocol op that names other places to search."""
    return element(0x73, b"".join(element(OCTETS, url) for url in urls))


def intermediate(oid: bytes, value: bytes) -> bytes:
    """Return the protocol op of an intermediate response."""
    return element(0x79, element(0x80, oid) + element(0x81, value))


def notice(oid: bytes = b"1.3.6.1.4.1.1466.20036") -> bytes:
    """Return a whole unsolicited notification, by default the one that ends the connection."""
    told = element(0x0A, b"\x34") + element(OCTETS, b"") + element(OCTETS, b"going down")
    return message(element(0x78, told + element(0x8A, oid)), number=0)


def strictly(raw: bytes) -> dict[str, tuple[bytes, ...]] | None:
    """Return an entry's attributes, None if any byte is not where RFC 4511 has it. Short and slow: every element is cut out."""
    try:
        ((tag, content),) = _elements(raw)
        (named, _), (listed, attributes) = _elements(content)
        if (tag, named, listed) != (0x64, OCTETS, SEQUENCE):
            return None
        return dict(_attribute(*each) for each in _elements(attributes))
    except ValueError:
        return None


def _attribute(tag: int, content: bytes) -> tuple[str, tuple[bytes, ...]]:
    (named, name), (counted, values) = _elements(content)
    each = _elements(values)
    if (tag, named, counted, *{tag for tag, _ in each} - {OCTETS}) != (SEQUENCE, OCTETS, SET):
        raise ValueError("not an attribute")
    try:
        return name.decode(), tuple(value for _, value in each)
    except UnicodeDecodeError:
        return name.decode("latin-1"), tuple(value for _, value in each)


def _elements(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    while data:
        tag, size, width = data[0], *(data[1:2] or b"\x80"), 0
        if size > 127:
            width, size = size - 128, int.from_bytes(data[2 : 2 + size - 128], "big")
            if width == 0:
                raise ValueError("no length")
        whole = 2 + width + size
        if len(data) < whole:
            raise ValueError("too short")
        found.append((tag, data[2 + width : whole]))
        data = data[whole:]
    return found


PAGED_LAST = controls(control("1.2.840.113556.1.4.319", bytes.fromhex("30050201000400")))


class Received:
    """A socket that gives what it was given, piece by piece; then it hangs up, or says nothing until the time is up."""

    def __init__(self, pieces: Iterable[bytes], *, silent: bool = False) -> None:
        self._pieces = [piece for piece in pieces if piece]
        self._silent = silent
        self._ends = count()
        self.closed = False

    def recv(self, size: int) -> bytes:
        """Return the next piece, or as much of it as is wanted."""
        if not self._pieces:
            if self._silent:
                raise TimeoutError("timed out")
            # Whoever goes on reading what has ended would go on for ever.
            assert next(self._ends) < 3, "read again and again after the end"
            return b""
        piece = self._pieces.pop(0)
        if len(piece) > size:
            self._pieces.insert(0, piece[size:])
        return piece[:size]

    def shutdown(self, how: int) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Remember it."""
        self.closed = True


def recorded() -> dict[str, tuple[int, bytes]]:
    """Return what real servers answered: message id and bytes by what it is."""
    lines = Path(__file__).with_name("ldap_recorded.txt").read_text(encoding="ascii").splitlines()
    parts = (line.split("\t") for line in lines if not line.startswith("#"))
    return {name: (int(number), bytes.fromhex(content)) for name, number, content in parts}


def connection(strategy: type[SyncStrategy], answers: Received, number: int = ASKED) -> Connection:
    """Return a connection on which a search waits for its answers."""
    made = Connection(
        Server("ldap.example.com", get_info=NONE),
        check_names=False,
        auto_referrals=False,
        auto_range=False,
        return_empty_attributes=False,
    )
    made.strategy.__class__ = strategy
    made.socket = answers
    made.closed = False
    made.strategy._outstanding = {number: {"type": "searchRequest", "attributes": []}}
    return made


def answered(
    strategy: type[SyncStrategy], pieces: Iterable[bytes], *, silent: bool = False, number: int = ASKED
) -> Any:
    """Return what a search gives: its responses and result in plain words, or the name and text of ldap3's exception."""
    try:
        waiting = connection(strategy, Received(pieces, silent=silent), number)
        responses, result = waiting.strategy.get_response(number)
    except LDAPException as error:
        return type(error).__name__, str(error)
    return [plain(response) for response in responses], result


def plain(response: Any) -> Any:
    """Return an entry as (name, attributes, controls), however it was decoded; other responses as they are."""
    if isinstance(response, RawEntry):
        attributes = [(name, tuple(values)) for name, values in response.attributes.items()]
        return response.dn, attributes, dict(response.controls)
    if response["type"] != "searchResEntry":
        return response
    attributes = [(name, tuple(values or ())) for name, values in response["raw_attributes"].items()]
    return response["dn"], attributes, {oid: each["value"] for oid, each in response.get("controls", {}).items()}
