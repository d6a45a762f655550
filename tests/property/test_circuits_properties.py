"""Leaving a failing target alone: for any calls, in any order, at any pace. Time is a number that the test moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from syncd.core import circuits
from syncd.core.circuits import FEW, SPREAD, SUBJECTS, TRUSTED, Circuits, Fault, Rest, Terms, Tried
from syncd.core.health import Failure
from syncd.core.model import SubjectId
from syncd.engine.left_alone import kept, written

START = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
TERMS = Terms()
WHY = Failure(since=START, times=1, code="DNG-001", what="busy", do="wait")
INTERFACES = ("create", "update", "remove")
SUBJECTS_ = tuple(SubjectId(f"person:{number}") for number in range(40))


@dataclass
class Line:
    """A target whose interfaces answer or not, called as the circuits allow."""

    now: datetime = START
    state: Circuits = field(default_factory=Circuits)
    chance: float = 0.5

    def call(self, interface: str, subject: SubjectId, fault: Fault, seconds: float = 0.1) -> None:
        began = self.now
        self.now += timedelta(seconds=seconds)
        why = None if fault is Fault.NONE else WHY
        tried = Tried(subject=subject, interface=interface, fault=fault, began=began, ended=self.now, why=why)
        self.state = circuits.note(self.state, tried, TERMS, self.chance)

    def may(self, interface: str) -> bool:
        return (
            circuits.room(self.state, self.now, 1, {}) > 0
            and circuits.wait(self.state, interface, self.now, {}) is None
        )

    def fail(self, interface: str, fault: Fault = Fault.TARGET, calls: int = TERMS.calls) -> None:
        for number in range(calls):
            self.call(interface, SUBJECTS_[number % len(SUBJECTS_)], fault)

    @property
    def rests(self) -> Sequence[Rest]:
        return [*([self.state.target] if self.state.target else []), *self.state.interfaces.values()]


faults = st.sampled_from(tuple(Fault))
calls = st.lists(
    st.tuples(
        st.sampled_from(INTERFACES), st.sampled_from(SUBJECTS_), faults, st.sampled_from([0.01, 1.0, 40.0, 1000.0])
    ),
    max_size=150,
)


@given(st.lists(st.tuples(st.sampled_from(INTERFACES), st.sampled_from(SUBJECTS_)), max_size=120))
def test_a_target_that_answers_is_never_left_alone(made: list[tuple[str, SubjectId]]) -> None:
    line = Line()
    for interface, subject in made:
        line.call(interface, subject, Fault.NONE)
    assert not line.rests


@given(st.lists(st.sampled_from(SUBJECTS_[: SUBJECTS - 1]), max_size=120), st.sampled_from(INTERFACES), faults)
def test_a_few_subjects_who_fail_again_and_again_prove_nothing(
    made: list[SubjectId], interface: str, fault: Fault
) -> None:
    line = Line()
    for subject in made:
        line.call(interface, subject, fault)
    assert not line.rests


@given(calls)
def test_what_is_left_alone_is_not_called_before_its_time_and_its_pauses_have_limits(
    made: list[tuple[str, SubjectId, Fault, float]],
) -> None:
    line = Line()
    for interface, subject, fault, pause in made:
        if line.may(interface):
            line.call(interface, subject, fault)
        for rest in line.rests:
            if rest.shut:
                assert rest.until - line.now <= TERMS.most
                assert rest.asked <= rest.until
                assert rest.since <= line.now
        target = line.state.target
        if target is not None and target.shut and line.now < target.until:
            assert not any(line.may(one) for one in INTERFACES)
        line.now += timedelta(seconds=pause)


@given(calls)
def test_whatever_happened_once_everybody_is_answered_again_everything_opens(
    made: list[tuple[str, SubjectId, Fault, float]],
) -> None:
    line = Line()
    for interface, subject, fault, pause in made:
        line.call(interface, subject, fault, pause)
    line.now += TERMS.most
    for _ in range(TRUSTED * (1 + len(INTERFACES))):
        for interface in INTERFACES:
            if line.may(interface):
                line.call(interface, SUBJECTS_[0], Fault.NONE)
    assert not line.rests


@given(st.floats(0, 1))
def test_pauses_grow_from_the_first_to_the_longest(chance: float) -> None:
    line = Line(chance=chance)
    line.fail("create")
    assert line.state.target is not None
    pauses = []
    for _ in range(12):
        assert line.state.target is not None
        pauses.append((line.state.target.until - line.now).total_seconds())
        line.now = line.state.target.until
        line.call("create", SUBJECTS_[0], Fault.TARGET, 0)
    expected = [min(30 * 2**number, 900) for number in range(12)]
    for seen, meant in zip(pauses, expected, strict=True):
        assert meant * (1 - SPREAD) - 0.01 <= seen <= min(meant * (1 + SPREAD), 900) + 0.01
    assert pauses[-1] >= 900 * (1 - SPREAD) - 0.01


@given(st.integers(0, TERMS.calls - 1), st.sampled_from([Fault.TARGET, Fault.INTERFACE]))
def test_an_interface_that_fails_beside_one_that_works_is_left_alone_by_itself(works_at: int, fault: Fault) -> None:
    line = Line()
    for number in range(TERMS.calls * 2):
        line.call("update", SUBJECTS_[number % 40], fault)
        if number % TERMS.calls == works_at or number % 4 == 0:
            line.call("create", SUBJECTS_[(number + 7) % 40], Fault.NONE)
    assert line.state.target is None
    assert set(line.state.interfaces) == {"update"}
    assert line.may("create")
    assert not line.may("update")


@given(calls, st.booleans())
def test_what_is_kept_is_what_was_left_alone(made: list[tuple[str, SubjectId, Fault, float]], at_once: bool) -> None:
    line = Line()
    for interface, subject, fault, pause in made:
        line.call(interface, subject, fault, pause)
    state = circuits.at_once(line.state, line.now) if at_once else line.state
    again = kept(written(state, TERMS))
    assert (again.target, dict(again.interfaces)) == (state.target, dict(state.interfaces))


def test_an_interface_that_says_that_it_alone_fails_does_not_condemn_the_target() -> None:
    line = Line()
    line.fail("update", Fault.INTERFACE)
    assert line.state.target is None
    assert set(line.state.interfaces) == {"update"}


def test_a_second_interface_that_fails_as_well_makes_it_the_target() -> None:
    line = Line()
    line.fail("update", Fault.INTERFACE)
    for number in range(FEW):
        line.call("create", SUBJECTS_[number], Fault.INTERFACE)
    assert line.state.target is not None
    assert not line.state.interfaces


def test_a_target_that_names_no_interfaces_is_left_alone_as_a_whole() -> None:
    line = Line()
    line.fail("", Fault.INTERFACE)
    assert line.state.target is not None


def test_each_interface_is_probed_and_the_one_that_works_opens_while_the_other_stays_shut() -> None:
    line = Line()
    line.fail("update", Fault.INTERFACE, TERMS.calls // 2)
    line.fail("create", Fault.INTERFACE, TERMS.calls // 2)
    assert line.state.target is not None
    line.now = line.state.target.until
    began = line.now
    line.call("update", SUBJECTS_[0], Fault.INTERFACE)
    assert line.state.target.shut, "one probe failed"
    # The other probe was under way at the same time, and is answered.
    answered = Tried(subject=SUBJECTS_[1], interface="create", fault=Fault.NONE, began=began, ended=line.now)
    line.state = circuits.note(line.state, answered, TERMS, 0.5)
    assert line.state.target is not None
    assert not line.state.target.shut
    line.call("update", SUBJECTS_[0], Fault.INTERFACE)
    assert set(line.state.interfaces) == {"update"}
    assert line.may("create")
    assert not line.may("update")


def test_it_opens_slowly_and_shuts_at_once_if_it_was_too_early() -> None:
    line = Line()
    line.fail("create")
    assert line.state.target is not None
    line.now = line.state.target.until
    allowed = []
    for _ in range(4):
        line.call("create", SUBJECTS_[0], Fault.NONE)
        allowed.append(circuits.room(line.state, line.now, 64, {}))
    assert allowed == [2, 4, 6, 8]
    assert circuits.room(line.state, line.now, 64, {"create": 7}) == 1
    line.call("create", SUBJECTS_[1], Fault.TARGET)
    assert circuits.room(line.state, line.now, 64, {}) == 0


def test_an_answer_to_a_call_of_before_is_no_probe() -> None:
    line = Line()
    line.fail("create")
    late = Tried(subject=SUBJECTS_[3], interface="create", fault=Fault.NONE, began=START, ended=line.now)
    assert circuits.note(line.state, late, TERMS, 0.5).target == line.state.target
    failed = replace(late, fault=Fault.TARGET, why=WHY)
    assert circuits.note(line.state, failed, TERMS, 0.5).target == line.state.target, "and no reason for a longer pause"


def test_a_probe_is_not_made_before_the_target_wants_it() -> None:
    line = Line()
    line.fail("create", calls=TERMS.calls - 1)
    ends = line.now + timedelta(minutes=5)
    banned = Tried(
        subject=SUBJECTS_[30],
        interface="create",
        fault=Fault.TARGET,
        began=line.now,
        ended=line.now,
        least=ends,
        why=WHY,
    )
    state = circuits.note(line.state, banned, TERMS, 0.5)
    assert circuits.opens_at(state) == ends


def test_a_target_that_blames_itself_for_one_subject_alone_is_not_believed_for_long() -> None:
    line = Line()
    poison = Tried(
        subject=SUBJECTS_[0], interface="update", fault=Fault.TARGET, began=START, ended=START, least=None, why=WHY
    )
    assert circuits.believed(line.state, poison, before=False)
    line.call("update", SUBJECTS_[0], Fault.TARGET)
    assert circuits.believed(line.state, poison, before=False), "nobody else was answered"
    line.call("update", SUBJECTS_[1], Fault.NONE)
    assert not circuits.believed(line.state, poison, before=False)
    line.call("update", SUBJECTS_[0], Fault.TARGET)
    assert circuits.believed(line.state, poison, before=False)
