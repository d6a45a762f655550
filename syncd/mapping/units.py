"""Departments that no record describes: the levels of a person's path of attributes, each with a stable key.

A level with an id is known by it wherever it hangs, so that a rename stays a rename and a move a move; a level without
one is known by its normalised name below its parent, so that a rename looks like a new department. Nothing here knows
who else is in a department.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from syncd.core.errors import Problem
from syncd.core.values import Value, is_empty
from syncd.mapping.plan import Absent, Field
from syncd.mapping.results import DerivedUnit, FieldTrace
from syncd.mapping.tracing import Interpreter

_KEPT: Final = 20_000
"""Paths that are remembered, so that a department's thousand people do not build it a thousand times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedLevel:
    """One level of a path, ready to be evaluated."""

    name: Field | None
    value: str | None = None
    id: Field | None = None
    id_name: str = ""
    """The attribute of the id, which keeps the ids of different levels apart."""
    order: Field | None = None
    owner: bool = False
    outer: bool = False

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(each for each in (self.name, self.id, self.order) if each is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPath:
    """One path of a person: its levels, or one rule that lists the names."""

    levels: tuple[PlannedLevel, ...] = ()
    names: Field | None = None

    @property
    def inputs(self) -> frozenset[str]:
        fields = [self.names] if self.names else [each for level in self.levels for each in level.fields]
        return frozenset(name for each in fields for name in each.inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """One level of one person."""

    name: str
    id: str | None
    id_name: str
    order: Value
    owner: bool = False
    outer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """The units of one person."""

    units: tuple[DerivedUnit, ...] = ()
    """Each after its parent, each once."""
    keys: tuple[str, ...] = ()
    """The deepest unit of each path; the first one is the main unit."""
    parked: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    traces: tuple[FieldTrace, ...] = ()


class Paths:
    """Finds the units of people."""

    def __init__(self, paths: Sequence[PlannedPath]) -> None:
        self._paths = tuple(paths)
        self._inputs = tuple(sorted(frozenset(name for path in paths for name in path.inputs)))
        self._known: dict[tuple[object, ...], Units] = {}

    @property
    def has_outer(self) -> bool:
        """Tell whether a level is for outsiders."""
        return any(level.outer for path in self._paths for level in path.levels)

    @property
    def inputs(self) -> frozenset[str]:
        """Return the attributes that are looked at."""
        return frozenset(self._inputs)

    def of(self, look: Callable[[str], Value], interpreter: Callable[[], Interpreter]) -> Units:
        """Return the units of one person."""
        values = [tuple(value) if isinstance(value := look(name), list) else value for name in self._inputs]
        given = tuple((type(value), value) for value in values)  # 1 and True are equal, and not the same
        try:
            known = self._known.get(given)
        except TypeError:  # a mapping among the values
            return self.fresh(interpreter())
        if known is None:
            known = self.fresh(interpreter())
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[given] = known
        return known

    def fresh(self, interpreter: Interpreter) -> Units:
        """Return the units of one person without looking at what is remembered; with the traces of the rules."""
        run = _Run(interpreter)
        chains = [_chain(run.levels(path)) for path in self._paths]
        units = {unit.key: unit for chain in reversed(chains) for unit in chain}
        ordered = {unit.key: units[unit.key] for chain in chains for unit in chain}
        return Units(
            units=tuple(ordered.values()),
            keys=tuple(dict.fromkeys(chain[-1].key for chain in chains if chain)),
            parked=tuple(run.parked),
            warnings=tuple(run.warnings),
            traces=tuple(run.traces),
        )


class _Run:
    """One evaluation of all paths of one person."""

    def __init__(self, interpreter: Interpreter) -> None:
        self._interpreter = interpreter
        self.parked: list[Problem] = []
        self.warnings: list[Problem] = []
        self.traces: list[FieldTrace] = []

    def levels(self, path: PlannedPath) -> list[_Found]:
        if path.names is not None:
            names = self._value(path.names)
            listed = names if isinstance(names, Sequence) and not isinstance(names, str) else ()
            return [_Found(name=str(name), id=None, id_name="", order=None) for name in listed if not is_empty(name)]
        return [found for level in path.levels if (found := self._level(level)) is not None]

    def _level(self, level: PlannedLevel) -> _Found | None:
        name = level.value if level.name is None else self._value(level.name)
        if is_empty(name):
            return None
        ident = self._value(level.id) if level.id else None
        return _Found(
            name=str(name).strip(),
            id=None if is_empty(ident) else str(ident).strip(),
            id_name=level.id_name,
            order=self._value(level.order) if level.order else None,
            owner=level.owner,
            outer=level.outer,
        )

    def _value(self, plan: Field) -> Value:
        outcome = self._interpreter.field(plan)
        self.traces.append(outcome.trace)
        self.parked += [outcome.parked] if outcome.parked else []
        self.warnings += [outcome.warning] if outcome.warning else []
        return None if isinstance(outcome.value, Absent) else outcome.value


def _chain(levels: Sequence[_Found]) -> list[DerivedUnit]:
    chain: list[DerivedUnit] = []
    owner: str | None = None
    for level in levels:
        parent = chain[-1].key if chain else None
        owner = level.name if level.owner else owner
        key = _key(level, parent)
        if any(unit.key == key for unit in chain):
            continue  # two levels with one id are one unit, and none is its own parent
        facts: dict[str, Value] = {"displayName": level.name}
        facts |= {"code": level.id} if level.id is not None else {}
        facts |= {"order": level.order} if level.order is not None else {}
        facts |= {"organization": owner} if owner is not None else {}
        facts |= {"outer": True} if level.outer else {}
        chain.append(DerivedUnit(key=key, parent=parent, facts=facts))
    return chain


def _key(level: _Found, parent: str | None) -> str:
    if level.id is not None:
        return f"{level.id_name}={level.id}"
    # What people type as the same name is the same name: width, case and blanks do not count.
    name = " ".join(unicodedata.normalize("NFKC", level.name).casefold().split())
    escaped = name.replace("%", "%25").replace("/", "%2F").replace("=", "%3D")
    return f"{parent or ''}/{escaped}"
