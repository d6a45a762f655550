"""Partners' people through a year, as an identity provider pushes them by SCIM."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from support.scim_push import E, Provider
from support.year_book import PARTNERS, Entry, Human, Place
from support.year_office import Office


@dataclass(kw_only=True)
class PartnersYear:
    """Who edits the provider."""

    office: Office
    provider: Provider

    def partner_comes(self, at: datetime) -> None:
        """A partner's person is pushed."""
        number = self.office.number()
        key, firm = f"P{number}", f"Mitra {self.office.chance.randrange(3)}"
        facts = {
            "name": f"Umpama {key}",
            "mobile": f"+628140{number}",
            "title": "Mitra",
            "mail": f"mitra{number}@example.com",
            "place": self._firm(firm),
        }
        id_ = self.provider.user(
            facts["mail"],
            displayName=facts["name"],
            title=facts["title"],
            active=True,
            emails=[{"value": facts["mail"], "type": "work", "primary": True}],
            phoneNumbers=[{"value": facts["mobile"], "type": "mobile"}],
            **{E: {"organization": "Mitra", "department": firm}},
        )
        self.office.book.people[key] = Human(key=key, account=id_, entries={PARTNERS: Entry(facts=facts, handle=id_)})
        self.office.told.append(f"partner {key} comes to {firm}")

    def _firm(self, name: str) -> str:
        above, key = f"{PARTNERS} Mitra", f"{PARTNERS} {name}"
        self.office.book.places.setdefault(above, Place(name="Mitra"))
        self.office.book.places.setdefault(key, Place(name=name, above=above))
        return key

    def partner_changes(self, at: datetime) -> None:
        """Another title; suspended; back; or deleted."""
        found = [one for one in self.office.book.people.values() if PARTNERS in one.entries]
        one = self.office.chance.choice(found)
        entry = one.entries[PARTNERS]
        place = f"Users/{entry.handle}"
        match self.office.chance.randrange(4):
            case 0 | 1:
                entry.facts["title"] = f"Mitra {self.office.chance.randrange(100)}"
                self.provider.patch(place, {"op": "Replace", "path": "title", "value": entry.facts["title"]})
            case 2:
                entry.shut = not entry.shut
                self.provider.patch(place, {"op": "Replace", "path": "active", "value": str(not entry.shut)})
            case _:
                assert self.provider.ask("DELETE", place).status == 204
                del one.entries[PARTNERS]
        self.office.told.append(f"partner {one.key}: shut {entry.shut}, {one.entries.keys()}")
