"""What comes of mapping: facts of an inbound record, the trace of a rule. Frozen values; nothing here computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from syncd.core.errors import Place, Problem
from syncd.core.model import Aside, Entity, Kind
from syncd.core.values import Value, Values


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedUnit:
    """A unit that no record describes: one level of a person's path."""

    key: str
    """Stable as far as the path names ids; `id attribute=id`, or the normalised names below the parent's key."""
    parent: str | None
    """The key of the level above; None for the top."""
    facts: Values
    """Canonical unit attributes: displayName, and where the rules say so order, code and organization."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """What a record means. References are still the source's own text; `InboundRules.refers` says how to read them."""

    kind: Kind
    facts: dict[str, Value]
    """Canonical attribute -> value. A key that is not there: the source says nothing. None: it says "nothing"."""
    origins: Mapping[str, Place]
    """Which rule fills an attribute; also of attributes that this record gave no value for."""
    units: tuple[DerivedUnit, ...] = ()
    """Every level of the person's paths, each after its parent; `facts["units"]` holds the keys of the deepest."""
    warnings: tuple[Problem, ...] = ()
    """Fields that were left out because `on_error` says so."""


class Neighbour(StrEnum):
    """Whom outbound rules can look at besides the entity itself; the words are those of `Around`."""

    UNIT = "unit"
    """A person's main unit, a unit's parent."""
    PATH = "path"
    MANAGER = "manager"


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What outbound rules may look at besides the entity itself."""

    unit: Entity | None = None
    """A person's main unit; a unit's parent."""
    units: tuple[Entity, ...] = ()
    path: tuple[Entity, ...] = ()
    """The main unit's ancestors, top first, itself last. Of a unit: its own ancestors and itself."""
    manager: Entity | None = None
    unique: Callable[[str, Iterator[str]], str] | None = None
    """Gives the first candidate of a field that nobody else has; the same one for the same subject for ever. Raises
    LookupError when the candidates end. Without it the first candidate is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldTrace:
    """How one field came to its value."""

    field: str
    rule: Place
    spelled: str
    """The rule as it is written."""
    inputs: Mapping[str, Value]
    steps: tuple[tuple[str, Value], ...] = ()
    """Each step of `via` with what it gave; for an expression its text and its result."""
    output: Value = None
    absent: bool = False
    """Nothing came of it: the field is not ours to touch."""
    problem: Problem | None = None
    note: str = ""
    """What else decided: a default, a condition, a rule that clears."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """How one record or entity was mapped, field by field."""

    kind: Kind
    name: str
    """`source/native_id`, or the SubjectId."""
    result: Values | Aside
    """The facts or fields, or why there are none."""
    fields: tuple[FieldTrace, ...] = ()
    units: tuple[DerivedUnit, ...] = field(default=())
