"""The story that `syncd demo` tells: what happens to an example company, as edits of its HR export. No engine, no output."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

Row = dict[str, str]
ID: Final = "Employee Number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One thing that happens to the company, and what to look for afterwards."""

    title: str
    happens: Callable[[list[Row]], str]
    """Edits the rows and says in a sentence what was edited."""
    look: str


def read(path: Path) -> list[Row]:
    """Read the export."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: list[Row]) -> None:
    """Write the export, as an HR system would: the whole file at once."""
    draft = path.with_suffix(".new")
    with draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    draft.replace(path)


def _plain(rows: list[Row]) -> list[Row]:
    """Return people in a team whom nobody reports to: whoever is edited, nobody else changes."""
    bosses = {row["Manager Number"] for row in rows}
    return [row for row in rows if row["Team Code"] and row[ID] not in bosses]


def _name(row: Row) -> str:
    return f"{row['Name']} ({row[ID]})"


def joiner(rows: list[Row]) -> str:
    """Somebody new in the team of an existing colleague."""
    like = _plain(rows)[3]
    new = {
        **like,
        ID: f"{max(int(row[ID]) for row in rows) + 1:06}",
        "Name": "Contoh Baru Sekali",
        "Family Name": "Sekali",
        "Given Name": "Contoh Baru",
        "Latin Name": "Contoh Baru Sekali",
        "Mobile": "+62 860-9999-0001",
        "Work Email": "contoh.baru.sekali@example.com",
        "Hire Date": "2026-11-23",
    }
    rows.append(new)
    return f"HR adds {_name(new)} to {new['Team'] or new['Division']}."


def mover(rows: list[Row]) -> str:
    """Somebody changes team, title and manager at once."""
    people = _plain(rows)
    one = people[10]
    to = next(row for row in people if row["Team Code"] != one["Team Code"])
    before = one["Team"]
    for name in (
        "Company Code",
        "Company",
        "Division Code",
        "Division",
        "Team Code",
        "Team",
        "Manager Number",
        "Location",
        "Country",
    ):
        one[name] = to[name]
    one["Job Title"] = "Senior " + to["Job Title"]
    return f"{_name(one)} moves from {before} to {one['Team']}, with a new title and a new manager."


def renamed(rows: list[Row]) -> str:
    """A division gets another name; its code stays."""
    code = next(row["Division Code"] for row in _plain(rows))
    inside = [row for row in rows if row["Division Code"] == code]
    before = inside[0]["Division"]
    for row in inside:
        row["Division"] = f"{before} & Innovation"
    return f"The division {before} is renamed to {inside[0]['Division']}; {len(inside)} people and its teams stand below it."


def leaver(rows: list[Row]) -> str:
    """Somebody is no longer in the export."""
    one = _plain(rows)[20]
    rows.remove(one)
    return f"{_name(one)} has left and is missing from the export."


def bad_record(rows: list[Row]) -> str:
    """A record that cannot be written as it is, beside one that can."""
    people = _plain(rows)
    bad = {
        **people[30],
        ID: f"{max(int(row[ID]) for row in rows) + 1:06}",
        "Name": "Contoh Salah Ketik",
        "Mobile": "0812-not-a-number",
        "Work Email": "contoh.salah@example.com",
    }
    rows.append(bad)
    people[31]["Job Title"] = "Team Coordinator"
    return f"{_name(bad)} arrives with the mobile number {bad['Mobile']!r}; {_name(people[31])} gets a new title."


def mass_deletion(rows: list[Row]) -> str:
    """A fifth of the company disappears from the export: a broken filter, not a broken company."""
    gone = {id(row) for row in _plain(rows)[:60]}
    before = len(rows)
    rows[:] = [row for row in rows if id(row) not in gone]
    return f"The export is cut: {before - len(rows)} of {before} people are missing."


ACTS: Final = (
    Act(title="A joiner", happens=joiner, look="One account is created, in the right department, with a manager."),
    Act(title="A mover", happens=mover, look="Departments, title and manager change together, in one call."),
    Act(title="A renamed department", happens=renamed, look="One department is renamed; nobody in it is touched."),
    Act(
        title="A leaver",
        happens=leaver,
        look="Out of sight at once, removed after thirty days: a mistake can still be undone.",
    ),
    Act(title="A bad record", happens=bad_record, look="The bad one is parked and named, the other one is written."),
    Act(title="A mass deletion", happens=mass_deletion, look="Nobody is taken for gone until a person says so."),
)
