"""The function library of the mapping language: every word that may stand in `via`.

`FUNCTIONS` is the whole language by name; `prepare` turns one `via` item into a checked callable. Each family has its own
module; third-party libraries (re2, phonenumbers, pypinyin, anyascii) are imported only when a rule uses them. The library
never reads a clock, a file or the network, and no function takes more than linear time and memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from syncd.mapping.functions import addresses, dates, lists, logic, names, numbers, patterns, phones, tables, text
from syncd.mapping.functions.binding import bind, find, meant, prepare
from syncd.mapping.functions.contract import (
    REQUIRED,
    RESULT_LIMIT,
    TYPES,
    UNSET,
    Arguments,
    Call,
    Example,
    Function,
    FunctionError,
    Param,
    Surroundings,
    Unfit,
    each,
    wrong_type,
)
from syncd.mapping.functions.names import numbered

LANGUAGE_VERSION: Final = 1
"""Part of every rules digest. Raise it whenever a function gives another result for the same value and arguments, so that
records which did not change are mapped again."""

FAMILIES: Final[Mapping[str, tuple[Function, ...]]] = MappingProxyType(
    {
        "Text": text.FUNCTIONS,
        "Patterns": patterns.FUNCTIONS,
        "Several values": lists.FUNCTIONS,
        "Tables": tables.FUNCTIONS,
        "Decisions": logic.FUNCTIONS,
        "Names": names.FUNCTIONS,
        "Phones": phones.FUNCTIONS,
        "E-mail": addresses.EMAIL,
        "Distinguished names": addresses.DN,
        "Dates": dates.FUNCTIONS,
        "Numbers": numbers.FUNCTIONS,
    }
)
"""The functions by family, in the order of the reference page."""


def _by_name() -> Mapping[str, Function]:
    found: dict[str, Function] = {}
    for functions in FAMILIES.values():
        for function in functions:
            if found.setdefault(function.name, function) is not function:
                raise ValueError(f"function {function.name} is defined twice")
    return MappingProxyType(found)


FUNCTIONS: Final[Mapping[str, Function]] = _by_name()

__all__ = [
    "FAMILIES",
    "FUNCTIONS",
    "LANGUAGE_VERSION",
    "REQUIRED",
    "RESULT_LIMIT",
    "TYPES",
    "UNSET",
    "Arguments",
    "Call",
    "Example",
    "Function",
    "FunctionError",
    "Param",
    "Surroundings",
    "Unfit",
    "bind",
    "each",
    "find",
    "meant",
    "numbered",
    "prepare",
    "wrong_type",
]
