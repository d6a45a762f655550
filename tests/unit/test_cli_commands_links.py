"""`syncd links`: whose account is whose, and mending it by hand. A link is made on proof or by a person, never by guess."""

from __future__ import annotations

import pytest

from support.office import Office, Opened
from support.small_world import SmallWorld
from syncd.core.model import Kind, Link, SubjectId, TargetId


def company(world: SmallWorld) -> None:
    world.company(4)
    world.sync()


@pytest.fixture
def office(opened: Opened) -> Office:
    return opened(prepare=company)


def link_of(office: Office, kind: Kind, target_id: str) -> Link | None:
    with office.world.store.reading() as tx:
        return tx.links.find("memory", kind, TargetId(target_id))


def subject_of(office: Office, kind: Kind, target_id: str) -> SubjectId:
    link = link_of(office, kind, target_id)
    assert link is not None
    return link.subject


def stranger(office: Office, target_id: str = "old-4") -> None:
    """An account that somebody made by hand, and that was seen."""
    office.world.target.objects[Kind.PERSON, TargetId(target_id)] = {"name": "Example Four", "mobile": "139"}
    office.world.sync(fresh=True)


def test_list_names_everybody_with_their_account(office: Office) -> None:
    ran = office.run("links", "list")
    assert "Example 3" in ran.out
    assert "e3" in ran.out
    assert "6 links." in ran.out
    assert len(office.run("links", "list", "--kind", "unit", "--json").json["links"]) == 2


def test_unlinked_shows_both_sides(office: Office) -> None:
    stranger(office)
    office.run("links", "unbind", "Example 3", "--reason", "a namesake")
    found = office.run("links", "list", "--unlinked", "--json").json
    assert {one["target_id"] for one in found["objects"]} == {"old-4", "e3"}
    assert [label for _, _, label in found["subjects"]] == ["Example 3"]
    assert "Example Four" in office.run("links", "list", "--unlinked").out


@pytest.mark.parametrize("who", ["Example 3", "example 3", "3", "e3"])
def test_show_finds_somebody_by_name_record_or_account(office: Office, who: str) -> None:
    ran = office.run("links", "show", who)
    assert ran.code == 0
    assert "linked: person e3" in ran.out
    assert "record hr/3: mapped" in ran.out
    assert "Example 3" in ran.out


def test_bind_links_a_subject_to_an_account_that_is_there_and_logs_it(office: Office) -> None:
    stranger(office)
    subject = subject_of(office, Kind.PERSON, "e4")
    office.run("links", "unbind", "e4", "--reason", "made twice")
    ran = office.run("links", "bind", "Example 4", "old-4", "--reason", "same person, asked HR")
    assert ran.code == 0
    link = link_of(office, Kind.PERSON, "old-4")
    assert link is not None
    assert (link.subject, link.adopted) == (subject, True)
    entries = office.audited()
    assert [entry["facts"]["command"] for entry in entries] == ["links unbind", "links bind"]
    assert entries[1]["target"] == "old-4"
    assert entries[1]["reason"] == "same person, asked HR"


def test_bind_refuses_somebody_who_is_linked_already(office: Office) -> None:
    stranger(office)
    ran = office.run("links", "bind", "Example 4", "old-4", "--reason", "because")
    assert (ran.code, "LNK-001" in ran.err) == (3, True)
    assert office.audited() == []


def test_bind_refuses_an_account_that_was_not_seen(office: Office) -> None:
    office.run("links", "unbind", "Example 4", "--reason", "because")
    ran = office.run("links", "bind", "Example 4", "nowhere", "--reason", "because")
    assert (ran.code, "LNK-002" in ran.err) == (3, True)


def test_bind_refuses_an_account_that_is_somebody_else_s(office: Office) -> None:
    office.run("links", "unbind", "Example 4", "--reason", "because")
    ran = office.run("links", "bind", "Example 4", "e3", "--reason", "because")
    assert (ran.code, "STO-009" in ran.err) == (3, True)
    assert link_of(office, Kind.PERSON, "e4") is None


def test_unbind_leaves_the_object_alone_and_says_what_comes_next(office: Office) -> None:
    ran = office.run("links", "unbind", "Example 3", "--reason", "a namesake")
    assert "syncd plan" in ran.out
    assert link_of(office, Kind.PERSON, "e3") is None
    assert (Kind.PERSON, "e3") in office.world.target.objects


def test_unbind_refuses_who_is_not_linked(office: Office) -> None:
    office.run("links", "unbind", "Example 3", "--reason", "a namesake")
    ran = office.run("links", "unbind", "Example 3", "--reason", "again")
    assert (ran.code, "LNK-004" in ran.err) == (3, True)


def test_nothing_is_bound_while_a_change_is_in_doubt(office: Office) -> None:
    office.world.edit("3", title="Baker")
    office.world.sync(write=False)
    with office.world.store.transaction() as tx:
        from syncd.core.model import Change, Effect, Lane, Op, RunId

        change = Change(
            op=Op.UPDATE,
            subject=tx.links.by_target("memory")[Kind.PERSON, TargetId("e3")].subject,
            kind=Kind.PERSON,
            label="Example 3",
            reason="test",
            effects=(Effect.UPDATE,),
            lane=Lane.REST,
            rank=1,
        )
        tx.queue.accept(RunId("r"), [change], at=office.world.now())
        tx.queue.claim(office.world.now(), 1)
    ran = office.run("links", "unbind", "Example 3", "--reason", "now")
    assert (ran.code, "LNK-003" in ran.err) == (3, True)


def test_check_finds_nothing_wrong_with_a_sound_state(office: Office) -> None:
    ran = office.run("links", "check")
    assert (ran.code, "They fit." in ran.out) == (0, True)


def test_check_names_links_whose_object_is_missing(office: Office) -> None:
    del office.world.target.objects[Kind.PERSON, TargetId("e3")]
    office.world.sync(write=False, fresh=True)
    ran = office.run("links", "check")
    assert ran.code == 4
    assert "missing   Example 3 is linked to person e3" in ran.out


def test_repair_links_again_what_carries_our_mark_and_logs_it(office: Office) -> None:
    before = office.run("links", "list", "--kind", "unit", "--json").json["links"]
    with office.world.store.transaction() as tx:
        tx.links.drop("memory", [SubjectId(one["link"]["subject"]) for one in before])
    ran = office.run("links", "check")
    assert ran.code == 4
    assert "carries the mark of Unit team" in ran.out
    ran = office.run("links", "check", "--repair", "--reason", "restored a backup")
    assert ran.code == 0
    after = office.run("links", "list", "--kind", "unit", "--json").json["links"]
    assert [one["link"]["target_id"] for one in after] == [one["link"]["target_id"] for one in before]
    assert {entry["reason"] for entry in office.audited()} == {"restored a backup"}
    assert len(office.audited()) == 2


def test_a_mark_on_two_objects_is_told_and_never_repaired(office: Office) -> None:
    (team,) = (
        one for one in office.run("links", "list", "--kind", "unit", "--json").json["links"] if "team" in one["label"]
    )
    mark = office.world.target.mark(SubjectId(team["link"]["subject"]))
    office.world.target.objects[Kind.UNIT, TargetId("4711")] = {"name": "Copy"}
    office.world.target.marks[TargetId("4711")] = mark
    office.world.sync(write=False, fresh=True)
    with office.world.store.transaction() as tx:
        tx.links.drop("memory", [SubjectId(team["link"]["subject"])])
    ran = office.run("links", "check", "--repair", "--reason", "try")
    assert ran.code == 4
    assert "doubled   the mark of Unit team is on" in ran.out
    assert link_of(office, Kind.UNIT, "4711") is None
    assert office.audited() == []
