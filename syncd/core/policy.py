"""The guard: plan + limits → what may be written now, what is held for a person to look at, and why. A pure function.

Every effect on people has its own limit; only the effect that trips is held, with everything that needs it, and the rest
flows. A limit trips when the number *reaches* it (`>=`), counted over the whole plan before the first write. 0 blocks every
change with that effect; a limit that is absent lets all through. Percentages are ignored below a minimum population. What was
accepted a short while ago counts, too: a thousand leavers who come one by one are held as a thousand at once would be.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from syncd.core.difference import units_of
from syncd.core.model import HOLDING_UNITS, ROOT_UNIT, Change, Effect, Kind, Op, Plan, SubjectId
from syncd.core.ordering import lost
from syncd.core.plan import fingerprint

AUTO: Final = "auto"
_MAKING: Final = frozenset({Op.CREATE, Op.ADOPT})
_NOBODY_NEEDS: Final = frozenset({Op.LOGIN, Op.LINK, Op.ROLES, Op.WRITE_BACK})
_CREATES: Final = frozenset({Effect.CREATE, Effect.UNIT_CREATE, Effect.ROLE_CREATE, Effect.CONTACT_CREATE})
_OF_ROLES: Final = frozenset({Effect.ROLE_CREATE, Effect.ROLE_UPDATE, Effect.ROLE_REMOVE})
_OF_CONTACTS: Final = frozenset({Effect.CONTACT_CREATE, Effect.CONTACT_UPDATE, Effect.CONTACT_REMOVE})
EMPTYING: Final = (Effect.LEAVE, Effect.MOVE, Effect.REVOKE)
"""Effects by which a department or a role loses people."""
_OF_UNITS: Final = frozenset(
    {Effect.UNIT_CREATE, Effect.UNIT_UPDATE, Effect.UNIT_MOVE, Effect.UNIT_REMOVE, Effect.UNIT_OPEN}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How many changes with one effect a plan may have. Either part trips; None switches a part off."""

    count: int | str | None = None
    """A number, or `auto`: max(5, min(500, 2 % of the population)), after the ceilings that other products ship."""
    percent: float | None = None
    """Of the active, linked objects of that kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The guard's settings."""

    by_effect: Mapping[Effect, Limit] = field(default_factory=dict)
    minimum_population: int = 20
    """Percentages mean nothing in a company smaller than this; counts still hold."""
    per_unit_percent: float | None = 30.0
    """How much of one department may leave or move away in one plan."""
    per_unit_minimum: int = 10
    """Departments smaller than this have no limit of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Changes of one effect that wait for a person's approval of exactly this set."""

    effect: Effect
    fingerprint: str
    """Of `changes`: an approval is for this set and no other."""
    reasons: tuple[str, ...]
    changes: tuple[Change, ...]
    waiting: tuple[Change, ...] = ()
    """Harmless by themselves, but they need one that is held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """What was accepted shortly before a plan, and approved by nobody. Without those whom the plan is about."""

    window: timedelta = timedelta(0)
    """How far back it was looked."""
    numbers: Mapping[Effect, int] = field(default_factory=dict)
    """Subjects, by effect."""
    lost: Mapping[tuple[Effect, SubjectId], int] = field(default_factory=dict)
    """People whom units lose by it."""
    left: Mapping[tuple[Effect, SubjectId], int] = field(default_factory=dict)
    """Those of them who have gone already, and so do not count among the unit's people any more."""


NOTHING_RECENT: Final = Recent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the guard says of a plan."""

    allowed: Sequence[Change]
    holds: tuple[Hold, ...] = ()
    approved: frozenset[Effect] = frozenset()
    """Effects that reached a limit, and were let through because a person had released exactly this set."""


def automatic(population: int) -> int:
    """Return the count that `auto` means for a population."""
    return max(5, min(500, math.ceil(population * 0.02)))


def asks_population(changes: Sequence[Change], limits: Limits, recent: Recent = NOTHING_RECENT) -> bool:
    """Tell whether the judgement of these changes can depend on how many objects there are. Counting them means walking through
    all, which a plan for a few need not pay for: no limit can trip then, whatever the population."""
    counts: Mapping[Effect, int] = getattr(changes, "effects", None) or Counter(
        effect for change in changes for effect in change.effects
    )
    return any(
        (limit.count == AUTO and number >= automatic(0))
        or (limit.percent is not None and 100 * number >= limit.percent * limits.minimum_population)
        for effect, own in counts.items()
        if (limit := limits.by_effect.get(effect)) is not None
        for number in [own + recent.numbers.get(effect, 0)]
    )


def judge(
    plan: Plan,
    limits: Limits,
    *,
    released: Callable[[Effect, str], bool] = lambda *_: False,
    accepted: Callable[[Sequence[Change]], Collection[int]] = lambda _: (),
    recent: Recent = NOTHING_RECENT,
) -> Judgement:
    """Return which changes may be written and which are held. `released` knows the approvals that are in force.

    `accepted` returns the places of changes that were let through before and wait for their next attempt. They count, but they
    are not held again: what was released stays so while the target fails in the middle of it. `recent` counts, too.
    """
    counts = getattr(plan.changes, "effects", None)
    if counts is not None and not _could_trip(counts, plan, limits, recent):
        return Judgement(allowed=plan.changes)
    # Changes are told apart by being the same object, and a plan that is kept packed makes each anew whenever it is read.
    every = tuple(plan.changes)
    by_effect: dict[Effect, list[Change]] = defaultdict(list)
    for change in every:
        for effect in change.effects:
            by_effect[effect].append(change)
    held: dict[Effect, tuple[str, ...]] = {}
    approved: set[Effect] = set()
    for effect, changes in list(by_effect.items()):
        reasons = (
            *_over(effect, len(changes), plan, limits, recent),
            *_emptied(effect, changes, plan, limits, recent),
        )
        if not reasons:
            continue
        if released(effect, fingerprint(changes)):
            approved.add(effect)
            continue
        before = set(accepted(changes))
        fresh = [change for place, change in enumerate(changes) if place not in before]
        if before and fresh and released(effect, fingerprint(fresh)):
            approved.add(effect)
        elif fresh:
            held[effect] = reasons
            by_effect[effect] = fresh
    if not held:
        return Judgement(allowed=plan.changes, approved=frozenset(approved))
    return replace(_part(every, by_effect, held), approved=frozenset(approved))


def _could_trip(counts: Mapping[Effect, int], plan: Plan, limits: Limits, recent: Recent) -> bool:
    """Tell from the numbers alone whether the changes have to be looked at one by one."""
    by_unit = limits.per_unit_percent is not None and any(counts.get(effect) for effect in EMPTYING)
    return by_unit or any(_over(effect, number, plan, limits, recent) for effect, number in counts.items() if number)


def _over(effect: Effect, own: int, plan: Plan, limits: Limits, recent: Recent) -> tuple[str, ...]:
    limit = limits.by_effect.get(effect)
    if limit is None:
        return ()
    kind = counted_kind(effect)
    before = recent.numbers.get(effect, 0)
    number = own + before
    # Whoever was made in the window was not there when it began: a first run does not make the next joiner half a company.
    population = max(0, plan.population.get(kind, 0) - (before if effect in _CREATES else 0))
    also = _also(before, recent)
    reasons: list[str] = []
    most = automatic(population) if limit.count == AUTO else limit.count
    if isinstance(most, int) and number >= most:
        reasons.append(f"{number} {effect} changes{also} reach the limit of {most}")
    if limit.percent is not None and population >= limits.minimum_population:
        share = 100 * number / population
        if share >= limit.percent:
            reasons.append(f"{number} of {population} ({share:.1f} %){also} reach the limit of {limit.percent:g} %")
    return tuple(reasons)


def counted_kind(effect: Effect) -> Kind:
    """Return of what an effect's percentage is reckoned."""
    if effect in _OF_UNITS:
        return Kind.UNIT
    if effect in _OF_ROLES:
        return Kind.GROUP
    return Kind.CONTACT if effect in _OF_CONTACTS else Kind.PERSON


def _also(before: int, recent: Recent) -> str:
    return f" (with the {before} of the last {recent.window.total_seconds() / 60:g} minutes)" if before else ""


def _emptied(effect: Effect, changes: Sequence[Change], plan: Plan, limits: Limits, recent: Recent) -> tuple[str, ...]:
    """Look at each department and role by itself: a team of 40 that disappears stays under any percentage of a large company, and
    a group that is read as empty is not proven to be empty."""
    if effect not in EMPTYING or limits.per_unit_percent is None:
        return ()
    losing: Counter[SubjectId] = Counter()
    for change in changes:
        losing.update(lost_by(effect, change))
    reasons = []
    for unit, own in sorted(losing.items()):
        before = recent.lost.get((effect, unit), 0)
        number, size = own + before, plan.units.get(unit, 0) + recent.left.get((effect, unit), 0)
        if size >= limits.per_unit_minimum and 100 * number / size >= limits.per_unit_percent:
            share = 100 * number / size
            reasons.append(
                f"{unit} loses {number} of {size} people ({share:.0f} %){_also(before, recent)},"
                f" the limit is {limits.per_unit_percent:g} %"
            )
    return tuple(reasons)


def lost_by(effect: Effect, change: Change) -> frozenset[SubjectId]:
    """Return the departments or roles that somebody loses by a change, as far as `effect` speaks of them."""
    if effect is Effect.REVOKE:
        return frozenset(role for item in change.fields for role in lost(item))
    return units_lost(change)


def units_lost(change: Change) -> frozenset[SubjectId]:
    """Return the departments that a change takes somebody out of."""
    for item in change.fields:
        if item.name == "departments":
            gone = units_of(item.before) - units_of(item.after)
            return frozenset(SubjectId(unit) for unit in gone) - HOLDING_UNITS - {ROOT_UNIT}
    return frozenset()


def _idle(changes: Sequence[Change], stopped: Collection[int]) -> Iterator[Change]:
    """Yield what makes the departments for leavers and joiners where none of those who are to go there may: not before."""
    for unit in sorted(HOLDING_UNITS):
        going = [change for change in changes if unit in change.needs]
        if going and all(id(change) in stopped for change in going):
            yield from (change for change in changes if change.subject == unit)


def _part(
    changes: Sequence[Change], by_effect: Mapping[Effect, Sequence[Change]], held: Mapping[Effect, tuple[str, ...]]
) -> Judgement:
    stopped = {id(change) for effect in held for change in by_effect[effect]}
    # A department is not empty while somebody who is held stands in it, nor led by somebody whose move is held. What somebody
    # signs in with, who manages them, and what a source is told of them, is nothing that others need.
    blocked = {change.subject for change in changes if id(change) in stopped and change.op not in _NOBODY_NEEDS}
    missing = {change.subject for change in changes if id(change) in stopped and change.op in _MAKING}
    waiting: list[Change] = []
    for change in changes:
        # Plans are ordered, so whatever a change needs has been looked at before it.
        if id(change) not in stopped and (blocked & set(change.needs) or change.subject in missing):
            waiting.append(change)
            stopped.add(id(change))
            blocked.add(change.subject)
            if change.op in _MAKING:
                missing.add(change.subject)
    idle = [one for one in _idle(changes, stopped) if id(one) not in stopped]
    waiting += idle
    stopped.update(id(change) for change in idle)
    holds = []
    for place, effect in enumerate(sorted(held)):
        mine = tuple(by_effect[effect])
        holds.append(
            Hold(
                effect=effect,
                fingerprint=fingerprint(mine),
                reasons=held[effect],
                changes=mine,
                waiting=tuple(waiting) if place == 0 else (),
            )
        )
    return Judgement(allowed=tuple(change for change in changes if id(change) not in stopped), holds=tuple(holds))
