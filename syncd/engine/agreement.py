"""Who is as they shall be: recognised by a digest of what is wanted and what the target holds, or by comparing field by field.

Only those for whom nothing at all is to be done, said or waited for are in agreement; everybody else is planned for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from syncd.core.difference import Names, compare, exchange, references
from syncd.core.model import Desired, FieldSpec, Kind, Link, LinkState, Observed, SubjectId, TargetId
from syncd.core.values import content_digest, is_empty

if TYPE_CHECKING:
    from syncd.core.values import Value
    from syncd.store.links import LinkedRow


def agreed_digest(
    wanted: Desired, row: LinkedRow, specs: Mapping[str, FieldSpec], ids: Mapping[SubjectId, TargetId]
) -> bytes:
    """Return the digest of what is wanted, in the target's ids, together with what the target holds, as it is stored."""
    fields: dict[str, Value] = {}
    for name, value in wanted.fields.items():
        spec = specs.get(name)
        if spec is None:
            continue
        named = references(value, spec)
        fields[name] = value if not named else [exchange(value, spec, ids), [one for one in named if one not in ids]]
    sum_ = hashlib.blake2b(content_digest(fields, tuple(fields)), digest_size=16)
    sum_.update(repr(tuple(fields)).encode())
    sum_.update(row.raw or b"")
    sum_.update(row.link.state.encode())
    return sum_.digest()


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
