"""Mobile numbers as DingTalk stores them, by which people sign in and are recognised.

Says a number in one way; never tells whether it exists or whose it is.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Region(StrEnum):
    """Where the organization is registered: it decides how DingTalk writes mobile numbers of mainland China."""

    MAINLAND = "mainland"
    ELSEWHERE = "elsewhere"


# ITU-T E.164 assigns calling codes so that none is the beginning of another: 1 and 7 stand alone, these have two digits,
# all others have three.
_TWO_DIGITS: Final = frozenset(
    str(code)
    for codes in (
        (20, 27, *range(30, 35), 36, 39, 40, 41, *range(43, 50)),
        (*range(51, 59), *range(60, 67), 81, 82, 84, 86, *range(90, 96), 98),
    )
    for code in codes
)
_MAINLAND_DIGITS: Final = 11
_DIGITS: Final = frozenset("0123456789")
_NOISE: Final = str.maketrans("", "", "()./")


def mobile(text: str, *, region: Region) -> str | None:
    """Return a number as DingTalk stores it: eleven digits for mainland China, `+62-81234567` for elsewhere; and
    `+86-…` for mainland numbers where the organization is registered elsewhere. Blank text is None; what is not a
    number stays as it is."""
    bare = "".join(text.split()).translate(_NOISE)
    if bare.startswith("00"):
        bare = f"+{bare[2:]}"
    digits = bare.lstrip("+").replace("-", "")
    if not digits or not _DIGITS.issuperset(digits):
        return text.strip() or None
    if not bare.startswith("+"):
        return _mainland(digits, region=region) if _is_mainland(digits) else digits
    code = _calling_code(digits)
    rest = digits[len(code) :]
    if code == "86" and _is_mainland(rest):
        return _mainland(rest, region=region)
    return f"+{code}-{rest}"


def _is_mainland(digits: str) -> bool:
    return len(digits) == _MAINLAND_DIGITS and digits.startswith("1")


def _mainland(digits: str, *, region: Region) -> str:
    return digits if region is Region.MAINLAND else f"+86-{digits}"


def _calling_code(digits: str) -> str:
    if digits[0] in "17":
        return digits[0]
    return digits[:2] if digits[:2] in _TWO_DIGITS else digits[:3]
