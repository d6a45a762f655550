"""Functions on one text: blanks, case, joining ends, cutting. Patterns live in `patterns`, lists in `lists`.

`str` methods are called unbound (`str.strip(value)`), so that a value which is no text raises `TypeError` by itself.
"""

from __future__ import annotations

import functools
import unicodedata
from typing import Any, Final

from syncd.core.errors import message
from syncd.core.fields import FieldSpec, FieldType
from syncd.core.values import Value
from syncd.mapping.functions.contract import (
    RESULT_LIMIT,
    TEXT,
    TOO_LONG,
    Arguments,
    Call,
    Example,
    Function,
    FunctionError,
    Make,
    Param,
    Surroundings,
    capped,
    unfit,
)
from syncd.mapping.functions.cutting import cut

NO_LIMIT: Final = message(
    "FUN-007",
    what="truncate_to_field has no field with a limit to cut to.",
    do="Use it in an outbound rule of a field that has a limit, or write `truncate: N`.",
    example="remark: {from: remark, via: [truncate_to_field]}   # in an inbound rule",
)
ONE_CHARACTER: Final = message(
    "FUN-008",
    what="{function}: {parameter} must be one character.",
    do="Give exactly one character, such as 0.",
    example='via: [{pad_left: {width: 6, with: "00"}}]',
)
EMPTY: Final = message(
    "FUN-009",
    what="{function}: {parameter} must not be empty.",
    do="Write the text that is meant, or remove this step.",
    example='via: [{replace: {old: "", new: "-"}}]',
)


def plain(call: Call) -> Make:
    """Return the `make` of a function without parameters: `call` itself is the fastest there is."""

    def make(_around: Surroundings, _given: Arguments) -> Call:
        return call

    return make


def _simple(name: str, call: Call, doc: str, *examples: Example) -> Function:
    return Function(name=name, takes=TEXT, gives="text", doc=doc, examples=examples, make=plain(call))


# C0 and C1 controls, which no page shows, and the marks that turn the reading direction (CVE-2021-42574). Blanks among the
# controls (a tab, a line's end) are blanks first.
_UNSEEN: Final = dict.fromkeys(
    (*range(9), *range(14, 28), *range(127, 133), *range(134, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
)


def _squeeze(value: str) -> str:
    if not str.isprintable(value):  # asked first: nearly always it is, and to look at each character is dear
        value = value.translate(_UNSEEN)
    return " ".join(str.split(value))


def _title_case(value: str) -> str:
    """Start each word with a capital. Unlike `str.title`, an apostrophe does not begin a word: O'Brien, Ma'ruf."""
    return " ".join(_title_word(word) for word in str.split(value, " "))


def _title_word(word: str) -> str:
    parts = word.split("-")
    return "-".join(_title_apostrophe(part) for part in parts)


def _title_apostrophe(part: str) -> str:
    # O'brien is O'Brien, but Ma'ruf stays Ma'ruf: only one letter before the apostrophe makes the next one a capital.
    head, mark, tail = part.partition("'")
    if mark and len(head) == 1 and len(tail) > 1:
        return head.upper() + mark + tail.capitalize()
    return part.capitalize()


def _normalise(value: str) -> str:
    # One character can become eighteen (U+FDFA).
    return capped(unicodedata.normalize("NFKC", value), "normalise")


@functools.lru_cache(maxsize=4096)
def _stripped(character: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", character) if not unicodedata.combining(c))


_OWN_LETTERS: Final = str.maketrans(
    {"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ł": "l", "Ł": "L", "ı": "i"}
)


def _strip_accents(value: str) -> str:
    if str.isascii(value):
        return value
    plain_text = "".join(map(_keep_or_strip, value.translate(_OWN_LETTERS)))
    return unicodedata.normalize("NFC", plain_text)


def _keep_or_strip(character: str) -> str:
    # Only Latin, Greek and Cyrillic lose marks; in other scripts (Hangul, kana, Thai) they are part of the letter.
    return _stripped(character) if character < "\u0530" or "\u1e00" <= character < "\u2000" else character


def _digits_only(value: str) -> str:
    return "".join(filter(str.isdecimal, unicodedata.normalize("NFKC", value)))


def _remove_chars(_around: Surroundings, given: Arguments) -> Call:
    table = dict.fromkeys(map(ord, given["chars"]))
    return lambda value: str.translate(value, table)


def _prefix(_around: Surroundings, given: Arguments) -> Call:
    text = given["text"]
    return lambda value: capped(text + value, "prefix")


def _suffix(_around: Surroundings, given: Arguments) -> Call:
    text = given["text"]
    return lambda value: capped(value + text, "suffix")


def _replace(_around: Surroundings, given: Arguments) -> Call:
    old, new = given["old"], given["new"]
    if not old:
        raise FunctionError(EMPTY.at(function="replace", parameter="old"))
    growth = len(new) - len(old)

    def call(value: Any) -> Value:
        # The size is known before anything is built, so a huge result is never held in memory.
        if growth > 0 and len(value) + growth * str.count(value, old) > RESULT_LIMIT:
            unfit(TOO_LONG, function="replace", limit=RESULT_LIMIT, unit="characters")
        return str.replace(value, old, new)

    return call


def _pad_left(_around: Surroundings, given: Arguments) -> Call:
    width, fill = given["width"], given["with"]
    if len(fill) != 1:
        raise FunctionError(ONE_CHARACTER.at(function="pad_left", parameter="with"))
    return lambda value: str.rjust(value, width, fill)


def _substring(_around: Surroundings, given: Arguments) -> Call:
    start = given["start"] - 1
    length = given["length"]
    part = slice(start, start + length if length else None)
    return lambda value: str.__getitem__(value, part)


def _truncate(_around: Surroundings, given: Arguments) -> Call:
    limit, ending = given["length"], given["ending"]
    return lambda value: cut(value, limit, ending)


def _truncate_to_field(around: Surroundings, given: Arguments) -> Call:
    if around.target is None or around.target.max_length is None:
        raise FunctionError(NO_LIMIT.at())
    limit, ending = around.target.max_length, given["ending"]
    return lambda value: cut(value, limit, ending)


_LENGTH_ENDING: Final = Param(
    name="ending", type="text", default="", doc="What to put at the end of a text that was cut, such as …; it counts."
)

FUNCTIONS: Final = (
    _simple(
        "trim",
        str.strip,
        "Removes blanks at both ends, of every kind that Unicode knows.",
        Example(value="  Siti Rahma\u3000", gives="Siti Rahma", note="The full-width blank U+3000 goes too."),
        Example(value=" ", gives=""),
    ),
    _simple(
        "squeeze",
        _squeeze,
        "Removes blanks at both ends and leaves one where several stand between words; control characters and marks that "
        "turn the reading direction go, too.",
        Example(value=" Budi \t  Santoso ", gives="Budi Santoso"),
        Example(value="Budi\x00 \x1b[31mSantoso\u202e", gives="Budi [31mSantoso"),
        Example(value="", gives=""),
    ),
    _simple(
        "lower",
        str.lower,
        "Makes every letter small.",
        Example(value="Li.Wei@EXAMPLE.com", gives="li.wei@example.com"),
        Example(value="李伟", gives="李伟"),
    ),
    _simple(
        "upper",
        str.upper,
        "Makes every letter a capital.",
        Example(value="id-jkt", gives="ID-JKT"),
        Example(value="straße", gives="STRASSE", note="A text may become longer."),
    ),
    _simple(
        "casefold",
        str.casefold,
        "Makes texts that differ only in case the same, for comparing; not for showing.",
        Example(value="STRASSE", gives="strasse"),
        Example(value="Straße", gives="strasse"),
    ),
    _simple(
        "capitalise",
        str.capitalize,
        "Makes the first letter a capital and all others small.",
        Example(value="JAKARTA selatan", gives="Jakarta selatan"),
        Example(value="", gives=""),
    ),
    _simple(
        "title_case",
        _title_case,
        "Makes the first letter of each word a capital and all others small. Blanks stay as they are; a hyphen begins a "
        "word, an apostrophe does so only after a single letter.",
        Example(value="SITI NUR-AINI", gives="Siti Nur-Aini"),
        Example(value="ma'ruf o'brien", gives="Ma'ruf O'Brien"),
    ),
    _simple(
        "normalise",
        _normalise,
        "Turns compatibility forms into ordinary characters (Unicode NFKC): full-width letters and digits, half-width "
        "kana, ligatures. Text that was composed differently becomes equal.",
        Example(value="Ｌｉ　Ｗｅｉ（１２）", gives="Li Wei(12)"),
        Example(value="e\u0301", gives="é"),
    ),
    _simple(
        "strip_accents",
        _strip_accents,
        "Removes accents from Latin, Greek and Cyrillic letters; other scripts stay as they are. ß becomes ss, ø o, đ d.",
        Example(value="Lý Thị Ngọc", gives="Ly Thi Ngoc"),
        Example(value="吕 Jürgen", gives="吕 Jurgen"),
    ),
    _simple(
        "digits_only",
        _digits_only,
        "Keeps only digits; full-width digits become ordinary ones.",
        Example(value="EMP-００42/7", gives="00427"),
        Example(value="none", gives=""),
    ),
    Function(
        name="remove_chars",
        takes=TEXT,
        gives="text",
        doc="Removes each of the given characters.",
        params=(Param(name="chars", type="text", doc="The characters to remove, in any order."),),
        examples=(
            Example(value="Sales-, North，", args={"chars": "-,，"}, gives="Sales North"),
            Example(value="---", args={"chars": "-"}, gives=""),
        ),
        make=_remove_chars,
    ),
    Function(
        name="prefix",
        takes=TEXT,
        gives="text",
        doc="Puts a text before the value.",
        params=(Param(name="text", type="text", doc="The text to put before."),),
        examples=(
            Example(value="00042", args={"text": "ID"}, gives="ID00042"),
            Example(value="x" * RESULT_LIMIT, args={"text": "ID"}, fails="FUN-101", note="A text of 64 KB is full."),
        ),
        make=_prefix,
    ),
    Function(
        name="suffix",
        takes=TEXT,
        gives="text",
        doc="Puts a text after the value.",
        params=(Param(name="text", type="text", doc="The text to put after."),),
        examples=(
            Example(value="li.wei", args={"text": "@example.com"}, gives="li.wei@example.com"),
            Example(value="北京", args={"text": "分公司"}, gives="北京分公司"),
        ),
        make=_suffix,
    ),
    Function(
        name="replace",
        takes=TEXT,
        gives="text",
        doc="Replaces every occurrence of a text by another one, letter by letter; for patterns see `regex_replace`.",
        params=(
            Param(name="old", type="text", doc="What to replace."),
            Param(name="new", type="text", default="", doc="What to put there; nothing if it is left out."),
        ),
        examples=(
            Example(value="Sales, North", args={"old": ", ", "new": " / "}, gives="Sales / North"),
            Example(value="Sales", args={"old": "", "new": "-"}, fails="FUN-009", note="Nothing cannot be replaced."),
        ),
        make=_replace,
    ),
    Function(
        name="pad_left",
        takes=TEXT,
        gives="text",
        doc="Fills a short text up at its left, for numbers that lost their leading zeros.",
        params=(
            Param(name="width", type="number", least=1, most=1000, doc="The least number of characters."),
            Param(name="with", type="text", default="0", doc="The character to fill with."),
        ),
        examples=(
            Example(value="427", args={"width": 6}, gives="000427"),
            Example(value="1234567", args={"width": 6}, gives="1234567", note="Nothing is ever cut."),
            Example(value="427", args={"width": 6, "with": "00"}, fails="FUN-008"),
        ),
        make=_pad_left,
    ),
    Function(
        name="substring",
        takes=TEXT,
        gives="text",
        doc="Keeps a part of the text; characters are counted from 1.",
        params=(
            Param(name="start", type="number", least=1, doc="The first character to keep."),
            Param(name="length", type="number", least=0, default=0, doc="How many to keep; 0 for all that follow."),
        ),
        examples=(
            Example(value="CN-3100-Sales", args={"start": 4, "length": 4}, gives="3100"),
            Example(value="CN", args={"start": 4}, gives="", note="Beyond the end there is nothing."),
        ),
        make=_substring,
    ),
    Function(
        name="truncate",
        takes=TEXT,
        gives="text",
        doc="Cuts a text that is too long. What people see as one character (a letter with its accents, an emoji) is never "
        "cut in two, and no blank stays at the cut.",
        params=(Param(name="length", type="number", least=1, doc="The most characters to keep."), _LENGTH_ENDING),
        examples=(
            Example(value="Senior Sales Manager", args={"length": 12}, gives="Senior Sales"),
            Example(value="Senior Sales Manager", args={"length": 12, "ending": "…"}, gives="Senior Sale…"),
            Example(
                value="Rene\u0301", args={"length": 4}, gives="Ren", note="The accent is not torn from its letter."
            ),
            Example(value="Budi", args={"length": 0}, fails="FUN-004"),
        ),
        make=_truncate,
    ),
    Function(
        name="truncate_to_field",
        takes=TEXT,
        gives="text",
        doc="Cuts a text to what the outbound field can hold; see `truncate`.",
        params=(_LENGTH_ENDING,),
        examples=(
            Example(value="Kantor Pusat", target=FieldSpec(type=FieldType.TEXT, max_length=6), gives="Kantor"),
            Example(value="Kantor Pusat", fails="FUN-007", note="In an inbound rule there is no such field."),
        ),
        make=_truncate_to_field,
    ),
)
