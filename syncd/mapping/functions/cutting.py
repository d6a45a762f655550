"""Cutting a text to a length without cutting a character that people see as one. Nothing else.

Python's texts have no surrogates in the middle of a character, but what people see as one character may be several code
points: a letter with combining accents, an emoji with a skin tone or joined by U+200D, a flag of two regional letters.
"""

from __future__ import annotations

import unicodedata
from typing import Any, Final, cast

_JOINER: Final = "\u200d"
_REACH: Final = 64
"""How far back a cut may move to the start of a character. Longer heaps of marks are no writing; they are cut."""


def cut(value: Any, limit: int, ending: str = "") -> str:
    """Return at most `limit` code points of `value`, never ending inside a visible character; blanks at the cut go too.

    `ending` (such as …) is put at the end of a text that was cut, within the limit. Raises `TypeError` for no text.
    """
    if str.__len__(value) <= limit:
        return cast(str, value)
    text: str = value
    if len(ending) >= limit:
        ending = ""
    end = boundary(text, limit - len(ending))
    return text[:end].rstrip() + ending


def boundary(text: str, end: int) -> int:
    """Return the greatest position up to `end` at which `text` may be cut; `end` where there is none within reach."""
    least = max(0, end - _REACH)
    for position in range(end, least, -1):
        if not _continues(text, position):
            return position
    return end


def _continues(text: str, position: int) -> bool:
    """Tell whether the character at `position` belongs to the one before it (a subset of UAX #29, §3.1.1)."""
    if position >= len(text):
        return False
    here, before = text[position], text[position - 1]
    if here == _JOINER or before == _JOINER or unicodedata.category(here) in {"Mn", "Me", "Mc"}:
        return True
    if "\U0001f3fb" <= here <= "\U0001f3ff" or "\U000e0020" <= here <= "\U000e007f":  # skin tones, tag letters
        return True
    if here == "\n" and before == "\r":
        return True
    return _is_regional(here) and _regional_run(text, position) % 2 == 1


def _is_regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _regional_run(text: str, position: int) -> int:
    """Return how many regional letters stand directly before `position` (at most the look-back's length)."""
    start = position
    while start > 0 and position - start < _REACH and _is_regional(text[start - 1]):
        start -= 1
    return position - start
