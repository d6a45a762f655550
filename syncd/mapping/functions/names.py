"""Functions on people's names: pinyin, other scripts, putting names together, titles.

Chinese names stand family name first and without a blank; many Indonesians have one name only, and a patronymic or a
title is no family name. So nothing here ever invents a family name.
"""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections.abc import Callable
from typing import Any, Final

from syncd.mapping.functions.contract import (
    RESULT_LIMIT,
    TEXT,
    TOO_LONG,
    Arguments,
    Call,
    Example,
    Function,
    Param,
    Surroundings,
    capped,
    items,
    unfit,
)
from syncd.mapping.functions.cutting import boundary
from syncd.mapping.functions.surnames import COMPOUND, READINGS, surname_length
from syncd.mapping.functions.text import plain

_HAN: Final = re.compile(r"[\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]+")
_NAME_LIMIT: Final = 1_024
"""Characters of a Han text that are read; no name is longer, and pypinyin's time grows with phrases."""


def is_han(text: str) -> bool:
    """Tell whether a text is written in Chinese characters only (blanks and the middle dot of long names aside)."""
    return _HAN.fullmatch(text.replace(" ", "").replace("·", "")) is not None


@functools.cache
def _reader() -> Callable[[str], list[str]]:
    from pypinyin import Style, lazy_pinyin

    return lambda han: lazy_pinyin(han, style=Style.TONE)


def _syllables(han: str, surname: str) -> tuple[list[str], list[str]]:
    """Return the syllables of the surname and of the rest, with tone marks."""
    if surname == "none":
        return [], _reader()(han)
    length = len(han) if surname == "only" else surname_length(han)
    family, given = han[:length], han[length:]
    if len(family) == 2 and family in COMPOUND:
        read = list(COMPOUND[family])
    else:
        read = [READINGS[one] if one in READINGS else _reader()(one)[0] for one in family]
    return read, _reader()(given) if given else []


def _toneless(syllable: str, umlaut: str) -> str:
    """Return a syllable without its tone; ü is written as the rule wishes (yu is what Chinese passports write)."""
    marked = unicodedata.normalize("NFD", syllable)
    bare = "".join(c for c in marked if not unicodedata.combining(c) or c == "\u0308")
    return unicodedata.normalize("NFC", bare).replace("ü", umlaut)


def _pinyin(_around: Surroundings, given: Arguments) -> Call:
    style, umlaut, surname = given["style"], given["umlaut"], given["surname"]
    between: str = given["separator"]
    joint: str = given["syllables"]
    swapped, lower = given["order"] == "given_first", given["case"] == "lower"

    def spell(syllables: list[str]) -> str:
        if style == "initials":
            return "".join(_toneless(one, umlaut)[:1] for one in syllables)
        spelled = syllables if style == "tone" else [_toneless(one, umlaut) for one in syllables]
        return joint.join(spelled)

    def shape(text: str) -> str:
        if lower:
            return text.lower()
        return text.upper() if style == "initials" else text[:1].upper() + text[1:]

    def one(han: str) -> str:
        family, rest = (shape(spell(part)) for part in _syllables(han, surname))
        pair = (rest, family) if swapped else (family, rest)
        return between.join(part for part in pair if part)

    def call(value: Any) -> str:
        text = str.strip(value)
        if len(text) > _NAME_LIMIT:
            unfit(TOO_LONG, function="pinyin", limit=_NAME_LIMIT, unit="characters of a name")
        if "·" in text and is_han(text):  # names of other peoples, spelled in characters: 买买提·吐尔逊 has no surname
            parts = (shape(spell(_reader()(part))) for part in text.replace(" ", "").split("·") if part)
            return between.join(parts)
        return one(text.replace(" ", "")) if is_han(text) else _mixed(text, one)

    return call


def _mixed(text: str, one: Callable[[str], str]) -> str:
    """Read the Chinese stretches of a text and leave the rest; a blank comes between where there was none."""
    pieces, end = [], 0
    for found in _HAN.finditer(text):
        pieces += [text[end : found.start()].strip(), one(found[0])]
        end = found.end()
    return " ".join(piece for piece in [*pieces, text[end:].strip()] if piece)


def _transliterate(_around: Surroundings, _given: Arguments) -> Call:
    from anyascii import anyascii

    def call(value: Any) -> str:
        if str.isascii(value):
            return str(value)
        if len(value) > RESULT_LIMIT:
            unfit(TOO_LONG, function="transliterate", limit=RESULT_LIMIT, unit="characters")
        return capped(anyascii(value), "transliterate")

    return call


def _stripped(part: Any) -> str:
    return "" if part is None else str.strip(part)


def _family_given(_around: Surroundings, given: Arguments) -> Call:
    order = given["order"]

    def call(value: Any) -> str | None:
        family, first = (*map(_stripped, items(value)), "", "")[:2]
        if not family or not first or family.casefold() == first.casefold():
            return first or family or None
        if order == "auto" and is_han(family) and is_han(first):
            return capped(family + first, "family_given")
        pair = (family, first) if order == "family_first" else (first, family)
        return capped(" ".join(pair), "family_given")

    return call


def _initials(_around: Surroundings, given: Arguments) -> Call:
    most, dotted = given["most"], given["dots"]

    def call(value: Any) -> str:
        words = itertools.islice((word for word in re.split(r"[\s\-]+", value) if word[:1].isalpha()), most)
        letters = [word[0].upper() for word in words]
        return "".join(letter + "." for letter in letters) if dotted else "".join(letters)

    return call


# Titles before a name, as Indonesian and English directories write them; a dot makes Ir and H titles, R alone is a name.
_BEFORE: Final = frozenset({
    "dr", "dr.", "drs", "drs.", "dra", "dra.", "ir.", "h.", "hj", "hj.", "kh", "kh.", "prof", "prof.",
    "mr", "mr.", "mrs", "mrs.", "ms", "ms.", "bpk", "bpk.", "bapak", "ibu", "sdr", "sdr.", "sdri", "sdri.",
})  # fmt: skip
# Degrees after a comma: S.T., M.Kom, S.Pd.I, Ph.D. and the like. What could be the given name of "SANTOSO, BUDI" is none.
_DOTTED: Final = re.compile(r"(?:A\.Md|Sp|Ph|LL|[SMBD])\.(?:[A-Z][A-Za-z]{0,4}\.?){1,4}")
_UNDOTTED: Final = frozenset({
    "se", "sh", "ss", "st", "skm", "skom", "spd", "mm", "mt", "mh", "mba", "msc", "msi", "mkom", "mpd", "phd", "bsc",
    "cpa", "cfa", "pmp", "a.md", "a.md.",
})  # fmt: skip
_CHINESE_TITLES: Final = ("先生", "女士", "小姐", "博士", "教授")


def _strip_titles(value: Any) -> str:
    name, *degrees = str.split(value, ",")
    kept = [part for part in degrees if not all(map(_is_degree, part.split() or ["-"]))]
    words = name.split()
    titles = sum(1 for _ in itertools.takewhile(lambda word: word.casefold() in _BEFORE, words[:-1]))
    text = ",".join([" ".join(words[titles:]), *kept])
    for title in _CHINESE_TITLES:
        if text.endswith(title) and len(text) > len(title) + 1:
            return text.removesuffix(title).rstrip()
    return text


def _is_degree(word: str) -> bool:
    return word.casefold() in _UNDOTTED or _DOTTED.fullmatch(word) is not None


def numbered(value: str, n: int, limit: int | None = None) -> str:
    """Return the `n`-th candidate for a value that must be unique: `li.wei`, `li.wei2`, `li.wei3`, …

    The number stands before the @ of an e-mail address. The text before the number is cut so that the whole stays within
    `limit` characters; a first candidate that is too long is cut as well.
    """
    head, at, tail = value.partition("@")
    number = str(n) if n > 1 else ""
    room = max(0, limit - len(number) - len(at) - len(tail)) if limit is not None else len(head)
    short = head if len(head) <= room else head[: boundary(head, room)].rstrip(" .-_")
    whole = short + number + at + tail
    return whole if limit is None else whole[:limit]


def _numbered(around: Surroundings, given: Arguments) -> Call:
    number, limit = given["number"], around.target.max_length if around.target else None

    def call(value: Any) -> str:
        if isinstance(value, str):
            return capped(numbered(value, number, limit), "numbered")
        raise TypeError("a text is expected")

    return call


def _choice(name: str, choices: tuple[str, ...], doc: str) -> Param:
    return Param(name=name, type="text", default=choices[0], choices=choices, doc=doc)


FUNCTIONS: Final = (
    Function(
        name="pinyin",
        takes=TEXT,
        gives="text",
        doc="Writes a Chinese name in pinyin, with the readings that surnames have (单 Shan, 曾 Zeng, 仇 Qiu) and compound "
        "surnames kept together (欧阳 Ouyang). What is not Chinese stays as it is.",
        params=(
            _choice("style", ("plain", "tone", "initials"), "Without tones, with tone marks, or first letters only."),
            Param(name="separator", type="text", default=" ", doc="What to put between surname and given name."),
            _choice(
                "surname", ("first", "none", "only"), "Whether the text begins with, has no, or is only a surname."
            ),
            _choice("order", ("surname_first", "given_first"), "Which of the two comes first."),
            _choice("case", ("title", "lower"), "Capitals at the beginnings, or none."),
            Param(name="syllables", type="text", default="", doc="What to put between the syllables of one part."),
            _choice(
                "umlaut", ("yu", "v", "u", "ü"), "How to write ü after l and n: Chinese passports write 吕 as LYU."
            ),
        ),
        examples=(
            Example(value="欧阳晓明", gives="Ouyang Xiaoming"),
            Example(value="曾伟", args={"separator": ".", "order": "given_first", "case": "lower"}, gives="wei.zeng"),
            Example(value="单", args={"surname": "only"}, gives="Shan"),
            Example(value="单", args={"surname": "none"}, gives="Dan"),
            Example(value="吕红", args={"style": "tone"}, gives="Lǚ Hóng"),
            Example(value="买买提·吐尔逊", gives="Maimaiti Tuerxun"),
            Example(value="李伟 (Wei)", gives="Li Wei (Wei)"),
            Example(value="李伟", args={"style": "bopomofo"}, fails="FUN-004"),
        ),
        make=_pinyin,
    ),
    Function(
        name="transliterate",
        takes=TEXT,
        gives="text",
        doc="Writes any script in ASCII letters, character by character. For Chinese names `pinyin` reads better.",
        examples=(
            Example(value="Nguyễn Thị Ánh", gives="Nguyen Thi Anh"),
            Example(value="Юрий", gives="Yuriy"),
            Example(value="ASCII", gives="ASCII"),
        ),
        make=_transliterate,
    ),
    Function(
        name="family_given",
        takes=TEXT,
        gives="text",
        doc="Makes the name to show from `from: [family name, given name]`: Chinese family name and given name without a "
        "blank, others given name first. One name alone stays alone, also where a directory wrote it into both fields.",
        params=(
            _choice("order", ("auto", "given_first", "family_first"), "The order for names that are not Chinese."),
        ),
        examples=(
            Example(value=["李", "伟"], gives="李伟"),
            Example(value=["Santoso", "Budi"], gives="Budi Santoso"),
            Example(value=["Suharti", "Suharti"], gives="Suharti"),
            Example(value=[None, "Slamet"], gives="Slamet"),
            Example(value=[None, " "], gives=None),
        ),
        make=_family_given,
        joins=True,
    ),
    Function(
        name="initials",
        takes=TEXT,
        gives="text",
        doc="Gives the first letters of the words of a name, as capitals.",
        params=(
            Param(name="most", type="number", least=1, most=20, default=3, doc="How many letters at most."),
            Param(name="dots", type="flag", default=False, doc="Whether to put a dot after each."),
        ),
        examples=(
            Example(value="Siti Nur-Aini Putri", gives="SNA"),
            Example(value="siti aminah", args={"dots": True}, gives="S.A."),
            Example(value="42", gives=""),
        ),
        make=_initials,
    ),
    Function(
        name="strip_titles",
        takes=TEXT,
        gives="text",
        doc="Removes titles before a name (Dr., Ir., H., Hj., Drs., Prof.), degrees after a comma (S.T., M.M., Ph.D.) and "
        "Chinese forms of address at the end (先生, 女士).",
        examples=(
            Example(value="Dr. Ir. H. Budi Santoso, S.T., M.M.", gives="Budi Santoso"),
            Example(value="王芳女士", gives="王芳"),
            Example(value="SANTOSO, BUDI", gives="SANTOSO, BUDI", note="A name after a comma is no degree."),
            Example(value="Ir", gives="Ir", note="A name is never left empty."),
        ),
        make=plain(_strip_titles),
    ),
    Function(
        name="numbered",
        takes=TEXT,
        gives="text",
        doc="Makes another candidate for a value that must be unique. The number stands before the @ of an e-mail address; "
        "the text before it is cut so that the whole fits the outbound field.",
        params=(
            Param(name="number", type="number", least=1, most=9999, doc="Which candidate; 1 is the value itself."),
        ),
        examples=(
            Example(value="li.wei", args={"number": 2}, gives="li.wei2"),
            Example(value="li.wei@example.com", args={"number": 3}, gives="li.wei3@example.com"),
            Example(value="li.wei", args={"number": 0}, fails="FUN-004"),
        ),
        make=_numbered,
    ),
)
