"""Run by Debian's own Python, the only one with the `samba` module: puts the example company into a provisioned database.

Usage: /usr/bin/python3 samba_populate.py SMB_CONF SERVICE_PASSWORD PEOPLE. The server must not be running.
"""

from __future__ import annotations

import sys
from pathlib import Path

import ldb
from samba.auth import system_session
from samba.dcerpc import security
from samba.ndr import ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB
from samba.sd_utils import SDUtils

sys.path.insert(0, str(Path(__file__).parent.parent))
from servers import company

_NAMES = ldb.Ldb()
"""Names are taken apart and put together by it; it must outlive them, or the library crashes."""
_ENABLED = "544"  # normal account, password not required: Samba then takes an enabled account without a password
_DISABLED = "546"
_SERVICES = ("svc-syncd", "svc-dirsync")


def main(conf: str, password: str, count: int) -> None:
    """Add units, people, groups and the service accounts in one batch."""
    lp = LoadParm()
    lp.load(conf)
    url = lp.private_path("sam.ldb")
    database = SamDB(url=url, session_info=system_session(lp), lp=lp, options=["batch_mode:1"])
    base = str(database.domain_dn())
    database.transaction_start()
    places = _add_units(database, base)
    people = _add_people(database, places, count)
    _add_groups(database, base, people, count)
    place = _add_unit(database, base, "Service Accounts", "Accounts of programs")
    for name in _SERVICES:
        dn = _below(place, "CN", name)
        database.add({"dn": dn, "objectClass": "user", "sAMAccountName": name, "userAccountControl": "66048"})
    database.transaction_commit()
    directory = SamDB(url=url, session_info=system_session(lp), lp=lp)
    for name in _SERVICES:
        directory.setpassword(f"(sAMAccountName={name})", password, force_change_at_next_login=False)
    _let_see_deleted(directory, "svc-dirsync")


def _let_see_deleted(directory: SamDB, user: str) -> None:
    """Give an account the right to look into CN=Deleted Objects: Samba wants it besides the right to replicate."""
    (found,) = directory.search(expression=f"(sAMAccountName={user})", attrs=["objectSid"])
    sid = ndr_unpack(security.dom_sid, found["objectSid"][0])
    SDUtils(directory).dacl_add_ace(f"CN=Deleted Objects,{directory.domain_dn()}", f"(A;;LCRPLO;;;{sid})")


def _below(parent: str, kind: str, name: str) -> str:
    dn = ldb.Dn(_NAMES, parent)
    dn.add_child(f"{kind}=X")
    dn.set_component(0, kind, name)
    return str(dn)


def _add_unit(database: SamDB, parent: str, name: str, description: str) -> str:
    dn = _below(parent, "OU", name)
    database.add({"dn": dn, "objectClass": "organizationalUnit", "description": description})
    return dn


def _add_units(database: SamDB, base: str) -> dict[str, str]:
    places: dict[str, str] = {}
    for path, name, description in company.units():
        parent = places.get(path[: -len(name) - 1], base)
        places[path] = _add_unit(database, parent, name, description)
    return places


def _add_people(database: SamDB, places: dict[str, str], count: int) -> dict[str, str]:
    known: dict[str, str] = {}
    for number, person in enumerate(company.people(count), start=1):
        login = person.pop("login")
        dn = known[login] = _below(places[person.pop("unit")], "CN", person.pop("cn"))
        boss = person.pop("boss", "")
        entry = {
            "dn": dn,
            "objectClass": "user",
            "sAMAccountName": login,
            "userPrincipalName": f"{login}@corp.example.com",
            "userAccountControl": _DISABLED if number in company.DISABLED else _ENABLED,
            "accountExpires": str(company.FILETIME_2020 if number in company.EXPIRED else company.NEVER),
            **person,
        }
        if boss:
            entry["manager"] = known[boss]
        database.add(entry)
    return known


def _add_groups(database: SamDB, base: str, people: dict[str, str], count: int) -> None:
    place = _add_unit(database, base, "Groups", "Groups of people")
    known = dict(people)
    for name, members in company.groups(count):
        known[name] = _below(place, "CN", name)
        database.add(
            {
                "dn": known[name],
                "objectClass": "group",
                "sAMAccountName": name.replace(",", ""),
                "member": [known[member] for member in members],
            }
        )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
