"""Who is in whose way in a plan, or in a part of one: asked of what was looked at for it. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from syncd.core.collisions import Collision, collisions
from syncd.core.model import Kind, LinkState, Plan
from syncd.core.ports import Target
from syncd.engine.sight import Sight


def clashes(target: Target, sight: Sight, plan: Plan) -> tuple[Collision, ...]:
    """Return who is in whose way, of those who are planned for together."""
    whose = {
        link.target_id: link.subject
        for link in sight.links.values()
        if link.kind is Kind.PERSON and link.state is not LinkState.REMOVED
    }
    return tuple(collisions(plan.changes, sight.objects.values(), whose, target.fields[Kind.PERSON]))


def with_clashes(plan: Plan, found: Iterable[Collision]) -> Plan:
    """Return a plan that tells of them; they are looked at again in the next one."""
    some = tuple(found)
    return replace(
        plan,
        warnings=(*plan.warnings, *(one.problem for one in some)),
        warned=plan.warned.union(*(one.subjects for one in some)),
    )
