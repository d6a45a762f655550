"""Two domain controllers, through the connector, the shipped rules and the engine: one dies in a delta, one is behind the other.

Controllers know of each other's changes after a while only, and count their changes each in its own way. Whoever reads the other
one meanwhile sees people who have left, and not those who came; none of that is a reason to let anybody go, or to let the work
wait for longer than the controllers need to agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from servers.certificates import Authority
from servers.ldap_standin import Cut, Fault, Silence, Standin, Step
from servers.ldap_standin_company import company, person, team
from support.directory_world import DirectoryWorld, nobody_goes, numbers
from syncd.engine.cycle import Cycle
from syncd.store.rows import ReadRow

COUNT = 24


@dataclass(kw_only=True)
class Forest:
    """Two controllers and one syncd, in step."""

    first: Standin
    second: Standin
    world: DirectoryWorld
    down: list[Standin] = field(default_factory=list)

    def stop(self, standin: Standin) -> None:
        standin.stop()
        self.down.append(standin)

    def start(self) -> None:
        """Bring back what is down."""
        while self.down:
            self.down.pop().start()

    def agree(self) -> None:
        """Let both know what one of them knows."""
        self.first.replica.replicate_from(self.second.replica)
        self.second.replica.replicate_from(self.first.replica)

    def healed(self, *, gone: int, came: int) -> None:
        """After a while, with all controllers well and of one mind, the tenant is as the directory says."""
        self.agree()
        for standin in (self.first, self.second):
            standin.script()
        self.start()
        self.world.time += timedelta(hours=2)
        for _ in range(3):
            self.world.sync()
        assert self.world.staff() == numbers(*range(1, COUNT + 1), came) - numbers(gone)
        assert not list(self.world.sync(fresh=True, full=True).reconciliation.plan.changes)


@pytest.fixture
def forest(tmp_path: Path, authority: Authority) -> Iterator[Forest]:
    certificate = authority.issue("dc", ip="127.0.0.1")
    replica = company(COUNT)
    with (
        Standin(replica, certificate=certificate) as first,
        Standin(replica.twin("DC2"), certificate=certificate, account=first.account) as second,
    ):
        world = DirectoryWorld(tmp_path, first, authority.ca_file, others=(second,))
        world.sync()
        assert world.staff() == numbers(*range(1, COUNT + 1))
        assert not read(world.sync()).full, "nothing is shown where there are no deltas"
        yield Forest(first=first, second=second, world=world)
        world.store.close()


def read(done: Cycle) -> ReadRow:
    (one,) = done.reconciliation.reads
    return one.row


def life(standin: Standin) -> None:
    """A joiner, a leaver, a mover and a promotion, on one controller."""
    replica = standin.replica
    replica.delete(replica.named("user0005"))
    person(replica, 31, manager=replica.dn(replica.named("user0001")))
    replica.rename(replica.named("user0008"), above=team(1))
    replica.modify(replica.named("user0007"), title="Kepala")


Death = Callable[[Standin], None]


def dies(step: Step, nth: int, deed: Cut | Silence) -> Death:
    def death(standin: Standin) -> None:
        standin.script(Fault(at=step, nth=nth, do=deed, times=None))

    return death


DEATHS: dict[str, Death] = {
    "while it says who changed": dies(Step.DIRSYNC, 1, Cut(inside=True)),
    "before it says who they are": dies(Step.PAGE, 1, Cut()),
    "in the middle of saying who they are": dies(Step.PAGE, 1, Cut(keep=1, inside=True)),
    "without a word": dies(Step.DIRSYNC, 1, Silence()),
}


@pytest.mark.parametrize("ahead", [True, False], ids=["the other knows it all", "the other knows nothing of it"])
@pytest.mark.parametrize("death", DEATHS.values(), ids=DEATHS)
def test_a_controller_that_dies_in_the_middle_of_a_delta_costs_nobody_anything(
    forest: Forest, death: Death, ahead: bool
) -> None:
    life(forest.first)
    if ahead:
        forest.second.replica.replicate_from(forest.first.replica)
    death(forest.first)

    broken = forest.world.sync()
    forest.stop(forest.first)
    other = forest.world.sync()

    assert forest.world.world.seats.keys() == broken.reconciliation.failed.keys()
    present = numbers(*range(1, COUNT + 1)) - numbers(5)
    assert present <= forest.world.staff()
    if ahead:
        assert numbers(31) <= forest.world.staff(), "the other one is read, and it knows"
    else:
        nobody_goes(other)
    forest.healed(gone=5, came=31)


def test_whoever_came_stays_when_a_controller_is_read_next_that_has_not_heard_of_it(forest: Forest) -> None:
    life(forest.first)
    forest.world.sync()
    forest.world.sync(full=True)
    now = forest.world.staff()
    assert now >= numbers(31)
    forest.stop(forest.first)

    for options in ({}, {"full": True}, {}, {"full": True}):
        done = forest.world.sync(**options)
        # To the second one the leaver is still there, and the joiner not yet.
        nobody_goes(done)
        assert now <= forest.world.staff()

    forest.healed(gone=5, came=31)


def test_back_and_forth_between_two_that_never_quite_agree_ends_as_it_should(forest: Forest) -> None:
    """Each knows of half of what happened, and syncd reads now one, now the other."""
    life(forest.first)
    other = forest.second.replica
    other.modify(other.named("user0009"), title="Wakil")
    other.rename(other.named("user0010"), above=team(2))
    for turn in range(4):
        forest.stop((forest.first, forest.second)[turn % 2])
        nobody = forest.world.sync()
        assert numbers(*range(1, COUNT + 1)) - numbers(5) <= forest.world.staff(), nobody.reconciliation.reads
        forest.start()
    forest.healed(gone=5, came=31)
