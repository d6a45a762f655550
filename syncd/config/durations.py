"""Durations as people write them: `90s`, `15m`, `12h`, `30d`, `2w`, `1h30m`. A bare number has no unit and is refused."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from syncd.config.problems import refusal
from syncd.core.errors import message

_WRONG: Final = message(
    "CFG-025",
    what="This is not a duration: {why}.",
    do="Write a number and a unit: 90s, 15m, 12h, 30d, 2w, or several such as 1h30m.",
    example="schedule: {every: 15}",
)
_UNITS: Final = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_PART: Final = r"(?:\d{1,9}[wdhms])"
_WHOLE: Final = re.compile(f"{_PART}+")
_MAX: Final = timedelta(days=36_500)


def duration(text: str) -> timedelta:
    """Return what `text` means. Raises a pydantic error that tells the message CFG-025."""
    written = text.replace(" ", "").lower()
    if not _WHOLE.fullmatch(written):
        raise refusal(_WRONG, why="no number with one of the units s, m, h, d, w")
    seconds = sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([wdhms])", written))
    if seconds > _MAX.total_seconds():
        raise refusal(_WRONG, why="it is more than a hundred years")
    return timedelta(seconds=seconds)


def spelled(length: timedelta) -> str:
    """Return the usual spelling of `length`, to the second: `30d`, `1h30m`."""
    seconds, parts = int(length.total_seconds()), []
    for unit in "dhms":
        count, seconds = divmod(seconds, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _accepted(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        return duration(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    raise refusal(_WRONG, why="the number has no unit" if is_number else "it is not text")


Duration = Annotated[
    timedelta,
    BeforeValidator(_accepted),
    PlainSerializer(spelled, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{_PART}+$", "examples": ["15m", "12h", "30d"]}),
]
"""A length of time in settings. Not negative, to the second, at most a hundred years."""
