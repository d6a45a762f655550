"""Time zones and the two instants that bound a day in one. The only module of the library that knows zoneinfo."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from syncd.core.errors import foreign, message
from syncd.core.values import instant
from syncd.mapping.functions.contract import FunctionError, Param, Surroundings

UNKNOWN_ZONE: Final = message(
    "FUN-017",
    what='There is no time zone "{zone}".',
    do="Use an IANA name such as Asia/Jakarta, Asia/Makassar, Asia/Jayapura or Asia/Shanghai.",
    example="via: [{start_of_day: Jakarta}]",
)

ZONE: Final = Param(
    name="zone", type="text", default="", doc="The IANA time zone; the rule file's own `timezone` if left out."
)


def zone(around: Surroundings, name: str) -> ZoneInfo:
    """Return the zone called `name`, or the surroundings' own; `FunctionError` (FUN-017) where there is none."""
    wanted = name or around.timezone
    try:
        return ZoneInfo(wanted)
    except (KeyError, ValueError, OSError):  # unknown; malformed; a directory of the zone tree, such as "Asia"
        raise FunctionError(UNKNOWN_ZONE.at(zone=foreign(wanted))) from None


def start(day: date, where: ZoneInfo) -> str:
    """Return the instant at which `day` begins. Where the clock skips midnight, that is the instant of the skip.

    Raises `OverflowError` for days at the ends of the calendar.
    """
    return instant(datetime.combine(day, time(0), where).astimezone(UTC))


def end(day: date, where: ZoneInfo) -> str:
    """Return the instant at which `day` is over, which is when the next one begins."""
    return start(day + timedelta(days=1), where)
