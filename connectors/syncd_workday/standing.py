"""Whether somebody works here on a day, said by the dates of a record. Pure: the day is an argument.

Dates of Workday are civil dates: the first ten characters count, an offset behind them means nothing. A date alone never makes a
leaver: a rehire still carries the resignation of the employment before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from syncd_workday.answers import flag


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How somebody stands."""

    active: bool | None
    """None: the record does not say it."""
    hire: date | None = None
    end: date | None = None
    review_at: datetime | None = None
    """When the same record will mean something else, aware UTC."""
    early: bool = False
    """Active, and the record is of a day before the first one."""
    rank: tuple[int, int] = (0, 0)
    """Which of several records of one person counts: the greatest."""


def civil(text: str) -> date | None:
    """Return the date that a text begins with, whatever offset or time follows it."""
    try:
        return date.fromisoformat(text.strip()[:10])
    except ValueError:
        return None


def standing(said: Mapping[str, str], *, now: datetime, zone: ZoneInfo, read_on: date, ahead: int) -> Standing:
    """Return how somebody stands by the elements of Worker_Status_Data, by their names, where they work.

    `read_on` is the day of which the record is; where the sun rises earlier, the first day may have begun already.
    """
    hire, ended = civil(said.get("Hire_Date", "")), civil(said.get("Termination_Date", ""))
    if flag(said.get("Hire_Rescinded", "")):
        return Standing(active=False, hire=hire, rank=(0, 0))
    today = now.astimezone(zone).date()
    if hire is not None and hire - timedelta(days=ahead) > today:
        starts = hire - timedelta(days=ahead)
        return Standing(active=False, hire=hire, review_at=_midnight(starts, zone), rank=(2, -hire.toordinal()))
    active = flag(said.get("Active", ""))
    # The end of an employment before the present one says nothing of this one.
    end = ended if ended is not None and (hire is None or ended >= hire) else None
    if end is None:
        soon = hire is not None and hire > read_on
        known = True if soon else active
        rank = 3 if soon else 4 if known else 1
        return Standing(active=known, hire=hire, early=soon, rank=(rank, _day(hire)))
    over = end + timedelta(days=1)
    if today < over:
        # Workday's own flag turns at midnight of the integration user, in US Pacific time; the day ends where the person works.
        return Standing(active=True, hire=hire, end=end, review_at=_midnight(over, zone), rank=(4, _day(hire)))
    return Standing(active=False, hire=hire, end=end, rank=(1, end.toordinal()))


def _day(day: date | None) -> int:
    return day.toordinal() if day else 0


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
