"""The queue of accepted changes. Never talks to the target and never retries by itself.

Promises: one subject is strictly in order and never runs twice at once; a change waits for what it needs, and nothing waits
in a circle; leavers go first; what a newer plan no longer wants is not done; what a process left half done is marked so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from syncd.core.model import LANES, Change, ChangeId, Effect, Lane, RunId, SubjectId
from syncd.store import queue_bodies as bodies
from syncd.store import queue_questions as ask
from syncd.store.bulk import filling_queue
from syncd.store.columns import maybe_from_micros, micros
from syncd.store.filing import Filed, decode_change, filed
from syncd.store.packed import Packed, filed_of, subjects_of
from syncd.store.rows import OPEN_STATES, Accepted, Blocked, QueueCounts, QueuedChange, QueueState, Settlement
from syncd.store.statements import Answer, numbers, portions, several

PATIENCE: Final = 1024
"""Blocked changes that one claim looks at once it has found something to do; the next claim goes on from there."""
_FEW: Final = 100
"""For more subjects than these it is asked first whether anything waits at all."""
_NO_ID: Final = ChangeId("")
_BESIDE: Final = 16
"""How many candidates more than wanted are looked at: some may turn out to be blocked, and each costs three questions."""


class Queue:
    """Accepted changes and where they stand."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # --- in ---

    def accept(
        self, run_id: RunId, changes: Sequence[Change], *, at: datetime, approved: Collection[Effect] = ()
    ) -> Accepted:
        """Queue a plan's changes, in the plan's order.

        Waiting changes of the same subjects are superseded, except equal ones (by what they do and whom they wait for: not by
        label, reason, rank or the rules' line numbers), which stay as they are. A running one is left alone: the new ones wait
        for it. What takes a superseded one's place is awaited since then. Effects that a person `approved` do not
        count in `window`.
        """
        before = self._waiting_of(subjects_of(changes))
        every = filed_of(changes)
        kept = bodies.staying(every, before) if before or not isinstance(changes, Packed) else {}
        staying = set(kept.values())
        over = [row for row in before if row.id not in staying]
        self._end(over, QueueState.SUPERSEDED, at=at)
        fresh = len(changes) - len(kept)
        accepting = bodies.Accepting(
            run_id=run_id,
            batch=numbers(self._connection, "batches", 1)[0] if fresh else 0,
            at=micros(at),
            unsure=bodies.unsure(over),
            awaited=bodies.awaited(over),
            approved=approved,
        )
        ids = [kept.get(place, _NO_ID) for place in range(len(changes))]
        with filling_queue(self._connection, fresh):
            self._add(((place, one) for place, one in enumerate(every) if place not in kept), fresh, accepting, ids)
        return Accepted(
            ids=tuple(ids),
            kept=frozenset(staying),
            superseded=tuple(ChangeId(row.id) for row in over),
        )

    def waiting(self, changes: Sequence[Change]) -> frozenset[int]:
        """Return the places of the changes that wait already: that do the same, whatever they themselves wait for."""
        known: set[bytes] = set()
        for portion in portions(sorted({change.subject for change in changes})):
            rows = self._connection.execute(ask.WAITING_BODIES, {"of_subjects": portion})
            known |= {bodies.deed(decode_change(row.body)) for row in rows}
        return frozenset(place for place, change in enumerate(changes) if bodies.deed(change) in known)

    def supersede(self, subjects: Iterable[SubjectId], *, at: datetime) -> list[ChangeId]:
        """End the ready, pending and parked changes of these subjects."""
        over = self._waiting_of(set(subjects))
        self._end(over, QueueState.SUPERSEDED, at=at)
        return [ChangeId(row.id) for row in over]

    def supersede_absent(
        self, present: Collection[SubjectId], *, at: datetime, among: Collection[SubjectId] | None = None
    ) -> list[ChangeId]:
        """End the ready and parked changes of every subject (of those in `among`) not in `present`.

        Pending ones stay, and creations of which nobody knows whether they happened: those are read back, and then leave.
        """
        wanted = frozenset(present)
        if among is None:
            over = [row for row in self._connection.execute(ask.NOT_RUNNING) if row.subject not in wanted]
        else:
            over = list(several(self._connection, ask.NOT_RUNNING_OF, {}, sorted(frozenset(among) - wanted)))
        over = [row for row in over if not bodies.may_have_made(row)]
        self._end(over, QueueState.SUPERSEDED, at=at)
        return [ChangeId(row.id) for row in over]

    def unheard(self, ids: Sequence[ChangeId]) -> list[Change]:
        """Return those of these changes of which nobody knows whether they happened."""
        found: list[Change] = []
        for portion in portions(ids):
            found += [decode_change(row.body) for row in self._connection.execute(ask.UNHEARD, {"these": portion})]
        return found

    def look(self, run_id: RunId, looks: Sequence[Change], *, at: datetime) -> None:
        """Queue looks at objects, of whose subjects none waits yet. They are of no plan, and no plan supersedes them."""
        waiting: set[str] = set()
        for portion in portions(sorted({one.subject for one in looks})):
            waiting |= set(self._connection.execute(ask.LOOKED_AFTER, {"of_subjects": portion}).scalars())
        fresh = [filed(one) for one in looks if one.subject not in waiting]
        if fresh:
            batch = numbers(self._connection, "batches", 1)[0]
            accepting = bodies.Accepting(
                run_id=run_id, batch=batch, at=micros(at), unsure=(), awaited={}, approved=frozenset(Effect)
            )
            self._add(enumerate(fresh), len(fresh), accepting, [_NO_ID] * len(fresh))

    # --- out ---

    def claim(self, now: datetime, limit: int, *, lanes: Sequence[Lane] = LANES) -> list[QueuedChange]:
        """Take up to `limit` due changes, lanes in this order, then rank, then age; they are RUNNING afterwards.

        A pending change that is due is taken too, with `again`. Lanes that are not named are not served.
        """
        taken: list[QueuedChange] = []
        looked = 0
        for lane in lanes:
            more = True
            while more and len(taken) < limit and not (taken and looked > PATIENCE):
                free, seen, more = self._candidates(bodies.LANE[lane], micros(now), limit - len(taken))
                taken += self._take(free)
                looked += seen
        return taken

    def settle(self, settlement: Settlement, *, at: datetime) -> None:
        """Note what became of a running change. Raises ValueError if it is not running."""
        self.settle_many([settlement], at=at)

    def settle_many(self, settlements: Sequence[Settlement], *, at: datetime) -> None:
        """The same for many, in a few statements."""
        if not settlements:
            return
        changed = 0
        for outcome, ids in bodies.by_outcome(settlements, at=micros(at)).items():
            fields = {**dict(outcome), "these": ids}
            changed += self._connection.execute(ask.SETTLE, fields).rowcount
        if changed != len(settlements):
            raise ValueError(f"{len(settlements) - changed} of {len(settlements)} settled changes were not running")
        # The platform may have done something: a newer change of the subject has to read back first.
        unsure = [one for one in settlements if one.again or one.state is QueueState.PENDING]
        if unsure:
            heirs = [{"subject_of": one.subject, "this": one.change_id} for one in unsure]
            self._connection.execute(ask.PASS_ON_AGAIN, heirs)
        self._let_look_again({one.subject for one in settlements})

    def put_off(self, ids: Sequence[ChangeId], *, until: datetime) -> None:
        """Hand back changes that were claimed and not tried: they are due again at `until`, and nothing else about them changes.

        Not to be called for what may have been tried."""
        for portion in portions(ids):
            self._connection.execute(ask.PUT_OFF, {"these": portion, "until": micros(until)})

    def interrupted(self, *, at: datetime) -> list[QueuedChange]:
        """Make changes left running by a dead process ready again, with `again`; call it once, at start, alone."""
        rows = sorted(self._connection.execute(ask.RUNNING), key=lambda row: row.number)
        left = [bodies.queued(row) for row in rows]
        outcomes = [
            Settlement(
                change_id=one.id,
                subject=one.change.subject,
                state=QueueState.READY,
                attempt=one.attempt,
                due_at=one.due_at,  # it was due when it was taken, whatever the clock says now
                problem=one.problem,
                again=True,
            )
            for one in left
        ]
        self.settle_many(outcomes, at=at)
        return [queued for one in left if (queued := self.get(one.id))]

    # --- by hand ---

    def retry(self, ids: Iterable[ChangeId], *, at: datetime) -> list[ChangeId]:
        """Make waiting (also parked) changes due now, attempts at 0. Returns those that were waiting."""
        found = [self._connection.execute(ask.RETRY, {"this": one, "at": micros(at)}).scalar() for one in ids]
        return [ChangeId(one) for one in found if one is not None]

    def drop(self, ids: Iterable[ChangeId], *, at: datetime) -> list[ChangeId]:
        """Take waiting (also parked) changes out. Returns those that were waiting."""
        found = [self._connection.execute(ask.DROP, {"this": one, "at": micros(at)}).first() for one in ids]
        self._let_look_again({row.subject for row in found if row is not None})
        return [ChangeId(row.id) for row in found if row is not None]

    def tidy(self, *, before: datetime) -> int:
        """Delete changes that were over before then (the audit log keeps what they did); returns how many."""
        gone = self._connection.execute(ask.TIDY, {"before": micros(before)}).rowcount
        self._connection.execute(ask.TIDY_WAITS)
        return gone

    # --- looking ---

    def get(self, change_id: ChangeId) -> QueuedChange | None:
        """Return one."""
        row = self._connection.execute(ask.ONE, {"this": change_id}).first()
        return None if row is None else bodies.queued(row)

    def standing(self, *states: QueueState, limit: int = 1000) -> list[QueuedChange]:
        """Return changes in these states (all open ones if none is named), in the order of service."""
        fields = {"states": list(states or OPEN_STATES), "number_of": limit}
        return [bodies.queued(row) for row in self._connection.execute(ask.STANDING, fields)]

    def parked(self, *, limit: int = 1000) -> list[QueuedChange]:
        """Return the parked changes."""
        return self.standing(QueueState.PARKED, limit=limit)

    def parked_subjects(self) -> set[SubjectId]:
        """Return whose changes are parked."""
        return {SubjectId(subject) for subject in self._connection.execute(ask.PARKED_SUBJECTS).scalars()}

    def for_subject(self, subject: SubjectId, *, limit: int = 50) -> list[QueuedChange]:
        """Return a subject's changes, newest first."""
        fields = {"subject_of": subject, "number_of": limit}
        return [bodies.queued(row) for row in self._connection.execute(ask.FOR_SUBJECT, fields)]

    def running_subjects(self) -> set[SubjectId]:
        """Return whose changes are in the writer's hands."""
        return {SubjectId(subject) for subject in self._connection.execute(ask.RUNNING_SUBJECTS).scalars()}

    def being_made(self, subjects: Collection[SubjectId]) -> set[SubjectId]:
        """Return those of these subjects who have an open change that makes, adopts or changes their object."""
        return {SubjectId(row.subject) for row in several(self._connection, ask.BEING_MADE, {}, sorted(subjects))}

    def open_of(self, subjects: Collection[SubjectId]) -> set[SubjectId]:
        """Return who of these subjects has a change that is not over, parked ones included."""
        return {SubjectId(row.subject) for row in several(self._connection, ask.OPEN_OF, {}, sorted(subjects))}

    def waiting_for(self, subjects: Collection[SubjectId]) -> list[Change]:
        """Return the changes that are not over, parked ones included, and were to come after changes of these subjects."""
        return [decode_change(row.body) for row in several(self._connection, ask.WAITING_FOR, {}, sorted(subjects))]

    def window(self, since: datetime, *, beside: Collection[SubjectId]) -> dict[Effect, int]:
        """Return how many others than these subjects had changes accepted since then, by effect.

        Whoever has several may count for each. What was approved, or superseded before it was tried, does not count.
        """
        fields = {"from_": micros(since)}
        counts = Counter({row.counted: row.subjects for row in self._connection.execute(ask.WINDOW, fields)})
        if counts:
            for row in several(self._connection, ask.WINDOW_OF, fields, sorted(beside)):
                counts[row.counted] -= row.subjects
        return bodies.by_effect(counts.items())

    def window_changes(self, since: datetime, effects: Collection[Effect]) -> list[tuple[Change, bool]]:
        """Return the changes with one of these effects that count in that window, and whether each is confirmed."""
        fields = {"from_": micros(since), "bits": sum(bodies.EFFECTS[one] for one in effects)}
        rows = self._connection.execute(ask.WINDOW_BODIES, fields)
        return [(decode_change(row.body), row.state == QueueState.DONE.value) for row in rows]

    def delays(self, limit: int) -> list[timedelta]:
        """Return how long the last confirmed changes took, newest first.

        From the source's own change, where it says when, else from acceptance; of several plans in a row, from the first.
        """
        rows = self._connection.execute(ask.DELAYS, {"number_of": limit})
        return [timedelta(microseconds=max(0, ended - began)) for ended, began in rows]

    def due(self, now: datetime, *, most: int) -> int:
        """Count what could be claimed now, as far as that is known without asking of each; `most` is where counting ends."""
        number: int = self._connection.execute(ask.DUE, {"now": micros(now), "number_of": most}).scalar_one()
        return number

    def counts(self, now: datetime) -> QueueCounts:
        """Count."""
        found = {state: (n, int(due)) for state, n, due in self._connection.execute(ask.COUNTS, {"now": micros(now)})}
        count = {state: found.get(state.value, (0, 0)) for state in QueueState}
        blocked: int = self._connection.execute(ask.COUNT_BLOCKED).scalar_one()
        return QueueCounts(
            ready=count[QueueState.READY][0],
            running=count[QueueState.RUNNING][0],
            pending=count[QueueState.PENDING][0],
            parked=count[QueueState.PARKED][0],
            due=count[QueueState.READY][1] + count[QueueState.PENDING][1],
            blocked=blocked,
        )

    def blocked(self, *, limit: int = 1000) -> list[Blocked]:
        """Return the ready and pending changes that wait directly for a parked one."""
        rows = self._connection.execute(ask.LIST_BLOCKED, {"number_of": limit})
        return [
            Blocked(
                change_id=ChangeId(id_),
                subject=SubjectId(subject),
                label=decode_change(body).label,
                by=ChangeId(by),
                by_subject=SubjectId(by_subject),
                by_label=decode_change(by_body).label,
            )
            for id_, subject, body, by, by_subject, by_body in rows
        ]

    def next_due_at(self) -> datetime | None:
        """Return when the next change becomes due, past times included; None if none waits for a time only."""
        return maybe_from_micros(self._connection.execute(ask.NEXT_DUE).scalar())

    # --- steps ---

    def _waiting_of(self, subjects: Collection[SubjectId]) -> list[Answer]:
        found: list[Answer] = []
        if len(subjects) > _FEW and self._connection.execute(ask.ANY_WAITING).first() is None:
            return found
        for portion in portions(sorted(subjects)):
            found += self._connection.execute(ask.WAITING_OF, {"of_subjects": portion}).all()
        return found

    def _end(self, rows: Sequence[Answer], state: QueueState, *, at: datetime) -> None:
        fields = [{"this": row.number, "to": state.value, "at": micros(at)} for row in rows]
        if fields:
            ask.END.run(self._connection, fields)
            self._let_look_again({row.subject for row in rows})

    def _let_look_again(self, subjects: Collection[str]) -> None:
        for portion in portions(subjects):
            self._connection.execute(ask.LET_LOOK_AGAIN, {"of_subjects": portion})

    def _add(
        self, changes: Iterable[tuple[int, Filed]], how_many: int, accepting: bodies.Accepting, ids: list[ChangeId]
    ) -> None:
        """Insert so many changes, each with its place in the plan; note their ids by that."""
        given = iter(numbers(self._connection, "changes", how_many) if how_many else ())
        ranks: dict[SubjectId, int] = {}
        for portion in portions(changes):
            rows: list[tuple[Any, ...]] = []
            waits: list[tuple[int, str, bool]] = []
            for place, change in portion:
                number = next(given)
                row = accepting.row(number, change, bodies.sure_blocker(change, ranks))
                rows.append(row)
                ids[place] = row[1]
                ranks.setdefault(change.subject, change.rank)
                waits += bodies.waits(number, change)
            ask.ADD.run_tuples(self._connection, ask.NAMES, rows)
            if waits:
                ask.ADD_WAITS.run_tuples(self._connection, ask.WAITS_NAMES, waits)

    def _candidates(self, lane: int, now: int, wanted: int) -> tuple[list[int], int, bool]:
        """Return the changes that can run, how many were looked at, and whether there may be more behind the blocked."""
        look_at = wanted + _BESIDE
        fields = {"of_lane": lane, "now": now, "number_of": look_at}
        rows = self._connection.execute(ask.CANDIDATES, fields).all()
        held = [{"this": row.number, "blocker": row.blocker} for row in rows if row.blocker is not None]
        if held:
            ask.NOTE_BLOCKER.run(self._connection, held)
        free = [row.number for row in rows if row.blocker is None]
        return free[:wanted], len(rows), len(rows) == look_at and len(free) < wanted

    def _take(self, these: list[int]) -> list[QueuedChange]:
        if not these:
            return []
        rows = self._connection.execute(ask.TAKE, {"these": these}).all()
        by_number = {row.number: row for row in rows}
        return [bodies.queued(by_number[number]) for number in these if number in by_number]
