"""Which fields differ: desired against observed, field by field, so that there are no phantom differences.

A field that is not named in the desire is not compared; None means *clear*. References are compared as subjects: what the
target calls by its own ids is translated through our links first. Nothing here decides whether a difference may be written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Final, cast

from syncd.core.errors import Place, message
from syncd.core.fields import FieldSpec, FieldType
from syncd.core.model import ROOT_UNIT, Desired, FieldChange, Kind, Observed, SubjectId, TargetId
from syncd.core.values import Value, frozen, is_empty

ROLES: Final = "roles"
"""The field of people that names their roles."""
FOREIGN: Final = "target:"
"""How a reference to an object that we do not link is written, followed by the target's id."""
_PERSON_REFERENCES: Final = frozenset({"manager", "managers", "follower"})
_PLAIN: Final = frozenset({FieldType.TEXT, FieldType.NUMBER, FieldType.DATE})
"""Types whose values need no translation."""
_REFERRING: Final = frozenset({FieldType.REFERENCE, FieldType.REFERENCES, FieldType.MEMBERSHIPS})
_NOWHERE: Final = Place()
NAMED_ABSENT: Final = message(
    "PLN-008",
    what="{label}: {field} names somebody or something that is not in the target yet.",
    do="Nothing to do: it is completed in the first cycle after they appear. Until then it is written without them.",
    example="A hidden department names the people who may see it, and one of them starts next month.",
)


class Names:
    """The target's ids as subjects: a dictionary per kind, made from the links, with the root unit always in it."""

    def __init__(self, ids: Mapping[Kind, Mapping[TargetId, SubjectId]], *, root: TargetId) -> None:
        self._ids = {kind: dict(known) for kind, known in ids.items()}
        self._ids.setdefault(Kind.UNIT, {})[root] = ROOT_UNIT

    def add(self, kind: Kind, target_id: TargetId, subject: SubjectId) -> None:
        """Learn one more: an object that the plan adopts."""
        self._ids.setdefault(kind, {})[target_id] = subject

    def subject(self, kind: Kind, target_id: str) -> str:
        """Return the subject of one of the target's ids, or the id marked as foreign."""
        known = self._ids.get(kind)
        return (known and known.get(cast("TargetId", target_id))) or f"{FOREIGN}{target_id}"

    def translate(self, name: str, value: Value, spec: FieldSpec) -> Value:
        """Return an observed value with its references as subjects."""
        kind = referred_kind(name)
        match spec.type:
            case FieldType.REFERENCE:
                return None if is_empty(value) else self.subject(kind, str(value))
            case FieldType.REFERENCES if spec.shared:
                return tuple(
                    one for item in _items(value) if not (one := self.subject(kind, str(item))).startswith(FOREIGN)
                )
            case FieldType.REFERENCES:
                return tuple(self.subject(kind, str(item)) for item in _items(value))
            case FieldType.MEMBERSHIPS:
                return tuple(
                    {**_entry(item), "unit": self.subject(Kind.UNIT, str(_entry(item)["unit"]))}
                    for item in _items(value)
                )
            case _:
                return frozen(value)


@lru_cache(maxsize=256)
def referred_kind(name: str) -> Kind:
    """Return what a reference field refers to: managers, owners and permitted users are persons, roles groups, all else units."""
    if name == ROLES:
        return Kind.GROUP
    return Kind.PERSON if name in _PERSON_REFERENCES or name.endswith("owner") or "user" in name else Kind.UNIT


def fields_where(
    fields: Mapping[Kind, Mapping[str, FieldSpec]], asked: Callable[[FieldSpec], bool]
) -> Mapping[Kind, tuple[str, ...]]:
    """Return the names of the fields of each kind of which something holds, so that not every object is asked."""
    return {kind: tuple(name for name, spec in specs.items() if asked(spec)) for kind, specs in fields.items()}


def refers(spec: FieldSpec) -> bool:
    """Tell whether a field names other subjects."""
    return spec.type in _REFERRING


def references(value: Value, spec: FieldSpec) -> tuple[SubjectId, ...]:
    """Return the subjects that a desired value refers to."""
    if spec.type not in _REFERRING:
        return ()
    match spec.type:
        case FieldType.REFERENCE:
            return () if is_empty(value) else (SubjectId(str(value)),)
        case FieldType.REFERENCES:
            return tuple([SubjectId(str(item)) for item in _items(value)])
        case FieldType.MEMBERSHIPS:
            return tuple([SubjectId(str(_entry(item)["unit"])) for item in _items(value)])
        case _:
            return ()


def exchange(value: Value, spec: FieldSpec, ids: Mapping[SubjectId, TargetId]) -> Value:
    """Return a desired value with its subjects as the target's ids. Those without an id are left out of lists; None alone."""
    if spec.type not in _REFERRING:
        return value
    match spec.type:
        case FieldType.REFERENCE:
            return None if is_empty(value) else ids.get(SubjectId(str(value)))
        case FieldType.REFERENCES:
            return tuple(ids[SubjectId(str(item))] for item in _items(value) if item in ids)
        case FieldType.MEMBERSHIPS:
            entries = [_entry(item) for item in _items(value)]
            return tuple(
                {**entry, "unit": ids[SubjectId(str(entry["unit"]))]} for entry in entries if entry["unit"] in ids
            )
        case _:
            return value


def _items(value: Value) -> tuple[Value, ...]:
    if isinstance(value, tuple):  # asked first: nearly always so, and the other question is dear
        return value
    if value is None or isinstance(value, str | int | float | Mapping):
        return ()
    return tuple(value)


def _entry(value: Value) -> Mapping[str, Value]:
    if not isinstance(value, Mapping):
        msg = f"a membership is a mapping, not {type(value).__name__}"
        raise TypeError(msg)
    return value


def same(wanted: Value, seen: Value, spec: FieldSpec) -> bool:
    """Tell whether the target already holds what is wanted; `seen` has been translated."""
    match spec.type:
        case FieldType.FLAG:
            return bool(wanted) == bool(seen)
        case FieldType.REFERENCES | FieldType.TEXTS:
            return sorted(map(str, _items(wanted))) == sorted(map(str, _items(seen)))
        case FieldType.MEMBERSHIPS:
            return _same_memberships(wanted, seen)
        case FieldType.MAPPING:
            have = seen if isinstance(seen, Mapping) else {}
            wishes = wanted if isinstance(wanted, Mapping) else {}
            return all(
                have.get(key) == value or (is_empty(value) and is_empty(have.get(key))) for key, value in wishes.items()
            )
        case _:
            return wanted == seen or (is_empty(wanted) and is_empty(seen))


def _same_memberships(wanted: Value, seen: Value) -> bool:
    """Compare units as a set; order and title of each only where they are wanted."""
    have = {str(_entry(item)["unit"]): _entry(item) for item in _items(seen)}
    wish = {str(_entry(item)["unit"]): _entry(item) for item in _items(wanted)}
    return have.keys() == wish.keys() and all(
        have[unit].get(key) == value or (is_empty(value) and is_empty(have[unit].get(key)))
        for unit, entry in wish.items()
        for key, value in entry.items()
        if key != "unit"
    )


def units_of(value: Value) -> frozenset[str]:
    """Return the units of a memberships value, as a set."""
    return frozenset(str(_entry(item)["unit"]) for item in _items(value))


def compare(
    desired: Desired, observed: Observed | None, specs: Mapping[str, FieldSpec], names: Names
) -> tuple[FieldChange, ...]:
    """Return the fields that differ, by name. Hidden fields are not compared; without an object, everything differs."""
    if observed is None:
        return _everything(desired, specs)
    changes: list[FieldChange] = []
    for name, value in desired.fields.items():
        spec = specs.get(name)
        if spec is None or name in observed.unreadable:
            continue
        if _holds(value, observed.fields.get(name), name=name, spec=spec, names=names):
            continue
        wanted = frozen(value)
        seen = names.translate(name, observed.fields.get(name), spec)
        if name == "parent" and wanted == ROOT_UNIT and is_empty(seen):
            continue  # a unit without a parent stands below the root
        if same(wanted, seen, spec) or (spec.immutable and not is_empty(seen)):
            continue
        changes.append(FieldChange(name=name, before=seen, after=wanted, rule=desired.rules.get(name, _NOWHERE)))
    return tuple(sorted(changes, key=lambda change: change.name))


def _everything(desired: Desired, specs: Mapping[str, FieldSpec]) -> tuple[FieldChange, ...]:
    """Return all that a desire says, by name."""
    said = [
        (name, value if type(value) is str else frozen(value))
        for name, value in sorted(desired.fields.items(), key=_BY_NAME)
        if value is not None and name in specs and not is_empty(value)
    ]
    rules = desired.rules
    return tuple(
        [FieldChange(name=name, before=None, after=value, rule=rules.get(name, _NOWHERE)) for name, value in said]
    )


_BY_NAME: Final = itemgetter(0)


def _holds(wanted: Value, held: Value, *, name: str, spec: FieldSpec, names: Names) -> bool:
    """Tell whether an object plainly holds what is wanted, before anything is translated: nearly always so.

    False says nothing: `same` knows better.
    """
    if spec.type in _PLAIN:
        return wanted == held
    if spec.type is FieldType.FLAG:
        return bool(wanted) == bool(held)
    if spec.type is FieldType.REFERENCE and isinstance(held, str):
        return held != "" and wanted == names.subject(referred_kind(name), held)
    if spec.type is FieldType.MEMBERSHIPS and isinstance(wanted, tuple) and isinstance(held, tuple):
        return len(wanted) == len(held) == 1 and _same_place(_entry(wanted[0]), _entry(held[0]), names=names)
    return False


def _same_place(wanted: Mapping[str, Value], held: Mapping[str, Value], *, names: Names) -> bool:
    """Tell whether two memberships are of one unit, with the title and order that are wanted."""
    if wanted["unit"] != names.subject(Kind.UNIT, str(held["unit"])):
        return False
    return all(held.get(key) == value for key, value in wanted.items() if key != "unit") if len(wanted) > 1 else True
