"""What stands in a column of a row, whatever shape it has. Pure.

A report gives every value as a text, a group or what has several values as a list of objects, and a reference as a text, or as
an object with a descriptor and ids; a query gives references as `{id, descriptor}`. Empty is a key that is missing or an empty
text, as the report's author has it. The names are those that its author chose, so case and signs between words do not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_STEP: Final = re.compile(r"([^/\[\]]+)(?:\[([^/\[\]]+)\])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One name of a path; with a type, only the id of that type."""

    name: str
    type: str = ""


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """Return a name without what authors of reports differ in: `Worker_ID`, `Worker ID` and `workerID` are one."""
    return "".join(sign for sign in name.casefold() if sign.isalnum())


@lru_cache(maxsize=4096)
def steps(path: str) -> tuple[Step, ...]:
    """Return the steps of a path such as `Manager/ID[Employee_ID]`."""
    return tuple(Step(name=plain(found[1]), type=found[2] or "") for found in _STEP.finditer(path))


def indexed(row: Mapping[str, object]) -> dict[str, object]:
    """Return the columns of a row by what does not differ in their names; of two alike the first counts."""
    found: dict[str, object] = {}
    for name, value in row.items():
        found.setdefault(plain(name), value)
    return found


def texts(columns: Mapping[str, object], path: str) -> list[str]:
    """Return the texts at a path of an indexed row, none where nothing is said."""
    way = steps(path)
    # Most columns are missing in most rows: that has to cost one look.
    if not way or (found := columns.get(way[0].name)) in (None, ""):
        return []
    return [text for each in _walk(_narrowed(found, way[0]), way[1:]) if (text := _text(each))]


def _walk(found: object, way: tuple[Step, ...]) -> Iterator[object]:
    match found:
        case list():
            for each in found:
                yield from _walk(each, way)
        case dict() if way:
            yield from _walk(_narrowed(_child(found, way[0].name), way[0]), way[1:])
        case _ if not way:
            yield found


def _narrowed(found: object, step: Step) -> object:
    if not step.type:
        return found
    return [_of_type(each, step.type) for each in (found if isinstance(found, list) else [found])]


def _child(found: Mapping[str, object], name: str) -> object:
    return next((value for key, value in found.items() if plain(key) == name), None)


def _of_type(found: object, type_: str) -> object:
    """Return an id if it is of a type. Recalled: that JSON names the type in a key of its own, beside one for the text."""
    if not isinstance(found, dict) or _child(found, "type") != type_:
        return None
    return next((value for key, value in found.items() if plain(key) != "type"), None)


def _text(found: object) -> str:
    match found:
        case str():
            return found.strip()
        case bool():
            return "true" if found else "false"
        case int() | float():
            return str(found)
        case dict():
            # Of a reference people read the descriptor; a path may name the id.
            return _text(_child(found, "descriptor")) or _text(_child(found, "id"))
    return ""
