"""The queue against a model that is too simple to be wrong: plans, claims, outcomes, crashes, operators, in any order.

The model keeps a list of changes and looks at all of them each time. After every claim both must agree on exactly which
changes were taken, in which order, and whether each has to read back.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from support import examples
from support.stores import NOON, clock
from syncd.core.model import LANES, Change, ChangeId, FieldChange, Kind, Lane, Op, RunId, SubjectId
from syncd.store import Store
from syncd.store.filing import change_digest
from syncd.store.rows import QueueCounts, QueueState, Settlement

S = QueueState
SUBJECTS = tuple(SubjectId(name) for name in ("unit:a", "unit:b", "person:c", "person:d", "person:e"))
LIVE = (S.READY, S.RUNNING, S.PENDING, S.PARKED)
WAITING = (S.READY, S.PENDING, S.PARKED)
SORTS = {Op.CREATE: "object", Op.UPDATE: "object", Op.LINK: "link", Op.OFFBOARD: "leave", Op.REMOVE: "leave"}

some_subjects = st.lists(st.sampled_from(SUBJECTS), max_size=2, unique=True).map(tuple)


@st.composite
def changes(draw: st.DrawFn) -> Change:
    op = draw(st.sampled_from(tuple(SORTS)))
    return Change(
        op=op,
        subject=draw(st.sampled_from(SUBJECTS)),
        kind=Kind.PERSON,
        label="-",
        reason="-",
        effects=(),
        lane=Lane.LEAVER if SORTS[op] == "leave" else draw(st.sampled_from(LANES[1:])),
        rank=draw(st.integers(0, 3)),
        fields=(FieldChange(name="name", before=None, after=draw(st.sampled_from(("x", "y")))),),
        needs=draw(some_subjects),
        after=draw(some_subjects),
    )


def _unique(plan: list[Change]) -> list[Change]:
    """Return a plan as the planner makes it: by rank, no two changes of one sort for one subject."""
    found = {(one.subject, SORTS[one.op]): one for one in plan}
    return sorted(found.values(), key=lambda one: one.rank)


plans = st.lists(changes(), min_size=3, max_size=10).map(_unique)
outcomes = st.sampled_from((S.DONE, S.DONE, S.DONE, S.READY, S.PENDING, S.PARKED))


@dataclass
class Modelled:
    """A change as the model sees it."""

    number: int
    batch: int
    change: Change
    due: datetime
    state: QueueState = S.READY
    id: ChangeId = field(default=ChangeId(""))
    tried: bool = False
    again: bool = False
    attempt: int = 0

    @property
    def sort(self) -> str:
        return SORTS[self.change.op]

    @property
    def place(self) -> tuple[int, int]:
        return (self.change.rank, self.number)


class QueueMachine(RuleBasedStateMachine):
    """Drives both."""

    template: Path

    @initialize(plan=plans)
    def begin(self, plan: list[Change]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="syncd-queue-"))
        shutil.copy(self.template, self.folder / "syncd.db")
        self.now = NOON
        self.runs = 0
        self.model: list[Modelled] = []
        self._open()
        self.accept(plan)

    def _open(self) -> None:
        self.store = Store.open(f"sqlite:///{self.folder}/syncd.db", now=clock)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.folder)

    # --- the model ---

    def _of(self, subject: SubjectId, *states: QueueState) -> list[Modelled]:
        return [one for one in self.model if one.change.subject == subject and one.state in states]

    def _blocked(self, one: Modelled) -> bool:
        own = [
            other
            for other in self._of(one.change.subject, *LIVE)
            if other is not one and (other.state is S.RUNNING or other.number < one.number)
        ]
        read_back = one.again and one.sort == "object"
        hard = [subject for subject in one.change.needs if not (read_back and subject.startswith("person:"))]
        soft = {*one.change.after, *one.change.needs} - {*hard}
        needed = [other for subject in hard for other in self._of(subject, *LIVE)]
        untried = [other for subject in soft for other in self._of(subject, *LIVE[:3]) if not other.tried]
        foreign = [other for other in (*needed, *untried) if other.change.subject != one.change.subject]
        return bool(own) or any(other.place < one.place for other in foreign)

    def _claimable(self, lanes: tuple[Lane, ...]) -> list[Modelled]:
        due = [one for one in self.model if one.state in (S.READY, S.PENDING) and one.due <= self.now]
        free = [one for one in due if one.change.lane in lanes and not self._blocked(one)]
        return sorted(free, key=lambda one: (lanes.index(one.change.lane), one.place))

    def _expect_claim(self, limit: int, lanes: tuple[Lane, ...]) -> list[Modelled]:
        # Lane by lane: what one lane takes can be in the way of the next one, and never frees anything.
        taken: list[Modelled] = []
        for lane in lanes:
            for one in self._claimable((lane,))[: limit - len(taken)]:
                one.again = one.again or one.state is S.PENDING
                one.state = S.RUNNING
                taken.append(one)
        return taken

    def _overtaken(self, one: Modelled) -> bool:
        return any(other.batch > one.batch for other in self._of(one.change.subject, *WAITING))

    # --- what happens ---

    @rule(plan=plans)
    def accept(self, plan: list[Change]) -> None:
        self.runs += 1
        run = RunId(f"r{self.runs}")
        with self.store.transaction() as tx:
            accepted = tx.queue.accept(run, plan, at=self.now)
        before = [one for subject in {one.subject for one in plan} for one in self._of(subject, *WAITING)]
        kept: dict[int, Modelled] = {}
        broken: set[SubjectId] = set()
        for place, change in enumerate(plan):
            same = [one for one in before if one.change.subject == change.subject and one.sort == SORTS[change.op]]
            more = same and set(change.needs) - set(same[0].change.needs) - {change.subject}
            equal = same and not more and change_digest(same[0].change) == change_digest(change)
            if equal and change.subject not in broken:
                kept[place] = same[0]
            else:
                broken.add(change.subject)
        over = [one for one in before if one not in kept.values()]
        unsure = {one.change.subject for one in over if one.again or one.state is S.PENDING}
        for one in over:
            one.state = S.SUPERSEDED
        for place, change in enumerate(plan):
            if place not in kept:
                made = Modelled(len(self.model), self.runs, change, self.now, again=change.subject in unsure)
                made.id = accepted.ids[place]
                self.model.append(made)
        assert [accepted.ids[place] for place in kept] == [one.id for one in kept.values()]
        assert set(accepted.superseded) == {one.id for one in over}

    @rule(data=st.data(), turns=st.integers(1, 3))
    def the_writer_works(self, data: st.DataObject, turns: int) -> None:
        """Claim and settle in turns: without it most random walks do very little."""
        for _ in range(turns):
            self.claim(data.draw(st.integers(2, 9)), LANES)
            if any(one.state is S.RUNNING for one in self.model):
                self.settle(data)

    @rule(limit=st.integers(1, 4), lanes=st.sampled_from((LANES, (Lane.LEAVER,), LANES[2:])))
    def claim(self, limit: int, lanes: tuple[Lane, ...]) -> None:
        with self.store.transaction() as tx:
            claimed = tx.queue.claim(self.now, limit, lanes=lanes)
        expected = self._expect_claim(limit, lanes)
        assert [(one.id, one.again, one.attempt) for one in claimed] == [
            (one.id, one.again, one.attempt) for one in expected
        ]
        assert [one.change for one in claimed] == [one.change for one in expected]

    @precondition(lambda self: any(one.state is S.RUNNING for one in self.model))
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        running = [one for one in self.model if one.state is S.RUNNING]
        done = data.draw(st.lists(st.sampled_from(running), min_size=1, unique_by=lambda one: one.number))
        settlements = []
        for one in done:
            state = data.draw(outcomes)
            again = data.draw(st.booleans()) and state is not S.DONE
            due = self.now + timedelta(hours=data.draw(st.integers(0, 2)))
            settlements.append(
                Settlement(
                    change_id=one.id,
                    subject=one.change.subject,
                    state=state,
                    attempt=one.attempt + 1,
                    due_at=due if state in (S.READY, S.PENDING) else None,
                    again=again,
                )
            )
            self._settled(one, settlements[-1])
        with self.store.transaction() as tx:
            tx.queue.settle_many(settlements, at=self.now)

    def _settled(self, one: Modelled, settlement: Settlement) -> None:
        overtaken = self._overtaken(one)
        one.tried, one.again, one.attempt = True, settlement.again, settlement.attempt
        one.due = settlement.due_at or one.due
        one.state = S.SUPERSEDED if overtaken and settlement.state is not S.DONE else settlement.state
        if settlement.again or settlement.state is S.PENDING:
            for newer in self._of(one.change.subject, *WAITING):
                newer.again = newer.again or newer.batch > one.batch

    @rule()
    def crash(self) -> None:
        self.store.close()
        self._open()
        with self.store.transaction() as tx:
            left = tx.queue.interrupted(at=self.now)
        running = [one for one in self.model if one.state is S.RUNNING]
        assert [one.id for one in left] == [one.id for one in running]
        for one in running:
            ready = Settlement(
                change_id=one.id, subject=one.change.subject, state=S.READY, attempt=one.attempt, again=True
            )
            self._settled(one, replace(ready, due_at=self.now))

    @rule(hours=st.integers(1, 3))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(present=st.sets(st.sampled_from(SUBJECTS)))
    def a_plan_wants_only(self, present: set[SubjectId]) -> None:
        with self.store.transaction() as tx:
            over = tx.queue.supersede_absent(present, at=self.now)
        gone = [one for one in self.model if one.state in (S.READY, S.PARKED) and one.change.subject not in present]
        # A creation that may have happened is read back first: forgotten, what it made would be nobody's.
        gone = [one for one in gone if not (one.state is S.READY and one.again and one.change.op is Op.CREATE)]
        assert over == [one.id for one in gone]
        for one in gone:
            one.state = S.SUPERSEDED

    @precondition(lambda self: bool(self.model))
    @rule(data=st.data())
    def an_operator_retries(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.model))
        with self.store.transaction() as tx:
            found = tx.queue.retry([one.id], at=self.now)
        assert found == ([one.id] if one.state in WAITING else [])
        if found:
            one.again = one.again or one.state is S.PENDING
            one.state, one.due, one.attempt = S.READY, self.now, 0

    @precondition(lambda self: bool(self.model))
    @rule(data=st.data())
    def an_operator_drops(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.model))
        with self.store.transaction() as tx:
            found = tx.queue.drop([one.id], at=self.now)
        assert found == ([one.id] if one.state in WAITING else [])
        if found:
            one.state = S.DROPPED

    # --- what always holds ---

    @invariant()
    def nothing_is_lost_and_all_states_agree(self) -> None:
        if not hasattr(self, "store"):
            return
        with self.store.reading() as tx:
            rows = {one.id: one for one in tx.queue.standing(*S, limit=10_000)}
            counts = tx.queue.counts(self.now)
        assert {id_: (one.state, one.again) for id_, one in rows.items()} == {
            one.id: (one.state, one.again) for one in self.model
        }
        assert counts == self._counts()

    def _counts(self) -> QueueCounts:
        def count(state: QueueState) -> int:
            return sum(one.state is state for one in self.model)

        due = sum(one.state in (S.READY, S.PENDING) and one.due <= self.now for one in self.model)
        return QueueCounts(
            ready=count(S.READY),
            running=count(S.RUNNING),
            pending=count(S.PENDING),
            parked=count(S.PARKED),
            due=due,
            blocked=sum(map(self._behind_parked, self.model)),
        )

    def _behind_parked(self, one: Modelled) -> bool:
        if one.state not in (S.READY, S.PENDING):
            return False
        own = any(other.number < one.number for other in self._of(one.change.subject, S.PARKED))
        needed = [other for subject in one.change.needs for other in self._of(subject, S.PARKED)]
        return own or any(other.place < one.place for other in needed if other.change.subject != one.change.subject)

    @invariant()
    def there_is_always_a_way_on(self) -> None:
        """With nothing running and nothing parked, something that is due can be claimed: nobody waits in a circle."""
        waiting = [one for one in self.model if one.state in (S.READY, S.PENDING)] if hasattr(self, "model") else []
        if not waiting or any(one.state in (S.RUNNING, S.PARKED) for one in self.model):
            return
        assert any(not self._blocked(one) for one in waiting)


def _run(template: Path, *, examples: int, steps: int) -> None:
    machine = type("Machine", (QueueMachine,), {"template": template})
    health = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    chosen = settings(max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=health)
    run_state_machine_as_test(machine, settings=chosen)


def test_the_queue_does_what_the_model_does(migrated_file: Path) -> None:
    _run(migrated_file, examples=25, steps=20)


@pytest.mark.slow
def test_the_queue_does_what_the_model_does_for_much_longer(migrated_file: Path) -> None:
    _run(migrated_file, examples=examples.examples(85), steps=50)
