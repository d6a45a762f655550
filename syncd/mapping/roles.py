"""Roles that only the rules know: made of nobody's group, and given to everybody who meets a condition.

Each condition is compiled as one more rule of people; `joined` makes one field of what came of them. Nothing here asks anybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from syncd.core.difference import ROLES
from syncd.core.errors import Place
from syncd.core.granting import MADE_UP
from syncd.core.model import Desired, Kind, SubjectId
from syncd.mapping.schema import Rule
from syncd.mapping.vocabulary import Slot

if TYPE_CHECKING:
    from syncd.core.values import Value
    from syncd.mapping.compiling import Compiler
    from syncd.mapping.plan import Field
    from syncd.mapping.reading import Written
    from syncd.mapping.schema import RoleRule

_HIDDEN: Final = "role "
"""How the fields begin that say whether somebody meets the condition; no target has a field with a space."""


def desired(rules: Mapping[str, RoleRule], written: Written) -> dict[SubjectId, Desired]:
    """Return what the target shall hold of each role, by subject."""
    found: dict[SubjectId, Desired] = {}
    for key, rule in rules.items():
        subject, place = SubjectId(f"{MADE_UP}{key}"), written.place(("roles", key), "key")
        fields: dict[str, Value] = {"name": rule.name, "role_group": rule.group}
        found[subject] = Desired(
            subject=subject, kind=Kind.GROUP, label=rule.name, fields=fields, rules=dict.fromkeys(fields, place)
        )
    return found


def conditions(rules: Mapping[str, RoleRule], compiler: Compiler) -> tuple[Field, ...]:
    """Return the conditions as rules of people."""
    slot = Slot(shape="flag", conform=lambda value: value)
    made = (
        compiler.field(_HIDDEN + key, Rule(value=True, when=rule.when), ("roles", key), slot)
        for key, rule in rules.items()
    )
    return tuple(each for each in made if each is not None)


def is_hidden(field: str) -> bool:
    """Tell whether a field is a condition, which no target knows."""
    return field.startswith(_HIDDEN)


def joined(fields: dict[str, Value], hidden: Sequence[Field], places: Mapping[str, Place]) -> Mapping[str, Place]:
    """Put what came of the conditions into the one field of roles; return where its rule stands with those of the others."""
    met = [f"{MADE_UP}{each.name.removeprefix(_HIDDEN)}" for each in hidden if fields.pop(each.name, None)]
    named = fields.get(ROLES)
    own = [str(one) for one in named] if isinstance(named, tuple | list) else []
    fields[ROLES] = tuple(sorted({*own, *met}))
    return places if ROLES in places else {**places, ROLES: hidden[0].place}
