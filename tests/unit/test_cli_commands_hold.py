"""`syncd hold`: exactly the set that was shown goes through, for somebody allowed to, until it expires. All of it logged."""

from __future__ import annotations

import os
import pwd
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from support.office import Office, Opened
from support.small_world import SmallWorld
from syncd.cli import operating
from syncd.core.model import Effect
from syncd.core.policy import Limit, Limits
from syncd.engine.world import GuardTerms

GUARD = GuardTerms(plan_only_first=False, limits=Limits(by_effect={Effect.UPDATE: Limit(count=2)}), shrink_minimum=4)


def with_two_held(world: SmallWorld) -> None:
    """Two people of six get a title at once, which the guard holds."""
    world.company(6)
    world.sync()
    world.world = replace(world.world, guard=GUARD)
    world.edit("3", title="Baker")
    world.edit("4", title="Miller")
    world.sync()


@pytest.fixture
def office(opened: Opened) -> Office:
    one = opened(prepare=with_two_held)
    one.world.world = replace(one.world.world, guard=GUARD)
    return one


def hold(office: Office) -> dict[str, Any]:
    found: dict[str, Any] = office.run("hold", "list", "--json").json["holds"][0]
    return found


def titles(office: Office) -> list[Any]:
    return [office.world.target.objects["person", f"e{number}"].get("title") for number in (3, 4)]  # type: ignore[index]


def test_list_shows_what_waits_for_a_decision_and_ends_with_5(office: Office) -> None:
    ran = office.run("hold", "list")
    assert ran.code == 5
    assert "2 update changes reach the limit of 2" in ran.out


def test_show_names_everybody_with_old_and_new(office: Office) -> None:
    ran = office.run("hold", "show", hold(office)["id"])
    assert ran.code == 0
    for text in ("Example 3", "title: — → Baker", "Example 4", "title: — → Miller", "syncd hold release"):
        assert text in ran.out


def test_a_release_lets_exactly_this_set_through_with_the_next_sync(office: Office) -> None:
    ran = office.run("hold", "release", hold(office)["id"], "--reason", "promotion round, ticket 4711")
    assert ran.code == 0
    assert "next `syncd sync`" in ran.out
    assert titles(office) == [None, None]
    office.world.sync()
    assert titles(office) == ["Baker", "Miller"]


def test_a_release_of_another_set_lets_nothing_through(office: Office) -> None:
    office.run("hold", "release", hold(office)["id"], "--reason", "promotion round")
    office.world.edit("5", title="Smith")
    office.world.sync()
    assert titles(office) == [None, None]
    assert hold(office)["count"] == 3


def test_show_says_when_the_plan_of_now_is_another_one(office: Office) -> None:
    id_ = hold(office)["id"]
    assert office.run("hold", "show", id_, "--json").json["current"] is True
    office.world.edit("4", title=None)
    with office.world.store.transaction() as tx:
        row = tx.holds.get(id_)
        assert row is not None
        tx.holds.put(replace(row, fingerprint="0" * 64))
    ran = office.run("hold", "show", id_)
    assert "no longer exactly this set" in ran.out
    assert "- Example 3" in ran.out


def test_a_release_is_logged_with_who_and_why(office: Office) -> None:
    office.run("hold", "release", hold(office)["id"], "--reason", "ticket 4711")
    (released,) = office.audited("hold.released")
    (command,) = office.audited()
    assert released["reason"] == command["reason"] == "ticket 4711"
    assert released["facts"]["effect"] == "update"
    assert len(released["facts"]["fingerprint"]) == 64
    assert command["facts"]["by"] == operating.operator()


def test_a_drop_refuses_the_set_and_is_logged(office: Office) -> None:
    office.run("hold", "drop", hold(office)["id"], "--reason", "wrong file")
    assert office.run("hold", "list").code == 0
    assert [entry["reason"] for entry in office.audited("hold.dropped")] == ["wrong file"]
    assert "dropped" in office.run("hold", "list", "--all").out


def test_an_expired_hold_cannot_be_released(office: Office) -> None:
    id_ = hold(office)["id"]
    office.world.time += timedelta(days=3)
    ran = office.run("hold", "release", id_, "--reason", "late")
    assert (ran.code, "CLI-151" in ran.err, "expired" in ran.err) == (8, True, True)
    assert office.audited("hold.released") == []


def test_a_hold_cannot_be_decided_twice(office: Office) -> None:
    id_ = hold(office)["id"]
    office.run("hold", "release", id_, "--reason", "yes")
    ran = office.run("hold", "drop", id_, "--reason", "no")
    assert (ran.code, "CLI-151" in ran.err) == (8, True)


def test_only_approvers_may_release_where_there_are_any(office: Office) -> None:
    office.settings.guard.approvers = ["anna", "ben"]
    ran = office.run("hold", "release", hold(office)["id"], "--reason", "please")
    assert (ran.code, "CLI-152" in ran.err, "anna, ben" in ran.err) == (3, True, True)
    assert hold(office)["state"] == "open"
    office.settings.guard.approvers = [operating.operator()]
    assert office.run("hold", "release", hold(office)["id"], "--reason", "please").code == 0


def test_nobody_becomes_an_approver_by_setting_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_USER", raising=False)
    real = pwd.getpwuid(os.getuid()).pw_name
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "anna")
    assert operating.operator() == real


def test_sudo_user_is_believed_from_root_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "anna")
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert operating.operator() == "anna"
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)
    assert operating.operator() == "uid:4000000000"


def test_an_unknown_hold_is_refused(office: Office) -> None:
    ran = office.run("hold", "show", "leave-00000000")
    assert (ran.code, "CLI-150" in ran.err) == (3, True)


def test_the_beginning_of_an_id_is_enough(office: Office) -> None:
    assert office.run("hold", "show", "update-", "--json").json["hold"]["id"] == hold(office)["id"]


def test_a_source_that_has_shrunk_is_released_and_then_believed(office: Office) -> None:
    office.run("hold", "drop", hold(office)["id"], "--reason", "first things first")
    office.world.edit("3", title=None)
    office.world.edit("4", title=None)
    office.world.leave("5")
    office.world.leave("6")
    office.world.sync()
    shrunk = hold(office)
    assert shrunk["effect"] == "source_shrunk"
    shown = office.run("hold", "show", shrunk["id"]).out
    assert "Example 5 (5)" in shown
    assert "no longer exactly" not in shown
    ran = office.run("hold", "release", shrunk["id"], "--reason", "branch closed")
    assert "takes the missing records for gone" in ran.out
    office.world.sync()
    with office.world.store.reading() as tx:
        gone = [row.native_id for row in tx.records.iterate() if row.absent_since is not None]
    assert sorted(gone) == ["5", "6"]
