"""A company to which anything happens, on a real OpenLDAP, from a seed; and what must be remembered of it to judge afterwards.

Joiners, leavers, movers, renames, new managers, swaps of places, addresses that are passed around, employees who become partners
and partners who are hired, people who come back under their old number, and units that are made, renamed, moved, swapped and
closed. It changes the directory one thing after the other, so that the same seed does the same.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, Final

from ldap3 import MODIFY_DELETE, MODIFY_REPLACE, Connection, Server

from servers.administrator import entries, expect, unverified
from servers.company_ldif import COMPANY_DN
from servers.ldap_editor import PERMANENTLY
from servers.openldap import OpenLdap
from support import chaos_names as names
from support.chaos_exchange import EXCHANGED, Exchanges, Gift
from support.chaos_names import Person

PARTNER: Final = "Partner"
"""The `employeeType` of partners, who are external contacts and have no account."""
TRACKED: Final = ("title", "telephoneNumber", "mail", "displayName")
"""The attributes whose values are remembered, in order: each of them is one field of an account."""
_CLASSES: Final = ["inetOrgPerson", "posixAccount", "shadowAccount"]
_KEEPERS: Final = 3
_FEWEST: Final = 150  # people are let go only while there are more


class Company:
    """Who is in the directory now, and what has been; `change` does something to it."""

    def __init__(self, server: OpenLdap, seed: int) -> None:
        self.server = server
        self.changes = 0
        """How many changes the directory has confirmed."""
        self.done: defaultdict[str, int] = defaultdict(int)
        """How often each kind of happening has come to pass."""
        self.history: defaultdict[str, dict[str, list[str]]] = defaultdict(lambda: {name: [] for name in TRACKED})
        """By employee number and attribute, every value in the order in which the directory had them; empty for none."""
        self.absences: defaultdict[str, list[float]] = defaultdict(list)
        """By employee number, when each absence began at the earliest (`time.monotonic`)."""
        self.people: dict[str, Person] = {}
        self.gone: list[Person] = []
        self.partners: set[str] = set()
        """The numbers of those who have no account but are external contacts, also of those of them who are gone."""
        self.keepers: list[str] = []
        """The numbers of colleagues who follow partners, and never leave."""
        self.units: dict[str, str] = {}
        """By distinguished name, that of the unit above."""
        self._dice = random.Random(seed)
        self.exchanges = Exchanges(self._dice)
        self._serial = 0
        self._wire: Any = None
        self._read()

    # -- the beginning ------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        """Learn who is there before anything happens."""
        connection = self._connected()
        connection.search(COMPANY_DN, "(objectClass=organizationalUnit)", attributes=["ou"])
        for each in sorted(str(entry["dn"]) for entry in entries(connection)):
            self.units[each] = names.above(each)
        wanted = [*TRACKED, "employeeNumber", "mobile", "pwdAccountLockedTime", "shadowExpire"]
        for each in sorted(self._people(connection, wanted), key=lambda entry: str(entry["dn"])):
            values = {name: names.text(each, name) for name in wanted}
            active = not (values["pwdAccountLockedTime"] or values["shadowExpire"])
            dn, number = str(each["dn"]), values["employeeNumber"]
            known = {name: values[name] for name in TRACKED}
            place = {"rdn": names.rdn(dn), "unit": names.above(dn)}
            self._come(Person(number=number, **place, mobile=values["mobile"], active=active, values=known))
            if not active:
                self.absences[number].append(0.0)
            elif len(self.keepers) < _KEEPERS:
                self.keepers.append(number)

    def _people(self, connection: Any, wanted: list[str]) -> list[Any]:
        paged = connection.extend.standard.paged_search
        found = paged(COMPANY_DN, "(objectClass=inetOrgPerson)", attributes=wanted, paged_size=500, generator=False)
        return [each for each in found if each["type"] == "searchResEntry"]

    # -- what happens ---------------------------------------------------------------------------------------------------

    def change(self) -> str:
        """Let one thing happen, and return what."""
        name = self._dice.choices(list(_HAPPENINGS), weights=[weight for weight, _ in _HAPPENINGS.values()])[0]
        if _HAPPENINGS[name][1](self):
            self.done[name] += 1
        return name

    def _retitle(self) -> bool:
        return self._set(self._somebody(), title=f"Title {self._next()}")

    def _untitle(self) -> bool:
        return self._set(self._somebody(), title="")

    def _rephone(self) -> bool:
        return self._set(self._somebody(), telephoneNumber=f"+62 21 {self._next():07}")

    def _rename(self) -> bool:
        name = f"Contoh Nama {self._next()}"
        return self._set(self._somebody(), displayName=name, cn=name)

    def _readdress(self) -> bool:
        return self._set(self._somebody(), mail=f"contoh{self._next()}@example.com")

    def _exchange(self) -> bool:
        """Some pass around what only one may have, all at once or the first of them now."""
        attribute = self._dice.choice(EXCHANGED)
        gifts = self.exchanges.begin(attribute, [(one.number, one.values[attribute]) for one in self._here()])
        for gift in gifts:
            self._give(gift)
        return bool(gifts)

    def _go_on(self) -> bool:
        gift = self.exchanges.go_on()
        if gift is not None:
            self._give(gift)
        return gift is not None

    def _give(self, gift: Gift) -> None:
        if (person := self.people.get(gift.number)) is not None:
            self._set(person, **{gift.attribute: gift.value})
            return
        for person in self.gone:
            if person.number == gift.number:
                person.values[gift.attribute] = gift.value  # with which they come back, if they do

    def finish(self) -> None:
        """Bring everything to its end of which only a half has happened."""
        while self._go_on():
            pass
        for person in self.people.values():
            if person.number in self.partners:
                self._set(person, manager=self._keeper().dn)  # what slapd has damaged: see `unled`

    def _remanage(self) -> bool:
        person, boss = self._dice.sample(self._here(), 2)
        return self._set(person, manager=(self._keeper() if person.number in self.partners else boss).dn)

    def _keeper(self) -> Person:
        return self.people[self._dice.choice(self.keepers)]

    def _become_partner(self) -> bool:
        """Somebody loses the account and is an external contact from now on."""
        person = self._somebody()
        if person.number in self.partners or not self._may_go(person):
            return False
        self.absences[person.number].append(time.monotonic())
        self.partners.add(person.number)
        return self._set(person, employeeType=PARTNER, manager=self._keeper().dn)

    def _hire(self) -> bool:
        partners = [person for person in self._here() if person.number in self.partners]
        if not partners:
            return False
        person = self._dice.choice(partners)
        self.partners.remove(person.number)
        return self._set(person, employeeType="Staff")

    def _move(self) -> bool:
        person, unit = self._somebody(), self._dice.choice(list(self.units))
        if unit == person.unit:
            return False
        self._do("modify_dn", person.dn, person.rdn, new_superior=unit)
        person.unit = unit
        return True

    def _swap_places(self) -> bool:
        one, other = self._dice.sample(self._here(), 2)
        places = one.unit, other.unit
        for person, unit in zip((one, other), reversed(places), strict=True):
            if unit != person.unit:
                self._do("modify_dn", person.dn, person.rdn, new_superior=unit)
                person.unit = unit
        return True

    def _rename_login(self) -> bool:
        person = self._somebody()
        rdn = f"uid=contoh{self._next()}"
        self._do("modify_dn", person.dn, rdn)
        person.rdn = rdn
        return True

    def _disable(self) -> bool:
        person = self._somebody()
        if not self._may_go(person):
            return False
        self._note_absence(person)
        self._do("modify", person.dn, {"pwdAccountLockedTime": [(MODIFY_REPLACE, [PERMANENTLY])]})
        person.active = False
        return True

    def _may_go(self, person: Person) -> bool:
        return len(self._here()) > _FEWEST and person.number not in self.keepers

    def _note_absence(self, person: Person) -> None:
        if person.number not in self.partners:  # who have no account that could be removed
            self.absences[person.number].append(time.monotonic())

    def _enable(self) -> bool:
        locked = [person for person in self.people.values() if not person.active and self.absences[person.number][-1]]
        if not locked:
            return False
        person = self._dice.choice(locked)
        self._do("modify", person.dn, {"pwdAccountLockedTime": [(MODIFY_DELETE, [])]})
        person.active = True
        return True

    def _delete(self) -> bool:
        person = self._somebody()
        if not self._may_go(person):
            return False
        self._note_absence(person)
        self._do("delete", person.dn)
        self.gone.append(self.people.pop(person.number))
        return True

    def _join(self) -> bool:
        number = f"9{self._next():05}"
        values = {"displayName": f"Contoh Baru {number}", "mail": f"baru{number}@example.com", "title": "Staf"}
        return self._add(number, mobile=f"+62 812{90000000 + int(number[1:])}", values=values)

    def _come_back(self) -> bool:
        """Somebody who was deleted comes back as a new entry, with the old number."""
        if not self.gone:
            return False
        person = self.gone.pop(self._dice.randrange(len(self.gone)))
        values = {name: value for name, value in person.values.items() if value}
        return self._add(person.number, mobile=person.mobile, values=values)

    def _add(self, number: str, *, mobile: str, values: Mapping[str, str]) -> bool:
        login = f"baru{self._next()}"
        held = {name: values.get(name, "") for name in TRACKED}
        unit = self._dice.choice(list(self.units))
        person = Person(number=number, rdn=f"uid={login}", unit=unit, mobile=mobile, active=True, values=held)
        known = {"cn": values["displayName"], "sn": "Contoh", "employeeNumber": number, "mobile": mobile, **values}
        known |= {"uidNumber": str(2_000_000 + self._next()), "gidNumber": "10000", "homeDirectory": f"/home/{login}"}
        if number in self.partners:
            known |= {"employeeType": PARTNER, "manager": self._keeper().dn}
        self._come(person)
        self._do("add", person.dn, _CLASSES, known)
        return True

    # -- units --------------------------------------------------------------------------------------------------------------

    def _open_unit(self) -> bool:
        above = self._dice.choice([unit for unit in self.units if names.depth(unit) < 8])
        self._do("add", dn := f"ou=Unit {self._next()},{above}", ["organizationalUnit"], {})
        self.units[dn] = above
        return True

    def _rename_unit(self) -> bool:
        return self._place_unit(self._any_unit(), rdn=f"ou=Unit {self._next()}")

    def _move_unit(self) -> bool:
        unit = self._any_unit()
        wide = [one for one in self.units if names.depth(one) < 6 and f"{names.rdn(unit)},{one}" not in self.units]
        wide = [one for one in wide if not names.is_below(one, unit)]
        return bool(wide) and self._place_unit(unit, above=self._dice.choice(wide))

    def _swap_units(self) -> bool:
        """Two units below one roof change their names; there is a moment in which one has neither."""
        one = self._any_unit()
        beside = [unit for unit in self.units if self.units[unit] == self.units[one] and unit != one]
        if not beside:
            return False
        other = self._dice.choice(beside)
        between, above = f"ou=Between {self._next()}", self.units[one]
        steps = ((one, between), (other, names.rdn(one)), (f"{between},{above}", names.rdn(other)))
        return all(self._place_unit(unit, rdn=rdn) for unit, rdn in steps)

    def _close_unit(self) -> bool:
        held = {person.unit for person in self.people.values()} | set(self.units.values()) | {COMPANY_DN}
        empty = sorted(set(self.units) - held)
        if not empty:
            return False
        self._do("delete", unit := self._dice.choice(empty))
        del self.units[unit]
        return True

    def _any_unit(self) -> str:
        return self._dice.choice([unit for unit in self.units if unit != COMPANY_DN])

    def _place_unit(self, unit: str, *, rdn: str = "", above: str = "") -> bool:
        """Give a unit another name or place, with all that is in it."""
        rdn, above = rdn or names.rdn(unit), above or self.units[unit]
        if not self._do("modify_dn", unit, rdn, new_superior=above):
            return False
        fresh = f"{rdn},{above}"
        self.units = {names.moved(one, unit, fresh): names.moved(over, unit, fresh) for one, over in self.units.items()}
        self.units[fresh] = above
        for person in self.people.values():
            person.unit = names.moved(person.unit, unit, fresh)
        return True

    def unled(self) -> frozenset[str]:
        """Return the numbers of those whose manager names nobody who is here.

        slapd's overlay refint follows managers who move with their unit, and damages the name where the unit's has letters
        that need escaping or several bytes (2.5.13): it cuts off its end, even in the middle of a letter.
        """
        here = {person.dn.casefold() for person in self._here() if person.number not in self.partners}
        found = self._people(self._connected(), ["employeeNumber", "manager"])
        return frozenset(
            names.text(each, "employeeNumber")
            for each in found
            for value in each["raw_attributes"].get("manager", ())
            if value.decode(errors="replace").casefold() not in here
        )

    # -- small steps --------------------------------------------------------------------------------------------------------

    def _somebody(self) -> Person:
        return self._dice.choice(self._here())

    def _here(self) -> list[Person]:
        return [person for person in self.people.values() if person.active]

    def _next(self) -> int:
        self._serial += 1
        return self._serial

    def _come(self, person: Person) -> None:
        self.people[person.number] = person
        for name, value in person.values.items():
            self.history[person.number][name].append(value)

    def _set(self, person: Person, **values: str) -> bool:
        """Give somebody values; an empty one takes the attribute away. Noted first: whoever is told of it is told later."""
        for name, value in values.items():
            if name in TRACKED:
                person.values[name] = value
                self.history[person.number][name].append(value)
        changes = {name: [(MODIFY_REPLACE, [value] if value else [])] for name, value in values.items()}
        self._do("modify", person.dn, changes)
        return True

    # -- the wire -------------------------------------------------------------------------------------------------------------

    def _do(self, verb: str, *words: Any, **more: Any) -> bool:
        connection = self._connected()
        getattr(connection, verb)(*words, **more)
        if connection.result["message"] == "DN index add failed":
            return False  # slapd 2.5.13 loses an index at times, when trees have been moved about; nothing has happened
        expect(connection)
        self.changes += 1
        return True

    def _connected(self) -> Any:
        """Return a connection: one for as long as the server lives, because a connection costs more than a change."""
        if self._wire is None:
            editor = self.server.editor
            server = Server(editor.host, port=editor.port, use_ssl=True, tls=unverified(), get_info="NO_INFO")
            self._wire = Connection(server, editor.user, editor.password, auto_bind=True, receive_timeout=60)
        return self._wire

    def hang_up(self) -> None:
        """Let go of the connection: the server is about to be restarted."""
        if self._wire is not None:
            self._wire.unbind()
        self._wire = None


Happening = Callable[[Company], bool]

_HAPPENINGS: Final[Mapping[str, tuple[int, Happening]]] = {
    "another title": (25, Company._retitle),
    "no title": (2, Company._untitle),
    "another telephone": (12, Company._rephone),
    "another name": (6, Company._rename),
    "another address": (6, Company._readdress),
    "an exchange": (4, Company._exchange),
    "an exchange goes on": (5, Company._go_on),
    "another manager": (10, Company._remanage),
    "a move": (12, Company._move),
    "a swap of places": (3, Company._swap_places),
    "another login": (3, Company._rename_login),
    "an employee becomes a partner": (2, Company._become_partner),
    "a partner is hired": (2, Company._hire),
    "disabled": (4, Company._disable),
    "enabled again": (3, Company._enable),
    "deleted": (3, Company._delete),
    "a joiner": (4, Company._join),
    "back under the old number": (3, Company._come_back),
    "a new unit": (2, Company._open_unit),
    "a unit is renamed": (1, Company._rename_unit),
    "a unit is moved": (1, Company._move_unit),
    "two units swap names": (1, Company._swap_units),
    "a unit is closed": (1, Company._close_unit),
}
"""What may happen, with how often it does beside the others."""
