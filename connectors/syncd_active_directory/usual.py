"""What the entries of one read usually look like, written out as one function: attribute after attribute, without a loop.

A server sends the attributes of all entries in much the same order, so after some entries it is known what comes next. The
function that is made of that looks whether it does, and goes on with the next line where it does not: an attribute that somebody
lacks costs a comparison. It reads as far as entries are usual and says how far that was; whatever else there is, is left to
whoever asked, so nothing depends on whether it was learned. Of `uid`, `telephoneNumber` and `modifyTimestamp` this becomes:

    def usual(raw, at, end, d, u):
        try:
            v = at + 11; n = raw[v - 1]
            if raw[at:v] == H0[n]: d['uid'] = raw[v : v + n].decode(); at = v + n
            v = at + 23; n = raw[v - 1]
            if raw[at:v] == H1[n]: d['telephoneNumber'] = raw[v : v + n].decode(); at = v + n
            v = at + 23; n = raw[v - 1]
            if raw[at:v] == H2[n]:
                x = R2(raw[v : v + n]); at = v + n
                if x is not None: d['modifyTimestamp'] = x
        except (IndexError, ValueError, OverflowError): pass
        return at

`H0[n]` is all that stands before a value of n bytes: `30 len 04 03 'uid' 31 len 04 n`. Names are put in by `repr`, and are those
that were asked for; nothing that a server sends is ever run as Python.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final

from syncd.core.values import Value
from syncd_active_directory.entry import OCTETS, SEQUENCE, element, lone

Usual = Callable[[bytes, int, int, dict[str, Value], list[tuple[str, str]]], int]
"""(entry, where its attributes begin and end, values, what is unreadable) -> where what is not usual begins."""
Step = Callable[[bytes, int, int, dict[str, Value], list[tuple[str, str]], bytes], int]
"""The same for one attribute that is no plain one; its encoded name is told, and anything else is left where it is."""

LEARNED_FROM: Final = 100
"""Entries. To make the function takes as long as to read a few hundred."""
_SELDOM: Final = LEARNED_FROM // 10
"""What fewer entries have is left out: to look for it costs everybody."""
_MOST: Final = 250
"""Attributes that are learned; a server that has more means harm."""
_ONE_BYTE: Final = 128


class Form(StrEnum):
    """How an attribute is encoded."""

    SHORT = "short"
    """One value, and no length of more than a byte."""
    LONG = "long"
    """One value whose own length has one byte, and five for the lengths around it, as Active Directory writes all of them."""
    OTHER = "other"
    """One value, and lengths of other forms."""
    SEVERAL = "several"


class Learning:
    """Which attributes came in which order."""

    def __init__(self) -> None:
        self._order: list[tuple[bytes, Form]] = []
        self._times: Counter[tuple[bytes, Form]] = Counter()
        self.entries = 0

    def look(self, raw: bytes, at: int, end: int) -> None:
        """Take in an entry. Raises `Malformed` or `IndexError` as reading it does."""
        before = -1
        while at < end:
            start, stop = element(raw, at, end, SEQUENCE)
            one = _form(raw, at, start, end)
            at = stop
            if one in self._order:
                before = self._order.index(one)
            elif len(self._order) < _MOST:
                before += 1
                self._order.insert(before, one)
            else:
                continue
            self._times[one] += 1
        self.entries += 1

    def function(
        self,
        *,
        met: Mapping[bytes, tuple[str, Callable[[bytes], Value], str]],
        text: Callable[[bytes], Value],
        other: Step,
        several: Step,
        known: Mapping[bytes, tuple[str, Value]],
    ) -> Usual:
        """Write the function out.

        `met` are the attributes that are asked for, by name as the server encodes it, and `text` is how those are read that are
        text; `known` are attributes with several values by their whole encoding.
        """
        names: dict[str, Any] = {"OTHER": other, "SEVERAL": several, "KNOWN": known.get}
        lines: list[str] = []
        for number, one in enumerate(self._order):
            asked = met.get(one[0])
            if self._times[one] >= _SELDOM and (asked or one[1] is Form.SEVERAL):
                name, read = (asked[0], asked[1]) if asked else ("", text)
                lines += _lines(number, *one, name, None if read is text else read, names)
        body = "\n".join(f"        {line}" for line in (*lines, "pass"))
        source = f"""\
def usual(raw, at, end, d, u):
    try:
{body}
    except (IndexError, ValueError, OverflowError): pass
    return at
"""
        exec(compile(source, "<usual>", "exec"), names)  # noqa: S102 - our own text, see the module's first lines
        made: Usual = names["usual"]
        return made


def _form(raw: bytes, at: int, start: int, end: int) -> tuple[bytes, Form]:
    """Return the name (encoded, with the tag of the set of values) of the attribute at `at`, whose content begins at `start`."""
    name = raw[start : start + 3 + raw[start + 1]]
    alone = lone(raw, at, end)
    if alone is None:
        return name, Form.SEVERAL
    head = raw[at : alone[1]]
    form = next((form for form in (Form.SHORT, Form.LONG) if head == _head(name, form, raw[alone[1] - 1])), Form.OTHER)
    return name, form


def _head(name: bytes, form: Form, size: int) -> bytes | None:
    """Return what stands before an only value of so many bytes; None where it is of another form then, or says nothing."""
    held, before = size + 2, len(name) + 1  # the name ends with the set's tag, after which comes its length
    if form is Form.SHORT:
        whole = before + held
        if not 0 < size < _ONE_BYTE or whole >= _ONE_BYTE:
            return None
        return bytes((SEQUENCE, whole)) + name + bytes((held, OCTETS, size))
    if not 0 < size < _ONE_BYTE:
        return None
    around = [bytes((0x84,)) + length.to_bytes(4, "big") for length in (before + 4 + held, held)]
    return bytes((SEQUENCE,)) + around[0] + name + around[1] + bytes((OCTETS, size))


def _lines(
    number: int, encoded: bytes, form: Form, name: str, read: Callable[[bytes], Value] | None, names: dict[str, Any]
) -> list[str]:
    """Return the lines for one attribute; `read` is None for text."""
    names[f"N{number}"] = encoded
    if form is Form.OTHER:
        return [f"if raw[at + 1] > 127: at = OTHER(raw, at, end, d, u, N{number})"]
    if form is Form.SEVERAL:
        # What was read lately is known by its bytes, whatever it is called.
        return [
            "x = KNOWN(raw[at : at + 2 + raw[at + 1]])",
            f"if x is None: at = SEVERAL(raw, at, end, d, u, N{number})",
            "else: d[x[0]] = x[1]; at += 2 + raw[at + 1]",
        ]
    heads = tuple(_head(encoded, form, size) for size in range(256))
    names[f"H{number}"] = heads
    size = next(len(head) for head in heads if head is not None)
    opening = [f"v = at + {size}; n = raw[v - 1]", f"if raw[at:v] == H{number}[n]:"]
    if read is None:
        opening[1] += f" d[{name!r}] = raw[v : v + n].decode(); at = v + n"
        return opening
    names[f"R{number}"] = read
    return [*opening, f"    x = R{number}(raw[v : v + n]); at = v + n", f"    if x is not None: d[{name!r}] = x"]
