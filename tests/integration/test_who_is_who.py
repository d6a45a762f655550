"""Who is who where the data do not say it for certain: proposed, left aside, decided by a person, and kept through everything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from support.alerts import Watch, policy
from support.small_world import HR, SmallWorld
from support.two_sources import AD, Directory
from syncd.core.errors import NeedsHuman
from syncd.core.model import Kind, NativeId, Reason, SubjectId
from syncd.engine import reviewing
from syncd.engine.health import health
from syncd.engine.reviewing import Decision, Keeps
from syncd.store.proposals import ProposalState


@pytest.fixture
def world(migrated_file: Path, tmp_path: Path) -> Iterator[SmallWorld]:
    (tmp_path / "syncd.db").write_bytes(migrated_file.read_bytes())
    one = SmallWorld(tmp_path)
    one.company(4)
    yield one
    one.store.close()


@pytest.fixture
def directory(world: SmallWorld) -> Directory:
    return Directory(world)


def decision(world: SmallWorld) -> Decision:
    return Decision(by="operator", reason="asked HR", at=world.time)


def subject_of(world: SmallWorld, source: str, native_id: str) -> SubjectId | None:
    with world.store.reading() as tx:
        row = next(row for row in tx.records.iterate() if (row.source, row.native_id) == (source, native_id))
        return row.subject


def open_ids(world: SmallWorld) -> list[str]:
    with world.store.reading() as tx:
        return [row.pair.id for row in tx.proposals.all(ProposalState.OPEN)]


def accept(world: SmallWorld) -> None:
    (id_,) = open_ids(world)
    with world.store.transaction() as tx:
        reviewing.accept(tx, world.world, reviewing.find(tx, id_), decision(world))


def reject(world: SmallWorld) -> None:
    with world.store.transaction() as tx:
        for row in tx.proposals.all(ProposalState.OPEN):
            reviewing.reject(tx, row, decision(world))


def people(world: SmallWorld) -> list[str]:
    return sorted(name for name in world.tenant() if name.startswith("person:"))


def test_a_probable_match_creates_nobody_and_is_named_until_it_is_accepted(
    world: SmallWorld, directory: Directory
) -> None:
    directory.account("2", title="By AD")
    for _ in range(2):
        done = world.sync()
        assert people(world) == [f"person:Example {n}" for n in (1, 2, 3, 4)]
        asides = [one for one in done.reconciliation.plan.aside if one.reason is Reason.AMBIGUOUS]
        assert [(one.name, one.problems[0].code) for one in asides] == [("ad/2", "REC-005")]

    accept(world)
    done = world.sync()

    assert world.tenant()["person:Example 2"]["title"] == "By AD"
    assert subject_of(world, "ad", "2") == subject_of(world, "hr", "2")
    assert not done.reconciliation.plan.aside


def test_a_rejected_match_is_another_person_and_is_not_proposed_again_after_a_restart_or_a_whole_look(
    world: SmallWorld, directory: Directory
) -> None:
    directory.account("2")
    world.sync()
    reject(world)
    world.store.close()
    world.reopen()

    world.sync()
    world.sync(full=True, again=True)

    accounts = [one["mobile"] for one in world.target.objects.values() if one["name"] == "Example 2"]
    assert sorted(map(str, accounts)) == ["13800000002", "13900000002"]
    assert subject_of(world, "ad", "2") not in (None, subject_of(world, "hr", "2"))
    assert open_ids(world) == []


def test_while_it_is_open_whom_it_may_be_is_not_removed(world: SmallWorld, directory: Directory) -> None:
    """The old record is gone, and the new one has neither number nor address: perhaps the same person, perhaps not."""
    world.sync()
    world.leave("2")
    directory.account("2")

    for _ in range(2):
        world.sync()
        assert world.tenant()["person:Example 2"]["departments"] == ({"unit": "Unit team"},)

    reject(world)
    world.sync()
    held = [one["departments"] for (_, target_id), one in world.target.objects.items() if target_id == "e2"]
    leavers = next(target_id for (kind, target_id), one in world.target.objects.items() if one["name"] == "Leavers")
    assert held == [({"unit": leavers},)]


def test_a_record_that_goes_while_it_waits_leaves_nothing_open(world: SmallWorld, directory: Directory) -> None:
    directory.account("2")
    directory.account("other")
    world.sync()
    del directory.source.records[Kind.PERSON, "2"]
    world.sync()

    assert open_ids(world) == []


def test_a_number_that_is_added_later_decides_what_was_open(world: SmallWorld, directory: Directory) -> None:
    directory.account("2")
    world.sync()
    directory.account("2", number="e2")
    world.sync()

    assert subject_of(world, "ad", "2") == subject_of(world, "hr", "2")
    assert open_ids(world) == []


def test_a_decision_about_a_record_that_is_gone_is_refused(world: SmallWorld, directory: Directory) -> None:
    directory.account("2")
    world.sync()
    with world.store.transaction() as tx:
        (row,) = tx.proposals.all(ProposalState.OPEN)
        tx.records.mark_absent(AD, [(Kind.PERSON, NativeId("2"))], at=world.time)

    with pytest.raises(NeedsHuman, match="LNK-011"), world.store.transaction() as tx:
        reviewing.accept(tx, world.world, row, decision(world))


# --- by hand ----------------------------------------------------------------------------------------------------------


def split(world: SmallWorld, keeps: Keeps) -> reviewing.Parted:
    with world.store.transaction() as tx:
        subject = next(row.subject for row in tx.records.iterate() if row.label == "Example 2")
        assert subject is not None
        return reviewing.split(tx, world.world, subject, ("ad", "2"), keeps=keeps, decision=decision(world))


@pytest.mark.parametrize("keeps", Keeps)
def test_a_wrong_join_is_split_and_nothing_is_lost_or_doubled(
    world: SmallWorld, directory: Directory, keeps: Keeps
) -> None:
    directory.account("2", number="e2", title="By AD", cn="Namesake")
    world.sync()
    before = world.target.objects[Kind.PERSON, "e2"]  # type: ignore[index]
    assert before["title"] == "By AD"

    done = split(world, keeps)
    world.edit("2", id="e22")  # one of the two gets a number of its own, as the target asks of everybody
    world.sync()
    world.sync(again=True)

    with world.store.reading() as tx:
        assert {row.source for row in tx.records.of_subject(done.keeping)} == ({HR} if keeps is Keeps.REST else {AD})
        assert {row.source for row in tx.records.of_subject(done.new)} == ({AD} if keeps is Keeps.REST else {HR})
        link = tx.links.get("memory", done.keeping)
    assert link is not None
    assert link.target_id == "e2"
    assert open_ids(world) == []


def test_two_whom_nothing_joins_are_joined_by_hand_and_the_one_with_the_account_keeps_it(
    world: SmallWorld, directory: Directory
) -> None:
    world.sync()
    directory.account("9", cn="Married Name", title="By AD")
    world.sync(write=False)
    with world.store.transaction() as tx:
        one, other = tx.records.get(AD, Kind.PERSON, NativeId("9")), tx.records.get(HR, Kind.PERSON, NativeId("2"))
        assert one is not None
        assert other is not None
        kept = reviewing.join_two(tx, world.world, one, other, decision(world))
    world.sync()
    world.sync(again=True)

    assert kept == other.subject == subject_of(world, "ad", "9")
    assert world.tenant()["person:Example 2"]["title"] == "By AD"
    assert len(people(world)) == 4


def test_two_with_an_account_each_are_not_joined(world: SmallWorld, directory: Directory) -> None:
    world.sync()
    with world.store.transaction() as tx:
        one, other = (tx.records.get(HR, Kind.PERSON, NativeId(key)) for key in ("2", "3"))
        assert one is not None
        assert other is not None
        with pytest.raises(NeedsHuman, match="e2, e3"):
            reviewing.join_two(tx, world.world, one, other, decision(world))
        with pytest.raises(NeedsHuman, match="one already"):
            reviewing.join_two(tx, world.world, one, one, decision(world))


# --- several records of one source over time --------------------------------------------------------------------------


def test_a_conversion_with_an_overlap_of_days_is_one_account_and_the_later_contract_speaks(
    world: SmallWorld, directory: Directory
) -> None:
    """azure-docs#50316: contingent → employee, a new record while the old one is there for some days more."""
    directory.account("c9", number="e9", cn="Example 9", mobile="13900000009", title="Contractor", last="2026-11-25")
    world.sync()
    directory.account("w9", number="e9", cn="Example 9", mobile="13900000009", title="Employee", first="2026-11-23")

    world.sync()
    assert world.tenant()["person:Example 9"]["title"] == "Contractor"  # it is the 22nd
    world.time += timedelta(days=1)
    world.sync()  # nobody has changed anything: its day has come
    assert world.tenant()["person:Example 9"]["title"] == "Employee"
    world.time += timedelta(days=3)
    world.sync(again=True)
    del directory.source.records[Kind.PERSON, "c9"]
    world.sync()

    assert subject_of(world, "ad", "c9") == subject_of(world, "ad", "w9")
    assert [one["title"] for one in world.target.objects.values() if one["name"] == "Example 9"] == ["Employee"]


def test_somebody_who_is_hired_again_with_a_new_record_keeps_the_account(
    world: SmallWorld, directory: Directory
) -> None:
    known = {"number": "e9", "cn": "Example 9", "mobile": "13900000009"}
    directory.account("a", **known, last="2026-11-22")
    world.sync()
    world.time += timedelta(days=1)
    world.sync()
    assert world.tenant()["person:Example 9"]["departments"] == ({"unit": "Leavers"},)
    directory.account("b", **known, first="2026-11-23")

    world.sync()

    assert subject_of(world, "ad", "a") == subject_of(world, "ad", "b")
    held = [one["departments"] for one in world.target.objects.values() if one["name"] == "Example 9"]
    assert len(held) == 1
    assert "Leavers" not in str(world.tenant()["person:Example 9"]["departments"])


def test_what_waits_for_a_decision_is_counted_named_and_alerted(world: SmallWorld, directory: Directory) -> None:
    directory.account("2")
    world.sync()
    watch = Watch(policy())
    for minutes in (0, 6):
        seen = health(world.world)
        watch.look(replace(seen, at=seen.at + timedelta(minutes=minutes)))
    assert watch.news("joins_undecided") == ["opened"]

    assert (seen.undecided, seen.undecided_labels) == (1, ("Example 2",))
