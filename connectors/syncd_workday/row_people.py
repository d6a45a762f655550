"""From rows of reports and queries to records of people and units. Blocking, pure: the moment is an argument.

What a row says is kept packed until all rows are there: a person may have several, and none may say alone whether they left.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import blake2b
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from syncd.core.model import Kind, NativeId, SourceRecord
from syncd.core.values import Value, content_digest
from syncd_workday.answers import flag
from syncd_workday.columns import indexed, texts
from syncd_workday.paths import ATTRIBUTES, DATES, LISTS, TEXTS, UNIT
from syncd_workday.settings import Identity, WorkdaySettings
from syncd_workday.settings_rows import Dates
from syncd_workday.standing import Standing, civil, standing

_VERSION: Final = "1"
_FROM_OTHERS: Final = frozenset({"HireDate", "EndDate", "Timezone", "Active"})
MADE: Final = _FROM_OTHERS | {"WorkerKind"}
"""What is said of people by other columns than that of the same name."""
_ALSO: Final[Mapping[str, tuple[str, ...]]] = {
    "WID": ("workdayID",),
    "StatusActive": ("Active", "ActiveStatus"),
    "StatusHireDate": ("HireDate",),
    "StatusTerminationDate": ("TerminationDate", "EndDate"),
    "StatusHireRescinded": ("HireRescinded",),
    "ManagerReference": ("ManagerWID",),
}
"""Columns that mean the same, as authors of reports name them."""
_NEEDED: Final = frozenset(
    {"WID", "WorkerID", "EmployeeID", "ContingentWorkerID", "UniversalID", "WorkerKind", "LocationIdentifier"}
) | {name for name in TEXTS if name in _ALSO}
_STATUS: Final = {
    "Active": "StatusActive",
    "Hire_Date": "StatusHireDate",
    "Termination_Date": "StatusTerminationDate",
    "Hire_Rescinded": "StatusHireRescinded",
}
_SLASHED: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_WORDS: Final = {"yes": "true", "y": "true", "no": "false", "n": "false"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row: who it is, and what it says, packed."""

    wid: str
    key: str
    """The person's id; empty where the row does not say it."""
    said: bytes
    print: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one row says."""

    line: Line
    said: Mapping[str, Value]
    unreadable: tuple[str, ...] = ()
    """The attributes whose date cannot be read."""
    counted: str = ""
    """How many workers there are, where each row says it."""


class RowShape:
    """How rows become records."""

    def __init__(
        self, settings: WorkdaySettings, *, now: Callable[[], datetime], wanted: frozenset[str] | None = None
    ) -> None:
        self._settings = settings
        self._now = now
        rows = settings.rows
        # `HireDate: Start` says where the day of the hire stands, whatever it is made into.
        own = {name: (path,) for name, path in rows.columns.items() if name not in _FROM_OTHERS}
        several = {
            name: tuple(rows.columns.get(each, each) for each in (name, *_ALSO.get(name, ())))
            for name in (*TEXTS, *LISTS)
            if name not in _FROM_OTHERS
        }
        paths = {**several, **own}
        self.paths = {name: paths[name] for name in paths if wanted is None or name in wanted | _NEEDED}
        self._unit_paths = {name: (rows.unit_columns.get(name) or name, *_ALSO.get(name, ())) for name in UNIT}
        report = settings.report
        self._count = report.count_column if report is not None and report.count is None else ""
        self._names = (*ATTRIBUTES[Kind.PERSON], *rows.columns)
        self._zones = {name: ZoneInfo(name) for name in {settings.timezone, *settings.timezones.values()}}
        stamp = (_VERSION, sorted(self.paths.items()), rows.dates, settings.identity, settings.ahead)
        zones = (settings.timezone, sorted(settings.timezones.items()))
        self._stamp = blake2b(repr((stamp, zones)).encode(), digest_size=16).digest()

    def told(self, raw: bytes) -> Told:
        """Return what a row says. Raises `msgspec.DecodeError`."""
        row = indexed(msgspec.json.decode(raw, type=dict[str, object]))
        said: dict[str, Value] = {}
        unreadable = []
        for name, paths in self.paths.items():
            found = next((found for path in paths if (found := texts(row, path))), [])
            if not found:
                continue
            text = found[0]
            if name in DATES and (text := self._date(found[0])) == "":
                unreadable.append(name)
                continue
            said[name] = tuple(dict.fromkeys(found)) if name in LISTS else text
        key, wid = self._key(said), str(said.get("WID", ""))
        print_ = blake2b(raw, digest_size=16, key=self._stamp).digest()
        line = Line(wid=wid or key, key=key, said=msgspec.msgpack.encode(said), print=print_)
        counted = next(iter(texts(row, self._count)), "") if self._count else ""
        return Told(line=line, said=said, unreadable=tuple(unreadable), counted=counted)

    def standing(self, line: Line) -> Standing:
        """Return how somebody stands at this moment."""
        return self._standing(self._said(line))

    def chosen(self, lines: Sequence[Line]) -> Line:
        """Return the row that counts: at work, then about to begin, then last to leave; an employee before a contingent."""
        if len(lines) == 1:
            return lines[0]
        return max(lines, key=lambda each: (self.standing(each).rank, not _contingent(self._said(each)), each.wid))

    def record(self, lines: Sequence[Line]) -> SourceRecord:
        """Return the person that some rows are."""
        line = self.chosen(lines)
        said = self._said(line)
        how = self._standing(said)
        attributes = {**said, "Timezone": self._zone(said).key}
        attributes["WorkerKind"] = "contingent" if _contingent(said) else "employee"
        if how.active is not None:
            attributes["Active"] = how.active
        attributes |= {name: day.isoformat() for name, day in (("HireDate", how.hire), ("EndDate", how.end)) if day}
        names = [name for each in lines for name in self._ids(each)]
        if said.get("ManagerReference") in names:
            del attributes["ManagerReference"]  # nobody is their own
        return SourceRecord(
            native_id=NativeId(line.key),
            kind=Kind.PERSON,
            digest=content_digest(attributes, self._names),
            attributes=attributes,
            aliases=tuple(name for name in dict.fromkeys(names) if name != line.key),
            fingerprint=line.print if len(lines) == 1 else b"",
            review_at=how.review_at,
        )

    def unit(self, raw: bytes) -> SourceRecord | None:
        """Return the unit that a row is, None for one without an id. Raises `msgspec.DecodeError`."""
        row = indexed(msgspec.json.decode(raw, type=dict[str, object]))
        said: dict[str, Value] = {}
        for name, paths in self._unit_paths.items():
            if found := next((found for path in paths if (found := texts(row, path))), []):
                said[name] = found[0]
        wid = said.get("WID") or said.get("ReferenceID")
        if not wid:
            return None
        said["Inactive"] = _flag(str(said.get("Inactive", ""))) or False
        return SourceRecord(
            native_id=NativeId(str(wid)),
            kind=Kind.UNIT,
            digest=content_digest(said, tuple(UNIT)),
            attributes=said,
            aliases=tuple(str(said[name]) for name in ("ReferenceID",) if said.get(name) not in (None, wid)),
        )

    def _said(self, line: Line) -> dict[str, Value]:
        said = msgspec.msgpack.decode(line.said, type=dict[str, str | tuple[str, ...]])
        return dict(said)

    def _standing(self, said: Mapping[str, Value]) -> Standing:
        shown = {element: str(said.get(name, "")) for element, name in _STATUS.items()}
        for element in ("Active", "Hire_Rescinded"):
            shown[element] = _WORDS.get(shown[element].casefold(), shown[element])
        now, settings = self._now(), self._settings
        read_on = now.astimezone(self._zones[settings.timezone]).date()
        return standing(shown, now=now, zone=self._zone(said), read_on=read_on, ahead=settings.ahead)

    def _zone(self, said: Mapping[str, Value]) -> ZoneInfo:
        location = str(said.get("LocationIdentifier", ""))
        return self._zones[self._settings.timezones.get(location, self._settings.timezone)]

    def _key(self, said: Mapping[str, Value]) -> str:
        if self._settings.identity is Identity.UNIVERSAL_ID:
            return str(said.get("UniversalID", ""))
        return next((str(said[name]) for name in ("WorkerID", "EmployeeID", "ContingentWorkerID") if name in said), "")

    def _ids(self, line: Line) -> list[str]:
        said = self._said(line)
        return [str(said[name]) for name in ("WID", "WorkerID", "EmployeeID", "ContingentWorkerID") if name in said]

    def _date(self, text: str) -> str:
        """Return a civil date, empty for what is none in this form."""
        form = self._settings.rows.dates
        if (found := _SLASHED.match(text)) and form is not Dates.YEAR_FIRST:
            first, second, year = (int(part) for part in found.groups())
            month, day = (first, second) if form is Dates.MONTH_FIRST else (second, first)
            try:
                return date(year, month, day).isoformat()
            except ValueError:
                return ""
        day_ = civil(text)
        return day_.isoformat() if day_ else ""


def _contingent(said: Mapping[str, Value]) -> bool:
    kind = str(said.get("WorkerKind", "")).casefold()
    return "contingent" in kind if kind else "ContingentWorkerID" in said and "EmployeeID" not in said


def _flag(text: str) -> bool | None:
    return flag(_WORDS.get(text.casefold(), text))
