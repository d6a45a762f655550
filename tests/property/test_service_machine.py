"""The service, its queue and its store, with a process that ends at any await: whatever happens, nothing is lost, nothing is done
twice, and in the end the tenant is what a first run would have made. The numbers are those of the promises in
docs/architecture.md.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule, run_state_machine_as_test

from support.company_history import PEOPLE, Company, people, small_world
from support.examples import examples
from support.service_life import Life, Office, Tenant
from support.serving import ringing
from support.small_world import HR, INBOUND, SmallWorld
from support.virtual_time import one_clock
from syncd.audit.verify import verify
from syncd.core.correlation import JoinRules
from syncd.core.errors import TryAgain
from syncd.core.model import Effect, Kind, Op, TargetId
from syncd.core.policy import Limit, Limits
from syncd.engine import rounds, serving, trust
from syncd.engine.serving import Schedule
from syncd.engine.world import GuardTerms, Seat, WriterTerms
from syncd.mapping import load_inbound
from syncd.store.rows import QueueState
from syncd.testing.memory import refusal

QUICK = settings(
    deadline=None, max_examples=examples(8), stateful_step_count=14, suppress_health_check=list(HealthCheck)
)
MOST_LEAVERS = 3
"""So many within an hour are held."""
OTHER_RULES = INBOUND.replace("title: {from: title, on_null: clear}", "title: kind")
GUARD = GuardTerms(
    plan_only_first=False,
    limits=Limits(by_effect={Effect.LEAVE: Limit(count=MOST_LEAVERS)}, per_unit_percent=None),
)


class Service(Company):
    """A company, and a service process that lives beside it, dies, and lives again."""

    world: SmallWorld
    other_rules = False
    life: Life | None = None

    def __init__(self) -> None:
        super().__init__()
        self.departures: Counter[str] = Counter()
        self.tenant_: Tenant = self.world.target  # type: ignore[assignment]
        self.office: Office = self.world.source  # type: ignore[assignment]

    def make(self, folder: Path) -> SmallWorld:
        world = small_world(folder)
        world.target, world.source = Tenant(world), Office(world)
        writer = WriterTerms(concurrency=3, patience=timedelta(0))
        world.world = replace(world.world, guard=GUARD, writer=writer)
        rule_by(world, other=self.other_rules)
        return world

    @initialize(seed=st.integers(0, 1_000), share=st.sampled_from([0.0, 0.4]))
    def begin(self, seed: int, share: float) -> None:
        self.found_company()
        self.the_tenant_is_in_another_mood(seed, share)

    # -- what happens in the company ----------------------------------------------------------------------------------

    @rule(key=people)
    def leave(self, key: str) -> None:
        if self.here(key) and key != "1":
            self.world.leave(key)
            self.departures[key] += 1

    @rule(seed=st.integers(0, 1_000), share=st.sampled_from([0.0, 0.0, 0.3, 0.8]))
    def the_tenant_is_in_another_mood(self, seed: int, share: float) -> None:
        self.tenant_.dice, self.tenant_.share = Random(seed), share

    @rule(seed=st.integers(0, 1_000), cut=st.booleans(), fails=st.booleans(), forgets=st.booleans())
    def the_source_is_in_another_mood(self, seed: int, cut: bool, fails: bool, forgets: bool) -> None:
        self.office.dice, self.office.cut = Random(seed), cut
        self.office.error = TryAgain(refusal("the source is down")) if fails else None
        if forgets:
            self.office.forget()

    # -- what happens to the service ----------------------------------------------------------------------------------

    def alive(self) -> Life:
        """Return the process that lives; start one if there is none."""
        if self.life is None:
            self.life = Life(self.world, self.tenant_, Schedule(every=timedelta(hours=1)))
        return self.life

    def stir(self, seed: int) -> None:
        """Let something be different of about half the people who are there."""
        dice = Random(seed)
        for key in PEOPLE:
            if self.here(key) and dice.random() < 0.5:
                self.world.edit(key, title=f"Title {seed}", unit=dice.choice(sorted(self.parents)))

    @rule(
        key=st.sampled_from(["", "", "1", "2"]),
        seconds=st.sampled_from([0.0, 0.02, 0.5, 5.0, 100.0]),
        stirs=st.none() | st.integers(0, 1_000),
    )
    def somebody_rings(self, key: str, seconds: float, stirs: int | None) -> None:
        """Two times out of four with a key: what comes again is one event."""
        life = self.alive()
        if stirs is not None:
            self.stir(stirs)
        life.do(life.service.wake(ringing(key=key)))
        life.run(seconds)

    @rule(minutes=st.sampled_from([1, 3, 61, 61, 25 * 60]))
    def time_passes(self, minutes: int) -> None:
        self.alive().run(minutes * 60)

    @rule(steps=st.integers(0, 45) | st.integers(0, 200), stirs=st.none() | st.integers(0, 1_000))
    def the_process_ends(self, steps: int, stirs: int | None) -> None:
        """At any await: of a wake, a read, a round, a whole cycle, a call, a settlement."""
        life = self.alive()
        if stirs is not None:
            self.stir(stirs)
            life.do(life.service.wake(ringing()))
        life.die(steps)
        self.life = None
        self.in_good_order()

    @rule()
    def the_service_is_told_to_end(self) -> None:
        if self.life is not None:
            self.life.stop()
            self.life = None

    @rule(seconds=st.sampled_from([0.0, 0.5]))
    def other_rules_are_loaded(self, seconds: float) -> None:
        self.other_rules = not self.other_rules
        rule_by(self.world, other=self.other_rules)
        if self.life is not None:
            self.life.service.reload(self.world.world)
            self.life.run(seconds)

    @rule()
    def what_is_held_is_released(self) -> None:
        with self.world.store.transaction() as tx:
            for hold in tx.holds.open():
                tx.holds.release(hold.id, by="somebody", at=self.world.time, reason="looked at")

    @precondition(lambda self: self.life is not None)
    @rule()
    def a_wake_is_answered(self) -> None:
        """No wake that was kept is forgotten: with a source that is well, each is answered without the schedule."""
        self.the_source_is_in_another_mood(0, cut=False, fails=False, forgets=False)
        life = self.alive()
        life.do(life.service.wake(ringing()))
        life.run(1_000)
        with self.world.store.reading() as tx:
            assert not tx.wakes.waiting()

    # -- what always holds --------------------------------------------------------------------------------------------

    @invariant()
    def nothing_wrong_was_done(self) -> None:
        """5, 7, 8: logged before it is called, read back and never repeated, one at a time."""
        assert self.tenant_.wrongs == []
        for stranger, held in self.strangers.items():
            assert self.tenant_.objects[stranger] == held  # 9
        marks = Counter(self.tenant_.marks.get(one) for kind, one in self.tenant_.objects if kind is Kind.UNIT)
        assert all(number == 1 for mark, number in marks.items() if mark)
        for key in PEOPLE:
            assert self.tenant_.offboarded[TargetId(f"e{key}")] <= self.departures[key]  # 2

    @invariant()
    def success_is_what_was_confirmed(self) -> None:
        """10, and 3: what was let through within the hour, and released by nobody, is less than the limit."""
        with self.world.store.reading() as tx:
            done = tx.queue.standing(QueueState.DONE, limit=10_000)
            lately = tx.queue.window(self.world.time - GUARD.window, beside=())
        unmade = [one for one in done if one.id not in self.tenant_.writes and one.change.op is not Op.LINK]
        assert not unmade
        assert lately.get(Effect.LEAVE, 0) < MOST_LEAVERS

    def in_good_order(self) -> None:
        """12: the chain of the audit log is whole."""
        with self.world.store.reading() as tx:
            verdict = verify(self.world.store.audit.iterate(tx))
        assert verdict.sound

    def calm(self) -> None:
        """1 and 6: nothing fails any more, and what was refused or held is let go on."""
        self.the_tenant_is_in_another_mood(0, 0.0)
        self.the_source_is_in_another_mood(0, cut=False, fails=False, forgets=False)
        for _ in range(4):
            with self.world.store.transaction() as tx:
                tx.queue.retry([row.id for row in tx.queue.standing(*WAITING)], at=self.world.time)
            self.what_is_held_is_released()
            self.alive().run(61 * 60)
        self.the_service_is_told_to_end()
        self.nothing_wrong_was_done()
        self.in_good_order()
        last = self.world.sync(again=True)
        assert last.recovered == 0, "whoever was told to end has left nothing running"
        left = [(one.op, one.label, one.fields) for one in last.reconciliation.plan.changes]
        assert not left, "the next difference is empty"
        assert (last.queue.open, last.queue.parked) == (0, 0)
        assert set(self.tenant_.writes.values()) <= {1}
        assert self.tenant(self.world) == self.from_scratch()

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            if self.life is not None:
                self.life.abandon()


WAITING = (QueueState.READY, QueueState.PENDING, QueueState.PARKED)


def rule_by(world: SmallWorld, *, other: bool) -> None:
    """Let the world have these rules or the others."""
    path = world.folder / "in.yaml"
    path.write_text(OTHER_RULES if other else INBOUND, encoding="utf-8")
    rules = load_inbound(path, source=HR, attributes=None, now=world.now)
    seat = Seat(name=HR, make=lambda: world.source, rules=rules)
    join = JoinRules(sources=(HR,), refers={HR: rules.refers})
    digest = b"other" if other else b"config"
    world.world = replace(world.world, seats={HR: seat}, join=join, config_digest=digest)


@pytest.fixture(autouse=True)
def loaded_dice() -> Iterator[None]:
    """How long is waited after a failure is the same each time, also where Hypothesis does not see to it."""
    before = random.getstate()
    random.seed(0)
    yield
    random.setstate(before)


@pytest.fixture(autouse=True)
def quiet_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop looks less often, since its time costs nothing and its looks do; both clocks are the test's."""
    monkeypatch.setattr(serving, "LOOK_SECONDS", 120.0)
    monkeypatch.setattr(trust, "Clock", one_clock)
    monkeypatch.setattr(rounds, "MOST", 4)


def test_a_process_that_ends_at_each_await_of_a_round_in_turn_loses_nothing_and_repeats_nothing() -> None:
    """From the wake over the read, the plan, the claim and the calls to their settlement: a change takes some forty steps."""
    one = Service()
    try:
        one.begin(seed=1, share=0.0)
        for steps in range(45):
            one.alive().run(30)
            one.the_process_ends(steps, steps)
            one.nothing_wrong_was_done()
            one.success_is_what_was_confirmed()
    finally:
        one.teardown()


def test_whatever_happens_and_wherever_the_process_ends_every_promise_is_kept() -> None:
    run_state_machine_as_test(Service, settings=QUICK)
