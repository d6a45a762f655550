"""One reconciliation: read every source, grow the tree, map out, observe, compare, judge. Writes nothing to the target.

Level-triggered: whatever woke it, everything is read and computed again, so lost, repeated and re-ordered wake-ups are
harmless. A source that fails keeps its last facts and never erases anybody.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from syncd.core.errors import NeedsHuman, Problem, TryAgain
from syncd.core.model import Kind, Link, Observed, Plan, RunId, SourceName, SubjectId, TargetId
from syncd.core.plan import Terms, diff
from syncd.core.policy import Judgement, judge
from syncd.core.ports import Target
from syncd.core.values import is_empty
from syncd.engine.observe import View, view
from syncd.engine.stage import SourceRead, read_source
from syncd.engine.tree import Unique, Wishes, stand, wish
from syncd.engine.world import World
from syncd.store import Transaction

log = structlog.get_logger(__name__)

_UNIT: Final = re.compile(r"\bunit:\w+")
_DEEPEST: Final = 100
Progress = Callable[[str, int, int | None], None]
"""Told (stage, done, of how many or None) as work goes on."""


def silent(stage: str, done: int, total: int | None) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Reconciliation:
    """What is, what shall be, what differs, and what the guard says of it."""

    run_id: RunId
    reads: tuple[SourceRead, ...]
    failed: Mapping[SourceName, Problem]
    """Sources that could not be read: their last facts stand."""
    plan: Plan
    judgement: Judgement
    view: View
    wishes: Wishes


async def reconcile(
    world: World,
    target: Target,
    run_id: RunId,
    *,
    fresh: bool = False,
    read: bool = True,
    only: Collection[SubjectId] | None = None,
    progress: Progress = silent,
) -> Reconciliation:
    """Compute the plan and judge it.

    `fresh` observes the target again; `read` False takes the stored records as they are; `only` plans for these subjects
    alone (a delta: the difference of everybody else is not looked at).
    """
    reads, failed = await read_sources(world, run_id, progress) if read else ((), {})
    progress("observe", 0, None)
    seen = await view(world, target, fresh=fresh)
    progress("plan", 0, None)

    def compute(tx: Transaction) -> tuple[Wishes, Plan, Judgement]:
        links = tx.links.all(world.target_name)
        wishes = wish(
            stand(tx, world),
            world,
            links,
            normalise=target.normalise,
            hidden=target.hidden,
            unique=allocator(tx, world, seen, links),
        )
        plan = difference(world, target, wishes, seen, links, only)
        now = world.now()
        released = lambda effect, sum_: tx.holds.matching(effect, sum_, now=now) is not None  # noqa: E731
        judgement = judge(plan, world.guard.limits, released=released, accepted=tx.queue.waiting)
        return wishes, plan, _with_names(judgement, links, seen.objects) if judgement.holds else judgement

    wishes, plan, judgement = await world.store.do(compute)
    log.info(
        "plan.made",
        changes=len(plan.changes),
        held=sum(len(hold.changes) for hold in judgement.holds),
        aside=len(plan.aside),
    )
    return Reconciliation(
        run_id=run_id, reads=reads, failed=failed, plan=plan, judgement=judgement, view=seen, wishes=wishes
    )


def _with_names(judgement: Judgement, links: Mapping[SubjectId, Link], objects: Sequence[Observed]) -> Judgement:
    """Call the departments in the reasons of holds by their paths in the target: there may be a “Sales” in each branch."""
    units = {item.target_id: item for item in objects if item.kind is Kind.UNIT}

    def path(subject: re.Match[str]) -> str:
        link = links.get(SubjectId(subject[0]))
        item = units.get(link.target_id) if link is not None else None
        names: list[str] = []
        while item is not None and len(names) < _DEEPEST:
            names.insert(0, item.label)
            item = units.get(TargetId(str(item.fields.get("parent"))))
        return "/".join(names) or subject[0]

    holds = (replace(hold, reasons=tuple(_UNIT.sub(path, why) for why in hold.reasons)) for hold in judgement.holds)
    return replace(judgement, holds=tuple(holds))


async def read_sources(
    world: World, run_id: RunId, progress: Progress = silent
) -> tuple[tuple[SourceRead, ...], dict[SourceName, Problem]]:
    """Read every source, one after the other; one that fails does not keep the others from being read."""
    reads: list[SourceRead] = []
    failed: dict[SourceName, Problem] = {}
    for place, (name, seat) in enumerate(world.seats.items()):
        progress("read", place, len(world.seats))
        try:
            reads.append(await read_source(world, seat, run_id))
        except (TryAgain, NeedsHuman) as error:
            failed[name] = error.problem
            log.warning("source.failed", source=name, code=error.problem.code)
    progress("read", len(world.seats), len(world.seats))
    return tuple(reads), failed


def difference(
    world: World,
    target: Target,
    wishes: Wishes,
    seen: View,
    links: Mapping[SubjectId, Link],
    only: Collection[SubjectId] | None = None,
) -> Plan:
    """Return the plan for what is wished, or for a part of it."""
    chosen = (
        wishes.desired
        if only is None
        else {subject: wishes.desired[subject] for subject in only if subject in wishes.desired}
    )
    leaving = {subject: why for subject, why in wishes.leaving.items() if only is None or subject in only}
    return diff(
        chosen.values(),
        seen.objects,
        links,
        leaving=leaving,
        terms=terms(world, target, complete=seen.complete),
        aside=wishes.asides,
        warnings=wishes.warnings,
    )


def terms(world: World, target: Target, *, complete: bool) -> Terms:
    """Return the terms of the plan that the configuration and the target set."""
    return Terms(
        fields=target.fields,
        root=target.root,
        now=world.now(),
        adopt=world.outbound.adopt,
        hold_leavers=world.leavers.hold,
        grace=world.leavers.grace,
        complete=complete,
        protected=world.guard.protected,
        mark=target.mark,
    )


def allocator(tx: Transaction, world: World, seen: View, links: Mapping[SubjectId, Link]) -> Unique:
    """Hand out unique values: the same to the same subject for ever, never one that an object of the target holds."""
    held: dict[str, dict[str, Observed]] = {}

    def held_by(field: str) -> Mapping[str, Observed]:
        if field not in held:
            held[field] = {
                str(value).casefold(): item
                for item in seen.objects
                if item.kind is Kind.PERSON
                and not is_empty(value := item.target_id if field == "userid" else item.fields.get(field))
            }
        return held[field]

    def of(subject: SubjectId) -> Callable[[str, Iterator[str]], str]:
        def unique(field: str, candidates: Iterator[str]) -> str:
            if kept := tx.allocations.of(world.target_name, field, subject):
                return kept
            link = links.get(subject)
            for candidate in candidates:
                holder = held_by(field).get(candidate.casefold())
                if holder is not None and (link is None or link.target_id != holder.target_id):
                    continue
                if tx.allocations.claim(world.target_name, field, candidate, subject=subject):
                    return candidate
            raise LookupError(field)

        return unique

    return of
