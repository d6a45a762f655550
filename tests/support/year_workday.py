"""Workday through a year: what its administrators enter, today or for a day to come."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from support.year_book import DIRECTORY, HR, ZONES, Entry, Human, Place
from support.year_office import TITLES, Office
from syncd_workday.sandbox import Store

_REGIONS: Final = ("Jakarta", "上海", "Berlin", "Pacific")
_TEAMS: Final = ("Produk", "Mesin", "Layanan")
_ASIA: Final = ("JAKARTA", "SHANGHAI")


@dataclass(kw_only=True)
class WorkdayYear:
    """Who edits the tenant."""

    office: Office
    tenant: Store

    def found(self, workers: int) -> None:
        """Open the tenant: a third of its people have an account in the directory, too."""
        top = self._organization("Contoh Global", "")
        for region in _REGIONS:
            middle = self._organization(region, top)
            for team in _TEAMS:
                self._organization(f"{region}, {team}", middle)
        both = [one for one in self.office.book.people.values() if int(one.key) % 5 == 0]
        for one in both[: workers // 3]:
            self._hire(one, self.office.chance.choice(self._teams()), location=self.office.chance.choice(list(ZONES)))
        while sum(HR in one.entries for one in self.office.book.people.values()) < workers:
            self.worker_comes(None)
        for key in [top, *self._middles(), *self._teams()]:
            inside = [one for one in self.office.book.people.values() if HR in one.entries and self._inside(one, key)]
            if inside:
                self._lead(key, self.office.chance.choice(inside).key)

    def _inside(self, one: Human, key: str) -> bool:
        return self.office.book.places[key] in list(self.office.book.line(one.entries[HR].facts["place"]))

    def _organization(self, name: str, above: str) -> str:
        wid = self.tenant.organization(name, superior=self.office.book.places[above].handle if above else "")
        key = f"{HR} {wid}"
        self.office.book.places[key] = Place(name=name, above=above, handle=wid)
        return key

    def _teams(self) -> list[str]:
        """Return Workday's organizations that hold people, none of them closed."""
        return [key for key, one in self.office.book.places.items() if key.startswith(HR) and self._depth(key) == 2]

    def _middles(self) -> list[str]:
        return [key for key in self.office.book.places if key.startswith(HR) and self._depth(key) == 1]

    def _depth(self, key: str) -> int:
        places = list(self.office.book.line(key))
        return -1 if any(one.closed for one in places) else len(places) - 1

    def _lead(self, place: str, key: str) -> None:
        self.office.book.places[place].leader = key
        handle = self.office.book.people[key].entries[HR].handle if key else ""
        self.tenant.organizations[self.office.book.places[place].handle].manager = handle

    def worker_comes(self, at: datetime | None) -> None:
        """Hire somebody: for today, or for a day to come."""
        key = self.office.number()
        human = Human(key=key, account=key)
        contingent = at is not None and self.office.chance.random() < 0.3
        first = None if at is None else at.date() + timedelta(days=self.office.chance.choice((0, 0, 9, 20)))
        self.office.book.people[key] = human
        self._hire(human, self.office.chance.choice(self._teams()), first=first, contingent=contingent)

    def _hire(
        self, human: Human, place: str, *, first: date | None = None, location: str = "", contingent: bool = False
    ) -> None:
        key, known = human.key, human.entries.get(DIRECTORY)
        location = location or self.office.chance.choice(list(ZONES))
        facts = {
            "name": known.facts["name"] if known else f"Contoh {key}",
            "mobile": known.facts["mobile"] if known else f"+628120{key}",
            "title": self.office.chance.choice(TITLES),
            "mail": known.facts["mail"] if known else f"contoh{key}@example.com",
            "number": key,
            "place": place,
        }
        more: dict[str, Any] = {} if first is None else {"on": first}
        wid = self.tenant.hire(
            key,
            **more,
            contingent=contingent,
            universal=f"U-{key}",
            local=facts["name"],
            mails=(facts["mail"],),
            mobile=facts["mobile"],
            title=facts["title"],
            organization=self.office.book.places[place].handle,
            location=location,
        )
        human.entries[HR] = Entry(facts=facts, first=first, location=location, handle=wid)
        self.office.told.append(f"{key} is hired for {first} in {location}")

    def hire_is_rescinded(self, at: datetime) -> None:
        """Take back the hire of somebody who has not begun: the record vanishes, or stays with a flag."""
        for one in self.office.book.people.values():
            entry = one.entries.get(HR)
            if entry is not None and entry.first is not None and entry.first > at.date() + timedelta(days=1):
                self.tenant.rescind_hire(entry.handle, vanish=self.office.chance.random() < 0.5)
                del one.entries[HR]
                self.office.told.append(f"the hire of {one.key} is rescinded")
                return

    def worker_leaves(self, at: datetime) -> None:
        """Enter somebody's last day: of late, today, or in a few days; some of them lead an organization."""
        one = self._worker(at)
        last = at.date() + timedelta(days=self.office.chance.choice((0, 0, 0, 2, 6)))
        self.tenant.terminate(one.entries[HR].handle, last)
        one.entries[HR].last = last
        self.office.told.append(f"{one.key} leaves on {last} in {one.entries[HR].location}")
        for key, place in self.office.book.places.items():
            if place.leader == one.key and self.office.chance.random() < 0.7:
                self._lead(key, self._worker(at, but=one).key)

    def worker_returns(self, at: datetime) -> None:
        """Hire somebody again who left: the same person, the same number, the same account."""
        for one in self.office.book.people.values():
            entry = one.entries.get(HR)
            if entry is not None and entry.last is not None and one.left_at is not None:
                today = at.astimezone().date()
                self.tenant.change(entry.handle, today, active=True, hire=today, terminated=None)
                entry.first, entry.last = today, None
                self.office.told.append(f"{one.key} is hired again")
                return

    def worker_moves(self, at: datetime) -> None:
        """Another organization and another title, today or from a day on."""
        one, day = self._worker(at, zones=_ASIA), at.date() + timedelta(days=self.office.chance.choice((0, 0, 5, 11)))
        place, title = self.office.chance.choice(self._teams()), self.office.chance.choice(TITLES)
        handle = self.office.book.places[place].handle
        self.tenant.change(one.entries[HR].handle, day, organization=handle, title=title)
        one.entries[HR].later += [(day, "place", place), (day, "title", title)]
        self.office.told.append(f"{one.key} moves to {self.office.book.path(place)} on {day} as {title}")

    def worker_is_transferred(self, at: datetime) -> None:
        """Another country: days end there at another hour."""
        one, location = self._worker(at), self.office.chance.choice(list(ZONES))
        self.tenant.change(one.entries[HR].handle, at.date() - timedelta(days=1), location=location)
        one.entries[HR].location = location
        self.office.told.append(f"{one.key} is transferred to {location}")

    def worker_is_on_leave(self, at: datetime) -> None:
        """Whoever is on leave still works here."""
        one = self._worker(at)
        self.tenant.change(one.entries[HR].handle, at.date(), leave="Parental")

    def worker_is_converted(self, at: datetime) -> None:
        """From contingent to employee: another record, another number, the same person and account."""
        for one in self._workers(at, zones=_ASIA):  # where today has begun, whatever the hour here
            entry = one.entries[HR]
            if one.shown and self.tenant.workers[entry.handle].contingent:
                today = at.date()
                self.tenant.terminate(entry.handle, today - timedelta(days=1))
                number = f"8{one.key[1:]}"
                facts = entry.facts | {"number": number}
                wid = self.tenant.hire(
                    number,
                    today,
                    universal=f"U-{one.key}",
                    local=facts["name"],
                    mails=(facts["mail"],),
                    mobile=facts["mobile"],
                    title=facts["title"],
                    organization=self.office.book.places[facts["place"]].handle,
                    location=entry.location,
                )
                one.entries[HR] = Entry(facts=facts, first=today, location=entry.location, handle=wid)
                for key, place in self.office.book.places.items():
                    if place.leader == one.key:
                        self._lead(key, one.key)
                self.office.told.append(f"{one.key} becomes an employee, {number}")
                return

    def organization_changes(self, at: datetime) -> None:
        """Another name, another place, another leader."""
        key = self.office.chance.choice(self._teams())
        place, held = self.office.book.places[key], self.tenant.organizations[self.office.book.places[key].handle]
        match self.office.chance.randrange(3):
            case 0:
                place.name = held.name = f"{place.name.partition(' v')[0]} v{self.office.chance.randrange(1000)}"
            case 1:
                place.above = self.office.chance.choice(self._middles())
                held.superior = self.office.book.places[place.above].handle
            case _:
                self._lead(key, self._worker(at).key)
        self.office.told.append(f"organization {self.office.book.path(key)} led by {place.leader}")

    def organizations_are_merged(self, at: datetime) -> None:
        """Everybody of one goes to another, and it is closed."""
        teams = self._teams()
        if len(teams) < 6:
            return
        old, new = self.office.chance.sample(teams, 2)
        for one in self.office.book.people.values():
            entry = one.entries.get(HR)
            if entry is None:
                continue
            if entry.facts["place"] == old or any(value == old for _, _, value in entry.later):
                self.tenant.change(entry.handle, at.date(), organization=self.office.book.places[new].handle)
                entry.later = [each for each in entry.later if each[1] != "place"]
                for each in self.tenant.workers[entry.handle].events:
                    if each.effective > at.date():
                        each.changes.pop("organization", None)
                entry.facts["place"] = new
        self.tenant.organizations[self.office.book.places[old].handle].inactive = True
        self.office.book.places[old].closed = True
        self.office.told.append(f"{self.office.book.path(old)} is merged into {self.office.book.path(new)}")

    def _workers(self, at: datetime, *, zones: Collection[str] = ZONES) -> list[Human]:
        today = at.date()
        return [
            one
            for one in self.office.book.working(at, HR)
            if one.entries[HR].last is None
            and one.entries[HR].location in zones
            and (one.entries[HR].first or today) <= today
        ]

    def _worker(self, at: datetime, *, but: Human | None = None, zones: Collection[str] = ZONES) -> Human:
        return self.office.chance.choice([one for one in self._workers(at, zones=zones) if one is not but])
