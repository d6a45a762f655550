"""Phone numbers written plainly (digits, blanks, dashes), read with the library's own numbering plans but without its parser.

Reading a number with `phonenumbers` costs as much as the whole rest of a person, and nearly every directory writes them
plainly. What is recognised here is what the library would say, by its own patterns (a property test holds them together);
everything else is left to the library. It knows no plan of its own and refuses no number.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

Match = Callable[[str], Any]

_PLAIN: Final = re.compile(r"\+?[0-9][0-9 -]{4,24}[0-9]").fullmatch
_OTHERS: Final = ("premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail")
"""The kinds of numbers that the library asks for before it asks whether a number is an ordinary one."""


class Phone(NamedTuple):
    """A valid number without its extension. Made for each person."""

    e164: str
    country: int
    significant: str
    """The national significant number: no trunk 0 (an Italian leading zero belongs to it)."""
    mobile: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """How one country, whose code it has alone, writes its numbers."""

    country: int
    code: str
    """The country, as text."""
    lengths: Mapping[int, Match]
    """What numbers of each length must match; the last group is `mobile` for mobile ones."""
    prefix: Match | None
    """What is dialled before a number within the country."""
    abroad: Match | None
    """What is dialled before a country code."""
    local: frozenset[int]
    """Lengths of numbers without their area code."""


def plain(text: str, region: str) -> Phone | None:
    """Return a number that is written plainly and is valid; None for all others, which may be valid all the same."""
    if not _PLAIN(text):
        return None
    digits = text.replace(" ", "").replace("-", "")
    if digits[0] != "+":
        plan = _of_region(region)
        if plan is None or digits.startswith(plan.code) or (plan.abroad and plan.abroad(digits)):
            return None
        return _valid(digits, plan)
    found = _abroad(digits[1:4])
    return _valid(digits[found[0] :], found[1]) if found is not None else None


def _valid(number: str, plan: _Plan) -> Phone | None:
    if plan.prefix is not None and (found := plan.prefix(number)):
        # A prefix with parts, or one that may be empty, is rewritten by rules that only the library knows.
        if found.lastindex or not found.end() or len(number) - found.end() in plan.local:
            return None
        number = number[found.end() :]
    fits = plan.lengths.get(len(number))
    if fits is None or number[0] == "0" or (found := fits(number)) is None:
        return None
    return Phone(f"+{plan.code}{number}", plan.country, number, found.lastgroup == "mobile")


@functools.lru_cache(maxsize=1024)
def _abroad(digits: str) -> tuple[int, _Plan] | None:
    """Return where a number begins of which these are the first digits after `+`, and the plan of its country."""
    for end in (1, 2, 3):  # country codes have one to three digits (ITU-T E.164)
        if regions := _regions(digits[:end]):
            plan = _of_region(regions[0]) if len(regions) == 1 else None
            return (end + 1, plan) if plan is not None else None
    return None


@functools.lru_cache(maxsize=1024)
def _regions(code: str) -> tuple[str, ...]:
    import phonenumbers as lib

    return tuple(lib.COUNTRY_CODE_TO_REGION_CODE.get(int(code), ())) if code[0] != "0" else ()


@functools.lru_cache(maxsize=512)
def _of_region(region: str) -> _Plan | None:
    """Return a region's plan; None where several regions share a country code, or where numbers are rewritten."""
    import phonenumbers as lib

    plan: Any = lib.PhoneMetadata.metadata_for_region(region, None)
    if plan is None or plan.national_prefix_transform_rule or plan.same_mobile_and_fixed_line_pattern:
        return None
    if tuple(lib.COUNTRY_CODE_TO_REGION_CODE.get(plan.country_code, ())) != (region,):
        return None
    general = plan.general_desc
    return _Plan(
        country=plan.country_code,
        code=str(plan.country_code),
        lengths={length: match for length in general.possible_length if (match := _at(plan, length))},
        prefix=_start(plan.national_prefix_for_parsing),
        abroad=_start(plan.international_prefix),
        local=frozenset(general.possible_length_local_only),
    )


def _at(plan: Any, length: int) -> Match | None:
    """Return what numbers of one length must match, as one pattern: what all numbers of the country match and none of the other
    kinds, and that of mobile or of ordinary numbers."""
    others = "|".join(one for name in _OTHERS if (one := _whole(getattr(plan, name), length)))
    kinds = [(_whole(plan.mobile, length), "(?P<mobile>)"), (_whole(plan.fixed_line, length), "")]
    ordinary = "|".join(rf"{one}\Z{mark}" for one, mark in kinds if one)
    if not ordinary:
        return None
    unlike = rf"(?!(?:{others})\Z)" if others else ""
    general = plan.general_desc.national_number_pattern
    return re.compile(rf"{unlike}(?=(?:{general})\Z)(?:{ordinary})").match


def _whole(described: Any, length: int) -> str:
    """Return the pattern of one kind of numbers; empty where it has none of this length."""
    if described is None or not described.national_number_pattern:
        return ""
    lengths = described.possible_length
    return f"(?:{described.national_number_pattern})" if not lengths or length in lengths else ""


def _start(pattern: str | None) -> Match | None:
    return re.compile(pattern).match if pattern else None
