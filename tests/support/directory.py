"""What a tenant must look like, computed from the directory by other means than syncd's: Samba's own tool, and rules in prose.

The prose, which the shipped rules must amount to: everybody whose account is enabled and not expired, and whom no rule leaves
out, is in DingTalk under the employee number (else the objectGUID), in the department of the OU that holds the account.
"""

from __future__ import annotations

import base64
import re
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foreign.dingding import ForeignDingTalk
from servers.samba import BASE_DN

BUILT_IN = re.compile(r"Administrator|Guest|krbtgt|svc-.*|dns-.*")
NO_DEPARTMENTS = frozenset({"Groups", "Service Accounts", "Domain Controllers"})
FILETIME_NOW = 134_000_000_000_000_000
"""In August 2025: the accounts of these tests expire in 2020, or never."""
LEAVERS = "Leavers"

Entry = Mapping[str, list[str]]
Person = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """People by userid, and departments by path with their leaders."""

    people: Mapping[str, Person]
    departments: Mapping[str, list[str]]


# --- what the directory says -----------------------------------------------------------------------------------------


def of_directory(database: Path) -> Company:
    """Read the domain's database (`sam.ldb`) past every server and work out what DingTalk must show.

    Who reports to somebody who is not there reports to the next one above who is.
    """
    units = {_key(entry): entry for entry in _search(database, "(objectClass=organizationalUnit)")}
    paths = {key: path for key in units if (path := _path(key, units))}
    accounts = {_key(entry): entry for entry in _search(database, "(&(objectCategory=person)(objectClass=user))")}
    wanted = {key: _userid(entry) for key, entry in accounts.items() if _is_wanted(entry)}
    people = {
        wanted[key]: _person(accounts[key], key, paths) | {"manager": wanted.get(_boss(key, accounts, wanted), "")}
        for key in wanted
    }
    leaders = {
        path: [wanted[head] for head in map(str.casefold, units[key].get("managedBy", ())) if head in wanted]
        for key, path in paths.items()
    }
    return Company(people=people, departments=leaders)


def groups_of(database: Path) -> dict[str, set[str]]:
    """Return the direct members of the company's groups by name: userids of those who are to be in DingTalk."""
    accounts = {_key(entry): entry for entry in _search(database, "(&(objectCategory=person)(objectClass=user))")}
    wanted = {key: _userid(entry) for key, entry in accounts.items() if _is_wanted(entry)}
    groups = [each for each in _search(database, "(objectClass=group)") if ",ou=groups," in _key(each)]
    return {
        " ".join(re.sub("[-,，]", " ", each["cn"][0]).split()): {
            wanted[member] for member in map(str.casefold, each["member"]) if member in wanted
        }
        for each in groups
    }


def offices_of(database: Path) -> dict[str, set[str]]:
    """Return who is in each department that the attributes `company` and `department` speak of, by path."""
    found: dict[str, set[str]] = {}
    for entry in _search(database, "(&(objectCategory=person)(objectClass=user)(company=*))"):
        if _is_wanted(entry):
            found.setdefault(f"{entry['company'][0]}/{entry['department'][0]}", set()).add(_userid(entry))
    return found


def _is_wanted(entry: Entry) -> bool:
    disabled = int(entry["userAccountControl"][0]) & 2
    expires = int(entry["accountExpires"][0])
    expired = 0 < expires < FILETIME_NOW
    return not (disabled or expired or BUILT_IN.fullmatch(entry["sAMAccountName"][0]))


def _userid(entry: Entry) -> str:
    return entry.get("employeeID", entry["objectGUID"])[0]


def _boss(key: str, accounts: Mapping[str, Entry], wanted: Collection[str]) -> str:
    """Return the nearest one above who is there."""
    at, met = _one(accounts[key], "manager").casefold(), {key}
    while at in accounts and at not in wanted and at not in met:
        met.add(at)
        at = _one(accounts[at], "manager").casefold()
    return at


def _person(entry: Entry, key: str, paths: Mapping[str, str]) -> Person:
    above = _above(key)
    return {
        "name": entry["displayName"][0],
        "mobile": re.sub(r"[^+\d]", "", entry["mobile"][0]),
        "title": _one(entry, "title"),
        "email": _one(entry, "mail"),
        "job_number": _one(entry, "employeeID"),
        "telephone": _one(entry, "telephoneNumber"),
        "departments": [paths[above]] if above in paths else ["the root"],
    }


def _one(entry: Entry, name: str) -> str:
    return entry.get(name, [""])[0]


def _path(key: str, units: Mapping[str, Entry]) -> str:
    """Return the department's path as DingTalk can write it: no commas or hyphens in a name; empty if it is left out."""
    names: list[str] = []
    while key in units:
        name = units[key]["ou"][0]
        if name in NO_DEPARTMENTS:
            return ""
        names.insert(0, " ".join(re.sub("[-,，]", " ", name).split()))
        key = _above(key)
    return "/".join(names)


def _key(entry: Entry) -> str:
    return entry["dn"][0].casefold()


def _above(dn: str) -> str:
    return re.split(r"(?<!\\),", dn, maxsplit=1)[1]


def _search(database: Path, filter_: str) -> list[Entry]:
    words = ["ldbsearch", "-H", str(database), "-b", BASE_DN, filter_]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    blocks = done.stdout.replace("\n ", "").split("\n\n")
    entries = [_entry(block) for block in blocks if "\ndn: " in f"\n{block}" or "\ndn:: " in f"\n{block}"]
    assert f"# {len(entries)} entries" in done.stdout, "this reads LDIF wrongly"
    return entries


def _entry(block: str) -> Entry:
    found: dict[str, list[str]] = {}
    for line in block.splitlines():
        if line.startswith("#"):
            continue
        name, _, value = line.partition(":")
        text = base64.b64decode(value[1:]).decode(errors="replace") if value.startswith(":") else value.strip()
        found.setdefault(name, []).append(text)
    return found


# --- what DingTalk says ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """The same, as a foreign client of DingTalk reads it."""

    people: Mapping[str, Person]
    departments: Mapping[str, list[str]]
    hidden: frozenset[str]
    """Departments that nobody outside them sees."""

    def without(self, userids: Collection[str]) -> Mapping[str, Person]:
        """Return the people but these."""
        return {userid: person for userid, person in self.people.items() if userid not in userids}

    def in_department(self, path: str) -> set[str]:
        """Return who is in it."""
        return {userid for userid, person in self.people.items() if path in person["departments"]}


def of_tenant(client: ForeignDingTalk) -> Tenant:
    """Read the whole tenant; its own administrator is left out."""
    departments = client.departments()

    def path(dept_id: int) -> str:
        if dept_id not in departments:
            return "the root"
        one = departments[dept_id]
        above = path(one["parent_id"])
        return str(one["name"]) if above == "the root" else f"{above}/{one['name']}"

    people = {
        userid: {
            "name": user["name"],
            "mobile": f"+{user['state_code']}{user['mobile']}",
            "title": user.get("title", ""),
            "email": user.get("email", ""),
            "job_number": user.get("job_number", ""),
            "telephone": user.get("telephone", ""),
            "manager": user.get("manager_userid", ""),
            "departments": sorted(map(path, user["dept_id_list"])),
        }
        for userid, user in client.users().items()
        if not user["admin"]
    }
    return Tenant(
        people=people,
        departments={path(dept_id): list(one["dept_manager_userid_list"]) for dept_id, one in departments.items()},
        hidden=frozenset(path(dept_id) for dept_id, one in departments.items() if one["hide_dept"]),
    )
