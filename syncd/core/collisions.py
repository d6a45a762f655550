"""People who are to have what only one can have: found in the plan, before the target refuses it, with both of them named.

It only tells. Who holds the value keeps it; the other one is tried, refused by the target, and waits in the queue.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from syncd.core.errors import Problem, message
from syncd.core.fields import FieldSpec
from syncd.core.model import Change, Kind, Observed, Op, SubjectId, TargetId
from syncd.core.values import Value, is_empty

BOTH: Final = message(
    "PLN-009",
    what="{label} and {other} are both to have the same {field}, and the target lets only one have it.",
    do="Correct one of the two in the source, or join them if they are one person (`syncd links join`). Until then the target "
    "refuses one of them.",
    example="Two people with one mobile number in the HR file.",
)
HELD: Final = message(
    "PLN-010",
    what="{label} is to have the {field} of {other}, who keeps it.",
    do="Correct one of the two in the source, or join them if they are one person (`syncd links join`). Until then the target "
    "refuses it for {label}.",
    example="A newcomer's mobile number is still that of somebody who is there.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Collision:
    """One value that two people want, or that one wants and another has."""

    problem: Problem
    subjects: frozenset[SubjectId]


def collisions(
    changes: Iterable[Change],
    seen: Iterable[Observed],
    whose: Mapping[TargetId, SubjectId],
    specs: Mapping[str, FieldSpec],
) -> Iterator[Collision]:
    """Yield who is in whose way. `specs` are the fields of people, `seen` objects that may hold what is wanted.

    `whose` says whose object is which; those that are nobody's hold all the same.
    """
    unique = [name for name, spec in specs.items() if spec.unique]
    people = [change for change in changes if change.kind is Kind.PERSON and change.op is not Op.WRITE_BACK]
    takers: dict[tuple[str, str], dict[SubjectId, str]] = defaultdict(dict)
    gives: set[tuple[SubjectId, str]] = set()
    for change in people:
        if change.op is Op.REMOVE:
            gives.update((change.subject, name) for name in unique)
        for item in change.fields:
            if item.name in unique:
                gives.add((change.subject, item.name))
                if not is_empty(item.after):
                    takers[item.name, _form(item.after)][change.subject] = change.label
    holders = _holders(seen, unique, takers.keys())
    for (name, value), some in sorted(takers.items()):
        yield from _among(name, some, holders.get((name, value), ()), whose, gives)


_PARTS: Final = 16
"""What is wanted is kept in so many parts: sorting all of it at once would take five times the memory that it is kept in."""


class Wanted:
    """What only one may have and is wanted in a plan, eight bytes each: enough to tell what is wanted twice."""

    def __init__(self, specs: Mapping[str, FieldSpec]) -> None:
        """`specs` are the fields of people."""
        self.specs = specs
        self._unique = frozenset(name for name, spec in specs.items() if spec.unique)
        self._marks = [array("q") for _ in range(_PARTS)]

    def note(self, change: Change) -> None:
        """Take a change in."""
        if change.kind is Kind.PERSON and change.op is not Op.WRITE_BACK:
            self.note_fields((item.name, item.after) for item in change.fields)

    def note_fields(self, fields: Iterable[tuple[str, Value]]) -> None:
        """Take in what somebody is to have, by field."""
        for name, value in fields:
            if name in self._unique and not is_empty(value):
                mark = _mark(name, value)
                self._marks[mark % _PARTS].append(mark)

    def twice(self) -> frozenset[int]:
        """Return the marks of what is wanted more than once. Two values may share a mark: whoever looks tells them apart."""
        return frozenset(one for some in self._marks for one, other in pairwise(sorted(some)) if one == other)

    def wants(self, change: Change, marks: Collection[int]) -> bool:
        """Tell whether a change is about something with one of these marks."""
        return any(True for _ in self._wanted(change, marks))

    def values(self, changes: Iterable[Change], marks: Collection[int]) -> Mapping[str, Sequence[str]]:
        """Return the values with these marks, by field."""
        found: dict[str, dict[str, None]] = defaultdict(dict)
        for change in changes:
            for name, value in self._wanted(change, marks):
                found[name][str(value)] = None
        return {name: list(values) for name, values in found.items()}

    def _wanted(self, change: Change, marks: Collection[int]) -> Iterator[tuple[str, Value]]:
        if change.kind is Kind.PERSON and change.op is not Op.WRITE_BACK:
            for item in change.fields:
                if item.name in self._unique and not is_empty(item.after) and _mark(item.name, item.after) in marks:
                    yield item.name, item.after


def _mark(name: str, value: Value) -> int:
    return hash((name, _form(value)))


def _among(
    name: str,
    takers: Mapping[SubjectId, str],
    holders: Iterable[Observed],
    whose: Mapping[TargetId, SubjectId],
    gives: set[tuple[SubjectId, str]],
) -> Iterator[Collision]:
    """Yield the collisions about one value."""
    for held in holders:
        holder = whose.get(held.target_id)
        if holder in takers or (holder is not None and (holder, name) in gives):
            continue
        for subject, label in sorted(takers.items()):
            problem = HELD.at(label=label, other=held.label, field=name)
            yield Collision(problem=problem, subjects=frozenset({subject, *([holder] if holder is not None else [])}))
        return
    first, *others = sorted(takers.items())
    for subject, label in others:
        problem = BOTH.at(label=first[1], other=label, field=name)
        yield Collision(problem=problem, subjects=frozenset({first[0], subject}))


def _holders(
    seen: Iterable[Observed], unique: Iterable[str], wanted: Iterable[tuple[str, str]]
) -> Mapping[tuple[str, str], list[Observed]]:
    """Return who holds what is wanted."""
    asked = set(wanted)
    found: dict[tuple[str, str], list[Observed]] = defaultdict(list)
    for item in seen:
        for name in unique if item.kind is Kind.PERSON else ():
            held = item.target_id if name == "userid" else item.fields.get(name)
            if not is_empty(held) and (key := (name, _form(held))) in asked:
                found[key].append(item)
    return found


def _form(value: Value) -> str:
    return str(value).strip().casefold()
