"""`syncd links review`, `split`, `join`: both sides are shown and what would come of it; a decision is logged with its reason."""

from __future__ import annotations

import pytest

from support.office import Office, Opened
from support.small_world import SmallWorld
from support.two_sources import Directory


def company(world: SmallWorld) -> None:
    world.company(4)
    world.sync()


@pytest.fixture
def office(opened: Opened) -> Office:
    return opened(prepare=company)


@pytest.fixture
def open_id(office: Office) -> str:
    """A record of a directory that is probably Example 2."""
    Directory(office.world).account("2", title="By AD", mail="two@example.com")
    office.world.sync()
    (one,) = office.run("links", "review", "--json").json["proposals"]
    return str(one["id"])


def test_nothing_that_waits_is_said(office: Office) -> None:
    ran = office.run("links", "review")
    assert (ran.code, "Nothing waits" in ran.out) == (0, True)


def test_the_list_names_both_and_ends_with_5(office: Office, open_id: str) -> None:
    ran = office.run("links", "review")
    assert ran.code == 5
    for word in (open_id, "ad:2", "hr:2", "displayName", "1 proposal"):
        assert word in ran.out


def test_one_proposal_shows_both_sides_what_speaks_for_it_and_what_would_be_written(
    office: Office, open_id: str
) -> None:
    ran = office.run("links", "review", open_id[:6])
    assert ran.code == 0
    assert "a hint and no proof" in ran.out
    assert "account of Example 2: e2 (linked)" in ran.out
    assert [line for line in ran.out.splitlines() if "=" in line and "displayName" in line]
    assert [line for line in ran.out.splitlines() if "≠" in line and "139" in line and "138" in line]
    assert "title: — → By AD" in ran.out
    assert "email: — → two@example.com" in ran.out
    assert office.audited() == []
    assert office.run("links", "review", "--json").json["proposals"][0]["id"] == open_id


def test_accepting_is_logged_with_the_reason_and_explained(office: Office, open_id: str) -> None:
    ran = office.run("links", "review", open_id, "--accept", "--reason", "same birthday")
    assert (ran.code, "one person from now on" in ran.out) == (0, True)
    (entry,) = office.audited()
    assert entry["reason"] == "same birthday"
    assert entry["facts"]["command"] == "links review --accept"
    assert entry["facts"]["record"] == "ad:2"
    office.world.sync()
    assert office.world.tenant()["person:Example 2"]["title"] == "By AD"
    assert "same birthday" in office.run("explain", "e2").out


def test_rejecting_leaves_nothing_open(office: Office, open_id: str) -> None:
    ran = office.run("links", "review", open_id, "--reject", "--reason", "namesakes")
    assert (ran.code, "not proposed as such again" in ran.out) == (0, True)
    office.world.sync()
    assert office.run("links", "review").code == 0
    assert "namesakes" in office.run("explain", "two@example.com").out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--accept", "--reject", "--reason", "x"], "CLI-230"),
        (["--accept"], "CLI-231"),
    ],
)
def test_a_decision_that_is_not_one_is_refused(office: Office, open_id: str, words: list[str], code: str) -> None:
    ran = office.run("links", "review", open_id, *words)
    assert (ran.code, code in ran.err) == (2, True)
    assert office.run("links", "review", *words).code == 2


def test_a_proposal_that_is_not_there_is_refused(office: Office) -> None:
    ran = office.run("links", "review", "00000000", "--accept", "--reason", "x")
    assert (ran.code, "LNK-010" in ran.err) == (3, True)


# --- by hand ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def joined(office: Office) -> Office:
    Directory(office.world).account("2", number="e2", title="By AD", cn="Namesake")
    office.world.sync()
    return office


def test_a_split_shows_first_what_each_answer_would_write_and_does_nothing(joined: Office) -> None:
    ran = joined.run("links", "split", "Example 2", "--record", "ad:2")
    assert ran.code == 0
    assert "--keeps record" in ran.out
    assert "--keeps rest" in ran.out
    assert "Nothing was done" in ran.out
    assert set(joined.run("links", "split", "e2", "--record", "ad:2", "--json").json["keeps"]) == {"record", "rest"}
    assert joined.audited() == []


def test_a_split_needs_an_answer_and_is_logged(joined: Office) -> None:
    words = ("links", "split", "Example 2", "--record", "ad:2", "--reason", "namesakes")
    refused = joined.run(*words)
    assert (refused.code, "CLI-233" in refused.err) == (2, True)

    ran = joined.run(*words, "--keeps", "rest")

    assert (ran.code, "the account e2 stays" in ran.out) == (0, True)
    (entry,) = joined.audited()
    assert (entry["facts"]["command"], entry["facts"]["records"]) == ("links split", "ad:2")
    again = joined.run("links", "split", "Example 2", "--record", "hr:2")
    assert (again.code, "LNK-013" in again.err) == (3, True)


@pytest.mark.parametrize(
    ("record", "code", "exit_"), [("4711", "CLI-232", 2), ("ad:4711", "LNK-012", 3)], ids=["no source", "not theirs"]
)
def test_a_record_that_is_not_theirs_is_refused(joined: Office, record: str, code: str, exit_: int) -> None:
    ran = joined.run("links", "split", "Example 2", "--record", record, "--keeps", "rest", "--reason", "x")
    assert (ran.code, code in ran.err) == (exit_, True)


def test_two_are_joined_by_hand_after_it_was_shown(office: Office) -> None:
    Directory(office.world).account("9", cn="Married Name", title="By AD", mail="two@example.com")
    office.world.sync(write=False)

    shown = office.run("links", "join", "two@example.com", "e2")
    assert (shown.code, "title: — → By AD" in shown.out, office.audited()) == (0, True, [])
    done = office.run("links", "join", "two@example.com", "e2", "--reason", "married")

    assert (done.code, "They are one" in done.out) == (0, True)
    assert [entry["facts"]["command"] for entry in office.audited()] == ["links join"]
