"""Reading and writing dates in the forms that directories and HR exports use, compiled once per rule.

A form is a word (`iso`, `excel`, `ad`, `filetime`, `epoch_ms`, `epoch_s`) or a picture, either of strptime's kind
(`%d/%m/%Y`) or of a spreadsheet's (`dd.mm.yyyy`). Nothing is guessed: 03/04/2026 means what the picture says. A reader
returns None for a text of another form, and raises nothing but what Python's calendar raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from enum import Enum
from typing import Any, Final

from syncd.core.errors import foreign, message
from syncd.mapping.functions.contract import FunctionError


class Never(Enum):
    """What Windows means by a date that never comes."""

    NEVER = "never"


NEVER: Final = Never.NEVER
Reader = Callable[[Any, tzinfo], "date | datetime | Never | None"]
"""From a value to a date, an aware instant, never, or None where the value is not of this form."""

BAD_PICTURE: Final = message(
    "FUN-018",
    what='{function}: "{picture}" is not a form of a date{why}.',
    do="Use {words}, or a picture such as %d/%m/%Y or dd.mm.yyyy.",
    example="via: [{parse_date: dd.mm}]",
)

WORDS: Final = ("iso", "excel", "ad", "filetime", "epoch_ms", "epoch_s")

_TOKEN: Final = re.compile(r"%([dmYybBHMS%])|(%.?)|(yyyy|yy|MMMM|MMM|MM|mm|dd|M|m|d)|([A-Za-z]+)")
_PARTS: Final = {
    "dd": "d", "d": "d", "mm": "m", "MM": "m", "m": "m", "M": "m",
    "yyyy": "Y", "yy": "y", "MMM": "b", "MMMM": "b", "B": "b",
}  # fmt: skip
_EXPRESSIONS: Final = {
    "d": r"(?P<d>[0-9]{1,2})", "m": r"(?P<m>[0-9]{1,2})", "Y": r"(?P<Y>[0-9]{4})", "y": r"(?P<y>[0-9]{2})",
    "b": r"(?P<b>[A-Za-z]{3,12})\.?", "H": r"(?P<H>[0-9]{1,2})", "M": r"(?P<M>[0-9]{2})", "S": r"(?P<S>[0-9]{2})",
}  # fmt: skip
_FULL: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_ENGLISH: Final = tuple(name[:3] for name in _FULL)
# Indonesian months differ in these: Mei, Agustus, Oktober, Desember, and Pebruari and Nopember in older spelling.
_INDONESIAN: Final = {"mei": 5, "agu": 8, "agt": 8, "okt": 10, "des": 12, "peb": 2, "nop": 11}
_MONTHS: Final = {name.lower(): number for number, name in enumerate(_ENGLISH, start=1)} | _INDONESIAN
_LONGEST: Final = 64
"""Characters; no date is longer, and so no reader ever looks at a long text."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FILETIME_EPOCH: Final = datetime(1601, 1, 1, tzinfo=UTC)
# [MS-ADTS] accountExpires: 0 and 0x7FFFFFFFFFFFFFFF both mean that the account never expires.
_FILETIME_NEVER: Final = frozenset({0, 0x7FFF_FFFF_FFFF_FFFF})
# Excel counts 1900-02-29, a day that never was; so serial 61 is 1900-03-01, and below it nothing is certain.
_EXCEL_EPOCH: Final = date(1899, 12, 30)
_EXCEL_FIRST: Final = 61
# RFC 4517 §3.3.13: minutes and seconds may be left out, a fraction may follow, the zone is Z or an offset.
_GENERALIZED: Final = re.compile(
    r"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})(?:([0-9]{2})([0-9]{2})?)?(?:[.,]([0-9]{1,9}))?(?:Z|([+-])([0-9]{2})([0-9]{2})?)"
)


def reader(function: str, form: str) -> Reader:
    """Return the reader of `form`; `FunctionError` (FUN-018) where it is no form of a date."""
    if form in _READERS:
        return _READERS[form]
    expression = _expression(function, form)

    def read(value: Any, where: tzinfo) -> date | datetime | None:
        if not isinstance(value, str) or len(value) > _LONGEST or not (found := expression.fullmatch(value.strip())):
            return None
        return _composed(found.groupdict(), where)

    return read


def writer(function: str, form: str) -> Callable[[date], str]:
    """Return what writes a date as the picture `form` says; `FunctionError` (FUN-018) for words other than `iso`."""
    if form == "iso":
        return date.isoformat
    if form in WORDS:
        raise FunctionError(_refusal(function, form, ": it can be read, not written"))
    template = _TOKEN.sub(
        lambda found: _WRITTEN[_token(function, form, found)], form.replace("{", "{{").replace("}", "}}")
    )
    return lambda day: template.format(
        d=day.day, m=day.month, Y=day.year, y=day.year % 100, b=_ENGLISH[day.month - 1], B=_FULL[day.month - 1]
    )


_WRITTEN: Final = {
    "d": "{d:02}", "dd": "{d:02}", "m": "{m:02}", "mm": "{m:02}", "MM": "{m:02}", "Y": "{Y:04}", "yyyy": "{Y:04}",
    "y": "{y:02}", "yy": "{y:02}", "b": "{b}", "MMM": "{b}", "B": "{B}", "MMMM": "{B}", "%": "%", "M": "{m}",
    ".d": "{d}", ".m": "{m}", "H": "00", "S": "00", "%M": "00",
}  # fmt: skip


def _token(function: str, form: str, found: re.Match[str]) -> str:
    """Return the token's key in `_WRITTEN`. In spreadsheets' pictures a single letter means no leading zero."""
    percent, wrong, word, letters = found.groups()
    if wrong is not None or letters is not None:
        raise FunctionError(_refusal(function, form, f': "{foreign(wrong or letters)}" is not known'))
    if percent == "M":
        return "%M"
    if word in {"d", "m"}:
        return "." + word
    return str(percent or word)


def _refusal(function: str, form: str, why: str) -> Any:
    return BAD_PICTURE.at(function=function, picture=foreign(form), why=why, words=", ".join(WORDS))


def _expression(function: str, form: str) -> re.Pattern[str]:
    made, end = "", 0
    seen: set[str] = set()
    for found in _TOKEN.finditer(form):
        made += re.escape(form[end : found.start()])
        _token(function, form, found)
        percent, _, word, _ = found.groups()
        part = _PARTS.get(word or percent, percent) if percent != "M" else "M"
        if part in seen:
            raise FunctionError(_refusal(function, form, ": a part occurs twice"))
        seen.add("m" if part == "b" else part)
        made += "%" if part == "%" else _EXPRESSIONS[part]
        end = found.end()
    if not ({"d", "m"} <= seen and seen & {"Y", "y"}):
        raise FunctionError(_refusal(function, form, ": it needs a day, a month and a year"))
    return re.compile(made + re.escape(form[end:]))


def _composed(parts: dict[str, str | None], where: tzinfo) -> date | datetime | None:
    month = _MONTHS.get((parts["b"] or "")[:3].lower()) if "b" in parts else int(parts["m"] or 0)
    if month is None:
        return None
    # Two digits: 69 to 99 are 19xx, as POSIX says of strptime's %y.
    year = int(parts["Y"] or 0) if "Y" in parts else (int(parts["y"] or 0) + 31) % 100 + 1969
    day = date(year, month, int(parts["d"] or 0))
    if "H" not in parts:
        return day
    hour, minute, second = (int(parts.get(name) or 0) for name in "HMS")
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=where)


def _iso(value: Any, where: tzinfo) -> date | datetime | None:
    if not isinstance(value, str) or not 8 <= len(text := value.strip()) <= _LONGEST:
        return None
    if len(text) == 10:
        return date.fromisoformat(text)
    found = datetime.fromisoformat(text)
    if len(text) == 8:  # 20261122
        return found.date()
    return found if found.tzinfo else found.replace(tzinfo=where)


def _excel(value: Any, _where: tzinfo) -> date | None:
    number = _number(value)
    return None if number is None or number < _EXCEL_FIRST else _EXCEL_EPOCH + timedelta(days=int(number))


def _generalized(value: Any, _where: tzinfo) -> datetime | None:
    if not isinstance(value, str) or len(value) > _LONGEST or not (found := _GENERALIZED.fullmatch(value.strip())):
        return None
    year, month, day, hour, minute, second, _, sign, offset_hours, offset_minutes = found.groups()
    offset = timedelta(hours=int(offset_hours or 0), minutes=int(offset_minutes or 0))
    at = timezone(-offset if sign == "-" else offset)
    # The fraction is dropped: no directory means half a second by it.
    return datetime(int(year), int(month), int(day), int(hour), int(minute or 0), int(second or 0), tzinfo=at)


def _filetime(value: Any, _where: tzinfo) -> datetime | Never | None:
    number = _number(value)
    if number is None:
        return None
    ticks = int(number)  # of 100 nanoseconds since 1601-01-01 UTC
    return NEVER if ticks in _FILETIME_NEVER else _FILETIME_EPOCH + timedelta(microseconds=ticks // 10)


def _epoch_ms(value: Any, _where: tzinfo) -> datetime | None:
    number = _number(value)
    return None if number is None else _EPOCH + timedelta(milliseconds=int(number))


def _epoch_s(value: Any, _where: tzinfo) -> datetime | None:
    number = _number(value)
    return None if number is None else _EPOCH + timedelta(seconds=int(number))


_DIGITS: Final = re.compile(r"\s*[+-]?[0-9]{1,20}(?:\.[0-9]{1,20})?\s*")


def _number(value: Any) -> int | float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and len(value) <= _LONGEST and _DIGITS.fullmatch(value):
        return float(value) if "." in value else int(value)
    return None


_READERS: Final[dict[str, Reader]] = {
    "iso": _iso,
    "excel": _excel,
    "ad": _generalized,
    "filetime": _filetime,
    "epoch_ms": _epoch_ms,
    "epoch_s": _epoch_s,
}
