"""From a raw entry to values: the one place where bytes of the directory get a meaning.

It is pure: bytes in, values out, and a list of what could not be read. It guesses nothing: text that is not UTF-8 is left out
and named, because a wrong name on a profile is worse than a missing one. Attribute names are matched without regard to case, as
LDAP does (RFC 4512 §2.5).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

from syncd.core.values import Value, instant
from syncd_active_directory.entry import ONE_VALUE, SEQUENCE, SHORT, Malformed, RawEntry, attribute, lone, refused, span
from syncd_active_directory.schema import Syntax
from syncd_active_directory.usual import LEARNED_FROM, Learning, Usual

_EPOCH: Final = datetime(1601, 1, 1, tzinfo=UTC)
_DIGITS: Final = 14
"""Of a GeneralizedTime: year, month, day, hour, minute, second."""
_MOST_NAMES: Final = 1_000
"""How many names of attributes are remembered as servers write them: there are some dozens, unless somebody means harm."""
_MOST_HEADS: Final = 10_000
"""Names times lengths of values: some hundreds."""
_MOST_SETS: Final = 512
_NEVER: Final = frozenset({0, 0x7FFFFFFFFFFFFFFF})
"""Both mean “never” in accountExpires ([MS-ADA1] 2.3)."""


_Asked = tuple[str, Callable[[bytes], Value], str]
"""The name that was asked for, how one value of it is read, and what it should be."""
_Head = tuple[str, Callable[[bytes], Value], str, int]
"""The same, and how many bytes the value has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """An object's values, and the names of the attributes that could not be read."""

    attributes: dict[str, Value]
    unreadable: tuple[tuple[str, str], ...]
    """(attribute, what it should have been)."""


def decode(entry: RawEntry, asked: Mapping[str, Syntax]) -> Decoded:
    """Return the values of the attributes in `asked`, under the names written there. What says nothing is left out."""
    return Decoder(asked)(entry)


class Decoder:
    """`decode` for many entries: what is asked is looked at once, and how a value is read is chosen once per name."""

    def __init__(self, asked: Mapping[str, Syntax]) -> None:
        self._asked = {name.lower(): (name, syntax) for name, syntax in asked.items()}
        self._met: dict[bytes, _Asked] = {}
        """What is asked, by its name as the server encodes it, with the tag of the set of values: `04 02 'cn' 31`."""
        self._heads: dict[bytes, _Head] = {}
        """The same by all that stands before the first byte of an only value, which says how long that is."""
        self._sets: dict[bytes, tuple[str, Value]] = {}
        """Short attributes with several values that were read lately, by their encoding: most people are of the same classes."""
        self._learning = Learning()
        self._usual: Usual | None = None
        """Reads what is usual, once that is known."""

    def __call__(self, entry: RawEntry) -> Decoded:
        """Return the values of what is asked. Raises `TryAgain` if the entry is malformed."""
        unreadable: list[tuple[str, str]] = []
        attributes = self.values(entry.raw, unreadable)
        return Decoded(attributes=attributes, unreadable=tuple(unreadable))

    def values(self, raw: bytes, unreadable: list[tuple[str, str]]) -> dict[str, Value]:
        """Return the values, and add to `unreadable` what could not be read. Raises as the call does."""
        attributes: dict[str, Value] = {}
        try:
            self._read(raw, attributes, unreadable)
        except (Malformed, IndexError) as error:
            raise refused(error) from None
        return attributes

    def _read(self, raw: bytes, attributes: dict[str, Value], unreadable: list[tuple[str, str]]) -> None:
        """The loop for all that is not usual: most attributes begin as one that was met, up to the first byte of their only
        value."""
        heads = self._heads.get
        at, end = span(raw)
        if self._usual is not None:
            at = self._usual(raw, at, end, attributes, unreadable)
        elif self._learning.entries < LEARNED_FROM:
            self._learning.look(raw, at, end)
        else:
            self._usual = self._learning.function(
                met=self._met, text=text, other=self._other, several=self._several, known=self._sets
            )
        while at < end:
            value = at + 8 + raw[at + 3]
            head = heads(raw[at:value])
            if head is None and (head := self._head(raw, at, end)) is None:
                alone = lone(raw, at, end) if raw[at + 1] > 127 else None
                known = self._met.get(alone[0]) if alone is not None else None
                if alone is None or known is None:
                    at = self._slowly(raw, at, end, attributes, unreadable)
                    continue
                (name, read, expected), (_, value, at) = known, alone
            else:
                name, read, expected, size = head
                at = value + size
            try:
                # Texts, which most are, without a call.
                found = (raw[value:at].decode() or None) if read is text else read(raw[value:at])
            except (ValueError, OverflowError):
                unreadable.append((name, expected))
                continue
            if found is not None:
                attributes[name] = found
        if at != end:
            raise Malformed(SHORT)

    def _head(self, raw: bytes, at: int, end: int) -> _Head | None:
        """Return what stands in front of an only value, and remember it; None if the attribute at `at` is none that was met, or
        not plain: with one value that fills the set, which fills the attribute, and no length of more than a byte."""
        stop, after = at + 2 + raw[at + 1], at + 5 + raw[at + 3]
        value = after + 3
        known = self._met.get(raw[at + 2 : after])
        plain = raw[at] == SEQUENCE and raw[at + 1] < 128 and raw[after:value] == ONE_VALUE.get(stop - value)
        if known is None or not plain or stop > end:
            return None
        head = (*known, stop - value)
        if len(self._heads) < _MOST_HEADS:
            self._heads[raw[at:value]] = head
        return head

    def _other(
        self, raw: bytes, at: int, end: int, attributes: dict[str, Value], _: list[tuple[str, str]], name: bytes
    ) -> int:
        """Read the attribute at `at` if it has this name and one value, and return where it ends; else return `at`."""
        if raw[at + 1] < 128 or (alone := lone(raw, at, end)) is None or alone[0] != name:
            return at
        known = self._met[name]
        if (found := known[1](raw[alone[1] : alone[2]])) is not None:
            attributes[known[0]] = found
        return alone[2]

    def _several(
        self,
        raw: bytes,
        at: int,
        end: int,
        attributes: dict[str, Value],
        unreadable: list[tuple[str, str]],
        name: bytes,
    ) -> int:
        """Read the attribute at `at` if it has this name, and return where it ends; else return `at`."""
        begins = at + 2 + (raw[at + 1] & 127 if raw[at + 1] > 127 else 0)
        return self._slowly(raw, at, end, attributes, unreadable) if raw.startswith(name, begins) else at

    def _slowly(
        self, raw: bytes, at: int, end: int, attributes: dict[str, Value], unreadable: list[tuple[str, str]]
    ) -> int:
        """Read the attribute at `at`, however it is encoded; return where it ends."""
        encoded = raw[at : at + 2 + raw[at + 1]] if raw[at + 1] < 128 else b""
        if (seen := self._sets.get(encoded)) is not None:
            attributes[seen[0]] = seen[1]
            return at + len(encoded)
        raw_name, values, stop = attribute(raw, at, end)
        known = self._asked.get(raw_name.lower())
        if known is None or not values:
            return stop
        name, syntax = known
        if (alone := lone(raw, at, end)) is not None and len(self._met) < _MOST_NAMES:
            self._met[alone[0]] = (name, READERS[syntax], _EXPECTED[syntax])
        try:
            found = texts(values) if syntax is Syntax.TEXTS else READERS[syntax](values[0])
        except (ValueError, OverflowError):
            unreadable.append((name, _EXPECTED[syntax]))
            return stop
        if found is not None:
            attributes[name] = found
            if encoded and len(values) > 1:
                if len(self._sets) == _MOST_SETS:
                    self._sets.clear()
                self._sets[encoded] = name, found
        return stop


def texts(raw: Sequence[bytes]) -> tuple[str, ...]:
    """Return all values, sorted: LDAP values are a set, and servers return them in any order (RFC 4512 §2.2)."""
    return tuple(sorted(value.decode() for value in raw))


def text(raw: bytes) -> str | None:
    """Return UTF-8 text; None for text that says nothing."""
    return raw.decode() or None


def guid(raw: bytes) -> str:
    """Return an objectGUID as lower-case UUID text. The first three fields are little-endian ([MS-DTYP] 2.3.4.2)."""
    return str(uuid.UUID(bytes_le=raw))


def sid(raw: bytes) -> str:
    """Return a security identifier as text, S-1-5-21-… ([MS-DTYP] 2.4.2.2)."""
    if len(raw) < 8 or len(raw) != 8 + 4 * raw[1]:
        raise ValueError("not a SID")
    authority = int.from_bytes(raw[2:8], "big")
    parts = (int.from_bytes(raw[at : at + 4], "little") for at in range(8, len(raw), 4))
    return "-".join(["S", str(raw[0]), str(authority), *map(str, parts)])


def number(raw: bytes) -> int:
    """Return a decimal number."""
    return int(raw.decode("ascii"))


def flag(raw: bytes) -> bool:
    """Return a Boolean, TRUE or FALSE (RFC 4517 §3.3.3)."""
    words = {b"TRUE": True, b"FALSE": False}
    if raw.upper() not in words:
        raise ValueError("neither TRUE nor FALSE")
    return words[raw.upper()]


def time(raw: bytes) -> str | None:
    """Return a GeneralizedTime as RFC 3339 UTC; None for the year 1601, which AD writes for “not set” (RFC 4517 §3.3.13)."""
    word = raw.decode("ascii")
    if not word.endswith("Z"):
        raise ValueError("not in UTC")
    # Digit by digit: `strptime` takes seven times as long, and every object has two of these.
    if not (word[:14].isdigit() and len(word) > _DIGITS):
        raise ValueError("not a time to the second")
    day, hour, minute, second = _day(word[:8]), word[8:10], word[10:12], word[12:_DIGITS]
    if hour > "23" or minute > "59" or second > "59":
        raise ValueError("no time of day")
    return f"{day}T{hour}:{minute}:{second}Z" if day else None


@lru_cache(maxsize=4096)
def _day(digits: str) -> str:
    """Return a day as ISO 8601 writes it, empty for one of 1601. Remembered: a directory knows some thousands."""
    year, month, day = digits[:4], digits[4:6], digits[6:]
    date(int(year), int(month), int(day))  # raises for no day
    return "" if year == "1601" else f"{year}-{month}-{day}"


def filetime(raw: bytes) -> str | None:
    """Return a FILETIME as RFC 3339 UTC; None for never. Beyond the year 9999 it is never, too."""
    ticks = number(raw)
    if ticks in _NEVER or ticks < 0:
        return None
    try:
        return instant(_EPOCH + timedelta(microseconds=ticks // 10))
    except OverflowError:
        return None


_ESCAPED: Final = {ord(sign): f"\\{ord(sign):02x}" for sign in "*()\\\0"}


def escaped(text: str) -> str:
    """Return text as the value of a filter (RFC 4515 §3)."""
    return text.translate(_ESCAPED)


def filetime_of(moment: datetime) -> int:
    """Return a moment as FILETIME."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 10


READERS: Final[Mapping[Syntax, Callable[[bytes], Value]]] = {
    Syntax.TEXT: text,
    Syntax.TEXTS: lambda raw: (raw.decode(),),
    Syntax.NUMBER: number,
    Syntax.FLAG: flag,
    Syntax.GUID: guid,
    Syntax.SID: sid,
    Syntax.TIME: time,
    Syntax.FILETIME: filetime,
}
"""How one value is read."""
_EXPECTED: Final[Mapping[Syntax, str]] = {
    Syntax.TEXT: "UTF-8 text",
    Syntax.TEXTS: "UTF-8 text",
    Syntax.NUMBER: "number",
    Syntax.FLAG: "TRUE or FALSE",
    Syntax.GUID: "GUID",
    Syntax.SID: "SID",
    Syntax.TIME: "time",
    Syntax.FILETIME: "time",
}


def parent_name(dn: str) -> str:
    """Return the name of the object above: what follows the first comma that is not escaped (RFC 4514 §2.4)."""
    at = 0
    while at < len(dn):
        if dn[at] == "\\":
            at += 2
            continue
        if dn[at] == ",":
            return dn[at + 1 :]
        at += 1
    return ""


def is_below(dn: str, base: str) -> bool:
    """Tell whether `dn` is `base` or stands below it; letters' case does not count."""
    dn, base = dn.casefold(), base.casefold()
    return dn == base or dn.endswith("," + base)
