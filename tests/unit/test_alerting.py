"""Alerts at work on a real store: kept in one transaction, delivered for as long as it takes, and a heartbeat that is true."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from servers.receivers import Receiver
from support.alerts import ALL, MINUTE, NOON, failing_target, health, policy
from syncd.alerts.wording import Wording
from syncd.config.secrets import Secret
from syncd.core.alerting import NoteState, Severity
from syncd.core.errors import NeedsHuman, TryAgain
from syncd.core.health import Health, QueueHealth
from syncd.core.ports import Alert, Room, Sink
from syncd.engine import alerting as module
from syncd.engine.alerting import Alerting
from syncd.engine.heartbeat import Heartbeat
from syncd.http import HttpSettings, open_client
from syncd.store import Store
from syncd.testing.listeners import MemorySink, Shelf
from syncd.testing.memory import refusal


@dataclass
class Tower:
    """A service's alerts, two channels, and a clock in the test's hand."""

    store: Store
    now: datetime = NOON
    shelves: dict[str, Shelf] = field(default_factory=dict)
    sent: list[tuple[str, str]] = field(default_factory=list)
    """Channel and title of everything that was taken, in order."""

    def __post_init__(self) -> None:
        for name in ("team", "boss"):
            self.shelves[name] = Shelf()

    def alerting(self, *, channels: tuple[str, ...] = ("team", "boss"), **changed: Any) -> Alerting:
        """Return the alerts of a service that has just started."""
        given: dict[str, Any] = {
            "store": self.store,
            "policy": policy(channels=dict.fromkeys(channels, ALL)),
            "wording": Wording(),
            "sinks": {name: self._maker(name) for name in channels},
            "now": lambda: self.now,
        }
        return Alerting(**{**given, **changed})

    def _maker(self, name: str) -> Callable[[], Sink]:
        room = Room(name=name, now=lambda: self.now, base=None)  # type: ignore[arg-type]

        class Heard(MemorySink):
            async def send(sink, alert: Alert) -> None:
                await super().send(alert)
                self.sent.append((name, alert.title))

        return lambda: Heard(self.shelves[name], room)

    def run(self, *steps: Callable[[], Awaitable[object]]) -> None:
        async def go() -> None:
            for step in steps:
                await step()

        asyncio.run(go())

    def look(self, alerting: Alerting, seen: Callable[[datetime], Health], minutes: int = 1) -> None:
        """Look and deliver each minute."""
        for _ in range(minutes):
            self.run(lambda: alerting.tick(seen(self.now)), alerting.deliver)
            self.now += MINUTE

    def states(self) -> list[tuple[str, str]]:
        with self.store.reading() as tx:
            return [(note.channel, str(note.state)) for note in reversed(tx.alerts.history(100))]


@pytest.fixture
def tower(store: Store) -> Tower:
    return Tower(store)


def full(now: datetime) -> Health:
    return health(now, disk_free=1)


def refuse() -> None:
    raise TryAgain(refusal("not now"))


def test_what_is_told_is_kept_and_survives_a_restart(tower: Tower) -> None:
    tower.run(lambda: tower.alerting().tick(full(tower.now)))
    assert tower.sent == []

    tower.run(tower.alerting().deliver)
    assert sorted(tower.sent) == [
        (name, "Critical: Only 1 B are free where syncd keeps its database") for name in ("boss", "team")
    ]
    tower.run(tower.alerting().deliver)
    assert len(tower.sent) == 2


def test_a_step_that_was_not_kept_was_not_taken(tower: Tower, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Wording, "note", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tower.run(lambda: tower.alerting().tick(full(tower.now)))
    with tower.store.reading() as tx:
        assert (tx.alerts.cases(), tx.alerts.waiting()) == ({}, [])


def test_who_dies_between_sending_and_saying_so_sends_the_same_message_again(
    tower: Tower, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerting = tower.alerting(channels=("team",))
    tower.run(lambda: alerting.tick(full(tower.now)))
    shelf = tower.shelves["team"]
    with monkeypatch.context() as patched:
        patched.setattr(module, "delivered", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            tower.run(alerting.deliver)
    first = shelf.open["disk_full"]
    tower.run(tower.alerting(channels=("team",)).deliver)

    assert shelf.open["disk_full"].message == first.message != ""
    assert tower.states() == [("team", "delivered")]


def test_a_channel_that_is_down_holds_up_nobody_and_is_told_of_on_the_other(tower: Tower) -> None:
    alerting = tower.alerting()
    tower.shelves["team"].before = refuse
    tower.look(alerting, full, minutes=20)

    assert [title.split(":")[0] for channel, title in tower.sent] == ["Critical", "Critical"]
    assert "Alerts do not reach the channel team" in tower.sent[1][1]
    assert all(channel == "boss" for channel, _ in tower.sent)

    tower.shelves["team"].before = lambda: None
    for _ in range(20):
        tower.look(alerting, full)
        tower.now += 2 * MINUTE
    assert tower.shelves["team"].open.keys() == {"disk_full"}, "nothing was lost"
    assert [alert.key for alert in tower.shelves["boss"].closed] == ["delivery_failing{channel=team}"]


def test_a_channel_that_was_down_for_a_day_is_told_what_is_so_now(tower: Tower) -> None:
    alerting = tower.alerting(channels=("team",))
    tower.shelves["team"].before = refuse
    for _ in range(24):
        tower.run(lambda: alerting.tick(full(tower.now)), alerting.deliver)
        tower.now += timedelta(hours=1)
    tower.shelves["team"].before = lambda: None
    for _ in range(3):
        tower.look(alerting, full)
        tower.now += 30 * MINUTE

    assert len(tower.sent) <= 3, "not a message for each hour"
    states = [state for _, state in tower.states()]
    assert set(states) == {"overtaken", "delivered"}, "each has an end that can be seen"


def test_who_asks_for_a_pause_gets_it_for_all_its_messages(tower: Tower) -> None:
    def pause() -> None:
        raise TryAgain(refusal("too fast"), after=10 * MINUTE)

    alerting = tower.alerting(channels=("team",))
    tower.shelves["team"].before = pause
    two = lambda now: health(now, disk_free=1, held={"leave-1": 2})  # noqa: E731
    tower.look(alerting, two)

    with tower.store.reading() as tx:
        waiting = tx.alerts.waiting()
    assert [note.due_at for note in waiting] == [NOON + 10 * MINUTE] * 2
    assert sorted(note.attempts for note in waiting) == [0, 1]


def test_a_message_that_is_refused_for_itself_does_not_hold_up_the_others(tower: Tower) -> None:
    def picky() -> None:
        if not tower.sent:
            tower.sent.append(("", "refused"))
            raise NeedsHuman(refusal("bad words"))

    tower.shelves["team"].before = picky
    alerting = tower.alerting(channels=("team",))
    tower.look(alerting, lambda now: health(now, disk_free=1, held={"leave-1": 2}))

    assert [state for _, state in tower.states()] == ["waiting", "delivered"]


def test_a_channel_that_never_answers_is_cut_off(tower: Tower, monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(MemorySink):
        async def send(self, alert: Alert) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr(module, "PATIENCE", timedelta(milliseconds=50))
    room = Room(name="team", now=lambda: NOON, base=None)  # type: ignore[arg-type]
    alerting = tower.alerting(channels=("team",), sinks={"team": lambda: Silent(Shelf(), room)})
    tower.look(alerting, full)

    with tower.store.reading() as tx:
        [deaf] = tx.alerts.deaf()
    assert (deaf.code, deaf.attempts) == ("ALR-021", 1)


def test_messages_to_a_channel_that_is_taken_out_come_to_an_end(tower: Tower) -> None:
    tower.run(lambda: tower.alerting().tick(full(tower.now)))
    tower.run(tower.alerting(channels=("boss",)).deliver)

    assert sorted(tower.states()) == [("boss", "delivered"), ("team", str(NoteState.WITHDRAWN))]


def test_names_leave_the_machine_only_where_that_is_permitted(tower: Tower) -> None:
    def failing(now: datetime) -> Health:
        spoilt = failing_target(now)
        return health(now, queue=QueueHealth(failing=12, failing_labels=spoilt.queue.failing_labels))

    tower.look(tower.alerting(channels=("team",)), failing, minutes=3)
    tower.now += timedelta(hours=25)
    tower.look(tower.alerting(channels=("boss",), wording=Wording(names=True, language="id")), failing)

    hidden, shown = (tower.shelves[name].open["change_failing"] for name in ("team", "boss"))
    assert "Ada Example" not in f"{hidden}"
    assert "Affected: 12" in hidden.text
    assert "Terdampak: 12: Ada Example, Ben Example dan 10 lainnya" in shown.text


def test_a_jump_of_the_clock_is_told_once_and_not_again_after_a_restart(tower: Tower) -> None:
    jumped = lambda now: health(now, clock_jumps=1)  # noqa: E731
    tower.look(tower.alerting(channels=("team",)), jumped, minutes=3)
    for _ in range(9):
        tower.look(tower.alerting(channels=("team",)), jumped)
        tower.now += 9 * MINUTE

    assert [title.split(":")[0] for _, title in tower.sent] == ["Warning", "Over"]


def test_couriers_work_until_they_are_told_to_stop_whatever_the_store_says(tower: Tower) -> None:
    alerting = tower.alerting(channels=("team",))

    async def go() -> None:
        task = asyncio.create_task(alerting.deliver_forever())
        await alerting.tick(full(tower.now))
        for _ in range(3_000):
            if tower.states() == [("team", "delivered")]:
                break
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(go())
    assert tower.states() == [("team", "delivered")]


def test_that_nothing_can_be_kept_is_told_all_the_same_and_its_end(
    tower: Tower, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unwritable(_: object) -> None:
        raise NeedsHuman(refusal("the disk is full"))

    alerting = tower.alerting(heartbeat=heartbeat("http://127.0.0.1:1/x"))
    tower.shelves["boss"].before = refuse
    with monkeypatch.context() as patched:
        patched.setattr(tower.store, "do", unwritable)
        for _ in range(4):
            with pytest.raises(NeedsHuman):
                tower.run(lambda: alerting.tick(health(tower.now)))
            tower.now += MINUTE
    tower.run(lambda: alerting.tick(health(tower.now)), lambda: alerting.tick(health(tower.now)))

    assert tower.sent == [
        ("team", "Critical: syncd cannot keep anything: its database fails"),
        ("team", "Over: syncd cannot keep anything: its database fails"),
    ]


# --- the heartbeat ----------------------------------------------------------------------------------------------------


@pytest.fixture
def elsewhere() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def heartbeat(url: str) -> Heartbeat:
    return Heartbeat(url=Secret.literal(url), every=MINUTE, method="GET", progress=60 * MINUTE)


def test_the_sign_of_life_goes_out_while_work_ends_well_and_somebody_would_hear(tower: Tower) -> None:
    alerting = tower.alerting(channels=("team",), heartbeat=heartbeat("http://127.0.0.1:1/x"))
    alive = alerting._alive
    seen: list[bool] = []

    def note() -> Callable[[], Awaitable[object]]:
        async def look() -> None:
            seen.append(await alive())

        return look

    tower.run(note())
    tower.run(lambda: alerting.tick(health(tower.now)), note())
    tower.run(lambda: alerting.tick(health(tower.now, run_at=tower.now - 61 * MINUTE)), note())
    tower.run(lambda: alerting.tick(health(tower.now - 6 * MINUTE)), note())
    assert seen == [False, True, False, False]

    tower.shelves["team"].before = refuse
    tower.look(alerting, full, minutes=10)
    tower.run(lambda: alerting.tick(full(tower.now)), note())
    assert seen[-1] is False, "alerts that reach nobody are a reason to be missed"


def test_the_sign_of_life_arrives_and_a_failing_one_is_no_error(elsewhere: Receiver) -> None:
    async def go() -> list[bool]:
        async with open_client(HttpSettings(timeout=10)) as client:
            fine = await heartbeat(elsewhere.url("/ping/1")).beat(client)
            elsewhere.answer = lambda _: (500, {}, b"")
            broken = await heartbeat(elsewhere.url("/ping/1")).beat(client)
            away = await heartbeat("http://127.0.0.1:1/ping/1").beat(client)
            return [fine, broken, away]

    assert asyncio.run(go()) == [True, False, False]
    assert [post.path for post in elsewhere.asked] == ["/ping/1"] * 2


def test_severities_decide_which_channels_hear(tower: Tower) -> None:
    rules = policy(channels={"team": ALL, "boss": frozenset({Severity.CRITICAL})})
    tower.look(tower.alerting(policy=rules), lambda now: health(now, held={"leave-1": 3}))

    assert [channel for channel, _ in tower.sent] == ["team"]
