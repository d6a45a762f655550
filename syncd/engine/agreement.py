"""Who is as they shall be: recognised by a digest of what is wanted and what the target holds, or by comparing field by field.

Only those for whom nothing at all is to be done, said or waited for are in agreement; everybody else is planned for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from syncd.core.difference import Names, compare, exchange, references
from syncd.core.fields import FieldSpec, FieldType
from syncd.core.model import Desired, Kind, Link, LinkState, Observed, SubjectId, TargetId
from syncd.core.values import Value, content_digest, is_empty

if TYPE_CHECKING:
    from syncd.store.links import LinkedRow

_REFERRING: Final = frozenset({FieldType.REFERENCE, FieldType.REFERENCES, FieldType.MEMBERSHIPS})


class Agreement:
    """By what agreement is recognised, for objects of one kind. It is asked for each: what is the same for all is made once."""

    def __init__(self, specs: Mapping[str, FieldSpec], ids: Mapping[SubjectId, TargetId]) -> None:
        """`ids` may grow meanwhile."""
        self._specs = specs
        self._ids = ids
        self._referring = {name: spec for name, spec in specs.items() if spec.type in _REFERRING}
        self._written: dict[tuple[str, ...], bytes] = {}

    def named(self, wanted: Desired) -> Iterator[SubjectId]:
        """Yield whom a wish refers to."""
        for name, spec in self._referring.items():
            if value := wanted.fields.get(name):
                if type(value) is str and spec.type is FieldType.REFERENCE:
                    yield SubjectId(value)
                elif (unit := _only_unit(value)) is not None:
                    yield unit
                else:
                    yield from references(value, spec)

    def digest(self, wanted: Desired, row: LinkedRow) -> bytes:
        """Return the digest of what is wanted, in the target's ids, together with what the target holds, as it is stored."""
        ids = self._ids
        fields = {name: value for name, value in wanted.fields.items() if name in self._specs}
        for name, spec in self._referring.items():
            value = fields.get(name)
            if value and (unit := _only_unit(value)) is not None and unit in ids:
                fields[name] = ids[unit]  # nearly everybody: one department, without order and title
            elif named := references(value, spec):
                missing = [one for one in named if one not in ids]
                fields[name] = [exchange(value, spec, ids), missing]
        names = tuple(fields)
        if (written := self._written.get(names)) is None:
            written = self._written[names] = repr(names).encode()
        said = b"".join((content_digest(fields, names), written, row.raw or b"", row.state.encode()))
        return hashlib.blake2b(said, digest_size=16).digest()


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
