"""What a queued change is to a database, and back: its row, what it waits for, which changes are the same. Asks no database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from syncd.core.model import LANES, Change, ChangeId, Effect, Op, RunId, SubjectId
from syncd.core.values import moment
from syncd.store import codec
from syncd.store.columns import from_micros, maybe_from_micros, maybe_micros, micros
from syncd.store.filing import Filed, decode_change
from syncd.store.rows import QueuedChange, QueueState, Settlement
from syncd.store.statements import Answer, Fields

LANE: Final = {lane: place for place, lane in enumerate(LANES)}
OBJECT: Final = "object"
LOOK: Final = "look"
"""Looks belong to no plan: none supersedes them."""
# At most one waiting change of each sort per subject (a unique index): a plan can hold several sorts for one subject.
_SORT: Final = {
    Op.ADOPT: "adopt",
    Op.CREATE: OBJECT,
    Op.UPDATE: OBJECT,
    Op.LINK: "link",
    Op.LOGIN: "login",
    Op.ROLES: "roles",
    Op.OFFBOARD: "leave",
    Op.REMOVE: "leave",
    Op.WRITE_BACK: "back",
    Op.LOOK: LOOK,
}
_READY: Final = QueueState.READY.value
_TO_SETTLE: Final = frozenset(QueueState) - {QueueState.RUNNING, QueueState.DROPPED}


EFFECTS: Final = {effect: 1 << place for place, effect in enumerate(Effect)}
"""A bit for each effect, in the order of `Effect`: a new one goes to the end there."""


def counted(effects: Iterable[Effect], approved: Collection[Effect]) -> int:
    """Return the bits of the effects that count against the guard's window: those that no person has approved."""
    return sum([EFFECTS[effect] for effect in effects if effect not in approved])


def by_effect(counts: Iterable[tuple[int, int]]) -> dict[Effect, int]:
    """Return how many there are of each effect, from numbers by bits."""
    found: Counter[Effect] = Counter()
    for bits, number in counts:
        found.update({effect: number for effect, bit in EFFECTS.items() if bits & bit})
    return dict(found)


def awaited(rows: Iterable[Answer]) -> dict[str, int]:
    """Return since when the subjects of waiting changes are waited for."""
    found: dict[str, int] = {}
    for row in rows:
        since = row.created_at if row.since is None else row.since
        found[row.subject] = min(since, found.get(row.subject, since))
    return found


def deed(change: Change) -> bytes:
    """Return what a change does, and to whom."""
    fields = [[item.name, item.before, item.after] for item in change.fields]
    return codec.encode([change.op, change.subject, change.target_id, fields])


def staying(changes: Sequence[Filed], before: Sequence[Answer]) -> dict[int, ChangeId]:
    """Return which changes wait already, by place in the plan.

    Once something about a subject is new, what follows it is new too: else the old change would run before the new one. So is a
    change that has to wait for somebody else than before, which its digest tells: two who swap what only one may have are planned
    for in another way together than one of them alone, and what was parked when it was tried alone would hold up the other for
    ever. And so is one that waits for a new change which would come after the old one, and one for which a new change waits that
    would come before it: nothing waits for what comes later.
    """
    waiting = {(row.subject, row.sort): row for row in before}
    late: set[SubjectId] = set()
    while True:
        kept = _kept(changes, waiting, late)
        found = _too_late(changes, kept) - late
        if not found:
            return {place: ChangeId(row.id) for place, row in kept.items()}
        late |= found


def _kept(
    changes: Sequence[Filed], waiting: Mapping[tuple[str, str], Answer], late: Collection[SubjectId]
) -> dict[int, Answer]:
    kept: dict[int, Answer] = {}
    new: dict[SubjectId, int] = {}  # the last rank of each
    seen: set[tuple[SubjectId, str]] = set()
    for place, change in enumerate(changes):
        key = (change.subject, _SORT[change.op])
        if key in seen:
            raise ValueError(f"a plan holds two changes of sort {key[1]!r} for {change.subject}")
        seen.add(key)
        row = waiting.get(key)
        if (
            row is None
            or change.subject in new
            or change.subject in late
            or row.digest != change.digest
            or any(new.get(one, -1) >= row.rank for one in (*change.needs, *change.after))
        ):
            new[change.subject] = max(change.rank, new.get(change.subject, change.rank))
        else:
            kept[place] = row
    return kept


def _too_late(changes: Sequence[Filed], kept: Mapping[int, Answer]) -> set[SubjectId]:
    """Return who has a change that stayed, and comes later than a new one which is to wait for it."""
    stays: dict[SubjectId, list[tuple[int, int]]] = {}
    for place, row in kept.items():
        if (rank := changes[place].rank) < row.rank:
            stays.setdefault(changes[place].subject, []).append((rank, row.rank))
    if not stays:
        return set()
    return {
        one
        for place, change in enumerate(changes)
        if place not in kept
        for one in (*change.needs, *change.after)
        if any(rank < change.rank < held for rank, held in stays.get(one, ()))
    }


def may_have_made(row: Answer) -> bool:
    """Tell whether a waiting change may have made an object of which nobody has heard: forgotten, it would be nobody's."""
    return bool(row.again) and row.state == QueueState.READY.value and decode_change(row.body).op is Op.CREATE


def unsure(rows: Iterable[Answer]) -> set[str]:
    """Return the subjects of which the platform may know something that we do not."""
    return {row.subject for row in rows if row.again or row.state == QueueState.PENDING.value}


def sure_blocker(change: Filed, ranks: Mapping[SubjectId, int]) -> str | None:
    """Return a subject of the same plan for which the change surely waits, or None: then the claim finds out.

    `ranks` holds the subjects that stand earlier in the plan, with the rank of their first change.
    """
    if change.subject in ranks:
        return change.subject
    wanted = (*change.needs, *change.after)
    return next((one for one in wanted if one in ranks and ranks[one] <= change.rank), None)


def waits(number: int, change: Filed) -> Iterator[tuple[int, str, bool]]:
    """Yield for whom a change waits: those whom it needs (hard), and those who should have been tried first."""
    needs = dict.fromkeys(change.needs)
    needs.pop(change.subject, None)
    for subject in needs:
        yield number, subject, True
    for subject in dict.fromkeys(change.after):
        if subject not in needs and subject != change.subject:
            yield number, subject, False


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepting:
    """What the rows of changes that are accepted together have in common."""

    run_id: RunId
    batch: int
    at: int
    unsure: Collection[str]
    """Subjects of which the platform may know something that we do not."""
    awaited: Mapping[str, int]
    """Since when subjects are waited for whose changes are superseded."""
    approved: Collection[Effect]
    _counted: dict[tuple[Effect, ...], int] = field(default_factory=dict)

    def row(self, number: int, change: Filed, waits_for: str | None) -> tuple[Any, ...]:
        """Return a row of `changes`, in the order of its columns."""
        return (
            number,
            f"{self.run_id}.{number}",
            self.run_id,
            self.batch,
            str(change.subject),  # exactly text: SQLite's driver looks for an adapter for everything else
            _SORT[change.op],
            LANE[change.lane],
            change.rank,
            _READY,
            0,
            False,
            change.subject in self.unsure,
            self.at,
            waits_for,
            self.at,
            None,
            change.digest,
            None,
            change.body,
            self._since(change),
            self._bits(change.effects),
        )

    def _since(self, change: Filed) -> int | None:
        """Return since when a change is awaited."""
        if change.since is None and not self.awaited:
            return None
        own = None if change.since is None else micros(moment(change.since))
        return min((one for one in (own, self.awaited.get(change.subject)) if one is not None), default=None)

    def _bits(self, effects: tuple[Effect, ...]) -> int:
        """Return for what a change counts."""
        if (known := self._counted.get(effects)) is None:
            known = self._counted[effects] = counted(effects, self.approved)
        return known


def by_outcome(settlements: Iterable[Settlement], *, at: int) -> dict[tuple[tuple[str, object], ...], list[ChangeId]]:
    """Return the changes by what became of them: most ended alike, and those are one statement."""
    found: dict[tuple[tuple[str, object], ...], list[ChangeId]] = {}
    for one in settlements:
        found.setdefault(tuple(_outcome(one, at=at).items()), []).append(one.change_id)
    return found


def _outcome(one: Settlement, *, at: int) -> Fields:
    if one.state not in _TO_SETTLE:
        raise ValueError(f"a change is not settled as {one.state}")
    if one.state in (QueueState.READY, QueueState.PENDING) and one.due_at is None:
        raise ValueError(f"a change that is settled as {one.state} needs a due time")
    return {
        "to": one.state.value,
        "attempts": one.attempt,
        "unsure": one.again,
        "due": maybe_micros(one.due_at),
        "at": at,
        "trouble": None if one.problem is None else codec.encode_told([one.problem]),
    }


def queued(row: Answer) -> QueuedChange:
    """Return the change of a row."""
    return QueuedChange(
        id=ChangeId(row.id),
        run_id=RunId(row.run_id),
        change=decode_change(row.body),
        state=QueueState(row.state),
        attempt=row.attempt,
        due_at=from_micros(row.due_at),
        again=row.again,
        problem=None if row.problem is None else codec.decode_told(row.problem)[0],
        created_at=from_micros(row.created_at),
        settled_at=maybe_from_micros(row.settled_at),
    )
