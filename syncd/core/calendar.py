"""When dated facts take effect: in the time of the place where the person works. The moment is an argument, never asked for."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from syncd.core.values import Values


def zone_of(facts: Values, otherwise: str) -> ZoneInfo:
    """Return where the person works: the fact `timezone`, else `otherwise` (both IANA names); UTC for a name nobody knows."""
    for name in (facts.get("timezone"), otherwise):
        if not name:
            continue
        try:
            return ZoneInfo(str(name))
        except (ZoneInfoNotFoundError, ValueError):
            continue
    return ZoneInfo("UTC")


def leaves_at(facts: Values, otherwise: str) -> datetime | None:
    """Return the moment (aware UTC) at which the last working day `endDate` is over; None without one, or if it is no date."""
    text = facts.get("endDate")
    if not isinstance(text, str) or not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=zone_of(facts, otherwise)).astimezone(UTC)


def has_left(facts: Values, now: datetime, otherwise: str) -> bool:
    """Tell whether the last working day is over where the person works."""
    end = leaves_at(facts, otherwise)
    return end is not None and now >= end
