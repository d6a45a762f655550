"""What to call subjects, wherever one is shown: names from the state, read once per command."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from syncd.core.model import Change, SubjectId
from syncd.core.values import Value

if TYPE_CHECKING:
    from syncd.store import Transaction


def mentioned(value: Value) -> set[str]:
    """Return the subjects that a value refers to."""
    match value:
        case str():
            return {value} if value.startswith(("person:", "unit:", "group:")) else set()
        case None | bool() | int() | float():
            return set()
        case _ if hasattr(value, "values"):
            return {name for item in value.values() for name in mentioned(item)}
        case _:
            return {name for item in value for name in mentioned(item)}


def of_changes(tx: Transaction, changes: Iterable[Change]) -> dict[str, str]:
    """Return the names of everybody that these changes mention."""
    known: dict[str, str] = {}
    wanted: set[str] = set()
    for change in changes:
        known[change.subject] = change.label
        for item in change.fields:
            wanted |= mentioned(item.before) | mentioned(item.after)
    return known | of_subjects(tx, wanted - known.keys())


def of_subjects(tx: Transaction, subjects: Iterable[str]) -> dict[str, str]:
    """Return the names by which the records call these subjects; unknown ones are left out."""
    names: dict[str, str] = {}
    for subject in subjects:
        rows = tx.records.of_subject(SubjectId(subject))
        if rows:
            names[subject] = rows[0].label
    return names


def of_everybody(tx: Transaction) -> dict[str, str]:
    """Return the names of all subjects."""
    return {row.subject: row.label for row in tx.records.iterate() if row.subject is not None}
