"""An adversary's week, replayed against the real engine: E rename, move, rehire and collision, F nesting and managers.

What went wrong in other products, one promise at a time. The other letters are in the files beside this one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from support.incidents import Make, homes, in_step, making, settled
from support.small_world import SmallWorld
from syncd.core.model import Kind, Op, TargetId
from syncd.core.outcome import Applied
from syncd.engine.cycle import Result
from syncd.engine.world import LeaverTerms


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    yield from making(tmp_path)


@pytest.fixture
def company(make: Make) -> SmallWorld:
    return in_step(make())


# --- E: rename, move, rehire, collision -------------------------------------------------------------------------------


def test_two_people_who_swap_departments_are_two_updates(company: SmallWorld) -> None:
    """E."""
    company.edit("1", unit="team")
    company.edit("2", unit="top")

    done = company.sync()

    assert done.tally.confirmed["update person"] == 2
    assert (homes(company, "Example 1"), homes(company, "Example 2")) == (("Unit team",), ("Unit top",))
    settled(company)


def test_a_whole_branch_is_renamed_and_moved_and_everybody_keeps_the_account(company: SmallWorld) -> None:
    """E (nextcloud#8764: a renamed OU duplicates everybody; #34428: a moved one empties its groups)."""
    company.unit("other")
    company.sync()
    before = set(company.target.objects)
    company.unit("top", "other", leader="e1", name="Renamed and moved")
    company.unit("team", "top", name="Renamed too")

    done = company.sync()

    assert dict(done.tally.confirmed) == {"update unit": 2}
    assert set(company.target.objects) == before
    settled(company)


def test_departments_can_pass_a_name_on_in_one_cycle(company: SmallWorld) -> None:
    """E: a name is free only once its holder has given it up."""
    for key, name in (("a", "Alpha"), ("b", "Beta"), ("c", "Gamma")):
        company.unit(key, "top", name=name)
    company.sync()
    company.unit("a", "top", name="Beta")
    company.unit("b", "top", name="Gamma")
    company.unit("c", "top", name="Delta")

    done = company.sync()

    assert done.tally.troubles == {}
    assert dict(done.tally.confirmed) == {"update unit": 3}
    settled(company)


def test_two_departments_swap_their_names(company: SmallWorld) -> None:
    """E: neither name is free for the other; both departments stay themselves, with the people in them."""
    company.unit("a", "top", name="Alpha")
    company.unit("b", "top", name="Beta")
    company.person("6", "a")
    company.sync()
    company.unit("a", "top", name="Beta")
    company.unit("b", "top", name="Alpha")

    done = company.sync()

    assert done.tally.troubles == {}
    assert homes(company, "Example 6") == ("Beta",)
    settled(company)


def test_a_department_takes_the_name_of_one_that_goes(company: SmallWorld) -> None:
    """E: a unit is replaced by a new one of the same name, with the people in it."""
    del company.source.records[Kind.UNIT, "team"]
    company.unit("again", "top", name="Unit team")
    for number in "2345":
        company.edit(number, unit="again")

    for _ in range(3):
        company.sync()

    assert homes(company, "Example 2") == ("Unit team",)
    assert [name for name in company.tenant() if name.startswith("unit:Unit team")] == ["unit:Unit team"]
    settled(company)


def test_a_department_moves_below_its_own_former_child(company: SmallWorld) -> None:
    """E: the child has to be out of the way first, or the tree would be a circle (DingTalk 60010)."""
    company.unit("team", leader=None)
    company.unit("top", "team", leader="e1")

    done = company.sync()

    assert done.tally.troubles == {}
    assert company.tenant()["unit:Unit top"]["parent"] == "Unit team"
    settled(company)


def test_a_chain_of_departments_is_turned_upside_down(company: SmallWorld) -> None:
    """E."""
    keys = ["z", "y", "x", "w", "v"]
    for key, parent in zip(keys, [None, *keys], strict=False):
        company.unit(key, parent)
    company.sync()
    for key, parent in zip(reversed(keys), [None, *reversed(keys)], strict=False):
        company.unit(key, parent)

    done = company.sync()

    assert done.tally.troubles == {}
    assert company.tenant()["unit:Unit z"]["parent"] == "Unit y"
    settled(company)


def test_a_collision_of_department_names_is_named_and_blocks_nobody_else(company: SmallWorld) -> None:
    """E (owncloud/user_ldap#751: one collision blocks every new user, and 0 errors are reported)."""
    company.unit("r1", "top", name="Research")
    company.unit("r2", "top", name=" Research ")
    company.person("6", "r1")
    company.person("7", "r2")
    company.person("8", "team")

    done = company.sync()

    assert done.result is Result.TROUBLED
    tenant = company.tenant()
    assert "person:Example 8" in tenant
    arrived = [name for name in ("Example 6", "Example 7") if f"person:{name}" in tenant]
    assert len(arrived) == 1
    assert len(done.blocked) == 1
    assert [label.strip() for label in done.blocked.values()] == ["Research"]


def test_a_collision_heals_by_itself_when_the_other_one_gives_the_name_up(company: SmallWorld) -> None:
    """E, G: parked is not for ever; nobody has to know of `queue retry` for what the directory has mended."""
    company.person("6", "team", mobile="13800000002")
    assert company.sync().result is Result.TROUBLED
    company.edit("2", mobile="13900000002")

    done = company.sync()

    assert done.tally.troubles == {}

    assert company.tenant()["person:Example 6"]["mobile"] == "13800000002"
    settled(company)


def test_a_phone_goes_from_a_leaver_to_a_joiner_when_leavers_are_removed_at_once(make: Make) -> None:
    """E: the number is free only when the leaver's account is gone, so the joiner comes after it."""
    world = make(leavers=LeaverTerms(hold=False))
    world.company()
    world.sync()
    world.leave("5")
    world.person("6", "team", mobile="13800000005")

    done = world.sync()

    assert done.tally.troubles == {}
    assert dict(done.tally.confirmed) == {"remove person": 1, "create person": 1}
    assert [op for op, _ in world.target.log[-2:]] == [Op.REMOVE, Op.CREATE]


def test_a_phone_of_a_leaver_who_is_on_hold_is_named_and_freed_by_time(company: SmallWorld) -> None:
    """E: while the leaver waits the number is taken; the joiner is named, and comes in without a hand when it is free."""
    company.leave("5")
    company.person("6", "team", mobile="13800000005")
    done = company.sync()
    assert [label for label, _ in done.tally.troubles.values()] == ["Example 6"]

    company.time += timedelta(days=31)
    for _ in range(2):
        company.sync()

    assert company.tenant()["person:Example 6"]["mobile"] == "13800000005"
    assert "person:Example 5" not in company.tenant()
    settled(company)


def test_two_people_swap_their_numbers_and_neither_is_lost(company: SmallWorld) -> None:
    """E: no platform can do it, since neither number is free; both are named, and keep what they have."""
    company.edit("2", mobile="13800000003", title="Two")
    company.edit("3", mobile="13800000002", title="Three")

    done = company.sync()

    assert sorted(label for label, _ in done.tally.troubles.values()) == ["Example 2", "Example 3"]
    tenant = company.tenant()
    assert (tenant["person:Example 2"]["title"], tenant["person:Example 3"]["title"]) == ("Two", "Three")


def test_people_who_pass_their_addresses_around_in_a_circle_all_get_the_new_ones(company: SmallWorld) -> None:
    """E: none is free for the next; one of them does without for a moment, and nobody's other changes wait for that."""
    for key, mail in zip("2345", "abcd", strict=True):
        company.edit(key, mail=f"{mail}@example.com")
    company.sync()
    for key, mail in zip("2345", "badc", strict=True):
        company.edit(key, mail=f"{mail}@example.com", title="Swapped")
    company.sync()
    for key, mail in zip("234", "dba", strict=True):
        company.edit(key, mail=f"{mail}@example.com", manager="e1")
    company.edit("5", mail="c@example.com", manager="e1")

    done = company.sync()

    assert done.tally.troubles == {}
    held = {name: seen["email"] for name, seen in company.tenant().items() if seen.get("email")}
    wanted = {"2": "d", "3": "b", "4": "a", "5": "c"}
    assert held == {f"person:Example {key}": f"{mail}@example.com" for key, mail in wanted.items()}
    settled(company)


def test_a_swap_of_addresses_that_comes_to_be_known_one_by_one_heals_by_itself(company: SmallWorld) -> None:
    """E: whoever is read first is refused; when the other one is read, too, both are seen together."""
    company.edit("2", mail="a@example.com")
    company.edit("3", mail="b@example.com")
    company.sync()
    company.edit("2", mail="b@example.com")
    assert company.sync().queue.parked == 1
    company.edit("3", mail="a@example.com")

    done = company.sync()

    assert done.tally.troubles == {}
    assert company.tenant()["person:Example 2"]["email"] == "b@example.com"
    assert company.tenant()["person:Example 3"]["email"] == "a@example.com"
    settled(company)


def test_somebody_who_is_hired_again_under_a_new_record_keeps_the_account(company: SmallWorld) -> None:
    """E (keycloak#10173, azure-docs#50316): the record is new, number and name are not."""
    before = company.source.records[Kind.PERSON, "5"]
    company.leave("5")
    company.sync()
    company.source.records[Kind.PERSON, "5-again"] = {**before, "title": "Back"}

    done = company.sync()

    assert dict(done.tally.confirmed) == {"update person": 1}
    assert homes(company, "Example 5") == ("Unit team",)
    assert company.tenant()["person:Example 5"]["title"] == "Back"
    settled(company)


def test_a_record_that_is_replaced_within_one_cycle_is_no_leaver_and_no_joiner(company: SmallWorld) -> None:
    """E (contingent → employee): the old record goes and the new one comes between two reads."""
    before = company.source.records[Kind.PERSON, "5"]
    company.leave("5")
    company.source.records[Kind.PERSON, "converted"] = {**before, "title": "Employee"}

    done = company.sync()

    assert dict(done.tally.confirmed) == {"update person": 1}
    settled(company)


def test_an_account_that_is_found_in_place_of_ones_own_stays_its_owners_and_hinders_nobody(company: SmallWorld) -> None:
    """E: the answer to a creation was lost, and what was found for it is the account of somebody who is about to leave."""
    company.person("6", "team")
    company.edit("2", title="Lead")
    theirs = TargetId("e5")
    company.target.fault = lambda change: Applied(target_id=theirs) if change.op is Op.CREATE else None

    done = company.sync()

    assert [label for label, _ in done.tally.troubles.values()] == ["Example 6"]
    assert dict(done.tally.confirmed) == {"update person": 1}
    with company.store.transaction() as tx:
        holder = tx.links.by_objects(company.world.target_name, Kind.PERSON, [theirs])[theirs].subject
    company.target.fault = lambda _: None
    company.time += timedelta(hours=1)
    company.sync()
    with company.store.transaction() as tx:
        assert tx.links.by_objects(company.world.target_name, Kind.PERSON, [theirs])[theirs].subject == holder
    assert company.tenant().keys() >= {"person:Example 5", "person:Example 6"}
    settled(company)


def test_a_reused_employee_number_never_hands_over_somebody_elses_account(company: SmallWorld) -> None:
    """E: the number is the leaver's, the name is not; nobody gets into another person's account by a number."""
    company.leave("5")
    company.sync()
    company.person("55", "team", id="e5", name="Somebody Else", mobile="13800000055")

    done = company.sync()

    assert [label for label, _ in done.tally.troubles.values()] == ["Somebody Else"]
    assert company.target.objects[Kind.PERSON, TargetId("e5")]["name"] == "Example 5"

    company.time += timedelta(days=31)
    for _ in range(2):
        company.sync()
    assert company.target.objects[Kind.PERSON, TargetId("e5")]["name"] == "Somebody Else"
    settled(company)


def test_somebody_without_a_department_keeps_the_one_that_the_account_has(company: SmallWorld) -> None:
    """E: no word about departments is not the word "none"; who cannot be written whole is named and left as it is."""
    company.edit("4", unit=None)
    company.person("9")
    company.edit("9", unit=None)

    done = company.sync()

    assert homes(company, "Example 4") == ("Unit team",)
    named = {aside.label for aside in done.reconciliation.plan.aside} | {one for one, _ in done.tally.troubles.values()}
    assert named == {"Example 4", "Example 9"}


def test_two_people_of_one_name_are_two_people(company: SmallWorld) -> None:
    """E (nextcloud, snipe-it#6474)."""
    company.person("6", "team", name="Example 2")
    company.sync()
    assert {(Kind.PERSON, TargetId("e2")), (Kind.PERSON, TargetId("e6"))} <= set(company.target.objects)
    settled(company)


# --- F: nesting, order, managers --------------------------------------------------------------------------------------


def test_five_levels_that_arrive_bottom_up_are_built_top_down(company: SmallWorld) -> None:
    """F (casdoor#5035: 80 people became 37; go-ldap-admin#71: nothing below the second level)."""
    for place in range(1, 6):
        company.unit(f"level{place}", f"level{place + 1}" if place < 5 else None)
        company.person(str(9 + place), f"level{place}")

    done = company.sync()

    assert done.tally.troubles == {}
    assert sum(name.startswith("person:") for name in company.tenant()) == 10
    settled(company)

    company.unit("level5", "team")
    assert dict(company.sync().tally.confirmed) == {"update unit": 1}
    settled(company)


def test_a_circle_of_managers_is_written_and_reported(company: SmallWorld) -> None:
    """F (ocsf-schema#1426)."""
    company.person("6", "team", manager="e7")
    company.person("7", "team", manager="e6")

    done = company.sync()

    assert "REC-003" in {problem.code for problem in done.reconciliation.plan.warnings}
    assert company.tenant()["person:Example 6"]["manager"] == "Example 7"
    assert company.tenant()["person:Example 7"]["manager"] == "Example 6"
    settled(company)


def test_a_manager_who_comes_later_is_filled_in_for_reports_whose_records_did_not_change(company: SmallWorld) -> None:
    """F (Entra needs a restart for that)."""
    company.edit("2", manager="e9")
    first = company.sync()
    assert "REC-004" in {problem.code for problem in first.reconciliation.plan.warnings}
    company.person("9", "top")

    company.sync()

    assert company.tenant()["person:Example 2"]["manager"] == "Example 9"
    settled(company)


@pytest.mark.parametrize("how", ["gone", "inactive"])
def test_reports_of_a_manager_who_leaves_pass_to_the_next_one_above_in_the_same_plan(
    company: SmallWorld, how: str
) -> None:
    """F: nobody is left without somebody to call, though the source still names the leaver."""
    company.person("6", "team", manager="e2")
    company.sync()
    if how == "gone":
        company.leave("2")
    else:
        company.edit("2", state="left")

    done = company.sync()

    assert dict(done.tally.confirmed) == {"create unit": 1, "offboard person": 1, "link person": 1}
    assert company.tenant()["person:Example 6"]["manager"] == "Example 1"
    settled(company)

    company.time += timedelta(days=31)
    company.sync()
    assert company.tenant()["person:Example 6"]["manager"] == "Example 1"
    settled(company)
    company.edit("6", manager="e3")
    company.sync()
    assert company.tenant()["person:Example 6"]["manager"] == "Example 3"


@pytest.mark.parametrize("how", ["gone", "inactive"])
def test_reports_of_the_topmost_manager_keep_the_link_until_the_source_names_another(
    company: SmallWorld, how: str
) -> None:
    """F: decided so, because the source still names the leaver, and absent is not empty; it is reported when nobody is named."""
    if how == "gone":
        company.leave("1")
    else:
        company.edit("1", state="left")

    done = company.sync()

    assert dict(done.tally.confirmed).get("offboard person") == 1
    assert company.tenant()["person:Example 5"]["manager"] == "Example 1"
    warned = {problem.code for problem in company.sync().reconciliation.plan.warnings}
    assert warned & {"REC-004", "PLN-007"}
    settled(company)

    company.time += timedelta(days=31)
    company.sync()
    assert "manager" not in company.tenant()["person:Example 5"]
    settled(company)
    company.edit("5", manager="e2")
    company.sync()
    assert company.tenant()["person:Example 5"]["manager"] == "Example 2"


def test_a_leader_who_is_no_member_is_left_out_and_named(company: SmallWorld) -> None:
    """F (DingTalk 60068)."""
    company.unit("team", "top", leader="e1")

    done = company.sync()

    assert "PLN-006" in {problem.code for problem in done.reconciliation.plan.warnings}
    assert done.tally.troubles == {}
    settled(company)


def test_a_number_that_two_people_share_names_neither_as_manager(company: SmallWorld) -> None:
    """F: a reference that fits two people is not decided by whoever comes first."""
    company.person("6", "team", id="e7")
    company.person("7", "team", id="e7", manager=None)
    company.edit("3", manager="e7")

    done = company.sync()

    assert company.tenant()["person:Example 3"]["manager"] == "Example 1"
    assert "REC-004" in {problem.code for problem in done.reconciliation.plan.warnings}
