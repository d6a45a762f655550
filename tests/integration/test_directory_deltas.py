"""Deltas from domain controllers that fail in the middle, forget, fall behind, and hide things: what is told is never half.

Each way to learn who changed is tried on the same histories. Whatever happens to a delta, it ends in an error, or in everything
being read again, or in exactly what one full read yields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from servers.certificates import Authority
from servers.ldap_standin import (
    Become,
    Cut,
    Drop,
    Empty,
    Fault,
    Refuse,
    Replica,
    Silence,
    Standin,
    Step,
)
from servers.ldap_standin_company import COMPANY, GROUPS, company, person, team
from support.directory_mirror import Mirror, Read, present
from support.standins import Open, Watch, opening, watching
from syncd.core.errors import TryAgain

STAFF = f"CN=All Staff,{GROUPS}"
REREAD = "objectGUID="
WAYS = ("dirsync", "usn")


@pytest.fixture(scope="module")
def founded() -> Replica:
    """Made once; each test has a copy."""
    return company(30)


@pytest.fixture
def open_(certificate: tuple[Path, Path]) -> Iterator[Open]:
    with opening(certificate) as start:
        yield start


@pytest.fixture
def standin(open_: Open, founded: Replica) -> Standin:
    return open_(founded.copied())


@pytest.fixture
def watch(authority: Authority) -> Watch:
    return watching(authority)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


# --- histories --------------------------------------------------------------------------------------------------------

Step_ = Callable[[Replica], None]


def join(replica: Replica) -> None:
    boss = replica.dn(replica.named("user0001"))
    replica.join(STAFF, person(replica, 91, manager=boss))


def leave(replica: Replica) -> None:
    replica.delete(replica.named("user0006"))


def come_back(replica: Replica) -> None:
    (node,) = (each for each in replica.nodes.values() if each.deleted and each.text("sAMAccountName") == "user0006")
    replica.reanimate(node)
    replica.modify(node, displayName="Contoh Kembali", mobile="+62 811-0000-0006", userAccountControl="512", **CATEGORY)


CATEGORY: dict[str, Any] = {
    "objectCategory": "CN=Person,CN=Schema,CN=Configuration,DC=corp,DC=example,DC=com",
    "accountExpires": "0",
}


def edit(replica: Replica) -> None:
    replica.modify(replica.named("user0007"), title="Kepala", mail=None)


def move(replica: Replica) -> None:
    replica.rename(replica.named("user0008"), above=team(1))


def move_out(replica: Replica) -> None:
    replica.rename(replica.named("user0010"), above="OU=Service Accounts,DC=corp,DC=example,DC=com")


def move_in(replica: Replica) -> None:
    replica.rename(replica.named("user0010"), above=COMPANY)


def rename_unit(replica: Replica) -> None:
    replica.rename(team(0), "OU=Renamed")


def move_unit(replica: Replica) -> None:
    replica.add(f"OU=New,{COMPANY}", "organizationalUnit")
    replica.rename(f"OU=Renamed,{COMPANY}", above=f"OU=New,{COMPANY}")


def change_group(replica: Replica) -> None:
    replica.part(STAFF, replica.named("user0009"), replica.named("user0011"))
    replica.join(f"CN=Everybody,{GROUPS}", replica.named("user0012"))


def rename_group(replica: Replica) -> None:
    replica.rename(STAFF, "CN=Renamed Staff")


def delete_group(replica: Replica) -> None:
    replica.delete(f"CN=Renamed Staff,{GROUPS}")


def disable(replica: Replica) -> None:
    replica.modify(replica.named("user0013"), userAccountControl="514")


def lock(replica: Replica) -> None:
    replica.modify(replica.named("user0014"), lockoutTime="133000000000000000")


def lead(replica: Replica) -> None:
    replica.modify(replica.named("user0015"), manager=replica.dn(replica.named("user0016")))


def delete_boss(replica: Replica) -> None:
    replica.delete(replica.named("user0016"))


def machine(replica: Replica) -> None:
    replica.add(f"CN=PC-1,{COMPANY}", "computer", sAMAccountName="PC-1$", userAccountControl="4096")


def nothing(_: Replica) -> None:
    """Nobody did anything."""


HISTORY: tuple[Step_, ...] = (
    *(
        join,
        leave,
        edit,
        move,
        nothing,
        come_back,
        move_out,
        move_in,
        rename_unit,
        move_unit,
        change_group,
        rename_group,
    ),
    *(delete_group, disable, lock, lead, delete_boss, machine),
)


def agreed(mirror: Mirror, standin: Standin, after: str = "") -> None:
    """What is known is what one full read yields."""
    fresh = Mirror(mirror.make, time=mirror.time)
    read = fresh.read()
    assert read.proven, read.doubts or read.error
    assert mirror.records.keys() == fresh.records.keys() == present(standin.replica).keys()
    assert differences(mirror, fresh) == [], after


def differences(mirror: Mirror, fresh: Mirror) -> list[tuple[object, ...]]:
    """Return whom two readers know differently, the attribute, and what each one says."""
    known, true = mirror.picture(), fresh.picture()
    return [
        (true[key]["name"], name, known[key].get(name), true[key].get(name))
        for key in true
        for name in sorted({*known[key], *true[key]})
        if known[key].get(name) != true[key].get(name)
    ]


@pytest.mark.parametrize("batches", [1_000_000, 300], ids=["one batch", "many batches"])
def test_delta_after_delta_is_one_full_read(standin: Standin, watch: Watch, way: str, batches: int) -> None:
    standin.limits.dirsync_bytes = batches
    mirror = watch(standin, changes=way, page_size=5)
    for happens in HISTORY:
        happens(standin.replica)
        read = mirror.read()
        assert read.proven, (happens.__name__, read.doubts or read.error)
        agreed(mirror, standin, happens.__name__)
    assert mirror.read().yielded == set()


def test_everything_at_once_is_one_delta(standin: Standin, watch: Watch, way: str) -> None:
    mirror = watch(standin, changes=way)
    for happens in HISTORY:
        happens(standin.replica)
    assert mirror.read().proven
    agreed(mirror, standin)


def test_a_delta_reads_those_who_changed_and_not_everybody(standin: Standin, watch: Watch, way: str) -> None:
    mirror = watch(standin, changes=way)
    edit(standin.replica)
    begun = len(standin.log)
    read = mirror.read()
    assert not read.full
    assert {mirror.records[key].attributes["sAMAccountName"] for key in read.yielded} == {"user0007"}
    assert sum(each.count for each in standin.log[begun:]) < 12


# --- what fails in the middle -----------------------------------------------------------------------------------------

_BREAKS: tuple[Cut | Silence | Refuse, ...] = (Cut(), Cut(reset=True, keep=1), Cut(inside=True), Silence(keep=1))
_REFUSALS: tuple[Cut | Silence | Refuse, ...] = tuple(
    Refuse(code=code, keep=keep) for code, keep in ((1, 0), (3, 1), (4, 1), (11, 1), (51, 0), (52, 1), (80, 1))
)
FAILURES: dict[str, tuple[str, Fault]] = {
    f"{way} {step} {deed!r}": (way, Fault(at=step, do=deed, where=where))
    for way, step, where, deeds in (
        ("dirsync", Step.DIRSYNC, "objectClass=*", (*_BREAKS, *_REFUSALS)),
        ("usn", Step.PAGE, "uSNChanged>=", (*_BREAKS, *_REFUSALS)),
        ("dirsync", Step.PAGE, REREAD, (Cut(keep=1), Refuse(code=4, keep=1))),
    )
    for deed in deeds
}


@pytest.mark.parametrize(("way", "fault"), FAILURES.values(), ids=FAILURES)
def test_a_delta_that_breaks_in_the_middle_claims_nothing(
    standin: Standin, watch: Watch, way: str, fault: Fault
) -> None:
    mirror = watch(standin, changes=way)
    for happens in HISTORY[:4]:
        happens(standin.replica)
    gone = {str(node.guid) for node in standin.replica.nodes.values() if node.deleted}
    fault = replace(fault)
    standin.script(fault)
    read = mirror.read()
    assert fault.struck == 1
    assert read.error or read.full
    assert read.gone <= gone
    assert not read.error or read.code in {"ADS-030", "ADS-031", "ADS-034"}
    standin.script()
    assert mirror.read().proven
    agreed(mirror, standin)


@pytest.mark.parametrize("code", [12, 53, 50, 1, 2])
def test_a_stale_cookie_means_that_everything_is_read_again(standin: Standin, watch: Watch, code: int) -> None:
    mirror = watch(standin, changes="dirsync")
    for happens in HISTORY[:4]:
        happens(standin.replica)
    standin.script(Fault(at=Step.DIRSYNC, where="objectClass=*", do=Refuse(code=code)))
    read = mirror.read()
    assert read.error or read.full
    standin.script()
    assert mirror.read().proven
    agreed(mirror, standin)


@pytest.mark.parametrize("cursor", ["", "{}", "garbage", '{"version":1}', "null"])
def test_a_cursor_that_nobody_wrote_means_that_everything_is_read_again(
    standin: Standin, watch: Watch, cursor: str
) -> None:
    mirror = watch(standin)
    leave(standin.replica)
    mirror.cursor = cursor
    read = mirror.read()
    assert read.full
    assert mirror.read().proven
    agreed(mirror, standin)


def test_a_cookie_that_was_bent_is_no_position(standin: Standin, watch: Watch) -> None:
    import base64
    import json

    mirror = watch(standin, changes="dirsync")
    for happens in HISTORY[:4]:
        happens(standin.replica)
    assert mirror.cursor is not None
    held = json.loads(mirror.cursor)
    ((context, _),) = (
        (key, value) for key, value in held["mark"].items() if "=" in key.lower() and "dc" in key.lower()
    )
    held["mark"][context] = base64.b64encode(b"MSDS nonsense").decode()
    mirror.cursor = json.dumps(held)
    read = mirror.read()
    assert read.error is None
    assert read.full
    assert mirror.read().proven
    agreed(mirror, standin)


@pytest.mark.parametrize("deed", [Drop(count=1), Drop(count=99), Empty()], ids=repr)
def test_who_was_told_as_changed_and_is_not_shown_is_a_doubt_and_no_leaver(
    standin: Standin, watch: Watch, way: str, deed: Drop | Empty
) -> None:
    mirror = watch(standin, changes=way)
    for happens in HISTORY[:4]:
        happens(standin.replica)
    gone = {str(node.guid) for node in standin.replica.nodes.values() if node.deleted}
    standin.script(Fault(at=Step.PAGE, where=f"person)(objectClass=user))(|({REREAD}", do=deed))
    read = mirror.read()
    assert read.gone <= gone
    standin.script()
    assert mirror.read().error is None
    assert mirror.read(full=True).proven
    agreed(mirror, standin)


# --- rights -----------------------------------------------------------------------------------------------------------


def test_without_the_replication_right_the_same_is_told(standin: Standin, watch: Watch) -> None:
    standin.account.replicates = False
    mirror = watch(standin)
    for happens in HISTORY:
        happens(standin.replica)
        assert mirror.read().proven
        agreed(mirror, standin)


def test_a_right_that_is_taken_away_meanwhile_loses_nobody(standin: Standin, watch: Watch) -> None:
    mirror = watch(standin)
    join(standin.replica)
    standin.account.replicates = False
    read = mirror.read()
    assert read.gone == set()
    standin.account.sees_deleted = False
    leave(standin.replica)
    for _ in range(3):
        assert mirror.read().error is None
    mirror.time += timedelta(hours=2)
    assert mirror.read(full=True).proven
    agreed(mirror, standin)


def test_without_sight_of_deleted_objects_leavers_show_in_full_reads(standin: Standin, watch: Watch, way: str) -> None:
    standin.account.replicates = standin.account.sees_deleted = False
    mirror = watch(standin, changes=way)
    leave(standin.replica)
    edit(standin.replica)
    assert mirror.read().gone <= {str(node.guid) for node in standin.replica.nodes.values() if node.deleted}
    assert mirror.read(full=True).proven
    agreed(mirror, standin)


def test_a_branch_that_is_hidden_while_somebody_in_it_changes_is_a_doubt(
    standin: Standin, watch: Watch, way: str
) -> None:
    mirror = watch(standin, changes=way)
    standin.replica.modify(standin.replica.named("user0006"), title="Hidden")
    standin.account.hidden.add(team(6))
    for _ in range(3):
        read = mirror.read()
        assert read.gone == set()
    assert mirror.read(full=True).gone == set()
    standin.account.hidden.clear()
    mirror.read(full=True)
    assert mirror.read(full=True).proven
    agreed(mirror, standin)


# --- several controllers ----------------------------------------------------------------------------------------------


def both(open_: Open, founded: Replica) -> tuple[Standin, Standin]:
    first = open_(founded.copied())
    return first, open_(first.replica.twin("DC2"), first.account)


def agree(*servers: Standin) -> None:
    """Let the controllers replicate until all know the same."""
    for _ in servers:
        for here in servers:
            for there in servers:
                here.replica.replicate_from(there.replica)


def test_a_controller_that_dies_in_the_middle_of_a_delta_is_followed_by_the_other_and_nothing_is_missed(
    open_: Open, founded: Replica, watch: Watch, way: str
) -> None:
    first, second = both(open_, founded)
    first.limits.dirsync_bytes = second.limits.dirsync_bytes = 300
    mirror = watch(first, second, changes=way)
    for happens in HISTORY[:4]:
        happens(first.replica)
    agree(first, second)
    step, nth = (Step.DIRSYNC, 3) if way == "dirsync" else (Step.PAGE, 3)
    first.script(Fault(at=step, nth=nth, do=Cut(keep=1), times=None))
    assert isinstance(mirror.read().error, TryAgain)
    first.stop()
    move_out(second.replica)
    read = mirror.read()
    assert read.error is None
    mirror.time += timedelta(hours=2)
    assert mirror.read().proven
    agreed(mirror, second)


def test_a_controller_that_is_behind_hides_nothing_for_good(
    open_: Open, founded: Replica, watch: Watch, way: str
) -> None:
    first, second = both(open_, founded)
    mirror = watch(first, second, changes=way)
    for happens in HISTORY[:4]:
        happens(first.replica)
    assert mirror.read().proven
    agreed(mirror, first)
    known = set(mirror.records)
    first.stop()
    edit(second.replica)
    # The second has heard of nothing that the first did, and has news of its own.
    read = mirror.read()
    assert not read.gone
    assert not mirror.read(full=True).gone
    assert set(mirror.records) >= known
    first.start()
    agree(first, second)
    move_out(first.replica)
    agree(first, second)
    for _ in range(3):
        mirror.time += timedelta(hours=2)
        read = mirror.read()
        assert read.error is None
    assert mirror.read(full=True).proven
    agreed(mirror, first)


def test_two_controllers_that_take_turns_lose_nothing(open_: Open, founded: Replica, watch: Watch) -> None:
    first, second = both(open_, founded)
    mirror = watch(first, second, changes="dirsync")
    for number, happens in enumerate(HISTORY):
        here, there = (first, second) if number % 2 else (second, first)
        happens(here.replica)
        if number % 3 == 0:
            agree(first, second)
        there.stop()
        read = mirror.read()
        there.start()
        assert read.error is None, happens.__name__
        assert not read.gone & present(here.replica).keys() & present(there.replica).keys()
        agree(first, second)
    mirror.time += timedelta(hours=2)
    for _ in range(3):
        last: Read = mirror.read()
        assert last.error is None
    agreed(mirror, first)


@pytest.mark.parametrize("properly", [True, False], ids=["from a backup", "as a disk was before"])
def test_a_restored_controller_is_noticed_by_a_delta(standin: Standin, watch: Watch, way: str, properly: bool) -> None:
    before = standin.replica.copied()
    mirror = watch(standin, changes=way)
    for happens in HISTORY[:4]:
        happens(standin.replica)
    assert mirror.read().proven
    known = set(mirror.records)
    standin.replica = before.restored(properly=properly)
    edit(standin.replica)
    read = mirror.read()
    assert not read.gone
    assert set(mirror.records) >= known
    assert read.error or read.doubts, "what was told before the restoration is not there any more, and that is said"
    read = mirror.read(full=True)
    assert not read.gone
    assert read.error or read.doubts


def test_the_server_is_restored_while_a_delta_is_read(standin: Standin, watch: Watch, way: str) -> None:
    before = standin.replica.copied()
    mirror = watch(standin, changes=way)
    for happens in HISTORY[:4]:
        happens(standin.replica)
    known = set(mirror.records)
    standin.script(Fault(at=Step.PAGE, do=Become(replica=before.restored(properly=True))))
    read = mirror.read()
    assert read.gone <= {str(node.guid) for node in standin.replica.nodes.values() if node.deleted} | known
    assert not read.gone & present(before).keys()
