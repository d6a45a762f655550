"""A domain controller that fails, and what becomes of the people: through the connector, the shipped rules and the engine.

The letters name the themes of the incidents: A a mass leave that is none, D repetition, E names that collide, F circles, G
reports. What fails heals, and then the tenant is as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from servers.certificates import Authority
from servers.ldap_standin import Become, Cut, Drop, Empty, Fault, Refuse, Standin, State, Step
from servers.ldap_standin_company import COMPANY, company, person, team
from support.directory_world import DirectoryWorld, nobody_goes, numbers
from syncd.core.model import Reason
from syncd.engine.cycle import Result

PEOPLE = "objectCategory=person"
COUNT = 24


@pytest.fixture
def world(tmp_path: Path, authority: Authority, certificate: tuple[Path, Path]) -> Iterator[DirectoryWorld]:
    """In step with its directory."""
    with Standin(company(COUNT), certificate=certificate) as standin:
        one = DirectoryWorld(tmp_path, standin, authority.ca_file)
        done = one.sync()
        assert done.result is Result.DONE, done.reconciliation.failed
        assert one.staff() == numbers(*range(1, COUNT + 1))
        yield one
        one.store.close()


def settled(world: DirectoryWorld, *really: int) -> None:
    """The directory is well again: after the next reads the tenant is what it would have been."""
    world.standin.script()
    for _ in range(3):
        world.sync(full=True)
    assert world.staff() == numbers(*range(1, COUNT + 1)) - numbers(*really)
    assert world.sync(fresh=True, full=True).reconciliation.plan.changes == ()


Trouble = Callable[[DirectoryWorld], None]


def scripted(*faults: Fault) -> Trouble:
    return lambda world: world.standin.script(*(replace(fault) for fault in faults))


def half_hidden(world: DirectoryWorld) -> None:
    world.standin.account.hidden |= {team(0), team(1)}


def locked(world: DirectoryWorld) -> None:
    world.standin.account.state = State.LOCKED


TROUBLES: dict[str, Trouble] = {
    "the connection breaks between two pages": scripted(Fault(at=Step.PAGE, where=PEOPLE, nth=2, do=Cut(), times=None)),
    "a limit is met in the middle": scripted(
        Fault(at=Step.PAGE, where=PEOPLE, nth=2, do=Refuse(code=4, keep=3), times=None)
    ),
    "success, and nobody": scripted(Fault(at=Step.PAGE, do=Empty(), times=None)),
    "success, and an end after the first page": scripted(
        Fault(at=Step.PAGE, where=PEOPLE, nth=2, do=Empty(), times=None)
    ),
    "some people are left out": scripted(
        Fault(at=Step.PAGE, times=None, do=Drop(names=("0009", "0010", "0011", "0012", "0013", "0014")))
    ),
    "half the tree becomes unreadable": half_hidden,
    "the account is locked": locked,
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_nobody_is_planned_for_removal_while_the_directory_fails_and_the_real_leaver_goes_afterwards(
    world: DirectoryWorld, trouble: Trouble
) -> None:
    """A."""
    world.standin.replica.delete(world.standin.replica.named("user0005"))
    trouble(world)

    for full in (True, True):
        done = world.sync(full=full)
        nobody_goes(done)
        assert done.result is not Result.DONE
        assert world.staff() == numbers(*range(1, COUNT + 1))

    world.standin.account.hidden.clear()
    world.standin.account.state = State.FINE
    settled(world, 5)


def test_a_restored_controller_takes_nobody_away_and_says_that_it_is_one(world: DirectoryWorld) -> None:
    """A, D: the joiner is not in the backup; she keeps her account until somebody has decided."""
    before = world.standin.replica.copied()
    person(world.standin.replica, 25)
    world.sync()
    assert world.staff() == numbers(*range(1, COUNT + 2))
    world.standin.script(Fault(at=Step.ROOT, do=Become(replica=before.restored(properly=True))))

    done = world.sync()

    nobody_goes(done)
    assert done.result is Result.UNPROVEN
    assert world.staff() == numbers(*range(1, COUNT + 2))


def test_a_hostile_directory_parks_whom_it_must_names_them_and_lets_everybody_else_in(world: DirectoryWorld) -> None:
    """E, F, G."""
    replica = world.standin.replica
    replica.modify(replica.named("user0002"), displayName=b"\xff\xfe", givenName=b"\xff", sn=b"\xff")
    replica.modify(replica.named("user0003"), displayName="A\x00B\x1b[31m", title="\u202eelpmaxE")
    replica.modify(replica.named("user0004"), title="x" * 65_536, mobile="+62 811-0000-0003")
    replica.modify(replica.named("user0006"), manager=replica.dn(replica.named("user0007")))
    replica.modify(replica.named("user0007"), manager=replica.dn(replica.named("user0006")))
    twin = person(
        replica, 8, above=team(0), employeeID="000108", mobile="+62 811-0000-0108", displayName="Contoh Kembar"
    )
    deep = COMPANY
    for number in range(12):
        deep = f'OU=Level {number} \\, \\+ \\" \\\\,{deep}'
        replica.add(deep, "organizationalUnit")
    person(replica, 26, above=deep)
    person(replica, 27)

    done = world.sync()

    assert world.staff() >= numbers(*range(1, COUNT + 1)) - numbers(4) | numbers(26, 27, 108)
    nobody_goes(done)
    # Who cannot be read has no name to show; he is parked and named. What cannot be shown is not in any name.
    parked = {aside.label: aside for aside in done.reconciliation.plan.aside if aside.reason is Reason.PARKED}
    assert "displayName" in parked["user0002"].why
    (read,) = done.reconciliation.reads
    assert {note.code for note in read.problems} == {"ADS-040"}
    held = {str(each["userid"]): each for name, each in world.tenant().items() if name.startswith("person:")}
    assert (held["000003"]["name"], held["000003"]["title"]) == ("AB[31m", "elpmaxE")
    # The number of somebody else is the only thing that keeps the last one waiting.
    assert "000004" not in world.staff() or held["000004"]["mobile"] != held["000003"]["mobile"]
    assert twin
