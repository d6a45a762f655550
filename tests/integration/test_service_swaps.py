"""What only one may have is passed around while the service runs, and each is told by an event of its own, in any order: names of
departments, addresses of people. Whoever comes first is refused; in the end nobody is stuck, without the schedule."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from support.company_history import small_world
from support.service_life import Life, Office, Tenant
from support.serving import ringing
from support.virtual_time import one_clock
from syncd.core.model import Kind
from syncd.engine import rounds, serving, trust
from syncd.engine.serving import Schedule
from syncd.store.rows import QueueState

DAYS = Schedule(every=timedelta(days=2))
"""So that nothing is healed by a whole cycle of the schedule."""
SWAP = {"1": "2", "2": "1", "3": "3"}
CIRCLE = {"1": "2", "2": "3", "3": "1"}
CHAIN = {"1": "2", "2": "3", "3": "4"}
LONG = {str(key): str(key % 6 + 1) for key in range(1, 7)}
ORDERS = {
    "swap": [(SWAP, "12")],
    "circle": [(CIRCLE, "123"), (CIRCLE, "321")],
    "chain": [(CHAIN, "123"), (CHAIN, "132"), (CHAIN, "213"), (CHAIN, "312")],
}
"""What is left of all orders where those who are alike are left out."""
STORIES = [story for some in ORDERS.values() for story in some]
NAMES = [f"{kind} {order}" for kind, some in ORDERS.items() for _, order in some]


@pytest.fixture(autouse=True)
def quiet_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop looks less often, since its time costs nothing and its looks do; both clocks are the test's."""
    monkeypatch.setattr(serving, "LOOK_SECONDS", 120.0)
    monkeypatch.setattr(trust, "Clock", one_clock)


class Town:
    """A service that is up, with departments and people who have what its keys say."""

    def __init__(self, folder: Path, keys: Mapping[str, str]) -> None:
        self.world = world = small_world(folder)
        world.target = self.tenant = Tenant(world)
        world.source = Office(world)
        for key in keys:
            self.tell(Kind.UNIT, key, key)
            self.tell(Kind.PERSON, key, key)
        self.life = Life(world, self.tenant, DAYS)
        self.life.run(60)
        self.ids = {str(held["name"]): one for (kind, one), held in self.tenant.objects.items() if kind is Kind.UNIT}

    def tell(self, kind: Kind, key: str, value: str) -> None:
        """Let the source say what somebody is to have."""
        if kind is Kind.UNIT:
            self.world.unit(key, name=f"Name {value}")
        else:
            self.world.person(key, "1", mail=f"example{value}@example.com")

    def hear(self, kind: Kind, key: str, value: str, *, seconds: float) -> None:
        """Let the service hear of one of them, and give it so much time."""
        self.tell(kind, key, value)
        self.life.do(self.life.service.wake(ringing(key=key)))
        self.life.run(seconds)

    def held(self, kind: Kind) -> dict[str, str]:
        """Return what each of them has now, by key."""
        objects = self.tenant.objects
        if kind is Kind.UNIT:
            return {name[5:]: str(objects[kind, one]["name"])[5:] for name, one in self.ids.items()}
        people = {str(one): held for (which, one), held in objects.items() if which is kind}
        return {one[1:]: str(held.get("email", ""))[7:-12] for one, held in people.items()}

    def end(self) -> None:
        """Stop; nothing is left to do."""
        self.life.stop()
        with self.world.store.reading() as tx:
            open_ = tx.queue.standing(QueueState.READY, QueueState.PENDING, QueueState.RUNNING, QueueState.PARKED)
            marked = tx.marks.all()
        self.world.store.close()
        assert not open_
        assert not marked
        assert not self.tenant.wrongs


@pytest.mark.parametrize("kind", [Kind.UNIT, Kind.PERSON])
@pytest.mark.parametrize("seconds", [0.0, 5.0], ids=["at a stretch", "in peace"])
@pytest.mark.parametrize(("wanted", "order"), STORIES, ids=NAMES)
def test_what_is_passed_around_arrives_whatever_comes_first(
    tmp_path: Path, kind: Kind, seconds: float, wanted: Mapping[str, str], order: str
) -> None:
    town = Town(tmp_path, wanted)
    for key in order:
        town.hear(kind, key, wanted[key], seconds=seconds)
    town.life.run(60)
    assert town.held(kind) == wanted
    town.end()


@pytest.mark.parametrize("kind", [Kind.UNIT, Kind.PERSON])
def test_a_longer_circle_than_a_round_follows_is_seen_whole(
    tmp_path: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "STEPS", 3)
    town = Town(tmp_path, LONG)
    for key, value in LONG.items():
        town.hear(kind, key, value, seconds=1.0)
    town.life.run(60)
    assert town.held(kind) == LONG
    town.end()
