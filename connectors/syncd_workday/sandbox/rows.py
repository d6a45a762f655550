"""What the sandbox says in rows, as custom reports and queries write it. Pure: the store in, JSON out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from syncd_workday.sandbox.store import Facts, Organization, Store, Worker

_SELECT: Final = re.compile(r"\s*SELECT\s+(.+?)\s+FROM\s+(\w+)", re.IGNORECASE | re.DOTALL)


@dataclass(slots=True, kw_only=True)
class Reporting:
    """How the authors of reports made them."""

    blank: bool = False
    """Empty values are empty texts; else their key is missing."""
    missing_when_empty: bool = False
    """Without rows there is no Report_Entry."""
    single_object: bool = False
    """One row is an object, not a list of one."""
    dates: str = "%Y-%m-%d"
    yes: str = "1"
    renamed: dict[str, str] = field(default_factory=dict)
    """Columns by their name of before."""
    required: str = ""
    """A prompt without which the report is refused."""
    row_for_each_group: bool = False
    """Somebody with several groups has several rows."""


def report_row(store: Store, one: Worker, facts: Facts, *, how: Reporting) -> list[dict[str, Any]]:
    """Return the rows of a worker in a custom report."""
    kind = "Contingent_Worker_ID" if one.contingent else "Employee_ID"
    place = store.organizations.get(facts.organization)
    manager = nearest(store, one, facts)
    row: dict[str, Any] = {
        "WID": one.wid,
        "Worker_ID": one.number,
        kind: one.number,
        "Universal_ID": one.universal,
        "First_Name": facts.first,
        "Last_Name": facts.last,
        "Preferred_Name_Data": f"{facts.first} {facts.last}" if facts.first else "",
        "Email_Address": facts.mails[-1] if facts.mails else "",
        "mobile": facts.mobile,
        "Business Title": facts.title,
        "Location_Identifier": facts.location,
        "Supervisory_Organization": _reference(place.name, ("WID", place.wid)) if place else "",
        "Worker_s_Manager": _reference(manager.number, ("WID", manager.wid), ("Employee_ID", manager.number))
        if manager
        else "",
        "Groups_group": [{"Group": group} for group in facts.groups],
        "Active": how.yes if facts.active else {"1": "0", "Yes": "No"}[how.yes],
        "Hire_Date": _day(facts.hire, how),
        "Termination_Date": _day(facts.terminated, how),
        "Hire_Rescinded": "1" if facts.rescinded else "",
    }
    row = {how.renamed.get(name, name): value for name, value in row.items() if value or how.blank}
    if how.row_for_each_group and len(facts.groups) > 1:
        return [{**row, "Groups_group": [{"Group": group}]} for group in facts.groups]
    return [row]


def unit_row(one: Organization) -> dict[str, Any]:
    """Return the row of an organization."""
    superior = {"Superior": _reference("", ("WID", one.superior))} if one.superior else {}
    return {"WID": one.wid, "Name": one.name, "Type": one.type, "Inactive": "0", **superior, "Manager": one.manager}


def report(rows: list[dict[str, Any]], *, how: Reporting) -> bytes:
    """Return a report: one object with its rows, without pages."""
    if not rows and how.missing_when_empty:
        return b"{}"
    single = len(rows) == 1 and how.single_object
    return json.dumps({"Report_Entry": rows[0] if single else rows}, ensure_ascii=False).encode()


def refused(words: str) -> bytes:
    """Return an error of REST."""
    return json.dumps({"error": words, "errors": [{"error": words}]}).encode()


def selected(query: str, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """Return what a query asks for of some rows, None where it cannot be understood."""
    found = _SELECT.match(query)
    if found is None:
        return None
    asked = [each.split() for each in found[1].split(",")]
    named = [(each[0], each[-1]) for each in asked]
    return [{alias: row[name] for name, alias in named if row.get(name)} for row in rows]


def query_row(store: Store, one: Worker, facts: Facts) -> dict[str, Any]:
    """Return the fields of a worker that queries know."""
    place, manager = store.organizations.get(facts.organization), nearest(store, one, facts)
    return {
        "workdayID": one.wid,
        "employeeID": "" if one.contingent else one.number,
        "contingentWorkerID": one.number if one.contingent else "",
        "universalID": one.universal,
        "fullName": f"{facts.first} {facts.last}",
        "businessTitle": facts.title,
        "email_PrimaryWork": facts.mails[-1] if facts.mails else "",
        "primaryWorkMobilePhone": facts.mobile,
        "supervisoryOrganization": {"id": place.wid, "descriptor": place.name} if place else None,
        "manager": {"id": manager.wid, "descriptor": manager.number} if manager else None,
        "provisioningGroups": [{"id": group, "descriptor": group} for group in facts.groups],
        "workerActive": facts.active,
        "hireDate": facts.hire.isoformat() if facts.hire else "",
        "terminationDate": facts.terminated.isoformat() if facts.terminated else "",
    }


def query_unit(one: Organization) -> dict[str, Any]:
    """Return the fields of an organization that queries know."""
    return {
        "workdayID": one.wid,
        "organizationName": one.name,
        "superiorOrganization": {"id": one.superior, "descriptor": ""} if one.superior else None,
        "manager": {"id": one.manager, "descriptor": ""} if one.manager else None,
    }


def changed_since(one: Worker, since: datetime, *, entered: datetime) -> bool:
    """Tell whether something of a worker was entered since a moment."""
    return one.touched("Updated", since, entered, entered=entered)


def nearest(store: Store, one: Worker, facts: Facts) -> Worker | None:
    """Return the nearest manager of a worker who is not themselves."""
    for place in reversed([*store.chain(facts.organization)]):
        if place.manager and place.manager != one.wid:
            return store.workers.get(place.manager)
    return None


def _reference(descriptor: str, *ids: tuple[str, str]) -> dict[str, Any]:
    return {"Descriptor": descriptor, "ID": [{"type": type_, "$": value} for type_, value in ids]}


def _day(day: date | None, how: Reporting) -> str:
    return day.strftime(how.dates) if day else ""
