"""A domain controller that fails, and what becomes of the people: through the connector, the shipped rules and the engine.

The letters name the themes of the incidents: A a mass leave that is none, D repetition, E names that collide, F circles, G
reports. What fails heals, and then the tenant is as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from servers.certificates import Authority
from servers.ldap_standin import BASE, Become, Cut, Drop, Empty, Fault, Refuse, Standin, State, Step
from servers.ldap_standin_company import COMPANY, company, person, team
from support.directory_mirror import source
from support.installation import REPOSITORY
from support.small_world import HR, SmallWorld
from syncd.core.correlation import JoinRules
from syncd.core.model import Op, Reason
from syncd.engine.cycle import Cycle, Result
from syncd.engine.world import GuardTerms, Seat
from syncd.mapping import load_inbound, load_outbound
from syncd.testing.memory import FIELDS
from syncd_active_directory import ActiveDirectory

PEOPLE = "objectCategory=person"
COUNT = 24


OUTBOUND = """\
version: 1
rules: outbound
person:
  adopt: [userid, mobile]
  fields:
    userid:
      - {from: employeeNumber}
      - externalId
    name: {from: displayName, via: [truncate_to_field]}
    mobile: phoneNumbers.mobile
    title: {from: title, via: [truncate_to_field], on_null: clear}
    departments: {memberships: units}
    manager: {from: manager, on_null: clear}
unit:
  adopt: [mark, name]
  fields:
    name: {from: displayName, via: [{regex_replace: {pattern: "[-,，]+", with: " "}}, squeeze, truncate_to_field]}
    parent: parent
"""
"""As the shipped rules, for the fields that the target in memory has."""


class DirectoryWorld(SmallWorld):
    """A company whose only source is a domain controller, with the rules that are shipped, and no guard but the proof."""

    def __init__(self, folder: Path, standin: Standin, ca_file: Path) -> None:
        super().__init__(folder, guard=GuardTerms(plan_only_first=False))
        self.standin = standin
        rules = load_inbound(
            REPOSITORY / "mappings" / "active_directory.yaml",
            source=HR,
            attributes=ActiveDirectory.attributes,
            now=self.now,
        )
        seat = Seat(name=HR, make=lambda: source(standin, ca_file=ca_file, now=self.now, base=BASE), rules=rules)
        join = JoinRules(sources=(HR,), refers={HR: rules.refers})
        (folder / "outbound.yaml").write_text(OUTBOUND, encoding="utf-8")
        outbound = load_outbound(folder / "outbound.yaml", fields=FIELDS, now=self.now)
        self.world = replace(self.world, seats={HR: seat}, join=join, outbound=outbound)

    def sync(self, **options: Any) -> Cycle:
        """Run a cycle, some minutes after the one before."""
        self.time += timedelta(minutes=10)
        return super().sync(**options)

    def staff(self) -> set[str]:
        """Return the logins, as employee numbers, of who is there and not on the way out."""
        waiting = {"Leavers"}
        return {
            str(held["userid"])
            for name, held in self.tenant().items()
            if name.startswith("person:") and {str(each["unit"]) for each in held["departments"]} != waiting  # type: ignore
        }


def numbers(*people: int) -> set[str]:
    return {f"{number:06}" for number in people}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.create(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> tuple[Path, Path]:
    return authority.issue("dc1", ip="127.0.0.1")


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


def nobody_goes(done: Cycle) -> None:
    """Nothing is planned against anybody, and what was planned of the rest is not lost."""
    assert not [change for change in done.reconciliation.plan.changes if change.op in (Op.OFFBOARD, Op.REMOVE)]


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
