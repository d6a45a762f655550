"""Whose word is too old by now, by the reads that are known; and that everybody is looked at again when that turns.

Level-triggered: it is asked at each look, so a service notices by its clock, and a restart changes nothing. Reads no source.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from syncd.core.belief import Age, Condition, too_old
from syncd.core.correlation import JoinRules, Statement
from syncd.core.employment import current
from syncd.core.model import SourceName
from syncd.engine import marking
from syncd.engine.world import World
from syncd.store import Transaction
from syncd.structured import structlog

log = structlog.get_logger(__name__)

OLD: Final = "reconcile.old"
"""Where it is kept whose word was too old for what when everybody was looked at last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedOver:
    """Why the word of a source does not count for an attribute of somebody."""

    condition: str = ""
    """What would have to be said."""
    most: timedelta | None = None
    """How old its last good read may be."""
    read_at: datetime | None = None
    """When that was, where its age is the reason; None where there was none."""


def turned(tx: Transaction, world: World) -> bool:
    """Tell whether another source's word has become too old, or counts again, since everybody was looked at last."""
    return bool(world.join.terms) and _spelled(rules_of_now(tx, world)) != (tx.meta.get(OLD) or "[]")


def note(tx: Transaction, world: World) -> None:
    """Keep whose word is too old, and ask that everybody is looked at where that is news."""
    if turned(tx, world):
        rules = rules_of_now(tx, world)
        tx.meta.set(OLD, _spelled(rules))
        marking.whole(tx, "whose word counts has changed")
        log.info("join.too_old", attributes=sorted(f"{source}: {name}" for name, source in rules.old))


def rules_of_now(tx: Transaction, world: World) -> JoinRules:
    """Return the rules of the join with what is too old by now."""
    aged = {source for (_, source), terms in world.join.terms.items() if terms.max_age is not None}
    if not aged:
        return world.join
    return replace(world.join, old=too_old(world.join.terms, _read_at(tx, aged), world.now()))


def not_believed(
    tx: Transaction, rules: JoinRules, statements: Sequence[Statement], now: datetime
) -> Mapping[str, Mapping[SourceName, PassedOver]]:
    """Return by attribute whose word does not count about somebody of whom the sources state this, and why."""
    by_source: dict[SourceName, list[Statement]] = {}
    for one in statements if rules.terms else ():
        by_source.setdefault(one.source, []).append(one)
    said = {source: current(some, now, rules.timezone).facts for source, some in by_source.items()}
    found: dict[str, dict[SourceName, PassedOver]] = {}
    for name, source in rules.terms:
        if source in said and (why := rules.unmet(name, source, said)) is not None:
            found.setdefault(name, {})[source] = _because(tx, source, why)
    return found


def _because(tx: Transaction, source: SourceName, why: Condition | Age) -> PassedOver:
    if isinstance(why, Age):
        return PassedOver(most=why.most, read_at=_read_at(tx, {source})[source])
    return PassedOver(condition=str(why))


def _read_at(tx: Transaction, sources: set[SourceName]) -> dict[SourceName, datetime | None]:
    reads = {source: tx.reads.last_proven(source) for source in sources}
    return {source: read.finished_at if read is not None else None for source, read in reads.items()}


def _spelled(rules: JoinRules) -> str:
    return json.dumps(sorted(rules.old))
