"""What is true of a company whose people live in several systems: who works where, until when, and what a tenant must show of it.

Nothing here knows syncd: the book is kept by whoever changes the systems, and `expected` says in a few lines what an attentive
clerk would enter in DingTalk. Instants are aware UTC.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

HR, DIRECTORY, PARTNERS = "hr", "directory", "partners"
BELIEVED: Final = (HR, DIRECTORY, PARTNERS)
"""Who is believed first."""
ZONES: Final = {
    "JAKARTA": "Asia/Jakarta",
    "SHANGHAI": "Asia/Shanghai",
    "BERLIN": "Europe/Berlin",
    "SAN_FRANCISCO": "America/Los_Angeles",
}
STAYING: Final = ("mobile", "mail", "number")
"""What the shipped rules leave as it is where nobody says it any more: it may still be true, and is somebody's way in."""
LEAVERS: Final = "Leavers"
GRACE: Final = timedelta(days=30)


@dataclass(slots=True, kw_only=True)
class Place:
    """A unit of one of the systems."""

    name: str
    above: str = ""
    leader: str = ""
    """A person's key."""
    handle: str = ""
    """By what its system knows it."""
    closed: bool = False


@dataclass(slots=True, kw_only=True)
class Entry:
    """What one system says of a person."""

    facts: dict[str, str]
    """`name`, `mobile`, `title`, `mail`, `number`, and `place` and `boss` by their keys."""
    later: list[tuple[date, str, str]] = field(default_factory=list)
    """What it will say from a day on."""
    first: date | None = None
    """The first day of work; before it nobody is shown."""
    last: date | None = None
    """The last one."""
    shut: bool = False
    """The account is closed, whatever the days are."""
    location: str = "SHANGHAI"
    handle: str = ""

    def works(self, at: datetime) -> bool:
        """Tell whether the person works, on the day that it is there at this moment."""
        today = at.astimezone(ZoneInfo(ZONES[self.location])).date()
        begun = self.first is None or self.first <= today
        return begun and not self.shut and (self.last is None or today <= self.last)

    def turns(self, today: date) -> None:
        """Let what is due on a day come true."""
        for day, name, value in sorted(self.later):
            if day <= today:
                self.facts[name] = value
        self.later = [one for one in self.later if one[0] > today]


@dataclass(slots=True, kw_only=True)
class Human:
    """A person: what each system says, and the account that was made at first and stays."""

    key: str
    account: str
    entries: dict[str, Entry] = field(default_factory=dict)
    shown: bool = False
    """Whether there was an account at the end of some day: its id stays, whatever number the person has later."""
    left_at: datetime | None = None
    back_at: datetime | None = None
    entered: dict[str, str] = field(default_factory=dict)
    """What was entered into the account at last, of what stays there."""

    def works(self, at: datetime) -> bool:
        """Who is believed most decides."""
        for system in BELIEVED:
            if system in self.entries:
                return self.entries[system].works(at)
        return False

    def fact(self, name: str) -> str:
        """Return the first that anybody says, or what stays of what somebody said."""
        said = (self.entries[system].facts.get(name, "") for system in BELIEVED if system in self.entries)
        return next((one for one in said if one), self.entered.get(name, ""))


@dataclass(slots=True, kw_only=True)
class Book:
    """Everybody and every unit, by key."""

    people: dict[str, Human] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)

    def turn(self, at: datetime) -> None:
        """Let what is due come true, and note who left or came back since the last time."""
        today = at.astimezone(ZoneInfo("Asia/Shanghai")).date()
        for one in self.people.values():
            for entry in one.entries.values():
                entry.turns(today)
            if one.works(at):
                one.left_at, one.back_at = None, one.back_at or at
            elif one.back_at is not None:
                one.left_at, one.back_at = at, None
            if one.left_at is not None and at - one.left_at >= GRACE:
                one.entered.clear()  # the account is gone

    def close(self, at: datetime) -> None:
        """Note who has an account at the end of a day."""
        for one in self.working(at):
            one.shown = True
            one.entered = {name: one.fact(name) for name in STAYING}

    def working(self, at: datetime, system: str = "") -> list[Human]:
        """Return who works, by key; only those of one system."""
        return [one for one in self.people.values() if one.works(at) and (not system or system in one.entries)]

    def path(self, key: str) -> str:
        """Return a unit's path as DingTalk can write it."""
        names = [" ".join(one.name.replace(",", " ").replace("-", " ").split()) for one in self.line(key)]
        return "/".join(reversed(names))

    def line(self, key: str) -> Iterator[Place]:
        """Yield a unit and those above it."""
        while key:
            yield self.places[key]
            key = self.places[key].above

    def boss(self, one: Human, at: datetime) -> str:
        """Return the key of whom to call about a person: of those above, the nearest who works."""
        seen = {one.key}
        key = self._above(one)
        while key and key not in seen:
            seen.add(key)
            if self.people[key].works(at):
                return key
            key = self._above(self.people[key])
        return ""

    def _above(self, one: Human) -> str:
        for system in BELIEVED:
            entry = one.entries.get(system)
            if entry is None:
                continue
            if system == HR:
                leaders = (place.leader for place in self.line(entry.facts["place"]))
                found = next((leader for leader in leaders if leader and leader != one.key), "")
            else:
                found = entry.facts.get("boss", "")
            if found:
                return found
        return ""


def expected(book: Book, at: datetime) -> dict[str, dict[str, Any]]:
    """Return what DingTalk must show of everybody who works, by account."""
    shown: dict[str, dict[str, Any]] = {}
    for one in book.working(at):
        boss = book.boss(one, at)
        shown[one.account] = {
            "name": one.fact("name"),
            "mobile": one.fact("mobile"),
            "title": one.fact("title"),
            "email": one.fact("mail"),
            "job_number": one.fact("number"),
            "departments": [book.path(one.fact("place"))],
            "manager": book.people[boss].account if boss else "",
        }
    return shown


def waiting(book: Book, at: datetime, *, step: timedelta) -> tuple[set[str], set[str]]:
    """Return who must be hidden among the leavers, and who may be: between the two lie those whose grace is just over."""
    gone = {one.account: one.left_at for one in book.people.values() if one.left_at is not None}
    must = {account for account, left in gone.items() if at - left < GRACE - step}
    may = {account for account, left in gone.items() if at - left < GRACE + 2 * step}
    return must, may


def midnight(day: date, zone: str = "Asia/Shanghai") -> datetime:
    """Return when a day begins somewhere."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
