"""One entry as the server sent it: its bytes, read only as far as somebody asks. Pure: no connection, no ldap3.

Most entries of a read are known already, by the digest of their bytes, and are never decoded at all; those that are decoded are
decoded once. Lengths are believed only inside of what holds them, so garbage is refused, never followed: `TryAgain` says so when
what is broken is asked for. Texts are not judged here; attributes are bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from hashlib import blake2b
from typing import Final

from syncd.core.errors import TryAgain
from syncd_active_directory import messages

# BER tags of RFC 4511 §4.1 and §4.5.2
INTEGER: Final = 0x02
OCTETS: Final = 0x04
SEQUENCE: Final = 0x30
SET: Final = 0x31
ENTRY: Final = 0x64
CONTROLS: Final = 0xA0
_BOOLEAN: Final = 0x01

_MOST_NAMES: Final = 4096
_NAMES: Final[dict[bytes, str]] = {}
"""Attribute names by their encoding and the tag of the set after it: `04 02 'cn' 31` → cn. Few, and the same in every entry."""
_MOST_SETS: Final = 512
_SETS: Final[dict[bytes, tuple[str, Sequence[bytes]]]] = {}
"""Short attributes with several values that were decoded lately, by their encoding."""
ONE_VALUE: Final = {size: bytes((size + 2, OCTETS, size)) for size in range(126)}
"""What stands between a set's tag and its only value, by the size of the value: both lengths have one byte up to 125."""
SHORT: Final = "an element is longer than what holds it"
_LEFT: Final = "something follows where nothing may"
_SOON: Final = timedelta(minutes=1)


class Malformed(ValueError):
    """Bytes that are not what LDAP says they should be. The text names no value."""


class RawEntry:
    """An object as it came over the wire, or as OpenLDAP would send it: then its lengths are as short as they can be.

    It is its bytes. Nothing of it is changed once it is made.
    """

    # Slots that are not set yet are filled by __getattr__, which Python calls for those alone: what was decoded once costs
    # no more than any attribute, and an entry that nobody looks into costs nothing but its bytes.
    __slots__ = ("attributes", "controls", "dn", "raw", "tail")

    raw: bytes
    """The protocol op: tag, length and content of SearchResultEntry (RFC 4511 §4.5.2), without message id and controls."""
    tail: bytes
    """The controls' encoding, empty if there are none."""
    dn: str
    attributes: Mapping[str, Sequence[bytes]]
    """What `read` gives, kept. Where each of many entries is looked into once, `read` costs less."""
    controls: Mapping[str, bytes | None]
    """Values by OID; None for a control without one."""

    def __init__(
        self,
        *,
        dn: str,
        attributes: Mapping[str, Sequence[bytes]],
        controls: Mapping[str, bytes | None] | None = None,
    ) -> None:
        self.raw = _encoded(dn, attributes)
        self.controls = controls or {}

    @classmethod
    def received(cls, raw: bytes, tail: bytes = b"") -> RawEntry:
        """Return the entry of a protocol op. Raises nothing: what is wrong with it shows when it is asked for."""
        entry = cls.__new__(cls)
        entry.raw = raw
        entry.tail = tail
        return entry

    def read(self) -> Mapping[str, Sequence[bytes]]:
        """Decode the attributes, by the name that the server wrote with its options (`member;range=0-1499`).

        A name that comes twice has its last values. Raises `TryAgain` if the entry is malformed.
        """
        try:
            return _attributes(self.raw)
        except (Malformed, IndexError) as error:
            raise refused(error) from None

    def __getattr__(self, name: str) -> object:
        make = _PARTS.get(name)
        if make is None:
            raise AttributeError(name)
        try:
            made: object = make(self)
        except (Malformed, IndexError) as error:
            raise refused(error) from None
        setattr(self, name, made)
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RawEntry) and self.raw == other.raw and self.controls == other.controls

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        # Not one name or value: this is what a traceback shows.
        return f"<RawEntry of {len(self.raw)} bytes>"

    @property
    def dn_bytes(self) -> bytes:
        """The distinguished name as it was sent, without decoding anything else."""
        try:
            start, stop = _name(self.raw)
        except (Malformed, IndexError) as error:
            raise refused(error) from None
        return self.raw[start:stop]

    @property
    def parent_bytes(self) -> bytes:
        """The name of the object above: what follows the first comma that is not escaped (RFC 4514 §2.4); empty at the top."""
        return parent_bytes(self.dn_bytes)


def names(entries: Sequence[RawEntry]) -> list[bytes]:
    """Return the `dn_bytes` of each, without a call for each. Raises `TryAgain` if one is malformed."""
    found: list[bytes] = []
    try:
        for entry in entries:
            raw = entry.raw
            start = 2 if raw[1] < 128 else 2 + (raw[1] & 127)
            stop = start + 2 + raw[start + 1]
            plain = raw[start + 1] < 128 and raw[start] == OCTETS and stop <= len(raw)
            found.append(raw[start + 2 : stop] if plain else entry.dn_bytes)
    except IndexError as error:
        raise refused(error) from None
    return found


def parent_bytes(dn: bytes) -> bytes:
    """Return the name of the object above. No byte of a longer UTF-8 character is a comma or a backslash."""
    at = dn.find(b",")
    while at > 0:
        first = at
        while first and dn[first - 1] == 0x5C:
            first -= 1
        # An even number of backslashes before a comma are escaped themselves.
        if (at - first) % 2 == 0:
            break
        at = dn.find(b",", at + 1)
    return dn[at + 1 :] if at >= 0 else b""


def fingerprint(entry: RawEntry, parent_id: str, salt: bytes) -> bytes:
    """Return 16 bytes that are the same for the same entry below the same unit, and for no other.

    `salt` (at most 64 bytes) stands for everything else that decides what the entry means to us. Values or attributes in another
    order make another fingerprint, although LDAP calls them equal: then the entry is decoded once more, and found unchanged.
    """
    # The protocol op says itself where it ends, so that the two parts cannot be taken for others. Keyed (RFC 7693 §2.9), because
    # whoever may write to the directory must not be able to make two entries of one fingerprint.
    return blake2b(entry.raw + parent_id.encode(), digest_size=16, key=salt).digest()


def element(data: bytes, at: int, end: int, tag: int) -> tuple[int, int]:
    """Return where the content of the element at `at` begins and ends. Raises `Malformed` if [at, end) holds no such one."""
    if end - at < 2:
        raise Malformed(SHORT)
    if data[at] != tag:
        raise Malformed(f"type {data[at]:02x} where {tag:02x} should be")
    start, size = at + 2, data[at + 1]
    if size > 127:
        start += size & 127
        if size == 128 or start > end:
            raise Malformed("a length that LDAP does not have")
        size = int.from_bytes(data[at + 2 : start], "big")
    if start + size > end:
        raise Malformed(SHORT)
    return start, start + size


def refused(error: Exception) -> TryAgain:
    """Return what is raised of an entry that is not what it should be."""
    reason = str(error) if isinstance(error, Malformed) else SHORT
    return TryAgain(messages.MALFORMED.at(reason=reason), after=_SOON)


def _name(raw: bytes) -> tuple[int, int]:
    """Return where the distinguished name begins and ends."""
    start = 2 if raw[1] < 128 else 2 + (raw[1] & 127)
    size = raw[start + 1]
    if size < 128 and raw[start] == OCTETS and (stop := start + 2 + size) <= len(raw):
        return start + 2, stop
    return element(raw, start, len(raw), OCTETS)


def text(raw: bytes) -> str:
    """Return text as ldap3 does: UTF-8, and Latin-1 where it is not, which some old controllers send."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def span(raw: bytes) -> tuple[int, int]:
    """Return where the attributes of an entry begin and end. Raises `Malformed`, or `IndexError` where bytes are missing."""
    start, size = _after(raw, 1)
    named, length = _after(raw, start + 1)
    at = named + length
    inner, inside = _after(raw, at + 1)
    end = len(raw)
    fits = start + size == end == inner + inside and 128 not in (raw[1], raw[start + 1], raw[at + 1])
    if fits and raw[0] == ENTRY and raw[start] == OCTETS and raw[at] == SEQUENCE:
        return inner, end
    # Not as usual, or wrong: then it is said what is wrong.
    start, end = element(raw, 0, len(raw), ENTRY)
    at, stop = element(raw, element(raw, start, end, OCTETS)[1], end, SEQUENCE)
    if not stop == end == len(raw):
        raise Malformed(_LEFT)
    return at, end


def _after(raw: bytes, at: int) -> tuple[int, int]:
    """Return where the length at `at` ends, and what it says."""
    size = raw[at]
    if size < 128:
        return at + 1, size
    start = at + 1 + (size & 127)
    return start, int.from_bytes(raw[at + 1 : start], "big")


def lone(raw: bytes, at: int, end: int) -> tuple[bytes, int, int] | None:
    """Return name (encoded, with the tag of the set after it), beginning and end of the attribute at `at`, whatever the form of
    its lengths: Active Directory writes all in five bytes. None if it has not exactly one value, or is not as it should be."""
    try:
        start, size = _after(raw, at + 1)
        stop = start + size
        named = start + 2 + raw[start + 1]
        held, inside = _after(raw, named + 1)
        value, length = _after(raw, held + 1)
    except IndexError:
        return None
    if not value + length == held + inside == stop <= end or raw[at] != SEQUENCE or raw[held] != OCTETS:
        return None
    if raw[start + 1] > 127 or 128 in (raw[at + 1], raw[named + 1], raw[held + 1]):
        return None
    return raw[start : named + 1], value, stop


def _attributes(raw: bytes) -> Mapping[str, Sequence[bytes]]:
    return _decoded(raw, *span(raw))


def _decoded(raw: bytes, at: int, end: int) -> Mapping[str, Sequence[bytes]]:
    """Return the attributes that stand in [at, end). The loop where time is spent: most attributes have one short value."""
    names, one_value = _NAMES.get, ONE_VALUE.get
    found: dict[str, Sequence[bytes]] = {}
    while at < end:
        size = raw[at + 1]
        stop = at + 2 + size
        after = at + 5 + raw[at + 3]
        value = after + 3
        name = names(raw[at + 2 : after])
        # A known name, and exactly one value that fills the set, which fills the attribute; no length of more than a byte.
        if name is None or size > 127 or raw[at] != SEQUENCE or raw[after:value] != one_value(stop - value):
            name, found[name], stop = _seen(raw, at, stop) or attribute(raw, at, end)
        else:
            found[name] = (raw[value:stop],)
        at = stop
    if at != end:
        raise Malformed(SHORT)
    return found


def attribute(raw: bytes, at: int, end: int) -> tuple[str, Sequence[bytes], int]:
    """Return name, values and end of the attribute at `at` (PartialAttribute, RFC 4511 §4.1.7), however it is encoded."""
    start, stop = element(raw, at, end, SEQUENCE)
    begins, ends = element(raw, start, stop, OCTETS)
    name = text(raw[begins:ends])
    first, last = element(raw, ends, stop, SET)
    if last != stop:
        raise Malformed(_LEFT)
    if begins - start == 2 and len(_NAMES) < _MOST_NAMES and ";" not in name:
        _NAMES[raw[start : ends + 1]] = name
    values = tuple(raw[begins:ends] for begins, ends in _each(raw, first, last, OCTETS))
    if len(values) > 1 and raw[at + 1] < 128:
        if len(_SETS) == _MOST_SETS:
            _SETS.clear()
        _SETS[raw[at:stop]] = name, values
    return name, values, stop


def _seen(raw: bytes, at: int, stop: int) -> tuple[str, Sequence[bytes], int] | None:
    """Return the attribute in [at, stop) if exactly these bytes were decoded before: most people are of the same classes."""
    known = _SETS.get(raw[at:stop])
    return (*known, stop) if known else None


def _each(raw: bytes, at: int, end: int, tag: int) -> Iterator[tuple[int, int]]:
    while at < end:
        start, at = element(raw, at, end, tag)
        yield start, at


def _controls(entry: RawEntry) -> Mapping[str, bytes | None]:
    tail = entry.tail
    if not tail:
        return {}
    start, stop = element(tail, 0, len(tail), CONTROLS)
    return dict(_control(tail, *place) for place in _each(tail, start, stop, SEQUENCE))


def _control(raw: bytes, at: int, end: int) -> tuple[str, bytes | None]:
    begins, ends = element(raw, at, end, OCTETS)
    oid = text(raw[begins:ends])
    if ends < end and raw[ends] == _BOOLEAN:
        ends = element(raw, ends, end, _BOOLEAN)[1]
    if ends == end:
        return oid, None
    begins, ends = element(raw, ends, end, OCTETS)
    return oid, raw[begins:ends]


def _encoded(dn: str, attributes: Mapping[str, Sequence[bytes]]) -> bytes:
    each = (
        _element(SEQUENCE, _element(OCTETS, name.encode()) + _element(SET, _elements(OCTETS, values)))
        for name, values in attributes.items()
    )
    return _element(ENTRY, _element(OCTETS, dn.encode()) + _element(SEQUENCE, b"".join(each)))


def _elements(tag: int, contents: Iterable[bytes]) -> bytes:
    return b"".join(_element(tag, content) for content in contents)


def _element(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 128:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 128 | len(length))) + length + content


_PARTS: Final[Mapping[str, Callable[[RawEntry], object]]] = {
    "dn": lambda entry: text(entry.dn_bytes),
    "attributes": RawEntry.read,
    "controls": _controls,
    "tail": lambda entry: b"",  # noqa: ARG005
}
