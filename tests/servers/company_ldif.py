"""The example company as LDIF, for servers that are loaded while they stand still: OpenLDAP and 389 Directory Server.

It does not talk to a server. The same company has the same names and ids each time.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ldap3.utils.dn import escape_rdn

from servers import company

BASE_DN: Final = "dc=corp,dc=example,dc=com"
COMPANY_DN: Final = f"ou=Company,{BASE_DN}"
GROUPS_DN: Final = f"ou=Groups,{BASE_DN}"
SERVICE_DN: Final = f"uid=svc-syncd,ou=Service Accounts,{BASE_DN}"
PLAIN_DN: Final = f"uid=plain,ou=Service Accounts,{BASE_DN}"
CAPPED_DN: Final = f"uid=capped,ou=Service Accounts,{BASE_DN}"
SERVICE_PASSWORD: Final = "Example-Service-1!"
EXPIRED_DAY: Final = "18262"
"""2020-01-01 as days since 1970, the unit of shadowExpire."""
_NAMES: Final = uuid.UUID("6f1e3c0a-0000-4000-8000-00000000c0de")

Entry = dict[str, str | list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """How large it is, and how the server at hand says what each says in its own way."""

    people: int = company.PEOPLE
    teams: int = 2
    person_classes: tuple[str, ...] = ("inetOrgPerson", "posixAccount", "shadowAccount")
    group_classes: tuple[str, ...] = ("groupOfNames",)
    disabled: dict[str, str] = field(default_factory=dict)
    """The attributes of somebody whose account is disabled."""
    rights: str = ""
    """The base's `aci`, for a server that keeps its access rules in its entries."""

    def write(self, file: Path) -> None:
        """Write everything below and including the base."""
        with file.open("w", encoding="ascii") as out:
            for dn, entry in self._entries():
                out.write(_ldif(dn, entry))

    def _entries(self) -> Iterator[tuple[str, Entry]]:
        base: Entry = {"objectClass": ["dcObject", "organization"], "dc": "corp", "o": "Contoh Nusantara Group"}
        yield BASE_DN, {**base, "aci": self.rights} if self.rights else base
        yield from _accounts()
        places: dict[str, str] = {}
        for path, name, description in company.units(teams=self.teams):
            dn = f"ou={escape_rdn(name)},{places.get(path[: -len(name) - 1], BASE_DN)}"
            places[path] = dn
            yield dn, {"objectClass": "organizationalUnit", "ou": name, "description": description}
        people, belonging = self._people(places), _memberships(self.people)
        names: dict[str, str] = {}
        for login, dn, entry in people:
            names[login] = dn
            if "boss" in entry:
                entry["manager"] = names[str(entry.pop("boss"))]
            if login in belonging:
                entry["memberOf"] = belonging[login]
            yield dn, entry
        yield from self._groups(names, belonging)

    def _people(self, places: dict[str, str]) -> Iterator[tuple[str, str, Entry]]:
        for number, person in enumerate(company.people(self.people, teams=self.teams), start=1):
            login = person.pop("login")
            entry: Entry = {
                "objectClass": list(self.person_classes),
                "uid": login,
                "departmentNumber": person.pop("department"),
                "o": person.pop("company"),
                "employeeNumber": person.pop("employeeID"),
                "uidNumber": str(10000 + number),
                "gidNumber": "10000",
                "homeDirectory": f"/home/{login}",
                "loginShell": "/bin/bash",
            }
            dn = f"uid={login},{places[person.pop('unit')]}"
            if number in company.DISABLED:
                entry.update(self.disabled)
            if number in company.EXPIRED:
                entry["shadowExpire"] = EXPIRED_DAY
            yield login, dn, {**entry, **person}

    def _groups(self, names: dict[str, str], belonging: dict[str, list[str]]) -> Iterator[tuple[str, Entry]]:
        yield GROUPS_DN, {"objectClass": "organizationalUnit", "ou": "Groups", "description": "Groups of people"}
        for name, members in company.groups(self.people):
            if not members:  # groupOfNames must have one
                continue
            names[name] = _group_dn(name)
            entry: Entry = {
                "objectClass": list(self.group_classes),
                "cn": name,
                "member": [names[each] for each in members],
            }
            if name in belonging:
                entry["memberOf"] = belonging[name]
            yield names[name], entry


def _accounts() -> Iterator[tuple[str, Entry]]:
    service = SERVICE_DN.split(",", 1)[1]
    yield service, {"objectClass": "organizationalUnit", "ou": "Service Accounts"}
    for dn in (SERVICE_DN, PLAIN_DN, CAPPED_DN):
        uid = dn.split(",")[0].removeprefix("uid=")
        yield dn, {"objectClass": ["account", "simpleSecurityObject"], "uid": uid, "userPassword": SERVICE_PASSWORD}


def _group_dn(name: str) -> str:
    return f"cn={escape_rdn(name)},{GROUPS_DN}"


def _memberships(people: int) -> dict[str, list[str]]:
    """Return the groups' names by member: loading computes no memberOf, so the load brings it along."""
    belonging: dict[str, list[str]] = {}
    for name, members in company.groups(people):
        for member in members:
            belonging.setdefault(member, []).append(_group_dn(name))
    return belonging


def _ldif(dn: str, entry: Entry) -> str:
    lines = [_line("dn", dn)]
    for name, values in entry.items():
        lines += [_line(name, value) for value in _listed(values)]
    lines.append(f"entryUUID: {uuid.uuid5(_NAMES, dn)}\n")
    return "".join(lines) + "\n"


def _listed(values: str | list[str]) -> Iterable[str]:
    return (values,) if isinstance(values, str) else values


def _line(name: str, value: str) -> str:
    """Write one value (RFC 2849): as it is if it is plain, else in base64."""
    if value.isascii() and value.isprintable() and value[:1] not in " :<" and not value.endswith(" "):
        return f"{name}: {value}\n"
    return f"{name}:: {base64.b64encode(value.encode()).decode()}\n"
