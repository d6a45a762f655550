"""A real Active Directory through a year: what its administrators do to accounts and units."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ldap3.utils.dn import escape_rdn

from servers import company
from servers.editor import Editor
from servers.samba import BASE_DN
from support.year_book import DIRECTORY, HR, PARTNERS, Entry, Human, Place, midnight
from support.year_office import TITLES, Office


@dataclass(kw_only=True)
class DirectoryYear:
    """Who edits the domain."""

    office: Office
    editor: Editor
    base: str
    """The unit that is read, as a path."""
    accounts: int
    """How many accounts the domain began with."""

    def found(self) -> None:
        """Write down what the domain holds."""
        for path, name, _ in company.units():
            if path == self.base or path.startswith(f"{self.base}/"):
                above = path.rpartition("/")[0]
                known = f"{DIRECTORY} {above}" if path != self.base else ""
                self.office.book.places[f"{DIRECTORY} {path}"] = Place(name=name, above=known, handle=_dn(path))
        logins: dict[str, str] = {}
        for number, person in enumerate(company.people(self.accounts), start=1):
            place = f"{DIRECTORY} {person['unit']}"
            if place not in self.office.book.places:
                continue
            key = logins[person["login"]] = person["employeeID"]
            facts = {
                "name": person["displayName"],
                "mobile": _plain(person["mobile"]),
                "title": person["title"],
                "mail": person["mail"],
                "number": key,
                "place": place,
                "boss": logins.get(person.get("boss", ""), ""),
            }
            shut = number in company.DISABLED or number in company.EXPIRED
            entry = Entry(facts=facts, shut=shut, handle=person["login"])
            self.office.book.people[key] = Human(key=key, account=key, entries={DIRECTORY: entry})

    def _units(self) -> list[str]:
        """Return the directory's units that hold people."""
        above = {one.above for one in self.office.book.places.values()}
        return [key for key in self.office.book.places if key.startswith(DIRECTORY) and key not in above]

    def account_is_made(self, at: datetime) -> None:
        """For somebody new, for a worker who has none, or for a partner who is employed."""
        place, boss = self.office.chance.choice(self._units()), self._holder(at)
        one = self._who_gets_an_account(at)
        facts = {
            "name": one.fact("name") or f"Teladan {one.key}",
            "mobile": one.fact("mobile") or f"+628130{one.key}",
            "title": self.office.chance.choice(TITLES),
            "mail": one.fact("mail") or f"teladan{one.key}@example.com",
            "number": one.fact("number") or one.key,
            "place": place,
            "boss": boss.key,
        }
        login = f"new{one.key.lower()}"
        self.editor.add(
            login,
            name=f"{facts['name']} {one.key}",
            unit=self.office.book.places[place].handle,
            mail=facts["mail"],
            mobile=facts["mobile"],
            title=facts["title"],
            employeeID=facts["number"],
            manager=self.editor.dn(boss.entries[DIRECTORY].handle),
        )
        self.editor.modify(login, displayName=facts["name"])
        one.entries[DIRECTORY] = Entry(facts=facts, handle=login)
        self.office.told.append(f"{one.key} gets an account in {self.office.book.path(place)}")

    def _who_gets_an_account(self, at: datetime) -> Human:
        kind = self.office.chance.randrange(4)
        found = [
            one
            for one in self.office.book.working(at, {0: HR, 1: PARTNERS}.get(kind, "nobody"))
            if len(one.entries) == 1 and one.shown
        ]
        if found:
            return self.office.chance.choice(found)
        key = self.office.number()
        return self.office.book.people.setdefault(key, Human(key=key, account=key))

    def account_changes(self, at: datetime) -> None:
        """Another title, another name, another manager, another unit."""
        one = self._holder(at)
        entry = one.entries[DIRECTORY]
        match self.office.chance.randrange(4):
            case 0:
                entry.facts["title"] = self.office.chance.choice(TITLES)
                self.editor.modify(entry.handle, title=entry.facts["title"])
            case 1:
                entry.facts["name"] = f"Ganti {one.key}"
                self.editor.rename(entry.handle, name=entry.facts["name"])
            case 2:
                boss = self._holder(at, but=one)
                entry.facts["boss"] = boss.key
                self.editor.set_manager(entry.handle, boss=boss.entries[DIRECTORY].handle)
            case _:
                entry.facts["place"] = self.office.chance.choice(self._units())
                self.editor.move(entry.handle, unit=self.office.book.places[entry.facts["place"]].handle)
        self.office.told.append(f"account {entry.handle} of {one.key} is changed: {entry.facts}")

    def account_is_closed(self, at: datetime) -> None:
        """Disabled, expiring, or deleted; of some, HR says that they still work."""
        one = self._holder(at)
        entry = one.entries[DIRECTORY]
        match self.office.chance.randrange(4):
            case 0 | 1:
                self.editor.disable(entry.handle)
                entry.shut = True
            case 2:
                entry.last = at.date() + timedelta(days=3)
                self.editor.expire(entry.handle, at=midnight(entry.last + timedelta(days=1)))
            case _:
                self.editor.delete(entry.handle)
                del one.entries[DIRECTORY]
                for other in self.office.book.people.values():
                    known = other.entries.get(DIRECTORY)
                    if known is not None and known.facts["boss"] == one.key:
                        known.facts["boss"] = ""
        self.office.told.append(
            f"account {entry.handle} of {one.key} is closed: shut {entry.shut}, last day {entry.last}"
        )

    def account_is_opened(self, at: datetime) -> None:
        """Somebody is back."""
        for one in self.office.book.people.values():
            entry = one.entries.get(DIRECTORY)
            if entry is not None and entry.shut and one.left_at is not None:
                self.editor.enable(entry.handle)
                entry.shut = False
                self.office.told.append(f"account {entry.handle} of {one.key} is opened")
                return

    def unit_is_renamed(self, at: datetime) -> None:
        """Everybody in it is called otherwise from then on, and nobody was changed."""
        key = self.office.chance.choice(self._units())
        place = self.office.book.places[key]
        place.name = f"Tim {self.office.chance.randrange(10_000)}"
        self.editor.rename_dn(place.handle, f"OU={escape_rdn(place.name)}")
        place.handle = f"OU={escape_rdn(place.name)},{place.handle.split(',OU=', 1)[1].join(('OU=', ''))}"
        self.office.told.append(f"a unit is now called {self.office.book.path(key)}")

    def _holder(self, at: datetime, *, but: Human | None = None) -> Human:
        found = [one for one in self.office.book.working(at, DIRECTORY) if not one.entries[DIRECTORY].shut]
        return self.office.chance.choice(
            [one for one in found if one is not but and one.entries[DIRECTORY].last is None]
        )


def _dn(path: str) -> str:
    names = [f"OU={escape_rdn(name)}" for name in reversed(path.split("/"))]
    return ",".join([*names, BASE_DN])


def _plain(number: str) -> str:
    return "+" + "".join(digit for digit in number if digit.isdigit())
