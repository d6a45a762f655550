"""Alerts as a machine: problems come and go, channels fail, processes die between any two steps. Nothing is lost or doubled."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from support.alerts import ALL, MINUTE, NOON, Watch, failing_target, failure, health, policy, source
from syncd.alerts.delivery import delivered, failed, round_of, tried
from syncd.alerts.facts import Situation
from syncd.alerts.state import advance
from syncd.alerts.wording import Wording
from syncd.core.alerting import Acknowledgement, Case, Deaf, News, Note, NoteState, Severity, Stage
from syncd.core.errors import Problem
from syncd.core.health import Health, QueueHealth, TargetHealth
from syncd_notify.messages import BUSY

CHANNELS = {"team": ALL, "oncall": frozenset({Severity.CRITICAL})}
POLICY = policy(channels=CHANNELS)
PROBLEM: Problem = BUSY.at(host="chat.example.com", status=503)
TROUBLES = ("disk", "target", "hr", "branch", "failing", "backlog", "held", "audit")


def spoilt(now: Any, troubles: frozenset[str]) -> Health:
    """Return health with these troubles."""
    sources = tuple(source(now, name, failing=failure(now) if name in troubles else None) for name in ("hr", "branch"))
    target = TargetHealth(name="dingtalk", confirmed_at=now, seen_at=now)
    queue = QueueHealth(failing=9 if "failing" in troubles else 0, ready=9_000 if "backlog" in troubles else 0)
    return health(
        now,
        sources=sources,
        target=replace(target, failing=failure(now)) if "target" in troubles else target,
        queue=queue,
        disk_free=1 if "disk" in troubles else 2**40,
        held={"leave-1": 3} if "held" in troubles else {},
        audit_failing=failure(now) if "audit" in troubles else None,
    )


class Alerts(RuleBasedStateMachine):
    """What is kept is what the store keeps; what is `received` is what people read."""

    @initialize()
    def begin(self) -> None:
        self.now = NOON
        self.cases: dict[str, Case] = {}
        self.over: dict[str, Case] = {}
        self.notes: dict[str, Note] = {}
        self.received: list[Note] = []
        self.unsure: set[str] = set()
        """Messages that were sent by a process that died before it could say so."""
        self.down: frozenset[str] = frozenset()
        self.wording = Wording()

    # --- what happens ---

    @rule(
        minutes=st.sampled_from((1, 3, 7, 30, 200)),
        troubles=st.frozensets(st.sampled_from(TROUBLES), max_size=4),
        looks=st.integers(1, 4),
        dies=st.booleans(),
    )
    def time_goes_by(self, minutes: int, troubles: frozenset[str], looks: int, dies: bool) -> None:
        for _ in range(looks):
            self.now += minutes * MINUTE
            self._look(troubles, dies=dies)

    @rule(down=st.frozensets(st.sampled_from(sorted(CHANNELS))))
    def channels_come_and_go(self, down: frozenset[str]) -> None:
        self.down = down

    @rule(dies_after=st.none() | st.integers(0, 3))
    def couriers_work(self, dies_after: int | None) -> None:
        self._deliver(dies_after)

    @rule(data=st.data())
    def somebody_takes_one_up(self, data: st.DataObject) -> None:
        if still := sorted(key for key, case in self.cases.items() if case.stage is Stage.OPEN):
            key = data.draw(st.sampled_from(still))
            self.cases[key] = replace(self.cases[key], acknowledged=Acknowledgement(by="ada", at=self.now))

    # --- what syncd does ---

    def _look(self, troubles: frozenset[str], *, dies: bool = False) -> None:
        """Look and keep it. Who dies before that has done nothing: the next one makes the same messages."""
        waiting = [note for note in self.notes.values() if note.state is NoteState.WAITING]
        deaf = tuple(
            Deaf(channel=name, since=min(since), attempts=max(tries), waiting=1, code="", what="", do="")
            for name in CHANNELS
            if (since := [note.failed_at for note in waiting if note.channel == name and note.failed_at])
            and (tries := [note.attempts for note in waiting if note.channel == name])
        )
        situation = Situation(health=spoilt(self.now, troubles), deaf=deaf)
        step = advance(POLICY, situation, self.cases)
        if dies:
            assert advance(POLICY, situation, self.cases) == step, "a step that is taken again is the same step"
        for case in step.dropped:
            del self.cases[case.key]
            if before := self.over.get(case.key):  # as in the store, where each episode is a row
                self.cases[case.key] = before
        self.cases |= {case.key: case for case in step.cases}
        self.over |= {case.key: case for case in step.cases if case.stage is Stage.RESOLVED}
        for message in step.messages:
            note = self.wording.note(message, now=self.now)
            assert note.id not in self.notes, "a message is made once"
            self.notes[note.id] = note

    def _deliver(self, dies_after: int | None = None) -> None:
        sent = 0
        for name in CHANNELS:
            waiting = [note for note in self.notes.values() if note.channel == name and note.state is NoteState.WAITING]
            turn = round_of(waiting, now=self.now)
            self.notes |= {note.id: note for note in (*turn.settled, *turn.kept)}
            for due in turn.due:
                note = self.notes[due.id] = tried(due)
                if name in self.down:
                    self.notes[note.id] = failed(note, PROBLEM, now=self.now)
                    continue
                self.received.append(note)
                if sent == dies_after:
                    self.unsure.add(note.id)
                    return
                sent += 1
                self.notes[note.id] = delivered(note, now=self.now)

    # --- what holds ---

    @invariant()
    def no_message_is_read_twice_but_where_somebody_died_over_it(self) -> None:
        if hasattr(self, "received"):
            often = Counter(note.id for note in self.received)
            assert all(times == 1 or id_ in self.unsure for id_, times in often.items())

    def teardown(self) -> None:
        """When all is well again, everybody who was told of something is told that it is over, and nothing waits."""
        if not hasattr(self, "received"):
            return
        self.down = frozenset()
        for _ in range(60):
            self.now += 15 * MINUTE
            self._look(frozenset())
            self._deliver()
        assert [note for note in self.notes.values() if note.state is NoteState.WAITING] == []
        assert [case.key for case in self.cases.values() if case.stage is not Stage.RESOLVED] == []
        last = {(note.channel, note.case): note for note in self.received}
        assert [note for note in last.values() if note.news is not News.RESOLVED] == []
        self._resolutions_were_earned()

    def _resolutions_were_earned(self) -> None:
        for index, note in enumerate(self.received):
            if note.news is News.RESOLVED and note.id not in self.unsure:
                told = [
                    each
                    for each in self.received[:index]
                    if (each.channel, each.case, each.episode) == (note.channel, note.case, note.episode)
                    and each.news is not News.RESOLVED
                ]
                assert told or note.attempts, "nothing was told, and no attempt could have told it"


TestAlerts = Alerts.TestCase
TestAlerts.settings = settings(max_examples=50, stateful_step_count=20, deadline=None)


@settings(max_examples=25, deadline=None)
@given(
    steps=st.lists(st.integers(5, 60), min_size=80, max_size=80),
    noise=st.lists(st.integers(0, 5_000), min_size=80, max_size=80),
    outage=st.integers(50, 70),
)
def test_a_storm_is_a_handful_of_messages_and_then_its_end(steps: list[int], noise: list[int], outage: int) -> None:
    """The target is down for about an hour with 5,000 changes pending; how many fail differs from look to look."""
    watch, now, index = Watch(POLICY), NOON, 0
    end = NOON + outage * MINUTE
    while now < end:
        failing = noise[index % 80]
        watch.look(failing_target(now, queue=QueueHealth(ready=5_000 - failing, failing=failing, oldest_at=NOON)))
        now += timedelta(seconds=steps[index % 80])
        index += 1
    opened = [each for each in watch.told if each.channel == "oncall"]
    left = 5_000
    while left or now < end + 120 * MINUTE:
        watch.look(health(now, queue=QueueHealth(ready=left, failing=left // 2)))
        left = max(0, left - 600)  # 20 calls a second
        now += timedelta(seconds=30)

    assert 1 <= len(opened) <= 3
    assert len(watch.told) <= 10
    assert watch.burning() == []
    told = Counter((each.channel, each.case.key) for each in watch.told if each.news is News.OPENED)
    over = Counter((each.channel, each.case.key) for each in watch.told if each.news is News.RESOLVED)
    assert told == over
    assert watch.news("change_failing") == watch.news("backlog") == []
