"""How fast rules map records: 18 fields by `from` and `via`, and the same with three of them in CEL, each against a function
that somebody wrote by hand for exactly these fields.

Measured in one process, in pairs, in CPU time: what is reported is the median of the ratios, which other work on the
machine hardly moves. The hand-written function does what the rules do, with the same library for phone numbers and
addresses, and is just as careful about what is absent.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import Figure
from syncd.core.model import Kind, NativeId, SourceRecord
from syncd.mapping.functions import FUNCTIONS, Surroundings, prepare
from syncd.mapping.inbound import InboundRules, load_inbound

PEOPLE: Final = 2_000
ROUNDS: Final = 15

_TEXTS: Final = [
    "objectGUID",
    "sAMAccountName",
    "displayName",
    "sn",
    "givenName",
    "employeeID",
    "employeeType",
    "title",
    "manager",
    "mobile",
    "telephoneNumber",
    "mail",
    "physicalDeliveryOfficeName",
    "l",
    "c",
    "company",
    "division",
    "department",
    "parent",
]
ATTRIBUTES: Final = {Kind.PERSON: {**dict.fromkeys(_TEXTS, "text"), "enabled": "flag"}}

_HEAD: Final = "version: 1\nrules: inbound\nperson:\n  required: [userName, displayName]\n  fields:\n"
PLAIN: Final = """\
    externalId: objectGUID
    userName: {from: sAMAccountName, via: [trim, lower]}
    displayName: {from: displayName, via: [squeeze]}
    name.familyName: {from: sn, via: [trim]}
    name.givenName: {from: givenName, via: [trim]}
    employeeNumber: {from: employeeID, via: [trim]}
    userType: {from: employeeType, via: [trim, lower]}
    manager: manager
    phoneNumbers.mobile: {from: mobile, via: [e164]}
    phoneNumbers.work: {from: telephoneNumber, via: [trim]}
    emails.work: {from: mail, via: [trim, email]}
    addresses.work.formatted: {from: physicalDeliveryOfficeName, via: [squeeze]}
    addresses.work.country: {from: c, via: [upper]}
    active: enabled
    units: {from: parent, by: id}
"""
THREE: Final = """\
    title: {from: title, via: [squeeze]}
    organization: {from: company, via: [trim]}
    department: {from: [division, department], via: [join: ' / ']}
"""
THREE_IN_CEL: Final = """\
    title: {expr: "squeeze(title)"}
    organization: {expr: "company == '' ? '' : trim(company)"}
    department: {expr: "division != '' && department != '' ? division + ' / ' + department : division + department"}
"""


def people(count: int) -> list[SourceRecord]:
    """Return records of people who do not exist."""
    return [
        SourceRecord(native_id=NativeId(str(number)), kind=Kind.PERSON, digest=b"", attributes=_person(number))
        for number in range(count)
    ]


def _person(number: int) -> Mapping[str, Any]:
    return {
        "objectGUID": f"00000000-0000-4000-8000-{number:012d}",
        "sAMAccountName": f"Person.{number}",
        "displayName": f"Siti  Contoh {number}",
        "sn": "Contoh",
        "givenName": "Siti ",
        "employeeID": f"{number:06d}",
        "employeeType": "Employee",
        "title": "Finance  Manager",
        "manager": f"CN=Person {number // 10},OU=Staff,DC=example,DC=com",
        "mobile": f"138 {number // 10_000:04d} {number % 10_000:04d}",
        "telephoneNumber": f" {8000 + number}",
        "mail": f"Person.{number}@Example.com",
        "physicalDeliveryOfficeName": "Shanghai  Tower 3",
        "c": "cn",
        "company": " Contoh Group",
        "division": "Finance",
        "department": "Controlling",
        "enabled": True,
        "parent": "00000000-0000-4000-9000-000000000001",
    }


def by_hand() -> Callable[[Mapping[str, Any]], dict[str, Any] | None]:
    """Return the function that the rules are measured against; None for a record that lacks what is required."""
    around = Surroundings()
    e164 = prepare(FUNCTIONS["e164"], None, around)[0]
    email = prepare(FUNCTIONS["email"], None, around)[0]

    def mapped(record: Mapping[str, Any]) -> dict[str, Any] | None:
        facts: dict[str, Any] = {}
        get = record.get

        if value := get("objectGUID"):
            facts["externalId"] = value
        if value := (get("sAMAccountName") or "").strip().lower():
            facts["userName"] = value
        if value := " ".join((get("displayName") or "").split()):
            facts["displayName"] = value
        if value := (get("sn") or "").strip():
            facts["name.familyName"] = value
        if value := (get("givenName") or "").strip():
            facts["name.givenName"] = value
        if value := (get("employeeID") or "").strip():
            facts["employeeNumber"] = value
        if value := (get("employeeType") or "").strip().lower():
            facts["userType"] = value
        if value := get("manager"):
            facts["manager"] = value
        try:
            if mobile := get("mobile"):
                facts["phoneNumbers.mobile"] = e164(mobile)
            if mail := (get("mail") or "").strip():
                facts["emails.work"] = email(mail)
        except Exception:  # noqa: BLE001 - as careful as the rules are
            return None
        if value := (get("telephoneNumber") or "").strip():
            facts["phoneNumbers.work"] = value
        if value := " ".join((get("physicalDeliveryOfficeName") or "").split()):
            facts["addresses.work.formatted"] = value
        if value := (get("c") or "").upper():
            facts["addresses.work.country"] = value
        if (enabled := get("enabled")) is not None:
            facts["active"] = enabled
        if unit := get("parent"):
            facts["units"] = (unit,)
        if value := " ".join((get("title") or "").split()):
            facts["title"] = value
        if value := (get("company") or "").strip():
            facts["organization"] = value
        if value := " / ".join(part for part in (get("division"), get("department")) if part):
            facts["department"] = value
        return facts if "userName" in facts and "displayName" in facts else None

    return mapped


def loaded(three: str) -> InboundRules:
    """Load the rules with these lines for the last three fields."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules.yaml"
        path.write_text(_HEAD + PLAIN + three, encoding="utf-8")
        return load_inbound(path, source="benchmark", attributes=ATTRIBUTES, now=lambda: datetime.now(UTC))


def run() -> list[Figure]:
    """Measure, and return the figures."""
    records = people(PEOPLE)
    hand = by_hand()
    generated, with_cel = loaded(THREE).map, loaded(THREE_IN_CEL).map
    hands: list[float] = []
    plains: list[float] = []
    cels: list[float] = []
    for number in range(ROUNDS + 1):
        timed = (
            _spent(lambda: [hand(record.attributes) for record in records]),
            _spent(lambda: [generated(record) for record in records]),
            _spent(lambda: [with_cel(record) for record in records]),
        )
        if number:  # the first round fills the caches
            for figures, figure in zip((hands, plains, cels), timed, strict=True):
                figures.append(figure)
    plain = statistics.median(ours / theirs for ours, theirs in zip(plains, hands, strict=True))
    cel = statistics.median(ours / theirs for ours, theirs in zip(cels, hands, strict=True))
    note = "median of paired rounds, CPU time of one process"
    return [
        Figure(name="map a record by hand", value=_per_record(hands), unit="µs", goal="", met=True, note=note),
        Figure(
            name="map a record, 18 fields from/via", value=_per_record(plains), unit="µs", goal="", met=True, note=note
        ),
        Figure(name="map a record, 3 of 18 in CEL", value=_per_record(cels), unit="µs", goal="", met=True, note=note),
        Figure(name="from/via against by hand", value=plain, unit="×", goal="≤ 2", met=plain <= 2, note=note),
        Figure(name="3 of 18 in CEL against by hand", value=cel, unit="×", goal="≤ 5", met=cel <= 5, note=note),
    ]


def _spent(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _per_record(rounds: list[float]) -> float:
    return statistics.median(rounds) / PEOPLE * 1e6


if __name__ == "__main__":
    for each in run():
        print(f"{each.name:36} {each.value:8.2f} {each.unit}  {each.goal}")
