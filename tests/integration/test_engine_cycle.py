"""The cycle as administrators meet it: joiners, movers, leavers, held and parked, on a real database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from support.small_world import HR, SmallWorld
from syncd.core.model import Effect, Kind, LinkState, Op, Reason, TargetId
from syncd.core.outcome import Rejected
from syncd.core.policy import Limit, Limits
from syncd.engine.cycle import Result
from syncd.engine.world import GuardTerms, LeaverTerms
from syncd.testing.memory import refusal


@pytest.fixture
def company(tmp_path: Path) -> Iterator[SmallWorld]:
    world = SmallWorld(tmp_path)
    world.company()
    yield world
    world.store.close()


def test_a_second_cycle_plans_nothing(company: SmallWorld) -> None:
    first, second = company.sync(), company.sync()

    assert first.result is Result.DONE
    assert first.tally.done == len(first.reconciliation.plan.changes) > 0
    assert second.reconciliation.plan.changes == ()
    assert second.result is Result.NOTHING


def test_the_tenant_is_as_the_source_says(company: SmallWorld) -> None:
    company.sync()

    tenant = company.tenant()
    assert tenant["unit:Unit team"]["parent"] == "Unit top"
    assert tenant["unit:Unit top"]["managers"] == ("Example 1",)
    assert tenant["person:Example 2"]["departments"] == ({"unit": "Unit team"},)
    assert tenant["person:Example 2"]["manager"] == "Example 1"


def test_a_mover_changes_in_one_call(company: SmallWorld) -> None:
    company.sync()
    company.edit("3", unit="top", title="Lead")

    done = company.sync()

    assert dict(done.tally.confirmed) == {"update person": 1}
    assert company.tenant()["person:Example 3"]["departments"] == ({"unit": "Unit top"},)


def test_a_renamed_unit_stays_itself_and_nobody_in_it_is_touched(company: SmallWorld) -> None:
    company.sync()
    company.unit("team", "top", name="Renamed")

    done = company.sync()

    assert dict(done.tally.confirmed) == {"update unit": 1}
    assert company.tenant()["person:Example 2"]["departments"] == ({"unit": "Renamed"},)


def test_somebody_whom_a_rule_comes_to_exclude_leaves_for_that_reason(company: SmallWorld) -> None:
    company.sync()
    company.edit("5", kind="service")

    done = company.sync()

    (change,) = [one for one in done.reconciliation.plan.changes if one.op is Op.OFFBOARD]
    assert change.reason == "out of scope: service account"
    assert company.tenant()["person:Example 5"]["departments"] == ({"unit": "Leavers"},)


@pytest.mark.parametrize("state", [{}, {"kind": "service"}, {"mobile": "none"}], ids=["mapped", "excluded", "parked"])
def test_people_are_found_by_their_numbers_and_addresses_whatever_became_of_them(
    company: SmallWorld, state: dict[str, str]
) -> None:
    company.edit("5", mail="Five@example.com", **state)
    company.sync()

    with company.store.reading() as tx:
        found = [tx.records.find(words) for words in ("E5", "five@EXAMPLE.com", "example 5")]
    assert [[row.label for row in rows] for rows in found] == [["Example 5"]] * 3


def test_a_leaver_is_put_out_of_sight_and_removed_when_the_grace_is_over(company: SmallWorld) -> None:
    company.sync()
    company.leave("5")

    made = company.sync().reconciliation.plan.changes[0]
    assert (made.label, made.reason) == ("Leavers", "leavers wait in it until their grace is over")
    assert company.tenant()["person:Example 5"]["departments"] == ({"unit": "Leavers"},)
    assert company.tenant()["unit:Leavers"]["hide_dept"] is True

    company.time += timedelta(days=29)
    assert company.sync().tally.done == 0
    company.time += timedelta(days=2)
    assert dict(company.sync().tally.confirmed) == {"remove person": 1}
    assert "person:Example 5" not in company.tenant()


def test_a_leaver_who_comes_back_keeps_the_account(company: SmallWorld) -> None:
    company.sync()
    before = company.source.records[Kind.PERSON, "5"]
    company.leave("5")
    company.sync()
    company.source.records[Kind.PERSON, "5"] = before

    company.sync()

    assert company.tenant()["person:Example 5"]["departments"] == ({"unit": "Unit team"},)
    links = company.store.reading()
    with links as tx:
        assert {link.state for link in tx.links.all("memory").values()} == {LinkState.LINKED}


def test_somebody_who_is_inactive_leaves_though_the_record_is_there(company: SmallWorld) -> None:
    company.sync()
    company.edit("5", state="left")

    company.sync()

    assert company.tenant()["person:Example 5"]["departments"] == ({"unit": "Leavers"},)


@pytest.mark.parametrize("broken", ["doubt", "error", "empty", "shrunk"])
def test_nobody_is_taken_for_gone_on_the_strength_of_a_bad_read(tmp_path: Path, broken: str) -> None:
    """Promise 2: incomplete, failing, empty or suddenly small."""
    world = SmallWorld(tmp_path)
    world.company(30)
    world.sync()
    before = dict(world.source.records)
    if broken == "doubt":
        world.leave("5")
        world.source.doubt = "a size limit"
    elif broken == "error":
        world.leave("5")
        world.source.error = ValueError()
        with pytest.raises(ValueError):
            world.sync()
        world.source.error = None
        world.source.doubt = "still broken"
    elif broken == "empty":
        for key in [key for key in before if key[0] is Kind.PERSON]:
            del world.source.records[key]
    else:
        for number in range(20, 30):
            world.leave(str(number))

    done = world.sync()

    assert done.tally.done == 0
    assert done.reconciliation.plan.changes == ()
    assert not done.reconciliation.reads[0].licensed
    assert done.reconciliation.reads[0].problems
    world.source.records.clear()
    world.source.records.update(before)
    world.source.doubt = ""
    assert world.sync().reconciliation.reads[0].licensed
    world.store.close()


def test_a_shrunken_source_is_released_for_exactly_what_was_shown(tmp_path: Path) -> None:
    world = SmallWorld(tmp_path, guard=GuardTerms(plan_only_first=False, limits=Limits(per_unit_percent=None)))
    world.company(30)
    world.sync()
    for number in range(20, 30):
        world.leave(str(number))
    world.sync()
    with world.store.transaction() as tx:
        (hold,) = tx.holds.open()
        assert hold.effect is Effect.SOURCE_SHRUNK
        tx.holds.release(hold.id, by="operator", at=world.time, reason="the branch was closed")

    done = world.sync()

    assert dict(done.tally.confirmed) == {"create unit": 1, "offboard person": 10}
    world.store.close()


def test_a_mass_leave_is_held_and_the_rest_flows(tmp_path: Path) -> None:
    guard = GuardTerms(plan_only_first=False, limits=Limits(by_effect={Effect.LEAVE: Limit(count=3)}))
    world = SmallWorld(tmp_path, guard=guard)
    world.company(30)
    world.sync()
    for number in (10, 11, 12):
        world.edit(str(number), state="left")
    world.edit("2", title="Promoted")

    done = world.sync()

    assert done.result is Result.HELD
    assert done.tally.confirmed["update person"] == 1
    assert done.tally.confirmed["offboard person"] == 0
    assert [(row.effect, row.count) for row in done.holds] == [(Effect.LEAVE, 3)]
    assert "unit:Leavers" not in world.tenant(), "the department for leavers is made when one may go there"
    world.store.close()


def test_the_first_run_of_a_configuration_only_plans(tmp_path: Path) -> None:
    world = SmallWorld(tmp_path, guard=GuardTerms())
    world.company()

    shown = world.sync()
    assert shown.result is Result.PLANNED
    assert world.target.objects == {}

    assert world.sync(accept=True).result is Result.DONE
    world.edit("2", title="T")
    assert world.sync().tally.done == 1
    world.store.close()


def test_a_person_without_what_is_required_is_parked_and_left_alone(company: SmallWorld) -> None:
    company.sync()
    before = company.tenant()["person:Example 4"]
    company.edit("4", name=None, title="Written by nobody")

    done = company.sync()

    assert [aside.reason for aside in done.reconciliation.plan.aside] == [Reason.PARKED]
    assert company.tenant()["person:Example 4"] == before


def test_a_refused_change_is_parked_by_name_and_blocks_nobody(company: SmallWorld) -> None:
    company.sync()
    company.person("6", "team", mobile="13800000002")
    company.person("7", "team")

    done = company.sync()

    assert done.result is Result.TROUBLED
    assert [label for label, _ in done.tally.troubles.values()] == ["Example 6"]
    assert "person:Example 7" in company.tenant()


def test_an_account_that_was_there_is_adopted_and_not_doubled(company: SmallWorld) -> None:
    company.sync()
    people = len([key for key in company.target.objects if key[0] is Kind.PERSON])
    with company.store.transaction() as tx:
        tx.links.drop("memory", list(tx.links.all("memory")))

    done = company.sync(again=True)

    assert done.tally.done > 0
    assert len([key for key in company.target.objects if key[0] is Kind.PERSON]) == people
    assert company.sync().reconciliation.plan.changes == ()


def test_excluded_people_are_counted_with_their_reason(company: SmallWorld) -> None:
    company.person("9", "team", kind="service")

    done = company.sync()

    (aside,) = done.reconciliation.plan.aside
    assert (aside.reason, "service account" in aside.why) == (Reason.EXCLUDED, True)


def test_removing_at_once_is_a_policy(tmp_path: Path) -> None:
    world = SmallWorld(tmp_path, leavers=LeaverTerms(hold=False))
    world.company()
    world.sync()
    world.leave("5")

    assert dict(world.sync().tally.confirmed) == {"remove person": 1}
    world.store.close()


def test_every_write_was_intended_in_the_audit_log_first(company: SmallWorld) -> None:
    company.sync()
    with company.store.reading() as tx:
        rows = [(row.type, row.change) for row in company.store.audit.iterate(tx)]

    confirmed = [change for type_, change in rows if type_ == "change.confirmed"]
    assert confirmed
    for change in confirmed:
        assert rows.index(("change.intended", change)) < rows.index(("change.confirmed", change))


def test_a_new_mobile_that_the_platform_refuses_does_not_hold_back_the_rest(company: SmallWorld) -> None:
    """DingTalk cannot change the number that somebody signs in with (40022); title and department must not wait for that."""
    company.sync()
    company.target.fault = lambda change: (
        Rejected(problem=refusal("no")) if any(item.name == "mobile" for item in change.fields) else None
    )
    company.edit("4", mobile="13899999999", title="Written all the same")

    done = company.sync()

    assert dict(done.tally.confirmed) == {"update person": 1}
    assert [change.op for change in done.reconciliation.plan.changes] == [Op.UPDATE, Op.LOGIN]
    assert company.tenant()["person:Example 4"]["title"] == "Written all the same"


def test_a_department_made_of_a_group_has_the_groups_members(company: SmallWorld) -> None:
    company.group("g", "2", "3")
    company.sync()
    tenant = company.tenant()
    assert tenant["person:Example 2"]["departments"] == ({"unit": "Unit team"}, {"unit": "Group g"})
    assert company.sync().reconciliation.plan.changes == ()

    company.group("g", "3")
    company.sync()
    assert company.tenant()["person:Example 2"]["departments"] == ({"unit": "Unit team"},)

    del company.source.records[Kind.GROUP, "g"]
    company.sync()
    assert "unit:Group g" not in company.tenant()


def test_people_are_found_by_number_login_mail_and_part_of_the_name(company: SmallWorld) -> None:
    company.person("8", "team", mail="eight@example.com")
    company.sync()

    with company.store.reading() as tx:
        assert [one.native_id for one in tx.records.find("eight@example.com")] == ["8"]
        assert [one.native_id for one in tx.records.find("e8")] == ["8"]


def test_somebody_leaves_when_the_last_working_day_is_over(company: SmallWorld) -> None:
    """The day is in the record for weeks; it takes effect by the clock, without any change of the record."""
    company.edit("5", last="2026-11-22")
    company.sync()
    assert company.tenant()["person:Example 5"]["departments"] == ({"unit": "Unit team"},)

    company.time += timedelta(hours=23)
    done = company.sync()

    assert company.tenant()["person:Example 5"]["departments"] == ({"unit": "Leavers"},)
    assert "the last working day was 2026-11-22" in done.reconciliation.plan.changes[-1].reason


def test_somebody_whom_a_rule_excludes_from_now_on_leaves(company: SmallWorld) -> None:
    company.sync()
    company.edit("5", kind="service")

    done = company.sync()

    assert company.tenant()["person:Example 5"]["departments"] == ({"unit": "Leavers"},)
    assert "service account" in done.reconciliation.plan.changes[-1].reason


def test_a_parked_record_keeps_its_person_and_comes_back_as_the_same(company: SmallWorld) -> None:
    company.sync()
    company.edit("4", name=None)
    company.sync()
    company.edit("4", name="Example 4 renamed")

    done = company.sync()

    assert dict(done.tally.confirmed) == {"update person": 1}
    assert company.target.objects[Kind.PERSON, TargetId("e4")]["name"] == "Example 4 renamed"


def test_the_audit_log_never_goes_back_in_time_within_a_cycle(tmp_path: Path) -> None:
    class Ticking(SmallWorld):
        """A clock that moves whenever somebody looks at it."""

        def now(self) -> datetime:
            self.time += timedelta(microseconds=1)
            return self.time

    company = Ticking(tmp_path)
    company.company(people=30)
    company.sync()
    for number in range(2, 20):
        company.leave(str(number))

    assert company.sync().result is Result.UNPROVEN  # a hold is opened in the transaction that notes the read

    with company.store.reading() as tx:
        told = [row.at for row in company.store.audit.iterate(tx)]
    assert len(told) > 40
    assert told == sorted(told)


def test_a_recompute_maps_also_what_did_not_change(company: SmallWorld) -> None:
    """What the store holds of a record is not believed either: a fact that was damaged there is mended."""
    company.sync()
    with company.store.transaction() as tx:
        row = next(one for one in tx.records.iterate(source=HR, kind=Kind.PERSON) if one.native_id == "2")
        whole = tx.records.get(HR, Kind.PERSON, row.native_id)
        assert whole is not None
        tx.records.put_many([replace(whole, facts={**whole.facts, "title": "Damaged"}, facts_digest=b"damaged")])
    assert company.sync().reconciliation.plan.changes == ()

    done = company.sync(again=True)

    assert done.reconciliation.reads[0].changed == 1
    assert company.tenant()["person:Example 2"].get("title") != "Damaged"
