"""The bytes of LDAP for the stand-in: BER as RFC 4511 §5.1 restricts it, requests read, answers written.

Written by hand and on purpose not with the library under test: an answer has to hold bytes that no library would write (text
that is not UTF-8, flipped bits), and thousands of entries have to cost milliseconds. It never interprets what it carries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

BOOLEAN, INTEGER, OCTETS, ENUMERATED, SEQUENCE, SET = 0x01, 0x02, 0x04, 0x0A, 0x30, 0x31
BIND, BOUND, UNBIND, SEARCH, ENTRY, DONE, REFERENCE = 0x60, 0x61, 0x42, 0x63, 0x64, 0x65, 0x73
ABANDON, EXTENDED, EXTENDED_DONE = 0x50, 0x77, 0x78


class Broken(ValueError):
    """These bytes are no LDAP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A control, of a request or of an answer."""

    oid: str
    critical: bool = False
    value: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A request: its operation is still bytes."""

    number: int
    operation: int
    body: bytes
    controls: tuple[Control, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchBody:
    """What a search asks for; the filter is still (tag, bytes)."""

    base: str
    scope: int
    size_limit: int
    types_only: bool
    filter: tuple[int, bytes]
    attributes: tuple[str, ...]


# --- reading ----------------------------------------------------------------------------------------------------------


def framed(buffer: bytes | bytearray) -> int | None:
    """Return how long the first message in `buffer` is, None while that cannot be told."""
    if len(buffer) < 2:
        return None
    if buffer[0] != SEQUENCE:
        raise Broken(f"a message begins with {buffer[0]:#x}")
    first = buffer[1]
    if first < 0x80:
        return 2 + first
    octets = first & 0x7F
    if len(buffer) < 2 + octets:
        return None
    return 2 + octets + int.from_bytes(buffer[2 : 2 + octets], "big")


def items(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the (tag, content) pairs that stand one after the other in `body`."""
    at = 0
    while at < len(body):
        tag, first = body[at], body[at + 1]
        at += 2
        length = first
        if first & 0x80:
            octets = first & 0x7F
            length = int.from_bytes(body[at : at + octets], "big")
            at += octets
        if at + length > len(body):
            raise Broken("a value is longer than what holds it")
        yield tag, body[at : at + length]
        at += length


def number(content: bytes) -> int:
    """Return an INTEGER or ENUMERATED."""
    return int.from_bytes(content, "big", signed=True)


def message(frame: bytes) -> Message:
    """Return the request in one frame."""
    (_, whole), *_ = items(frame)
    (_, identifier), (operation, body), *rest = items(whole)
    controls = tuple(_control(each) for tag, content in rest if tag == 0xA0 for _, each in items(content))
    return Message(number=number(identifier), operation=operation, body=body, controls=controls)


def _control(content: bytes) -> Control:
    (_, oid), *rest = items(content)
    critical = any(each[0] != 0 for tag, each in rest if tag == BOOLEAN)
    value = next((each for tag, each in rest if tag == OCTETS), None)
    return Control(oid=oid.decode(), critical=critical, value=value)


def search_body(body: bytes) -> SearchBody:
    """Return what a search asks for (RFC 4511 §4.5.1)."""
    base, scope, _, size, _, types, wanted, names = items(body)
    return SearchBody(
        base=base[1].decode(),
        scope=number(scope[1]),
        size_limit=number(size[1]),
        types_only=types[1] != b"\0",
        filter=wanted,
        attributes=tuple(name.decode() for _, name in items(names[1])),
    )


def sequence_of(value: bytes | None) -> list[bytes]:
    """Return the contents of the SEQUENCE that a control's value is."""
    if not value:
        raise Broken("a control without its value")
    (_, content), *_ = items(value)
    return [each for _, each in items(content)]


# --- writing ----------------------------------------------------------------------------------------------------------


def tlv(tag: int, content: bytes) -> bytes:
    """Return a value with its tag and length."""
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    # Four octets even where fewer would do, as domain controllers write it.
    return bytes((tag, 0x84)) + length.to_bytes(4, "big") + content


def integer(value: int, tag: int = INTEGER) -> bytes:
    """Return an INTEGER or ENUMERATED."""
    octets = max(1, (value.bit_length() + 8) // 8)
    return tlv(tag, value.to_bytes(octets, "big", signed=True))


def sequence(*parts: bytes) -> bytes:
    """Return a SEQUENCE."""
    return tlv(SEQUENCE, b"".join(parts))


def octets(value: bytes | str) -> bytes:
    """Return an OCTET STRING."""
    return tlv(OCTETS, value.encode() if isinstance(value, str) else value)


def framed_answer(to: int, operation: bytes, controls: Sequence[Control] = ()) -> bytes:
    """Return one message."""
    tail = tlv(0xA0, b"".join(map(_written, controls))) if controls else b""
    return sequence(integer(to), operation, tail)


def _written(control: Control) -> bytes:
    parts = [octets(control.oid)]
    if control.critical:
        parts.append(tlv(BOOLEAN, b"\xff"))
    if control.value is not None:
        parts.append(octets(control.value))
    return sequence(*parts)


def result(tag: int, code: int, *, matched: str = "", text: str = "", referral: Iterable[str] = ()) -> bytes:
    """Return an LDAPResult as operation `tag` (RFC 4511 §4.1.9)."""
    urls = b"".join(octets(url) for url in referral)
    parts = integer(code, ENUMERATED) + octets(matched) + octets(text) + (tlv(0xA3, urls) if urls else b"")
    return tlv(tag, parts)


def entry(name: bytes, attributes: Iterable[tuple[str, Sequence[bytes]]]) -> bytes:
    """Return a SearchResultEntry."""
    listed = b"".join(
        sequence(octets(each), tlv(SET, b"".join(octets(value) for value in values))) for each, values in attributes
    )
    return tlv(ENTRY, octets(name) + tlv(SEQUENCE, listed))


def reference(*urls: str) -> bytes:
    """Return a SearchResultReference."""
    return tlv(REFERENCE, b"".join(octets(url) for url in urls))
