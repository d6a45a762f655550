"""What a target says about the fields that it can hold: their types, their limits, what else goes with them.

Rules are checked against it when they are loaded. Nothing here holds a value, or knows any target.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FieldType(StrEnum):
    """What a target's field can hold."""

    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"
    DATE = "date"
    TEXTS = "texts"
    MAPPING = "mapping"
    """Text by text; only the keys that the rules name are ours."""
    REFERENCE = "reference"
    """One SubjectId in `Desired`, one target id for the target."""
    REFERENCES = "references"
    MEMBERSHIPS = "memberships"
    """A list of `{"unit": SubjectId, "order"?: int, "title"?: str}`; the first one is the main membership."""

    __hash__ = str.__hash__


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """What a target says about one of its fields. Rules are checked against it when they are loaded."""

    type: FieldType
    required: bool = False
    """Needed to create the object."""
    max_length: int | None = None
    """Characters."""
    forbidden: str = ""
    """Characters that may not occur."""
    pattern: str = ""
    """A regular expression (RE2) that the whole text must match."""
    immutable: bool = False
    """Can be set when the object is created and never again."""
    clearable: bool = False
    """Can be emptied again."""
    unique: bool = False
    """No two objects may hold the same value."""
    signs_in: bool = False
    """People sign in or are found by it, so a change counts as a login change."""
    late: bool = False
    """Written in a second pass, because it refers to objects that must exist first and may refer to each other."""
    of_members: bool = False
    """Units: names people who must be members of the very unit; others are left out of it."""
    one_of: bool = False
    """With `of_members`: the target holds one of those who are named. Whoever of them it holds stays, else it is the first."""
    max_items: int | None = None
    """References: how many."""
    only_present: bool = False
    """References with `late`: whoever has left is left out of it, and not only who has not come yet."""
    needs: str = ""
    """The flag of the same object without which the field says nothing: rules that fill one must fill the other."""
    shuts: bool = False
    """A flag of a unit: while it is set, less is seen. Taking it back is counted by itself (`Effect.UNIT_OPEN`)."""
    shared: bool = False
    """Others fill it besides us: only what we link of it is ours, the rest is neither compared nor touched."""
    read_only: bool = False
    """The target makes it up: rules can write it back to a source, and never fill it."""
    doc: str = ""
