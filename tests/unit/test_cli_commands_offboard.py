"""`syncd offboard`: an operator's word that somebody leaves is kept, logged, obeyed by every cycle, and ends of itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from support.incidents import homes
from support.office import Office, Opened
from support.small_world import SmallWorld
from syncd.core.model import Effect
from syncd.core.policy import Limit, Limits


def in_step(world: SmallWorld) -> None:
    world.company(5)
    world.sync()


@pytest.fixture
def office(opened: Opened) -> Office:
    one = opened(prepare=in_step)
    one.settings.leavers = SimpleNamespace(within=timedelta(hours=1))
    return one


def hidden(office: Office, name: str = "Example 3") -> bool:
    return homes(office.world, name) == ("Leavers",)


def test_who_is_offboarded_leaves_with_the_next_cycle_though_the_source_says_nothing(office: Office) -> None:
    ran = office.run("offboard", "Example 3", "--now", "--reason", "dismissed")

    assert ran.code == 0
    assert "Example 3 leaves now" in ran.out
    assert office.world.sync().tally.confirmed["offboard person"] == 1
    assert hidden(office)


def test_it_survives_full_reads_changes_of_the_record_and_a_look_at_everybody(office: Office) -> None:
    office.run("offboard", "e3", "--now", "--reason", "dismissed")
    office.world.sync()
    office.world.edit("3", title="Promoted", unit="top")

    office.world.sync(full=True, fresh=True)
    again = office.world.sync(again=True)

    assert not again.reconciliation.plan.changes
    assert hidden(office)


def test_the_account_is_removed_when_the_grace_is_over_and_is_not_made_again(office: Office) -> None:
    office.run("offboard", "e3", "--now")
    office.world.sync()
    office.world.time += timedelta(days=31)

    assert dict(office.world.sync().tally.confirmed) == {"remove person": 1}
    assert not office.world.sync(again=True).reconciliation.plan.changes


def test_undo_brings_the_same_account_back(office: Office) -> None:
    office.run("offboard", "Example 3", "--now", "--reason", "wrong person")
    office.world.sync()

    ran = office.run("offboard", "Example 3", "--undo", "--reason", "it was somebody else")
    office.world.sync()

    assert ran.code == 0
    assert homes(office.world, "Example 3") == ("Unit team",)


def test_it_ends_when_the_source_says_the_same_and_a_rehire_comes_back(office: Office) -> None:
    office.run("offboard", "Example 3", "--now", "--reason", "dismissed")
    office.world.sync()
    office.world.edit("3", state="left")
    office.world.sync()

    assert office.run("offboard", "Example 3", "--undo").code == 3
    (ended,) = office.audited("offboarding.ended")
    assert ended["label"] == "Example 3"
    office.world.edit("3", state="here")
    office.world.sync()
    assert homes(office.world, "Example 3") == ("Unit team",)


def test_a_record_that_cannot_be_mapped_keeps_nobody_from_leaving(office: Office) -> None:
    office.run("offboard", "Example 3", "--now", "--reason", "dismissed")
    office.world.edit("3", name=None)

    office.world.sync()

    assert hidden(office)


def test_somebody_who_has_no_account_yet_gets_none(office: Office) -> None:
    office.world.person("9", "team")
    office.world.sync(write=False)

    ran = office.run("offboard", "Example 9", "--now", "--reason", "never began")
    office.world.sync()

    assert "no account, and none will be made" in ran.out
    assert "person:Example 9" not in office.world.tenant()


def test_without_now_it_only_tells_what_would_happen(office: Office) -> None:
    ran = office.run("offboard", "Example 3")

    assert ran.code == 0
    assert "stays; no last working day is known" in ran.out
    assert "out of sight, into Leavers" in ran.out
    assert not office.world.sync().reconciliation.plan.changes


def test_what_the_sources_say_is_told_besides(office: Office) -> None:
    office.world.edit("3", last="2026-11-30")
    office.world.edit("4", state="left")
    office.world.sync(write=False)

    soon, gone = office.run("offboard", "Example 3"), office.run("offboard", "Example 4")

    assert "leaves 2026-12-01 00:00 UTC" in soon.out
    assert "Leaves already: inactive in hr" in gone.out


def test_the_audit_log_names_who_did_it_to_whom_and_why(office: Office) -> None:
    office.run("offboard", "Example 3", "--now", "--reason", "dismissed")
    office.run("offboard", "Example 3", "--undo", "--reason", "wrong person")

    done, undone = office.audited()

    assert (done["reason"], done["facts"]["command"], done["label"]) == ("dismissed", "offboard", "Example 3")
    assert (undone["reason"], undone["facts"]["command"]) == ("wrong person", "offboard --undo")


def test_explain_and_status_show_it(office: Office) -> None:
    office.run("offboard", "Example 3", "--now", "--reason", "dismissed")

    explained = office.run("explain", "Example 3").out

    assert "offboarded by" in explained
    assert "dismissed" in explained
    assert "Example 3 by hand" in " ".join(office.run("status").out.split())
    assert office.run("status", "--json").json["offboarded"] == ["Example 3"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("Nobody Like That", "--now"), 3, "EXP-001"),
        (("Unit team", "--now"), 3, "OFB-001"),
        (("Example 3", "--undo"), 3, "OFB-004"),
        (("Example 3", "--now", "--undo"), 2, "CLI-220"),
        (("Example", "--now"), 3, "EXP-002"),
        (("Example 3", "--now", "--reason", " "), 2, "CLI-112"),
    ],
)
def test_what_is_not_meant_is_refused(office: Office, words: tuple[str, ...], code: int, said: str) -> None:
    ran = office.run("offboard", *words)

    assert (ran.code, said in ran.err) == (code, True)


def test_twice_is_said_and_changes_nothing(office: Office) -> None:
    office.run("offboard", "Example 3", "--now", "--reason", "dismissed")

    ran = office.run("offboard", "Example 3", "--now", "--reason", "again")

    assert (ran.code, "OFB-003" in ran.err) == (3, True)


def test_the_guard_holds_it_as_any_leaver(office: Office) -> None:
    world = office.world.world
    limits = Limits(by_effect={Effect.LEAVE: Limit(count=1)})
    office.world.world = replace(world, guard=replace(world.guard, limits=limits))
    told = office.run("offboard", "Example 3")
    office.run("offboard", "Example 3", "--now", "--reason", "dismissed")

    office.world.sync()

    assert "the guard holds it for leave" in told.out
    assert not hidden(office)


def test_explain_says_that_somebody_was_handed_over(office: Office) -> None:
    office.world.edit("4", manager="e3")
    office.world.sync()
    office.run("offboard", "Example 3", "--now", "--reason", "dismissed")
    office.world.sync()

    assert "Example 3 has left, and is still named as the manager" in office.run("explain", "Example 4").out
