"""Functions on dates (`2026-11-22`) and instants (`2026-11-22T01:30:00Z`). A date is not an instant: only a time zone makes
one out of the other, and each function that does so names its zone. No function here reads the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from syncd.core.errors import message
from syncd.core.values import instant, moment
from syncd.mapping.functions.contract import (
    Arguments,
    Call,
    Example,
    Function,
    Param,
    Surroundings,
    one_of_types,
    unfit,
)
from syncd.mapping.functions.dateformats import NEVER, WORDS, Never, reader, writer
from syncd.mapping.functions.zones import ZONE, end, start, zone

NOT_A_DATE: Final = message(
    "FUN-109",
    what="{function}: the value is not a date of the form {forms}, or there is no such day.",
    do="Name the form that the source uses (see parse_date), or correct the value in the source.",
    example='via: [{parse_date: "%d/%m/%Y"}]   # on 31/02/2026',
)
BEYOND: Final = message(
    "FUN-110",
    what="{function}: the result is before the year 1 or after the year 9999.",
    do="Correct the date in the source.",
    example="via: [{add_days: 1}]   # on 9999-12-31",
)

_DATE: Final = one_of_types("date")
_INSTANT: Final = one_of_types("instant")
_EITHER: Final = one_of_types("date", "instant")
_OUTSIDE: Final = (OverflowError, ValueError, OSError)


def _day(value: Any, function: str) -> date:
    """Return the day that an ISO date names; of ISO's other forms, which Python reads too, none is ours."""
    if not isinstance(value, str):
        raise TypeError("a date is expected")
    try:
        day = date.fromisoformat(value)
        if day.isoformat() != value:
            raise ValueError
        return day
    except ValueError:
        unfit(NOT_A_DATE, function=function, forms="2026-11-22")


def _moment(value: Any, function: str) -> datetime:
    if not isinstance(value, str):
        raise TypeError("an instant is expected")
    try:
        found = datetime.fromisoformat(value)
        if found.tzinfo is None:
            raise ValueError
        return found.astimezone(UTC)
    except _OUTSIDE:
        unfit(NOT_A_DATE, function=function, forms="2026-11-22T01:30:00Z")


def _reading(function: str, around: Surroundings, given: Arguments) -> Any:
    forms = tuple(given["formats"])
    readers, where, told = (
        tuple(reader(function, form) for form in forms),
        zone(around, given["zone"]),
        ", ".join(forms),
    )

    def read(value: Any) -> date | datetime | Never:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise TypeError("a text or a number is expected")
        for one in readers:
            try:
                if (found := one(value, where)) is not None:
                    return found
            except _OUTSIDE:  # no such day in this form; another form may know it
                continue
        return unfit(NOT_A_DATE, function=function, forms=told)

    return read, where


def _parse_date(around: Surroundings, given: Arguments) -> Call:
    read, where = _reading("parse_date", around, given)

    def call(value: Any) -> str | None:
        found = read(value)
        if found is NEVER:
            return None
        try:
            day = found.astimezone(where).date() if isinstance(found, datetime) else found
        except _OUTSIDE:
            unfit(BEYOND, function="parse_date")
        return str(day.isoformat())

    return call


def _parse_instant(around: Surroundings, given: Arguments) -> Call:
    read, where = _reading("parse_instant", around, given)

    def call(value: Any) -> str | None:
        found = read(value)
        if found is NEVER:
            return None
        try:
            return instant(found) if isinstance(found, datetime) else start(found, where)
        except _OUTSIDE:
            unfit(BEYOND, function="parse_instant")

    return call


def _format_date(_around: Surroundings, given: Arguments) -> Call:
    write = writer("format_date", given["format"])
    return lambda value: write(_day(value, "format_date"))


def _add_days(_around: Surroundings, given: Arguments) -> Call:
    step = timedelta(days=given["days"])

    def call(value: Any) -> str:
        try:
            return (_day(value, "add_days") + step).isoformat()
        except OverflowError:
            unfit(BEYOND, function="add_days")

    return call


def _start_of_day(around: Surroundings, given: Arguments) -> Call:
    where = zone(around, given["zone"])

    def call(value: Any) -> str:
        try:
            return start(_day(value, "start_of_day"), where)
        except _OUTSIDE:
            unfit(BEYOND, function="start_of_day")

    return call


def _end_of_day(around: Surroundings, given: Arguments) -> Call:
    where = zone(around, given["zone"])

    def call(value: Any) -> str:
        try:
            return end(_day(value, "end_of_day"), where)
        except _OUTSIDE:
            unfit(BEYOND, function="end_of_day")

    return call


def _date_in_zone(around: Surroundings, given: Arguments) -> Call:
    where = zone(around, given["zone"])

    def call(value: Any) -> str:
        try:
            return _moment(value, "date_in_zone").astimezone(where).date().isoformat()
        except _OUTSIDE:
            unfit(BEYOND, function="date_in_zone")

    return call


def _last_full_day(around: Surroundings, given: Arguments) -> Call:
    where = zone(around, given["zone"])

    def call(value: Any) -> str:
        try:
            here = _moment(value, "last_full_day").astimezone(where)
            return (here.date() - timedelta(days=1)).isoformat()
        except _OUTSIDE:
            unfit(BEYOND, function="last_full_day")

    return call


def _epoch_ms(around: Surroundings, given: Arguments) -> Call:
    where = zone(around, given["zone"])

    def call(value: Any) -> int:
        try:
            dated = isinstance(value, str) and len(value) == 10
            at = moment(start(_day(value, "epoch_ms"), where)) if dated else _moment(value, "epoch_ms")
        except _OUTSIDE:
            unfit(BEYOND, function="epoch_ms")
        return (at - _EPOCH) // timedelta(milliseconds=1)

    return call


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FORMATS: Final = Param(
    name="formats",
    type="texts",
    default=("iso",),
    doc=f"The forms to try, in this order: {', '.join(WORDS)}, or pictures such as %d/%m/%Y and dd.mm.yyyy.",
)

FUNCTIONS: Final = (
    Function(
        name="parse_date",
        takes=one_of_types("text", "number"),
        gives="date",
        doc="Reads a date. `excel` is a spreadsheet's serial number (1900 system; its time of day is dropped), `ad` a "
        "directory's generalized time, `filetime` Windows' 100-nanosecond count as in accountExpires, where 0 and "
        "9223372036854775807 mean never and give an absent date. Month names may be English or Indonesian. Forms with a "
        "time give the day in `zone`.",
        params=(_FORMATS, ZONE),
        examples=(
            Example(value="22/11/2026", args={"formats": ["iso", "%d/%m/%Y"]}, gives="2026-11-22"),
            Example(value="22.11.2026", args={"formats": ["dd.mm.yyyy"]}, gives="2026-11-22"),
            Example(value="2026年3月5日", args={"formats": ["yyyy年m月d日"]}, gives="2026-03-05"),
            Example(value="17 Agustus 2026", args={"formats": ["d MMM yyyy"]}, gives="2026-08-17"),
            Example(value=46348, args={"formats": ["excel"]}, gives="2026-11-22"),
            Example(
                value="20261121173000.0Z",
                args={"formats": ["ad"], "zone": "Asia/Jakarta"},
                gives="2026-11-22",
                note="Half past midnight in Jakarta.",
            ),
            Example(value="9223372036854775807", args={"formats": ["filetime"]}, gives=None, note="Never."),
            Example(value="31/02/2026", args={"formats": ["%d/%m/%Y"]}, fails="FUN-109"),
            Example(value="22.11.2026", args={"formats": ["dd.mm"]}, fails="FUN-018"),
        ),
        make=_parse_date,
    ),
    Function(
        name="parse_instant",
        takes=one_of_types("text", "number"),
        gives="instant",
        doc="Reads an instant; forms as in `parse_date`, with %H, %M and %S for the time. What has no zone of its own is "
        "read in `zone`; a mere date is the beginning of that day.",
        params=(_FORMATS, ZONE),
        examples=(
            Example(value="20261122013000.0Z", args={"formats": ["ad"]}, gives="2026-11-22T01:30:00Z"),
            Example(
                value="22/11/2026 08:30",
                args={"formats": ["%d/%m/%Y %H:%M"], "zone": "Asia/Jakarta"},
                gives="2026-11-22T01:30:00Z",
            ),
            Example(value=0, args={"formats": ["filetime"]}, gives=None, note="Never."),
            Example(value="soon", fails="FUN-109"),
        ),
        make=_parse_instant,
    ),
    Function(
        name="format_date",
        takes=_DATE,
        gives="text",
        doc="Writes a date as a picture says; month names are English.",
        params=(Param(name="format", type="text", doc="A picture such as %d/%m/%Y, dd.mm.yyyy or d MMM yyyy."),),
        examples=(
            Example(value="2026-11-22", args={"format": "dd.mm.yyyy"}, gives="22.11.2026"),
            Example(value="2026-03-05", args={"format": "yyyy年m月d日"}, gives="2026年3月5日"),
            Example(value="2026-02-30", args={"format": "dd.mm.yyyy"}, fails="FUN-109"),
            Example(value="2026-11-22", args={"format": "%Q"}, fails="FUN-018"),
        ),
        make=_format_date,
    ),
    Function(
        name="add_days",
        takes=_DATE,
        gives="date",
        doc="Moves a date by a number of days, back if it is negative.",
        params=(Param(name="days", type="number", least=-100_000, most=100_000, doc="How many days."),),
        examples=(
            Example(value="2026-12-31", args={"days": 1}, gives="2027-01-01"),
            Example(value="2026-03-01", args={"days": -1}, gives="2026-02-28"),
            Example(value="9999-12-31", args={"days": 1}, fails="FUN-110"),
        ),
        make=_add_days,
    ),
    Function(
        name="start_of_day",
        takes=_DATE,
        gives="instant",
        doc="Gives the instant at which a day begins in a time zone.",
        params=(ZONE,),
        examples=(
            Example(value="2026-11-22", args={"zone": "Asia/Jakarta"}, gives="2026-11-21T17:00:00Z"),
            Example(value="2026-11-22", args={"zone": "Jakarta"}, fails="FUN-017"),
        ),
        make=_start_of_day,
    ),
    Function(
        name="end_of_day",
        takes=_DATE,
        gives="instant",
        doc="Gives the instant at which a day is over in a time zone, which is when the next one begins.",
        params=(ZONE,),
        examples=(
            Example(value="2026-11-22", args={"zone": "Asia/Shanghai"}, gives="2026-11-22T16:00:00Z"),
            Example(value="9999-12-31", args={"zone": "UTC"}, fails="FUN-110"),
        ),
        make=_end_of_day,
    ),
    Function(
        name="date_in_zone",
        takes=_INSTANT,
        gives="date",
        doc="Gives the day that an instant falls on in a time zone.",
        params=(ZONE,),
        examples=(
            Example(value="2026-11-21T17:00:00Z", args={"zone": "Asia/Jakarta"}, gives="2026-11-22"),
            Example(value="2026-11-21T17:00:00", args={"zone": "UTC"}, fails="FUN-109", note="No zone, no instant."),
        ),
        make=_date_in_zone,
    ),
    Function(
        name="last_full_day",
        takes=_INSTANT,
        gives="date",
        doc="Gives the last day that is wholly over at an instant. Windows stores an account that ends *at the end of* a "
        "day as the midnight after it; this gives the day that the administrator chose.",
        params=(ZONE,),
        examples=(
            Example(value="2026-11-30T17:00:00Z", args={"zone": "Asia/Jakarta"}, gives="2026-11-30"),
            Example(value="2026-11-30T16:59:59Z", args={"zone": "Asia/Jakarta"}, gives="2026-11-29"),
        ),
        make=_last_full_day,
    ),
    Function(
        name="epoch_ms",
        takes=_EITHER,
        gives="number",
        doc="Gives milliseconds since 1970; for a date, those of its beginning in `zone`.",
        params=(ZONE,),
        examples=(
            Example(value="2026-11-22", args={"zone": "Asia/Shanghai"}, gives=1795276800000),
            Example(value="1969-12-31T23:59:59Z", gives=-1000),
            Example(value="yesterday", fails="FUN-109"),
        ),
        make=_epoch_ms,
    ),
)
