"""Cases kept beside rules: a given record, and the fields that must come of it. Run by `syncd mappings test` and in CI.

A case names only what it cares about. Nothing is read but the file of cases, and nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from syncd.config.yaml import read
from syncd.core.errors import Misconfigured, Place, Problem
from syncd.core.model import Aside, Desired, Entity, Kind, NativeId, SourceRecord, SubjectId
from syncd.core.values import Value, Values, frozen
from syncd.mapping import messages
from syncd.mapping.inbound import InboundRules
from syncd.mapping.outbound import OutboundRules
from syncd.mapping.reading import Loc, validated
from syncd.mapping.results import Around, Mapped

ABSENT: Final = "(absent)"
"""What stands in a difference for a field that is not there."""


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Case(_Shape):
    """One case."""

    name: str
    """What it shows, as a sentence."""
    kind: Literal["person", "unit", "group"] = "person"
    """What the record or the entity is."""
    record: dict[str, Any] | None = None
    """Inbound: the record's attributes as the source delivers them."""
    facts: dict[str, Any] | None = None
    """Outbound: the entity's attributes; references are written as any text."""
    unit: dict[str, Any] | None = None
    """Outbound: the attributes of the main department, or of the one above a department."""
    manager: dict[str, Any] | None = None
    """Outbound: the attributes of the manager."""
    path: list[str] = []
    """Outbound: the names of the departments from the top down."""
    taken: dict[str, list[str]] = {}
    """Outbound: values that others have, by field, to try `unique`."""
    expect: dict[str, Any] = {}
    """What must come of it, by field. `null`: the field is emptied."""
    absent: list[str] = []
    """Fields that must be left alone."""
    units: list[str] | None = None
    """Inbound: the names of the departments that the path gives, from the top down."""
    aside: Literal["excluded", "parked"] | None = None
    """The record is left as it is: excluded by a rule, or parked because of a problem."""
    why: str = ""
    """With aside: a part of the reason or of the problem, or the code of its message."""


class _CaseFile(_Shape):
    cases: list[Case] = Field(min_length=1)
    """The cases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """What came of one case."""

    name: str
    place: Place
    passed: bool
    differences: tuple[tuple[str, Value, Value], ...] = ()
    """(field, expected, actual) for each field that is not as expected."""
    aside: Aside | None = None
    """Why the record was set aside, where it was."""

    def __str__(self) -> str:
        """Return the result as lines for a terminal: the case, and for each difference what was expected and what came."""
        if self.passed:
            return f"ok      {self.name}"
        lines = [f"FAILED  {self.name}", f"        {self.place}"]
        for field, expected, actual in self.differences:
            lines += [f"        {field}", f"          - {_shown(expected)}", f"          + {_shown(actual)}"]
        if self.aside is not None:
            lines += [f"        set aside ({self.aside.reason}): {self.aside.why}".rstrip(": ")]
            lines += [f"        {problem}" for problem in self.aside.problems]
        return "\n".join(lines)


def run_cases(rules: InboundRules | OutboundRules, path: Path) -> list[CaseResult]:
    """Run every case of a file. Raises Misconfigured if the file itself is wrong."""
    document = read(path)
    file = validated(_CaseFile, document)
    needed = "record" if isinstance(rules, InboundRules) else "facts"
    direction = "inbound" if isinstance(rules, InboundRules) else "outbound"
    places = [document.place("cases", index) for index in range(len(file.cases))]
    problems: list[Problem] = [
        messages.CASE_KIND.at(place, direction=direction, name=needed)
        for case, place in zip(file.cases, places, strict=True)
        if getattr(case, needed) is None
    ]
    if problems:
        raise Misconfigured(problems)

    def place(index: int, field: Loc) -> Place:
        return document.place("cases", index, *field)

    return [_run(rules, case, place(index, ())) for index, case in enumerate(file.cases)]


def _run(rules: InboundRules | OutboundRules, case: Case, place: Place) -> CaseResult:
    mapped: Mapped | Desired | Aside
    if isinstance(rules, InboundRules):
        mapped = rules.map(_record(case))
    else:
        mapped = rules.map(_entity(case.kind, case.facts or {}, case.name), _around(case))
    values: Values = {}
    names: tuple[str, ...] = ()
    match mapped:
        case Mapped():
            values = mapped.facts
            names = tuple(str(unit.facts["displayName"]) for unit in mapped.units)
        case Desired():
            values = mapped.fields
    aside = mapped if isinstance(mapped, Aside) else None
    differences = tuple(_differences(case, values, aside, names))
    return CaseResult(name=case.name, place=place, passed=not differences, differences=differences, aside=aside)


def _differences(
    case: Case, values: Values, aside: Aside | None, units: Sequence[str]
) -> Iterator[tuple[str, Value, Value]]:
    if case.aside != (aside.reason.value if aside else None):
        yield "aside", case.aside, aside.reason.value if aside else None
        return
    if aside is not None:
        said = " ".join([aside.why, *map(str, aside.problems)])
        if case.why not in said:
            yield "why", case.why, said
        return
    for name, expected in case.expect.items():
        actual = values.get(name, ABSENT)
        if frozen(actual) != frozen(expected):
            yield name, expected, actual
    for name in case.absent:
        if name in values:
            yield name, ABSENT, values[name]
    if case.units is not None and tuple(case.units) != tuple(units):
        yield "units", case.units, tuple(units)


def _record(case: Case) -> SourceRecord:
    attributes = {name: _value(value) for name, value in (case.record or {}).items()}
    return SourceRecord(native_id=NativeId("case"), kind=Kind(case.kind), digest=b"", attributes=attributes)


def _entity(kind: str, facts: Mapping[str, Any], name: str) -> Entity:
    values = {key: _value(value) for key, value in facts.items()}
    return Entity(subject=SubjectId(f"{kind}:{name}"), kind=Kind(kind), facts=values)


def _around(case: Case) -> Around:
    taken = {field: set(values) for field, values in case.taken.items()}

    def unique(field: str, candidates: Iterator[str]) -> str:
        for candidate in candidates:
            if candidate not in taken.get(field, ()):
                return candidate
        raise LookupError(field)

    return Around(
        unit=_entity("unit", case.unit, "unit") if case.unit is not None else None,
        manager=_entity("person", case.manager, "manager") if case.manager is not None else None,
        path=tuple(_entity("unit", {"displayName": name}, name) for name in case.path),
        unique=unique,
    )


def _value(value: Any) -> Value:
    return frozen(value)


def _shown(value: Value) -> str:
    if value == ABSENT:
        return ABSENT
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_shown, value)) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_shown(item)}" for name, item in value.items()) + "}"
    return "nothing" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
