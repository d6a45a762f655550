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
    return _midnight(facts, "endDate", otherwise, after=timedelta(days=1))


def begins_at(facts: Values, otherwise: str) -> datetime | None:
    """Return the moment (aware UTC) at which the first working day `hireDate` begins; None without one, or if it is no date."""
    return _midnight(facts, "hireDate", otherwise)


def _midnight(facts: Values, name: str, otherwise: str, *, after: timedelta = timedelta()) -> datetime | None:
    text = facts.get(name)
    if not isinstance(text, str) or not text:
        return None
    try:
        day = date.fromisoformat(text) + after
        return datetime.combine(day, time(), tzinfo=zone_of(facts, otherwise)).astimezone(UTC)
    except (ValueError, OverflowError):
        # 9999-12-31 is how several HR systems say "no end".
        return None


def has_left(facts: Values, now: datetime, otherwise: str) -> bool:
    """Tell whether the last working day is over where the person works."""
    end = leaves_at(facts, otherwise)
    return end is not None and now >= end
