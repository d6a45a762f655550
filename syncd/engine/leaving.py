"""Why somebody leaves, or has left, in words. The sources' word goes before an operator's, as in a plan. It reads nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from syncd.core.calendar import has_left
from syncd.core.model import Entity, SubjectId
from syncd.engine.handing import leaves

if TYPE_CHECKING:
    from syncd.engine.tree import Standing
    from syncd.engine.world import World


def why_leaving(world: World, standing: Standing, subject: SubjectId, entity: Entity | None) -> str:
    """Return why somebody leaves, or has left; empty where they do not."""
    if subject in standing.gone:
        return standing.gone[subject]
    if entity is None or not leaves(standing.tree, entity, world):
        return standing.offboarded.get(subject, "")
    if has_left(entity.facts, world.now(), world.leavers.timezone):
        return f"the last working day was {entity.facts['endDate']}"
    if entity.facts.get("active") is False:
        origin = entity.origins.get("active")
        return f"inactive in {origin.source if origin is not None else 'the source'}"
    return "left out by the rules"
