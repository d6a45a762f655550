"""A small invented company for the stand-in, of any size: units two levels deep, people with managers, groups in groups."""

from __future__ import annotations

from typing import Final

from servers.ldap_standin_tree import BASE, Raw, Replica

COMPANY: Final = f"OU=Company,{BASE}"
GROUPS: Final = f"OU=Groups,{BASE}"
TEAMS: Final = ("North 北", "South 南", "Sales, Service")
ENABLED: Final = "512"


def team(number: int) -> str:
    """Return the name of a team's unit."""
    return f"OU={TEAMS[number % len(TEAMS)].replace(',', chr(92) + ',')},{COMPANY}"


def person(replica: Replica, number: int, *, above: str = "", **attributes: Raw) -> str:
    """Add one example person and return the name of the object."""
    dn = f"CN=Contoh {number:04},{above or team(number)}"
    usual: dict[str, Raw] = {
        "sAMAccountName": f"user{number:04}",
        "userPrincipalName": f"user{number:04}@corp.example.com",
        "displayName": f"Contoh {number:04}",
        "givenName": "Contoh",
        "sn": f"{number:04}",
        "mail": f"user{number:04}@example.com",
        "mobile": f"+62 811-0000-{number:04}",
        "employeeID": f"{number:06}",
        "userAccountControl": ENABLED,
        "accountExpires": "0",
    }
    replica.add(dn, "user", **{**usual, **attributes})
    return dn


def company(people: int = 30, *, name: str = "DC1") -> Replica:
    """Return a domain with so many people; the first one leads all, and everybody is in the group All Staff."""
    replica = Replica(name=name)
    replica.add(f"OU=Service Accounts,{BASE}", "organizationalUnit")
    replica.add(COMPANY, "organizationalUnit", description="Contoh Nusantara Group")
    for number in range(len(TEAMS)):
        replica.add(team(number), "organizationalUnit")
    replica.add(GROUPS, "organizationalUnit")
    head = person(replica, 1, above=COMPANY, title="Direktur")
    staff = [head, *(person(replica, number, manager=head) for number in range(2, people + 1))]
    replica.add(f"CN=All Staff,{GROUPS}", "group", sAMAccountName="All Staff", groupType="-2147483646")
    replica.join(f"CN=All Staff,{GROUPS}", *staff)
    replica.add(f"CN=Everybody,{GROUPS}", "group", sAMAccountName="Everybody", groupType="-2147483646")
    replica.join(f"CN=Everybody,{GROUPS}", f"CN=All Staff,{GROUPS}")
    return replica
