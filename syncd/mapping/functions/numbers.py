"""Functions on numbers: reading and writing them, bits of directory flags, and stable numbers made from texts."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Any, Final

from syncd.core.errors import message
from syncd.mapping.functions.contract import (
    TEXT,
    Arguments,
    Call,
    Example,
    Function,
    Param,
    Surroundings,
    one_of_types,
    text_of,
    unfit,
)
from syncd.mapping.functions.patterns import NOT_UNICODE
from syncd.mapping.functions.text import plain

NOT_A_NUMBER: Final = message(
    "FUN-111",
    what="{function}: the value is not a number{why}.",
    do="Remove what does not belong to it (`remove_chars`, `regex_extract`), or correct it in the source.",
    example='via: [to_number]   # on "1,000"',
)

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?")
_LONGEST: Final = 64
# [MS-ADTS] userAccountControl: ADS_UF_ACCOUNTDISABLE
_ACCOUNT_DISABLED: Final = 0x2


def _to_number(value: Any) -> int | float:
    if isinstance(value, bool):
        raise TypeError("a text or a number is expected")
    if isinstance(value, int | float):
        return value
    if str.__len__(value) > _LONGEST:
        unfit(NOT_A_NUMBER, function="to_number", why=", it is too long")
    text = unicodedata.normalize("NFKC", value).strip()
    if not _NUMBER.fullmatch(text):
        unfit(NOT_A_NUMBER, function="to_number", why="")
    return float(text) if "." in text else int(text)


def _whole(value: Any, function: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    number = _to_number(value)
    if isinstance(number, int) or number.is_integer():
        return int(number)
    return unfit(NOT_A_NUMBER, function=function, why=" without a fraction")


def _bit(_around: Surroundings, given: Arguments) -> Call:
    mask = given["mask"]
    return lambda value: _whole(value, "bit") & mask == mask


def _uac_enabled(value: Any) -> bool:
    return not _whole(value, "uac_enabled") & _ACCOUNT_DISABLED


def _sha256(value: Any, function: str) -> bytes:
    try:
        return hashlib.sha256(str.encode(value)).digest()
    except UnicodeEncodeError:
        unfit(NOT_UNICODE, function=function)


def _hash(_around: Surroundings, given: Arguments) -> Call:
    length = given["length"]
    return lambda value: _sha256(value, "hash").hex()[:length]


def _bucket(_around: Surroundings, given: Arguments) -> Call:
    count = given["count"]
    # 64 bits modulo at most a million: the bias towards low numbers is below 10^-13.
    return lambda value: int.from_bytes(_sha256(value, "bucket")[:8]) % count


_EITHER: Final = one_of_types("text", "number")

FUNCTIONS: Final = (
    Function(
        name="to_number",
        takes=_EITHER,
        gives="number",
        doc="Reads a number. The point is the decimal mark; thousands separators are not guessed at. Full-width digits are "
        "digits.",
        examples=(
            Example(value=" 007 ", gives=7),
            Example(value="３.5", gives=3.5),
            Example(value="1,000", fails="FUN-111", note="A thousand, or one? Say `remove_chars: ','` first."),
        ),
        make=plain(_to_number),
    ),
    Function(
        name="to_text",
        takes=one_of_types("text", "number", "flag"),
        gives="text",
        doc="Writes a number or a flag as text; a whole number never gets a fraction, however the spreadsheet kept it.",
        examples=(
            Example(value=42.0, gives="42"),
            Example(value=True, gives="true"),
            Example(value="007", gives="007"),
        ),
        make=plain(text_of),
    ),
    Function(
        name="bit",
        takes=_EITHER,
        gives="flag",
        doc="Tells whether all bits of a mask are set in a number.",
        params=(Param(name="mask", type="number", least=1, doc="The bits, such as 65536 (password never expires)."),),
        examples=(
            Example(value=66048, args={"mask": 65536}, gives=True),
            Example(value="512", args={"mask": 2}, gives=False),
            Example(value="0.5", args={"mask": 2}, fails="FUN-111"),
        ),
        make=_bit,
    ),
    Function(
        name="uac_enabled",
        takes=_EITHER,
        gives="flag",
        doc="Tells from Active Directory's userAccountControl whether an account is enabled (bit 2 is not set).",
        examples=(
            Example(value=512, gives=True),
            Example(value="514", gives=False),
            Example(value="normal", fails="FUN-111"),
        ),
        make=plain(_uac_enabled),
    ),
    Function(
        name="hash",
        takes=TEXT,
        gives="text",
        doc="Makes a stable key from a text: SHA-256 in hexadecimal, cut. The text cannot be read from it, but somebody who "
        "knows all possible texts can try them: it hides nothing from such a person.",
        params=(Param(name="length", type="number", least=8, most=64, default=16, doc="How many digits to keep."),),
        examples=(
            Example(value="contoh/sales", gives="8e32534d3766d2f4"),
            Example(value="a", args={"length": 4}, fails="FUN-004", note="Too few digits would collide."),
        ),
        make=_hash,
    ),
    Function(
        name="bucket",
        takes=TEXT,
        gives="number",
        doc="Puts a text into one of some buckets, always the same one, evenly: for piloting with a part of the company.",
        params=(Param(name="count", type="number", least=2, most=1_000_000, doc="How many buckets; the first is 0."),),
        examples=(
            Example(value="000427", args={"count": 10}, gives=9),
            Example(value="000427", args={"count": 1}, fails="FUN-004"),
        ),
        make=_bucket,
    ),
)
