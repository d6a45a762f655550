"""What rules have become after loading: steps that can be called, for the generated function and for `explain` alike.

Frozen values. How they are made is in `compiling`; how they run, in `generating` (fast) and `tracing` (step by step).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any, Final

from syncd.core.errors import Place
from syncd.core.values import Value
from syncd.mapping.expression import Expression
from syncd.mapping.functions import Function
from syncd.mapping.shapes import Conform


class Absent(Enum):
    """No value is given, which is not the same as the value None."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT


class OnError(StrEnum):
    """What happens when a value cannot be converted."""

    PARK = "park"
    SKIP_FIELD = "skip_field"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One item of `via`, ready to be called."""

    spelled: str
    call: Callable[[Any], Value]
    function: Function
    takes_none: bool = False
    gives: str = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Memberships:
    """A person's units with title and order, from three attributes."""

    units: str
    titles: str | None = None
    order: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to a value: an attribute or several with steps, an expression, a constant, or a composed form."""

    place: Place
    spelled: str
    inputs: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    """The types of `inputs`."""
    joined: bool = False
    """The first step takes all inputs as one tuple."""
    steps: tuple[Step, ...] = ()
    expression: Expression | None = None
    constant: Value | Absent = ABSENT
    memberships: Memberships | None = None
    mapping: Mapping[str, Field] | None = None
    gives: str = "any"
    when: Way | None = None
    """A condition: a way that gives a flag."""
    on_error: OnError = OnError.PARK


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbering:
    """How to go on when a value that must be unique is taken."""

    then: tuple[Field, ...] = ()
    count: int = 99
    limit: int = 64
    """Characters that the field can hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field and the ways to fill it; the first that gives a value wins."""

    name: str
    place: Place
    ways: tuple[Way, ...]
    conform: Conform
    checked: bool = False
    """True where the types alone prove that every value fits, so that `conform` need not be called."""
    default: Value | Absent = ABSENT
    clear: bool = False
    """When nothing came of it: None instead of leaving the field out."""
    unique: Numbering | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """Return every attribute that the field looks at for its first value, each once."""
        return tuple(dict.fromkeys(name for way in self.ways for name in inputs_of(way)))

    @property
    def reads(self) -> frozenset[str]:
        """Return every attribute that the field can look at, those for other candidates included."""
        others = self.unique.then if self.unique is not None else ()
        return frozenset(self.inputs).union(*(other.reads for other in others))


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """An include or exclude rule on a whole object."""

    way: Way
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Everything that rules say of one kind of object."""

    fields: tuple[Field, ...]
    include: tuple[Condition, ...] = ()
    exclude: tuple[Condition, ...] = ()
    required: tuple[str, ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict)
    """Where else a value comes from: the units of a path."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """The attributes that expressions read, with their types."""
    columns: tuple[str, ...] = ()
    """Those that are read as row["…"]."""
    activation: Callable[[Mapping[str, Any]], Any] = lambda values: values

    @property
    def inputs(self) -> frozenset[str]:
        """Return every attribute that any rule looks at."""
        ways = [condition.way for condition in (*self.include, *self.exclude)]
        return frozenset(name for way in ways for name in inputs_of(way)).union(*(each.reads for each in self.fields))


def inputs_of(way: Way) -> tuple[str, ...]:
    """Return every attribute that a way looks at, its condition included."""
    names = [*way.inputs, *(way.expression.reads if way.expression else ())]
    if way.memberships:
        names += [name for name in (way.memberships.units, way.memberships.titles, way.memberships.order) if name]
    for inner in (way.mapping or {}).values():
        names += inner.inputs
    return tuple(dict.fromkeys([*names, *(inputs_of(way.when) if way.when else ())]))
