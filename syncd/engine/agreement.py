"""Who is as they shall be: recognised by a digest of what is wanted and what the target holds, or by comparing field by field.

Only those for whom nothing at all is to be done, said or waited for are in agreement; everybody else is planned for.
"""

from __future__ import annotations

import hashlib
import marshal
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from syncd.core.difference import Names, compare, exchange, references
from syncd.core.fields import FieldSpec, FieldType
from syncd.core.model import Desired, Kind, Link, LinkState, Observed, SubjectId, TargetId
from syncd.core.values import Value, Values, is_empty

if TYPE_CHECKING:
    from syncd.store.links import LinkedRow

_REFERRING: Final = frozenset({FieldType.REFERENCE, FieldType.REFERENCES, FieldType.MEMBERSHIPS})


class _Shape(NamedTuple):
    """What all wishes have in common that say something of the same fields, in the same order."""

    known: tuple[int, ...] | None
    """The places of the fields that the target knows; None: all."""
    referring: tuple[tuple[int, FieldSpec], ...]
    """Where references stand."""
    names: bytes


class Agreement:
    """By what agreement is recognised, for objects of one kind. It is asked for each: what is the same for all is made once."""

    def __init__(self, specs: Mapping[str, FieldSpec], ids: Mapping[SubjectId, TargetId]) -> None:
        """`ids` may grow meanwhile."""
        self._specs = specs
        self._ids = ids
        self._referring = {name: spec for name, spec in specs.items() if spec.type in _REFERRING}
        self._shapes: dict[tuple[str, ...], _Shape] = {}

    def named(self, wanted: Values) -> Iterator[SubjectId]:
        """Yield whom the fields of a wish refer to."""
        for name, spec in self._referring.items():
            if value := wanted.get(name):
                if type(value) is str and spec.type is FieldType.REFERENCE:
                    yield SubjectId(value)
                elif (unit := _only_unit(value)) is not None:
                    yield unit
                else:
                    yield from references(value, spec)

    def digest(self, wanted: Values, row: LinkedRow) -> bytes:
        """Return the digest of the fields that are wanted, in the target's ids, together with what the target holds, as it is
        stored. It is compared with the last one and no more (see `content_digest`)."""
        names = tuple(wanted)
        shape = self._shapes.get(names) or self._shaped(names)
        values = [*wanted.values()]
        for at, spec in shape.referring:
            if value := values[at]:
                values[at] = self._meant(value, spec)
        if shape.known is not None:
            values = [values[at] for at in shape.known]
        # Of values, and of texts of the same names, one begins where the other ends: they say themselves how long they are.
        said = b"".join((marshal.dumps(values, 2), shape.names, row.raw or b"", row.state.encode()))
        return hashlib.blake2b(said, digest_size=16).digest()

    def _shaped(self, names: tuple[str, ...]) -> _Shape:
        known = tuple(at for at, name in enumerate(names) if name in self._specs)
        referring = tuple((at, self._referring[name]) for at, name in enumerate(names) if name in self._referring)
        written = repr(tuple(names[at] for at in known)).encode()
        made = self._shapes[names] = _Shape(known if len(known) < len(names) else None, referring, written)
        return made

    def _meant(self, value: Value, spec: FieldSpec) -> Value:
        """Return a reference in the target's ids, and with whoever has none."""
        ids = self._ids
        one = SubjectId(value) if type(value) is str and spec.type is FieldType.REFERENCE else _only_unit(value)
        if one is not None and one in ids:
            return ids[one]  # nearly everybody: a manager; one department, without order and title
        named = references(value, spec)
        return [exchange(value, spec, ids), [one for one in named if one not in ids]] if named else value


def _only_unit(value: Value) -> SubjectId | None:
    """Return the unit of memberships that are one, and say nothing but the unit; None of all others."""
    if type(value) is tuple and len(value) == 1:
        (entry,) = value
        if type(entry) is dict and len(entry) == 1:
            unit = entry.get("unit")
            return SubjectId(unit) if type(unit) is str else None
    return None


def agrees(wanted: Desired, link: Link, seen: Observed, specs: Mapping[str, FieldSpec], names: Names) -> bool:
    """Tell whether a plan would have nothing to do and nothing to say about somebody who is linked and seen."""
    if link.state is not LinkState.LINKED or wanted.warnings:
        return False
    if wanted.kind is Kind.UNIT and any(spec.of_members and wanted.fields.get(name) for name, spec in specs.items()):
        return False
    if any(name in seen.unreadable for name in wanted.fields):
        return False
    for name, value in wanted.fields.items():
        spec = specs.get(name)
        held = seen.fields.get(name)
        if spec is None or not spec.immutable or link.adopted or is_empty(held) or is_empty(value):
            continue
        if value != held:
            return False
    return not compare(wanted, seen, specs, names)
