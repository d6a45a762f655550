"""Lengths of time and instants as people type them on a command line, without the models of the configuration."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    _Type = click.ParamType[datetime | timedelta]
else:
    _Type = click.ParamType  # generic since click 8.4 only

_SECONDS: Final = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}


def length(text: object) -> timedelta | None:
    """Return a duration such as `90s`, `15m`, `1h30m`, `30d`; None if it is none. A test says: as `syncd.config` reads it."""
    written = text.replace(" ", "").lower() if isinstance(text, str) else ""
    if not re.fullmatch(r"(?:\d{1,9}[wdhms])+", written):
        return None
    seconds = sum(int(number) * _SECONDS[unit] for number, unit in re.findall(r"(\d+)([wdhms])", written))
    return timedelta(seconds=seconds) if seconds <= timedelta(days=36_500).total_seconds() else None


class Since(_Type):
    """`2h`, `3d` (so long ago), `2026-11-22`, or an instant as RFC 3339; without a zone it is UTC."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime | timedelta:
        if isinstance(value, datetime | timedelta):
            return value
        if (ago := length(value)) is not None:
            return ago
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is neither a time ago (2h, 3d) nor a date or instant (2026-11-22).", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def instant_of(since: datetime | timedelta | None, now: datetime) -> datetime | None:
    """Return the instant that was meant."""
    return now - since if isinstance(since, timedelta) else since
