"""Everything that goes wrong with a domain controller, by script: nobody is taken for gone, and the next good read heals.

What each test asks of the source: a read that meets a fault ends in an error that says what it is, or in a read that is not
proven and says which fact does not hold; it never ends in a proven read that lacks somebody, and it names nobody as deleted
who is not.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from servers.certificates import Authority
from servers.ldap_standin import (
    BASE,
    Become,
    Cut,
    Drop,
    Empty,
    Fault,
    Refuse,
    Repeat,
    Replica,
    Rot,
    Silence,
    Slow,
    Standin,
    State,
    Step,
    Unpaged,
)
from servers.ldap_standin_company import COMPANY, GROUPS, company, person, team
from support.directory_mirror import Mirror, Read, present, source
from support.standins import Open, Watch, opening, watching
from syncd.core.errors import NeedsHuman, TryAgain
from syncd.core.ports import Standing

PEOPLE = "objectCategory=person"
_STAFF = f"CN=All Staff,{GROUPS}"


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
    """One controller, with thirty people."""
    return open_(founded.copied())


@pytest.fixture
def watch(authority: Authority) -> Watch:
    return watching(authority)


def life_goes_on(replica: Replica) -> set[str]:
    """A joiner, a leaver, a promotion, a move and a change of a group; returns who is really gone."""
    gone = replica.named("user0006")
    head = replica.dn(replica.named("user0001"))
    replica.delete(gone)
    replica.join(_STAFF, person(replica, 91, manager=head))
    replica.modify(replica.named("user0007"), title="Kepala")
    replica.rename(replica.named("user0008"), above=team(1))
    replica.part(_STAFF, replica.named("user0009"))
    return {str(gone.guid)}


def nobody_is_lost(read: Read, really: set[str]) -> None:
    """The promise, whatever happened."""
    assert not read.gone - really
    if read.proven and read.full:
        assert read.gone == really


def healed(mirror: Mirror, standin: Standin) -> None:
    """The next good reads leave nothing of what happened, at the latest when controllers had the time to agree."""
    standin.script()
    assert mirror.read().error is None
    mirror.time += timedelta(hours=2)
    last = mirror.read()
    assert last.proven, last.doubts or last.error
    fresh = Mirror(mirror.make)
    assert fresh.read().proven
    assert mirror.records.keys() == fresh.records.keys() == present(standin.replica).keys()
    assert mirror.picture() == fresh.picture()


# --- reaching a controller --------------------------------------------------------------------------------------------


def test_a_controller_that_is_down_is_an_error_and_nobody_is_gone(standin: Standin, watch: Watch) -> None:
    mirror = watch(standin)
    standin.stop()
    read = mirror.read()
    assert (type(read.error), read.code) == (TryAgain, "ADS-010")
    standin.start()
    life_goes_on(standin.replica)
    healed(mirror, standin)


@pytest.mark.parametrize("step", [Step.CONNECT, Step.BIND, Step.ROOT, Step.PAGE])
def test_a_controller_that_accepts_and_then_says_nothing_is_given_up(
    standin: Standin, watch: Watch, step: Step
) -> None:
    mirror = watch(standin)
    standin.script(Fault(at=step, do=Silence(), times=None))
    read = mirror.read()
    assert isinstance(read.error, TryAgain)
    assert read.code in {"ADS-010", "ADS-014", "ADS-030"}
    healed(mirror, standin)


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("step", [Step.CONNECT, Step.BIND, Step.ROOT])
def test_a_controller_that_hangs_up_at_once_is_an_error(
    standin: Standin, watch: Watch, step: Step, reset: bool
) -> None:
    mirror = watch(standin)
    standin.script(Fault(at=step, do=Cut(reset=reset), times=None))
    read = mirror.read()
    assert isinstance(read.error, TryAgain)
    assert read.code in {"ADS-010", "ADS-014", "ADS-030"}
    healed(mirror, standin)


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (State.PASSWORD_EXPIRED, "ADS-023"),
        (State.DISABLED, "ADS-021"),
        (State.EXPIRED, "ADS-022"),
        (State.MUST_CHANGE, "ADS-023"),
        (State.LOCKED, "ADS-024"),
    ],
)
def test_an_account_that_may_no_longer_log_on_is_told_why(
    standin: Standin, watch: Watch, state: State, code: str
) -> None:
    mirror = watch(standin)
    standin.account.state = state
    read = mirror.read()
    assert (type(read.error), read.code) == (NeedsHuman, code)
    standin.account.state = State.FINE
    healed(mirror, standin)


def test_a_wrong_password_is_tried_once_and_nowhere_else(open_: Open, founded: Replica, watch: Watch) -> None:
    first = open_(founded.copied())
    second = open_(founded.twin("DC2"), first.account)
    mirror = watch(first, second)
    first.account.password = "Changed-Meanwhile-1!"
    read = mirror.read()
    assert (type(read.error), read.code) == (NeedsHuman, "ADS-020")
    assert (first.bad_passwords, second.bad_passwords) == (1, 0)


def test_an_expired_certificate_and_one_of_somebody_else_are_told_apart(
    standin: Standin, watch: Watch, authority: Authority, tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    mirror = watch(standin)
    for wrong, code in (
        (authority.issue("old", ip="127.0.0.1", days=-1), "ADS-012"),
        (Authority.create(tmp_path / "other", name="Another CA").issue("dc1", ip="127.0.0.1"), "ADS-011"),
        (authority.issue("other", ip="127.0.0.2"), "ADS-013"),
    ):
        standin.use_certificate(*wrong)
        read = mirror.read()
        assert (type(read.error), read.code) == (NeedsHuman, code)
    assert len(standin.asked(Step.BIND)) == 1, "the password was not sent to a server that cannot prove who it is"
    standin.use_certificate(*certificate)
    healed(mirror, standin)


# --- full reads -------------------------------------------------------------------------------------------------------


def test_a_base_that_is_gone_or_hidden_is_an_error_and_not_an_empty_company(standin: Standin, watch: Watch) -> None:
    mirror = watch(standin)
    standin.account.hidden.add(COMPANY)
    read = mirror.read(full=True)
    assert (type(read.error), read.code) == (NeedsHuman, "ADS-032")
    standin.account.hidden.clear()
    standin.replica.rename(COMPANY, "OU=Renamed")
    read = mirror.read(full=True)
    assert (type(read.error), read.code) == (NeedsHuman, "ADS-032")
    standin.replica.rename(f"OU=Renamed,{BASE}", "OU=Company")
    healed(mirror, standin)


def test_a_base_that_is_another_object_of_the_same_name_proves_nobody_gone(standin: Standin, watch: Watch) -> None:
    mirror = watch(standin)
    standin.replica.rename(COMPANY, "OU=Sold")
    standin.replica.add(COMPANY, "organizationalUnit")
    person(standin.replica, 77, above=COMPANY)
    read = mirror.read(full=True)
    assert read.gone == set()
    assert read.error or not read.proven


@pytest.mark.parametrize(
    ("code", "told", "nth"),
    [
        (1, "ADS-034", 2),
        (3, "ADS-031", 2),
        (4, "ADS-031", 1),
        (4, "ADS-031", 2),
        (4, "ADS-031", 3),
        (11, "ADS-031", 2),
        (12, "ADS-035", 2),
        (50, "ADS-033", 2),
        (51, "ADS-034", 2),
        (52, "ADS-034", 2),
        (53, "ADS-034", 2),
        (80, "ADS-034", 2),
    ],
)
def test_a_page_that_ends_with_an_error_ends_the_read_whatever_came_with_it(
    standin: Standin, watch: Watch, code: int, told: str, nth: int
) -> None:
    mirror = watch(standin)
    really = life_goes_on(standin.replica)
    standin.script(Fault(at=Step.PAGE, where=PEOPLE, nth=nth, do=Refuse(code=code, keep=4)))
    read = mirror.read(full=True)
    assert read.code == told
    assert not any(page.completeness for page in read.pages)
    nobody_is_lost(read, really)
    healed(mirror, standin)


@pytest.mark.parametrize(
    ("deed", "nth"),
    [
        (Cut(), 1),
        (Cut(), 2),
        (Cut(reset=True), 3),
        (Cut(keep=3), 2),
        (Cut(keep=3, inside=True), 2),
        (Cut(inside=True, reset=True), 2),
        (Silence(keep=3), 2),
    ],
    ids=str,
)
def test_a_connection_that_breaks_at_or_between_pages_is_an_error(
    standin: Standin, watch: Watch, deed: Cut | Silence, nth: int
) -> None:
    mirror = watch(standin)
    really = life_goes_on(standin.replica)
    standin.script(Fault(at=Step.PAGE, where=PEOPLE, nth=nth, do=deed))
    read = mirror.read(full=True)
    assert (type(read.error), read.code) == (TryAgain, "ADS-030")
    nobody_is_lost(read, really)
    healed(mirror, standin)


def test_a_first_page_that_is_slow_is_waited_for(standin: Standin, watch: Watch) -> None:
    mirror = watch(standin, receive_seconds=5)
    standin.script(Fault(at=Step.PAGE, do=Slow(seconds=1.2), where=PEOPLE))
    assert mirror.read(full=True).proven


def test_a_server_that_ignores_paging_is_not_believed(standin: Standin, watch: Watch) -> None:
    mirror = watch(standin)
    standin.script(Fault(at=Step.PAGE, do=Unpaged(), where=PEOPLE))
    assert mirror.read(full=True).code == "ADS-035"
    healed(mirror, standin)


SILENT: dict[str, tuple[Fault, ...]] = {
    "nobody at all": (Fault(at=Step.PAGE, do=Empty(), times=None),),
    "no people at all": (Fault(at=Step.PAGE, where=PEOPLE, do=Empty(), times=None),),
    "no people this once": (Fault(at=Step.PAGE, where=PEOPLE, do=Empty()),),
    "an end after the first page": (Fault(at=Step.PAGE, where=PEOPLE, nth=2, do=Empty()),),
    "one person is left out": (Fault(at=Step.PAGE, where=PEOPLE, nth=2, do=Drop(count=1)),),
    "the same people are always left out": (
        Fault(
            at=Step.PAGE, times=None, do=Drop(names=("0011", "0012", "0013", "0014", "0015", "0016", "0017", "0018"))
        ),
    ),
    "a page comes twice and another one never": (Fault(at=Step.PAGE, where=PEOPLE, nth=2, do=Repeat()),),
    "no units": (Fault(at=Step.PAGE, where="organizationalUnit", do=Empty(), times=None),),
    "no groups": (Fault(at=Step.PAGE, where="objectClass=group", do=Empty(), times=None),),
}


@pytest.mark.parametrize("faults", SILENT.values(), ids=SILENT)
def test_what_is_left_out_without_a_word_takes_the_proof_away(
    standin: Standin, watch: Watch, faults: tuple[Fault, ...]
) -> None:
    mirror = watch(standin)
    really = life_goes_on(standin.replica)
    standin.script(*(replace(fault) for fault in faults))
    read = mirror.read(full=True)
    nobody_is_lost(read, really)
    assert read.error or read.doubts
    healed(mirror, standin)


def test_half_the_tree_becoming_unreadable_is_no_mass_leave(standin: Standin, watch: Watch) -> None:
    mirror = watch(standin)
    standin.account.hidden |= {team(0), team(1)}
    for _ in range(3):
        read = mirror.read(full=True)
        assert read.gone == set()
        assert read.error or read.doubts
    standin.account.hidden.clear()
    healed(mirror, standin)


def test_people_who_become_unreadable_are_not_explained_by_others_who_were_edited(
    standin: Standin, watch: Watch
) -> None:
    mirror = watch(standin)
    for number in range(1, 31):
        standin.replica.modify(standin.replica.named(f"user{number:04}"), title="Edited")
    standin.account.hidden.add(team(0))
    read = mirror.read(full=True)
    assert read.gone == set()
    assert read.error or read.doubts
    standin.account.hidden.clear()
    healed(mirror, standin)


def test_an_account_that_lost_a_group_takes_nobody_for_gone_until_it_has_it_back(
    standin: Standin, watch: Watch
) -> None:
    mirror = watch(standin)
    leaver = standin.replica.named("user0005")
    standin.replica.delete(leaver)
    standin.account.groups.discard(1104)
    read = mirror.read(full=True)
    assert (read.error, read.gone) == (None, frozenset())
    assert read.doubts == ["the account's rights are the same"]
    standin.account.groups.add(1104)
    assert mirror.read(full=True).gone == {str(leaver.guid)}


def test_an_attribute_becoming_unreadable_that_says_who_is_enabled_is_no_mass_leave(
    standin: Standin, watch: Watch
) -> None:
    mirror = watch(standin)
    standin.account.hidden_attributes.add("userAccountControl")
    read = mirror.read(full=True)
    assert read.error or read.doubts
    standin.account.hidden_attributes.clear()
    standin.account.hidden_attributes.add("objectGUID")
    read = mirror.read(full=True)
    assert read.error or read.doubts
    assert read.gone == set()
    standin.account.hidden_attributes.clear()
    healed(mirror, standin)


def test_a_domain_below_that_is_not_read_is_said(standin: Standin, authority: Authority) -> None:
    mirror = Mirror(lambda now: source(standin, ca_file=authority.ca_file, now=now, base=BASE))
    assert mirror.read().proven
    standin.replica.below.append(f"DC=asia,{BASE}")
    read = mirror.read(full=True)
    assert not read.proven
    assert "ADS-043" in read.notes
    standin.replica.below.clear()
    assert mirror.read().proven


@pytest.mark.parametrize("decoding", ["fast", "ldap3"])
def test_more_people_and_members_than_one_answer_holds_are_all_there(
    open_: Open, authority: Authority, decoding: str
) -> None:
    replica = company(1600)
    standin = open_(replica)
    settings: dict[str, Any] = {"page_size": 1000, "receive_seconds": 20, "decoding": decoding}
    mirror = Mirror(lambda now: source(standin, ca_file=authority.ca_file, now=now, **settings))
    assert mirror.read().proven
    assert mirror.records.keys() == present(replica).keys()
    (staff,) = (record for record in mirror.records.values() if record.attributes.get("sAMAccountName") == "All Staff")
    assert len(staff.attributes["member"]) == 1600  # type: ignore[arg-type]


# --- several controllers, and the same one in other states ------------------------------------------------------------


def test_the_next_controller_is_read_when_one_is_down_and_the_first_again_later(
    open_: Open, founded: Replica, watch: Watch
) -> None:
    first = open_(founded.copied())
    second = open_(first.replica.twin("DC2"), first.account)
    mirror = watch(first, second)
    first.stop()
    life_goes_on(second.replica)
    read = mirror.read()
    assert read.error is None
    mirror.time += timedelta(hours=2)
    assert mirror.read().proven
    assert mirror.records.keys() == present(second.replica).keys()
    first.replica.replicate_from(second.replica)
    first.start()
    second.stop()
    assert mirror.read().error is None
    mirror.time += timedelta(hours=2)
    assert mirror.read().proven
    assert mirror.records.keys() == present(first.replica).keys()


def test_a_controller_that_dies_in_the_middle_is_an_error_and_the_next_one_is_read_next(
    open_: Open, founded: Replica, watch: Watch
) -> None:
    first = open_(founded.copied())
    second = open_(first.replica.twin("DC2"), first.account)
    mirror = watch(first, second)
    first.script(Fault(at=Step.PAGE, where=PEOPLE, nth=2, do=Cut(keep=2)))
    assert isinstance(mirror.read(full=True).error, TryAgain)
    first.stop()
    read = mirror.read(full=True)
    assert (read.error, read.gone) == (None, frozenset())
    # It may not have heard of everything yet: until that is sure, nobody is gone, and it is said.
    assert read.proven or "same server as last time" in read.doubts
    mirror.time += timedelta(hours=2)
    assert mirror.read(full=True).proven


def test_a_controller_that_is_behind_the_one_before_makes_nobody_disappear_who_just_came(
    open_: Open, founded: Replica, watch: Watch
) -> None:
    first = open_(founded.copied())
    second = open_(first.replica.twin("DC2"), first.account)
    mirror = watch(first, second)
    really = life_goes_on(first.replica)
    assert mirror.read().error is None
    assert mirror.records.keys() == present(first.replica).keys()
    first.stop()
    # The second has heard of nothing yet: the joiner is not there, the leaver is.
    read = mirror.read()
    nobody_is_lost(read, really)
    read = mirror.read(full=True)
    assert read.gone == set()
    second.replica.replicate_from(first.replica)
    first.start()
    healed(mirror, second)


def test_a_controller_that_is_still_being_filled_proves_nobody_gone(standin: Standin, watch: Watch) -> None:
    mirror = watch(standin)
    standin.replica.synchronized = False
    standin.account.hidden.add(team(0))
    read = mirror.read(full=True)
    assert read.gone == set()
    assert read.error or read.doubts
    standin.replica.synchronized = True
    standin.account.hidden.clear()
    healed(mirror, standin)


@pytest.mark.parametrize("properly", [True, False], ids=["from a backup", "as a disk was before"])
@pytest.mark.parametrize("full", [True, False])
def test_a_restored_controller_with_an_older_state_makes_nobody_disappear(
    standin: Standin, watch: Watch, properly: bool, full: bool
) -> None:
    old = standin.replica.copied()
    life_goes_on(standin.replica)
    mirror = watch(standin)
    standin.replica = old.restored(properly=properly)
    read = mirror.read(full=full)
    assert read.gone == set(), "the joiner was lost with the disk, and nobody has decided yet that she has left"
    assert read.error or read.doubts


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_another_server_behind_the_same_name_in_the_middle_proves_nobody_gone(
    standin: Standin, watch: Watch, nth: int
) -> None:
    mirror = watch(standin)
    other = standin.replica.twin("DC2")
    life_goes_on(standin.replica)
    standin.script(Fault(at=Step.PAGE, where=PEOPLE, nth=nth, do=Become(replica=other)))
    read = mirror.read(full=True)
    assert read.gone == set()
    assert read.error or read.doubts


# --- bits -------------------------------------------------------------------------------------------------------------


def test_bits_that_flip_on_the_way_are_an_error_or_a_doubt_and_never_a_crash(
    standin: Standin, authority: Authority
) -> None:
    """TLS would notice; without it (a laboratory) nothing stands between the wire and the decoder."""
    standin.requires_tls = False
    plain: dict[str, Any] = {
        "servers": standin.plain_url,
        "plain_text_password_allowed": True,
        "units": False,
        "groups": False,
    }
    mirror = Mirror(lambda now: source(standin, ca_file=authority.ca_file, now=now, **plain, base=[team(0)]))
    assert mirror.read().proven
    everybody = len(mirror.records)
    dice = random.Random(4711)
    for _ in range(150):
        standin.script(Fault(at=Step.PAGE, do=Rot(at=dice.randrange(0, 6000), bit=dice.randrange(8)), where=PEOPLE))
        again = Mirror(mirror.make, cursor=mirror.cursor)
        read = again.read(full=True)
        if read.proven:
            # A flipped bit of a value is another value, be it a name or an id; but nobody fewer may be there.
            assert len(again.records) == everybody


# --- asking beforehand ------------------------------------------------------------------------------------------------


def test_a_check_names_what_is_wrong_and_never_raises(standin: Standin, authority: Authority) -> None:
    import asyncio

    async def verdicts(**settings: Any) -> list[Any]:
        return [each async for each in source(standin, ca_file=authority.ca_file, **settings).check()]

    for trouble in (
        Fault(at=Step.CONNECT, do=Cut()),
        Fault(at=Step.BIND, do=Silence()),
        Fault(at=Step.PAGE, do=Refuse(code=4, keep=1), times=None),
        Fault(at=Step.OBJECT, do=Refuse(code=32), times=None),
        Fault(at=Step.ROOT, do=Cut(), times=None),
        Fault(at=Step.ROOT, do=Empty(), times=None),
    ):
        standin.script(trouble)
        failed = [each for each in asyncio.run(verdicts()) if each.standing is Standing.FAILED]
        assert failed, trouble
        assert all(each.problem is not None and each.problem.do for each in failed)
    standin.script()
    assert [each for each in asyncio.run(verdicts()) if each.standing is Standing.FAILED] == []
