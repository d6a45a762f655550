"""Words for values, times, places and counts, the same in every command. Pure functions of what they are handed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from syncd.core.errors import Place
from syncd.core.model import HOLDING_UNIT, JOINERS_UNIT, ROOT_UNIT, FieldChange
from syncd.core.values import Value

NOTHING: Final = "—"
"""What is shown where there is no value; it cannot be taken for a text that says so."""
_NO_NAMES: Final[Mapping[str, str]] = {}
_OURS: Final[Mapping[str, str]] = {
    ROOT_UNIT: "the root",
    HOLDING_UNIT: "the leavers' department",
    JOINERS_UNIT: "the joiners' department",
}
_UNITS: Final = ((3_600, "h"), (60, "min"), (1, "s"))


def count(number: int, noun: str, plural: str = "") -> str:
    """Return `1 change`, `2 changes`."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def span(length: timedelta) -> str:
    """Return a length of time in its largest unit, rounded down: `2 days`, `3 h`, `15 min`, `8 s`."""
    if days := abs(length) // timedelta(days=1):
        return count(days, "day")
    seconds = abs(int(length.total_seconds()))
    return next((f"{seconds // size} {unit}" for size, unit in _UNITS if seconds >= size), "less than 1 s")


def relative(moment: datetime, now: datetime) -> str:
    """Return how far away an instant is: `3 h ago`, `in 2 days`, `now`."""
    away = moment - now
    if abs(away) < timedelta(seconds=1):
        return "now"
    return f"in {span(away)}" if away > timedelta(0) else f"{span(away)} ago"


def when(moment: datetime, now: datetime) -> str:
    """Return an instant to the minute and how far away it is; the date is left out today."""
    day = "" if moment.date() == now.date() else f"{moment:%Y-%m-%d} "
    return f"{day}{moment:%H:%M} UTC, {relative(moment, now)}"


def stamp(moment: datetime) -> str:
    """Return an instant to the second, with its date."""
    return f"{moment:%Y-%m-%d %H:%M:%S}Z"


def word(value: Value, names: Mapping[str, str] = _NO_NAMES) -> str:
    """Return a value as people write it; subjects by their names."""
    match value:
        case None:
            return NOTHING
        case bool():
            return "yes" if value else "no"
        case str():
            return named(value, names) if value else '""'
        case int() | float():
            return str(value)
        case Mapping():
            return _mapping(value, names)
        case _:
            return ", ".join(word(item, names) for item in value) or "(none)"


def _mapping(value: Mapping[str, Value], names: Mapping[str, str]) -> str:
    if "unit" not in value:
        return ", ".join(f"{key}={word(item, names)}" for key, item in sorted(value.items())) or "(none)"
    more = [f"{key} {word(item, names)}" for key, item in value.items() if key != "unit" and item is not None]
    return word(value["unit"], names) + (f" ({', '.join(more)})" if more else "")


def named(text: str, names: Mapping[str, str]) -> str:
    """Return the name of a subject, and any other text as it is."""
    return names.get(text) or _OURS.get(text, text)


def arrow(change: FieldChange, names: Mapping[str, str] = _NO_NAMES) -> str:
    """Return `old → new`."""
    return f"{word(change.before, names)} → {word(change.after, names)}"


def where(place: Place, base: Path | None = None) -> str:
    """Return `file:line`, the file relative to `base` (the folder of syncd.yaml) where it lies below it."""
    if not place.file:
        return ""
    file = place.file
    if base is not None and os.path.isabs(file) and (near := os.path.relpath(file, base)) and not near.startswith(".."):
        file = near
    return str(Place(file=file, line=place.line))


def some(names: tuple[str, ...] | list[str], most: int = 5) -> str:
    """Return the first few of many: `An, Budi and 3 more`."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most:,} more"
