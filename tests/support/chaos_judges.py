"""Who judges a chaos journey when it is quiet again: by what the sandbox wrote down itself, and by what the directory had been.

Each judge returns what is wrong, as sentences; nothing is what it should be otherwise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from support.chaos_directory import Company

Call = Mapping[str, Any]
_WRITES: Final = (
    "/topapi/v2/user/create",
    "/topapi/v2/user/update",
    "/topapi/v2/user/delete",
    "/topapi/v2/department/create",
    "/topapi/v2/department/update",
    "/topapi/v2/department/delete",
)
_OWN: Final = frozenset(
    {
        "dept_id",
        "parent_id",
        "order",
        "memberships",
        "created_at",
        "modified_at",
        "unionid",
        "managers",
        "org_dept_owner",
    }
)
"""What differs from one tenant to the next though it means the same: ids, times, and what is told by names instead."""
_FIELDS: Final = {"title": "title", "telephone": "telephoneNumber", "email": "mail", "name": "displayName"}
"""Which attribute of the directory each field is made of, as it is, by the shipped rules."""
_ADMINISTRATOR: Final = "manager0001"
_EARLY: Final = 1 / 1000
_EARLY_AT_ONCE: Final = 1
"""How many calls may be a moment early over a network whose delays change: of all, and within one second."""


def picture(state: Mapping[str, Any], *, unled: Collection[str] = ()) -> dict[str, Any]:
    """Return what a tenant holds, by names in place of ids: equal for equal companies.

    Who has a manager in the directory who is not there keeps the one of before, which tells of history: of those who are
    `unled` the manager is left out."""
    units = {unit["dept_id"]: unit for unit in state["departments"]}

    def path(dept_id: int) -> str:
        unit = units[dept_id]
        return f"{path(unit['parent_id'])}/{unit['name']}" if unit.get("parent_id") in units else str(unit["name"])

    shown: dict[str, Any] = {
        f"unit {path(key)}": {**_plain(unit), "managers": sorted(unit["managers"])} for key, unit in units.items()
    }
    for user in state["users"]:
        if user["userid"] != _ADMINISTRATOR:
            places = sorted((path(place["dept_id"]), place.get("title") or "") for place in user["memberships"])
            shown[f"person {user['userid']}"] = {**_plain(user), "places": places}
            if user["userid"] in unled:
                shown[f"person {user['userid']}"].pop("manager_userid", None)
    for contact in state["contacts"]:
        shown[f"contact {contact['mobile']}"] = _plain({**contact, "userid": None})
    return shown


def _plain(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in _OWN and value not in (None, "", [], {})}


def differences(seen: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Say what differs between two pictures."""
    found = [f"{key} is missing" for key in sorted(wanted.keys() - seen.keys())]
    found += [f"{key} should not be there" for key in sorted(seen.keys() - wanted.keys())]
    for key in sorted(seen.keys() & wanted.keys()):
        here, there = seen[key], wanted[key]
        found += [
            f"{key}: {name} is {here.get(name)!r} instead of {there.get(name)!r}"
            for name in sorted(here.keys() | there.keys())
            if here.get(name) != there.get(name)
        ]
    return found


def repetitions(calls: Iterable[Call]) -> list[str]:
    """Say what was done twice. Each call that was served is looked at, whether its answer arrived or not.

    A call that changed nothing is a repetition if it says the same as the last one that changed this object. Others happen:
    the platform takes a manager who is removed away from the people, too, and that is written as well."""
    found: list[str] = []
    there: set[str] = set()
    units: set[str] = set()
    last: dict[tuple[str, str], str] = {}
    for call in calls:
        if call["interface"] not in _WRITES:
            continue
        what, who = call["interface"].rsplit("/", 2)[-2:], str(call["ids"].get("userid"))
        which = call["interface"], str(who if what[0] == "user" else call["ids"].get("dept_id"))
        told = f"call {call['sequence']}: {' '.join(what)} {call['ids']}"
        if not call["applied"]:
            again = call["errcode"] == "0" and last.get(which) == call["digest"]
            found += [f"{told} once more"] if again else []
            continue
        last[which] = call["digest"]
        if what == ["user", "create"]:
            found += [f"{told}, who was there"] if who in there else []
            there.add(who)
        elif what == ["user", "delete"]:
            there.discard(who)
        elif what == ["department", "create"]:
            # The body holds our own id of the unit, so that two units never have the same.
            found += [f"{told} twice"] if call["digest"] in units else []
            units.add(call["digest"])
    return found


def removals(calls: Iterable[Call], company: Company) -> list[str]:
    """Say who was removed without having been out of the directory: each removal needs an absence that began before it."""
    found: list[str] = []
    left = {number: sorted(absences) for number, absences in company.absences.items()}
    for call in calls:
        if call["interface"].endswith("/user/delete") and call["applied"]:
            number = str(call["ids"]["userid"])
            absences = left.get(number, [])
            if not absences or absences[0] > call["at_monotonic"]:
                found.append(f"call {call['sequence']}: {number} was removed while in the directory")
            else:
                absences.pop(0)
    return found


def disorder(events: Iterable[Mapping[str, Any]], company: Company) -> list[str]:
    """Say whose account had values in an order in which the directory never had them.

    Who passes on what only one may have may do without for a moment, lest somebody else be refused.
    """
    seen: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for event in events:
        if event["type"] == "user_modify_org":
            told = event["data"]["diffInfo"]
            for field in _FIELDS:
                seen[told["userid"], field] += [told["prev"].get(field, ""), told["curr"].get(field, "")]
    for userid, field in seen:
        if (userid, _FIELDS[field]) in company.exchanges.parties:
            seen[userid, field] = [value for value in seen[userid, field] if value]
    return [
        f"{userid}: {field} was {_once(values)}, and in the directory {_once(history)}"
        for (userid, field), values in sorted(seen.items())
        if userid in company.history
        and not _goes_through(_once(values), history := company.history[userid][_FIELDS[field]])
    ]


def _once(values: Sequence[str]) -> list[str]:
    return [value for at, value in enumerate(values) if at == 0 or values[at - 1] != value]


def _goes_through(values: Sequence[str], history: Sequence[str]) -> bool:
    """Tell whether the values come in the history in this order, with others between them or not."""
    rest = iter(history)
    return all(value in rest for value in values)


def excesses(windows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Say where more was called than is permitted.

    When a call arrived is known by its answer only, as near as the network's delays are alike; here they change all the time. So
    now and then a call is a moment early, is refused, and is made again.
    """
    return [
        f"{window['interface']}: {window['exceeded']} calls too many, {window['highest']} within a second"
        for window in windows
        if window["limit"] is not None
        and (window["exceeded"] > window["calls"] * _EARLY + 1 or window["highest"] > window["limit"] + _EARLY_AT_ONCE)
    ]
