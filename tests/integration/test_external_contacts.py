"""Partners as external contacts, from the records of a source to DingTalk's sandbox: made, changed, ended, and converted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from support.partner_world import PartnerWorld
from syncd.core.model import Effect, Kind, LinkState, Reason, SubjectId, TargetId
from syncd.core.policy import Limit, Limits
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings


@pytest.fixture
def company(migrated_file: Path, tmp_path: Path) -> Iterator[PartnerWorld]:
    """A leader, a colleague below, and two partners whom the colleague follows."""
    (tmp_path / "syncd.db").write_bytes(migrated_file.read_bytes())
    with SandboxServer(SandboxSettings(qps=None)) as server:
        world = PartnerWorld(tmp_path, server)
        world.unit("top", leader="e1")
        world.person("1", "top")
        world.person("2", "top", manager="e1")
        world.partner("7", "e2", title="Consultant")
        world.partner("8", "e2")
        yield world
        world.store.close()


def test_a_partner_becomes_a_contact_with_label_and_follower_and_no_account(company: PartnerWorld) -> None:
    company.sync()

    contact = company.contacts()["Example 7"]
    assert (contact.follower_user_id, contact.company_name, contact.title) == (
        "e2",
        "Example Partners Ltd",
        "Consultant",
    )
    assert (contact.state_code, contact.mobile, contact.label_ids) == ("86", "13800000007", (7_000_101,))
    assert company.accounts() == {"Example 1", "Example 2"}
    assert company.sync(fresh=True).tally.done == 0


def test_what_changes_in_the_source_changes_in_the_contact_and_what_is_not_ours_stays(company: PartnerWorld) -> None:
    company.sync()
    held = company.contacts()["Example 7"]
    company.server.tenant.put("contacts", held.userid, replace(held, address="By hand 1", remark="by hand"))
    company.edit("7", title=None, firm="Another Firm", manager="e1")

    done = company.sync(fresh=True)

    contact = company.contacts()["Example 7"]
    assert (contact.title, contact.company_name, contact.follower_user_id) == ("", "Another Firm", "e1")
    assert (contact.address, contact.remark, contact.mobile) == ("By hand 1", "by hand", "13800000007")
    assert {effect for one in done.reconciliation.plan.changes for effect in one.effects} == {Effect.CONTACT_UPDATE}
    assert company.sync(fresh=True).tally.done == 0


def test_a_hand_edit_of_a_contact_is_put_right_and_one_that_was_deleted_is_made_again(company: PartnerWorld) -> None:
    company.sync()
    seven, eight = company.contacts()["Example 7"], company.contacts()["Example 8"]
    company.server.tenant.put("contacts", seven.userid, replace(seven, company_name="By hand", label_ids=(7_000_102,)))
    company.server.tenant.drop("contacts", eight.userid)

    company.sync(fresh=True)

    assert company.contacts()["Example 7"].company_name == "Example Partners Ltd"
    assert company.contacts()["Example 7"].label_ids == (7_000_101,)
    assert company.contacts()["Example 8"].userid != eight.userid


def test_a_contact_ends_with_the_record_without_a_grace_period(company: PartnerWorld) -> None:
    company.world = replace(company.world, leavers=replace(company.world.leavers, hold=True))
    company.sync()
    company.leave("7")
    company.edit("8", state="left")

    company.sync()

    assert company.contacts() == {}
    assert company.sync(fresh=True).tally.done == 0


def test_when_the_follower_leaves_the_next_one_above_follows(company: PartnerWorld) -> None:
    company.sync()
    company.leave("2")

    company.sync()

    assert {one.follower_user_id for one in company.contacts().values()} == {"e1"}
    assert company.accounts() == {"Example 1"}
    assert company.sync(fresh=True).tally.done == 0


def test_a_partner_whom_nobody_follows_waits_and_is_told_where_the_rule_stands(company: PartnerWorld) -> None:
    company.edit("7", manager=None)
    done = company.sync()

    (aside,) = [one for one in done.reconciliation.plan.aside if one.label == "Example 7"]
    assert aside.reason is Reason.PARKED
    assert "follower" in aside.problems[0].what
    assert str(aside.problems[0].place).startswith(str(company.folder / "out.yaml:"))
    assert set(company.contacts()) == {"Example 8"}


def test_a_partner_of_a_partner_is_followed_by_the_next_colleague_above(company: PartnerWorld) -> None:
    company.partner("9", "e8")
    company.sync()

    assert company.contacts()["Example 9"].follower_user_id == "e2"
    assert company.sync(fresh=True).tally.done == 0


def test_contractors_go_by_the_rules_for_people_and_employees_never_become_contacts(company: PartnerWorld) -> None:
    company.unit("partners", "top")
    company.says("partners", outer="yes")
    company.person("9", "partners", kind="contractor", manager="e1")

    company.sync()

    assert "Example 9" in company.accounts()
    assert set(company.contacts()) == {"Example 7", "Example 8"}


def test_a_contact_that_colleagues_made_is_adopted_by_its_number_and_others_are_left_alone(
    company: PartnerWorld,
) -> None:
    company.sync()
    tenant = company.server.tenant
    made = replace(company.contacts()["Example 7"], userid="byhand1", name="By Hand", mobile="13900000001")
    tenant.put("contacts", "byhand1", made)
    tenant.put("contacts", "byhand2", replace(made, userid="byhand2", mobile="13900000002"))
    company.partner("9", "e2", mobile="13900000001")

    company.sync(fresh=True)

    assert tenant.contacts["byhand1"].name == "Example 9"
    assert tenant.contacts["byhand2"].name == "By Hand"
    with company.store.reading() as tx:
        link = tx.links.find("dingtalk", Kind.CONTACT, TargetId("byhand1"))
    assert link is not None
    assert link.adopted


def test_the_guard_holds_contacts_by_limits_of_their_own(company: PartnerWorld) -> None:
    limits = Limits(by_effect={Effect.CONTACT_CREATE: Limit(count=2), Effect.CREATE: Limit(count=0)})
    company.sync()
    company.world = replace(company.world, guard=replace(company.world.guard, limits=limits))
    company.partner("10", "e2")
    company.partner("11", "e2")

    done = company.sync()

    (hold,) = done.reconciliation.judgement.holds
    assert (hold.effect, {one.label for one in hold.changes}) == (Effect.CONTACT_CREATE, {"Example 10", "Example 11"})
    assert set(company.contacts()) == {"Example 7", "Example 8"}


# --- who sees a contact -----------------------------------------------------------------------------------------------


def shared(company: PartnerWorld, label: str = "Example 7") -> tuple[set[str], set[str]]:
    """Return the names of the departments that a contact is shared with, and the ids of the people."""
    contact, departments = company.contacts()[label], company.server.tenant.live.departments
    return {departments[one].name for one in contact.share_dept_ids}, set(contact.share_user_ids)


def test_a_contact_is_shared_with_the_departments_and_people_that_its_record_names(company: PartnerWorld) -> None:
    company.unit("team", "top")
    company.person("3", "team", manager="e1")
    company.edit("7", seen_by_units="team", seen_by="e1,e3")

    company.sync()

    assert shared(company) == ({"Unit team"}, {"e1", "e3"})
    assert shared(company, "Example 8") == (set(), set())
    assert company.sync(fresh=True).tally.done == 0


def test_with_whom_it_is_shared_no_more_does_not_see_it_and_what_no_rule_names_stays(company: PartnerWorld) -> None:
    company.edit("7", seen_by_units="top", seen_by="e1")
    company.sync()
    company.edit("7", seen_by_units=None, seen_by=None)
    held = company.contacts()["Example 8"]
    company.server.tenant.put("contacts", held.userid, replace(held, address="By hand 1"))

    company.sync(fresh=True)

    assert shared(company) == (set(), set())
    assert company.contacts()["Example 8"].address == "By hand 1"
    assert company.sync(fresh=True).tally.done == 0


def test_a_colleague_who_is_named_before_they_come_is_added_when_they_are_there(company: PartnerWorld) -> None:
    company.edit("7", seen_by="e1,e3")
    company.sync()
    assert shared(company)[1] == {"e1"}

    company.person("3", "top", manager="e1")
    company.sync()

    assert shared(company)[1] == {"e1", "e3"}


@pytest.mark.parametrize("hold", [True, False])
@pytest.mark.parametrize("others", ["e1,e3", "e3"])
def test_nobody_who_has_left_is_among_them_and_whoever_comes_back_is_again(
    company: PartnerWorld, others: str, hold: bool
) -> None:
    company.world = replace(company.world, leavers=replace(company.world.leavers, hold=hold))
    company.person("3", "top", manager="e1")
    company.edit("7", seen_by=others)
    company.sync()
    company.edit("3", state="left")

    company.sync()
    company.sync()

    assert shared(company)[1] == {*others.split(",")} - {"e3"}
    assert company.sync(fresh=True).tally.done == 0

    company.edit("3", state="here")
    company.sync()
    company.sync()

    assert shared(company)[1] == {*others.split(",")}


def test_while_the_guard_holds_a_leaver_nobody_is_taken_from_those_who_see_a_contact(company: PartnerWorld) -> None:
    company.world = replace(company.world, leavers=replace(company.world.leavers, hold=True))
    company.person("3", "top", manager="e1")
    company.edit("7", seen_by="e3")
    company.sync()
    limits = Limits(by_effect={Effect.LEAVE: Limit(count=1)})
    company.world = replace(company.world, guard=replace(company.world.guard, limits=limits))
    company.edit("3", state="left")

    company.sync()

    assert shared(company)[1] == {"e3"}


def test_another_partner_is_nobody_with_whom_a_contact_can_be_shared(company: PartnerWorld) -> None:
    company.edit("7", seen_by="e1,e8")

    done = company.sync()

    assert shared(company)[1] == {"e1"}
    assert [one.message.code for one in done.reconciliation.plan.warnings] == ["PLN-008"]


# --- conversions ------------------------------------------------------------------------------------------------------


def link_of(company: PartnerWorld, label: str) -> tuple[Kind, LinkState, str]:
    with company.store.reading() as tx:
        subjects = {row.label: row.subject for row in tx.records.iterate()}
        link = tx.links.get("dingtalk", subjects[label] or SubjectId(""))
    assert link is not None
    return link.kind, link.state, link.target_id


def test_a_partner_who_is_hired_gets_an_account_and_then_the_contact_goes(company: PartnerWorld) -> None:
    company.sync()
    company.edit("7", kind="staff", unit="top")

    done = company.sync()

    assert company.accounts() == {"Example 1", "Example 2", "Example 7"}
    assert set(company.contacts()) == {"Example 8"}
    assert link_of(company, "Example 7") == (Kind.PERSON, LinkState.LINKED, "e7")
    assert [(one.op, one.kind) for one in done.reconciliation.plan.changes] == [("create", Kind.PERSON)]
    assert company.sync(fresh=True).tally.done == 0


def test_where_the_account_is_refused_the_contact_stays(company: PartnerWorld) -> None:
    company.sync()
    company.edit("7", kind="staff", unit="top", mobile="13800000001")  # the leader's number

    company.sync()

    assert company.accounts() == {"Example 1", "Example 2"}
    assert set(company.contacts()) == {"Example 7", "Example 8"}
    assert link_of(company, "Example 7")[:2] == (Kind.CONTACT, LinkState.LINKED)


def test_an_employee_who_becomes_a_partner_leaves_first_and_is_a_contact_then(company: PartnerWorld) -> None:
    company.person("3", "top", manager="e1")
    company.sync()
    company.edit("3", kind="partner", firm="Example Partners Ltd")

    first = company.sync()
    assert [one.effects for one in first.reconciliation.plan.changes] == [(Effect.LEAVE,)]
    company.sync()

    assert company.accounts() == {"Example 1", "Example 2"}
    assert company.contacts()["Example 3"].follower_user_id == "e1"
    assert link_of(company, "Example 3")[:2] == (Kind.CONTACT, LinkState.LINKED)
    assert company.sync(fresh=True).tally.done == 0
