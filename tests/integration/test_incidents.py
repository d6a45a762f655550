"""An adversary's week: what went wrong in other products, replayed against the real engine, one promise at a time.

The letters name the themes: B thresholds, C preview, E rename, move, rehire and collision, F nesting and managers, G reports,
H leavers, J accounts that were there before. (A and K are with several sources, L is about logs: files of their own.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from support.small_world import SmallWorld, run
from syncd.core.model import Effect, Kind, Op, Reason, TargetId
from syncd.core.outcome import Deferred, Rejected
from syncd.core.policy import Limit, Limits
from syncd.core.values import Value
from syncd.engine.cycle import Order, Result, cycle
from syncd.engine.explain import explain
from syncd.engine.world import GuardTerms, LeaverTerms, WriterTerms
from syncd.testing.memory import refusal

Make = Callable[..., SmallWorld]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make small worlds and close them."""
    made: list[SmallWorld] = []

    def world(**changes: object) -> SmallWorld:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(SmallWorld(folder, **changes))
        return made[-1]

    yield world
    for one in made:
        one.store.close()


@pytest.fixture
def company(make: Make) -> SmallWorld:
    """Two units and five people, in step."""
    world = make()
    world.company()
    world.sync()
    return world


def guarded(**limits: Limit) -> GuardTerms:
    by_effect = {Effect(name): limit for name, limit in limits.items()}
    return GuardTerms(plan_only_first=False, limits=Limits(by_effect=by_effect, per_unit_percent=None))


def release(world: SmallWorld) -> None:
    """Release every open hold, as an operator does."""
    with world.store.transaction() as tx:
        for hold in tx.holds.open():
            tx.holds.release(hold.id, by="operator", at=world.time, reason="the branch was sold")


def homes(world: SmallWorld, person: str) -> tuple[str, ...]:
    """Return the departments of a person, by name."""
    held = world.tenant()[f"person:{person}"]["departments"]
    assert isinstance(held, tuple)
    return tuple(str(one["unit"]) for one in held)


def settled(world: SmallWorld) -> None:
    """Nothing is left to do, and nothing waits."""
    done = world.sync(fresh=True)
    assert done.reconciliation.plan.changes == ()
    assert (done.queue.ready, done.queue.parked) == (0, 0)


# --- B: a guard that blocks real work gets switched off ---------------------------------------------------------------


def test_a_reorganisation_is_held_by_name_and_everything_else_flows(make: Make) -> None:
    """B (user-sync.py#744: the limit on removals also stopped creations and updates)."""
    world = make(guard=guarded(move=Limit(count=5)))
    world.company(12)
    world.sync()
    for number in range(3, 11):
        world.edit(str(number), unit="top")
    world.edit("2", title="Promoted")
    world.person("20", "team")
    world.leave("12")

    done = world.sync()

    assert done.result is Result.HELD
    (hold,) = done.holds
    assert (hold.effect, sorted(hold.names)) == (Effect.MOVE, sorted(f"Example {number}" for number in range(3, 11)))
    assert done.tally.confirmed["create person"] == 1
    assert done.tally.confirmed["update person"] == 1
    assert done.tally.confirmed["offboard person"] == 1

    release(world)
    assert dict(world.sync().tally.confirmed) == {"update person": 8}
    settled(world)


def test_a_release_does_not_let_a_bigger_set_through(make: Make) -> None:
    """B (C1, E1: an approval that frees all deletions, also those that nobody saw)."""
    world = make(guard=guarded(leave=Limit(count=3)))
    world.company(12)
    world.sync()
    for number in (10, 11, 12):
        world.leave(str(number))
    world.sync()
    release(world)
    world.leave("9")

    done = world.sync()

    assert done.result is Result.HELD
    assert done.tally.done == 0
    assert [hold.count for hold in done.holds] == [4]


def test_what_was_released_stays_released_while_the_target_fails_in_the_middle_of_it(make: Make) -> None:
    """B: half of a released set is confirmed, the rest has to be tried again; nobody is asked twice for the same people."""
    world = make(guard=guarded(leave=Limit(count=3)))
    world.company(12)
    world.sync()
    for number in range(6, 13):
        world.leave(str(number))
    world.sync()
    release(world)
    world.target.fault = lambda change: (
        Deferred(problem=refusal("busy"), retry_at=world.time + timedelta(minutes=5), whole_target=True)
        if change.label in ("Example 9", "Example 10", "Example 11", "Example 12")
        else None
    )
    assert world.sync().tally.confirmed["offboard person"] == 3
    world.target.fault = lambda _: None
    world.time += timedelta(minutes=6)

    done = world.sync()

    assert done.holds == ()
    assert done.tally.confirmed["offboard person"] == 4
    settled(world)


def test_somebody_new_is_held_also_while_a_released_set_is_being_written(make: Make) -> None:
    """B: what was released is spent on those who were shown, never on somebody who came later."""
    world = make(guard=guarded(leave=Limit(count=3)))
    world.company(12)
    world.sync()
    for number in range(6, 13):
        world.leave(str(number))
    world.sync()
    release(world)
    world.target.fault = lambda change: (
        Deferred(problem=refusal("busy"), retry_at=world.time + timedelta(minutes=5), whole_target=True)
        if change.op is Op.OFFBOARD
        else None
    )
    world.sync()
    world.target.fault = lambda _: None
    world.time += timedelta(minutes=6)
    world.leave("5")

    done = world.sync()

    assert [hold.names for hold in done.holds] == [("Example 5",)]
    assert done.tally.confirmed["offboard person"] == 7
    assert homes(world, "Example 5") == ("Unit team",)


@pytest.mark.parametrize(
    ("limit", "held"),
    [
        (Limit(count=0), True),
        (Limit(percent=0), True),
        (Limit(), False),
        (None, False),
        (Limit(count=1), True),
        (Limit(count=2), False),
    ],
    ids=["0 holds all", "0 % holds all", "null is off", "absent is off", "reached", "not reached"],
)
def test_zero_and_null_mean_what_the_documentation_says(make: Make, limit: Limit | None, held: bool) -> None:
    """B (snapraid-daemon#42: nobody knew whether 0 meant none or all)."""
    world = make(guard=guarded(**({"leave": limit} if limit else {})))
    world.company(25)
    world.sync()
    world.leave("5")

    assert (world.sync().result is Result.HELD) is held


def test_a_hold_that_nobody_answers_never_turns_into_consent(make: Make) -> None:
    """B: a hold expires, and is opened again; it does not flow because time went by."""
    world = make(guard=guarded(leave=Limit(count=1)))
    world.company()
    world.sync()
    world.leave("5")
    for _ in range(4):
        done = world.sync()
        assert (done.result, done.tally.done) == (Result.HELD, 0)
        world.time += timedelta(days=2)


# --- C: preview -------------------------------------------------------------------------------------------------------


def test_the_numbers_that_are_shown_are_the_numbers_that_are_done(company: SmallWorld) -> None:
    """C (zammad#6119: the preview says 0)."""
    company.unit("new", "top")
    company.person("6", "new", manager="e1")
    company.edit("2", unit="new", title="Moved")
    company.leave("5")
    shown = company.sync(write=False)
    before = company.tenant()

    assert shown.tally.done == 0
    done = company.sync()

    assert [(one.op, one.label) for one in done.reconciliation.plan.changes] == [
        (one.op, one.label) for one in shown.reconciliation.plan.changes
    ]
    assert done.tally.done == len(shown.reconciliation.plan.changes)
    assert before != company.tenant()


def test_looking_at_one_person_or_at_the_plan_writes_nothing(company: SmallWorld) -> None:
    """C (Entra's provision-on-demand writes)."""
    company.edit("2", title="New", unit="top")
    before = (company.tenant(), dict(company.target.writes))
    with company.store.reading() as tx:
        links = tx.links.all("memory")
        shown = explain(tx, company.world, company.target, "e2")
    assert shown.label == "Example 2"
    company.sync(write=False)

    assert (company.tenant(), dict(company.target.writes)) == before
    with company.store.reading() as tx:
        assert tx.links.all("memory") == links
        assert tx.queue.counts(company.time).ready == 0


def test_a_saved_plan_is_refused_when_anything_moved(company: SmallWorld) -> None:
    """C: applied exactly or not at all."""
    company.edit("2", title="New")
    shown = company.sync(write=False).reconciliation.plan
    company.edit("3", title="Sneaked in")
    with pytest.raises(Exception, match="ENG-020"):
        run(cycle(company.world, Order(expected=shown.changes)))
    assert "title" not in company.tenant()["person:Example 2"]


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
def test_reports_of_a_manager_who_leaves_keep_the_link_until_the_source_names_another(
    company: SmallWorld, how: str
) -> None:
    """F: decided so, because the source still names the leaver, and absent is not empty; it is reported when nobody is named."""
    company.person("6", "team", manager="e2")
    company.sync()
    if how == "gone":
        company.leave("2")
    else:
        company.edit("2", state="left")

    done = company.sync()

    assert dict(done.tally.confirmed) == {"create unit": 1, "offboard person": 1}
    assert company.tenant()["person:Example 6"]["manager"] == "Example 2"
    warned = {problem.code for problem in company.sync().reconciliation.plan.warnings}
    assert warned & {"REC-004", "PLN-007"}
    settled(company)

    company.time += timedelta(days=31)
    company.sync()
    assert "manager" not in company.tenant()["person:Example 6"]
    settled(company)
    company.edit("6", manager="e1")
    company.sync()
    assert company.tenant()["person:Example 6"]["manager"] == "Example 1"


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


# --- G: reports -------------------------------------------------------------------------------------------------------


def test_skipped_parked_and_failed_people_are_counted_and_named_and_success_is_not_said(company: SmallWorld) -> None:
    """G (casdoor#4819: "success", but no users; keycloak#26353: "0 removed" though people went)."""
    company.person("6", "team", kind="service")
    company.person("7", "team", name=None)
    company.person("8", "team")
    company.target.fault = lambda change: Rejected(problem=refusal("no")) if change.label == "Example 8" else None

    done = company.sync()

    assert done.result is Result.TROUBLED
    asides = {aside.reason: aside.label for aside in done.reconciliation.plan.aside}
    assert asides[Reason.EXCLUDED] == "Example 6"
    assert Reason.PARKED in asides
    assert [label for label, _ in done.tally.troubles.values()] == ["Example 8"]
    assert done.tally.done == 0


def test_what_still_waits_for_its_next_attempt_is_never_told_as_nothing_to_do(company: SmallWorld) -> None:
    """G: the second cycle comes before the next attempt; it tries nothing, and must not say that all is well."""
    company.target.fault = lambda _: Deferred(problem=refusal("busy"), retry_at=company.time + timedelta(minutes=10))
    company.edit("2", title="Waits")
    assert company.sync().result is Result.TROUBLED
    company.time += timedelta(minutes=1)

    done = company.sync()

    assert done.tally.attempts == 0
    assert done.result is Result.TROUBLED


def test_one_subject_that_fails_for_ever_stops_nobody(make: Make) -> None:
    """G, D (Univention: the queue stood still at 906 errors)."""
    world = make(writer=WriterTerms(patience=timedelta(seconds=0), concurrency=1))
    world.company(20)
    world.target.fault = lambda change: (
        Deferred(problem=refusal("busy"), retry_at=world.time + timedelta(minutes=1)) if "7" in change.label else None
    )

    done = world.sync()

    assert {label for label, _ in done.tally.troubles.values()} == {"Example 7", "Example 17"}
    assert sum(name.startswith("person:") for name in world.tenant()) == 18


# --- H: leavers -------------------------------------------------------------------------------------------------------


def test_the_first_leaver_ever_goes_before_a_burst_of_joiners(make: Make) -> None:
    """H: even though the department in which leavers wait has to be made first."""
    world = make(writer=WriterTerms(patience=timedelta(seconds=1), concurrency=1))
    world.company(4)
    world.sync()
    start = len(world.target.log)
    for number in range(10, 50):
        world.person(str(number), "team")
    for number in (3, 4):
        world.edit(str(number), title="Updated")
    world.leave("2")

    world.sync()

    assert [op for op, _ in world.target.log[start : start + 2]] == [Op.CREATE, Op.OFFBOARD]


def test_a_leaver_does_not_wait_for_a_target_that_is_slow_with_others(make: Make) -> None:
    """H: the leaver appears while a burst is waiting for its next attempt."""
    world = make(writer=WriterTerms(patience=timedelta(seconds=0), concurrency=2))
    world.company(4)
    world.sync()
    world.leave("4")
    world.sync()
    busy = lambda change: (  # noqa: E731
        Deferred(problem=refusal("busy"), retry_at=world.time + timedelta(hours=1)) if change.op is Op.CREATE else None
    )
    world.target.fault = busy
    for number in range(10, 40):
        world.person(str(number), "team")
    world.sync()
    world.leave("3")

    assert dict(world.sync().tally.confirmed) == {"offboard person": 1}


def test_a_leaver_who_is_put_back_by_hand_is_put_out_of_sight_again(company: SmallWorld) -> None:
    """H (authentik#12722: a removed user is active again): out stays out, and the grace period does not start anew."""
    company.leave("5")
    company.sync()
    team = next(str(id_) for (_, id_), held in company.target.objects.items() if held["name"] == "Unit team")
    company.target.objects[Kind.PERSON, TargetId("e5")]["departments"] = ({"unit": team},)
    company.time += timedelta(days=10)

    done = company.sync(fresh=True)

    assert dict(done.tally.confirmed) == {"offboard person": 1}
    assert homes(company, "Example 5") == ("Leavers",)
    company.time += timedelta(days=21)
    assert dict(company.sync().tally.confirmed) == {"remove person": 1}


@pytest.mark.parametrize("how", ["gone", "inactive"])
def test_a_leaver_who_leads_a_department_leaves_in_one_plan(company: SmallWorld, how: str) -> None:
    """H, F: whoever leaves leads nothing any more, and no later cycle has to tidy up after it."""
    if how == "gone":
        company.leave("1")
    else:
        company.edit("1", state="left")

    company.sync()

    assert homes(company, "Example 1") == ("Leavers",)
    settled(company)


def test_a_change_that_waits_never_brings_a_leaver_back(company: SmallWorld) -> None:
    """H: an update waits for its next attempt, then the person leaves; the update is never written."""
    company.target.fault = lambda _: Deferred(problem=refusal("busy"), retry_at=company.time + timedelta(minutes=9))
    company.edit("5", unit="top", title="Never written")
    company.sync()
    company.target.fault = lambda _: None
    company.leave("5")

    company.sync()
    company.time += timedelta(hours=1)
    company.sync()

    assert homes(company, "Example 5") == ("Leavers",)
    assert "title" not in company.tenant()["person:Example 5"]


def test_a_leaver_who_fails_is_tried_again_for_ever(company: SmallWorld) -> None:
    """H: joiners are given up after a while, leavers never."""
    company.target.fault = lambda change: (
        Deferred(problem=refusal("busy"), retry_at=company.time) if change.op is Op.OFFBOARD else None
    )
    company.leave("5")
    for _ in range(30):
        company.sync()
        company.time += timedelta(hours=1)
    company.target.fault = lambda _: None

    assert dict(company.sync().tally.confirmed) == {"offboard person": 1}


# --- J: accounts that were there before -------------------------------------------------------------------------------


def there(world: SmallWorld, userid: str, **fields: Value) -> TargetId:
    """Put an account into the tenant that syncd did not make."""
    held: dict[str, Value] = {"userid": userid, "name": f"Old {userid}", "departments": ({"unit": "1"},), **fields}
    world.target.objects[Kind.PERSON, TargetId(userid)] = held
    return TargetId(userid)


@pytest.mark.parametrize("by", ["userid", "mobile"])
def test_an_account_that_was_there_is_recognised_and_not_doubled(make: Make, by: str) -> None:
    """J: by id or by number; it keeps the id that it had."""
    world = make()
    world.company()
    userid = there(world, "e2" if by == "userid" else "old", mobile="13800000002" if by == "mobile" else "13711111111")

    world.sync()

    assert world.target.objects[Kind.PERSON, userid]["name"] == "Example 2"
    assert sum(kind is Kind.PERSON for kind, _ in world.target.objects) == 5


def test_two_accounts_that_could_be_somebody_are_neither_guessed_nor_joined_by_a_third(make: Make) -> None:
    """J: it is named, and a person decides."""
    world = make()
    world.company()
    for one in ("old-a", "old-b"):
        there(world, one, mobile="13800000002")
    before = dict(world.target.objects)

    done = world.sync()

    assert {key: world.target.objects[key] for key in before} == before
    assert (Kind.PERSON, TargetId("e2")) not in world.target.objects
    assert "PLN-003" in {problem.code for problem in done.reconciliation.plan.warnings}
    assert (Reason.AMBIGUOUS, "Example 2") in {(one.reason, one.label) for one in done.reconciliation.plan.aside}


def test_one_account_that_could_be_two_people_is_nobodys(make: Make) -> None:
    """J: two records claim one account; the first one in some order must not get it."""
    world = make()
    world.company()
    userid = there(world, "old", mobile="13800000009")
    world.person("8", "team", mobile="13800000009")
    world.person("9", "team", mobile="13800000009")

    done = world.sync()

    assert world.target.objects[Kind.PERSON, userid]["name"] == "Old old"
    assert {one.label for one in done.reconciliation.plan.aside if one.reason is Reason.AMBIGUOUS} == {
        "Example 8",
        "Example 9",
    }


def test_a_protected_administrator_is_never_touched_whatever_the_source_says(company: SmallWorld) -> None:
    """J: neither changed, nor put out of sight, nor removed."""
    company.target.protected.add(TargetId("e1"))
    company.edit("1", title="Demoted", unit="team", mobile="13900000001")
    before = dict(company.target.objects[Kind.PERSON, TargetId("e1")])
    company.sync(fresh=True)
    company.leave("1")
    company.sync(fresh=True)
    company.time += timedelta(days=40)

    done = company.sync(fresh=True)

    assert company.target.objects[Kind.PERSON, TargetId("e1")] == before
    assert Reason.PROTECTED in {aside.reason for aside in done.reconciliation.plan.aside}


def test_a_protected_account_that_is_recognised_is_not_adopted(make: Make) -> None:
    """J: break-glass accounts stay what they are, also if HR knows their number."""
    world = make()
    world.company()
    userid = there(world, "boss", mobile="13800000002")
    world.target.protected.add(userid)

    done = world.sync()

    assert world.target.objects[Kind.PERSON, userid]["name"] == "Old boss"
    assert [aside.label for aside in done.reconciliation.plan.aside] == ["Example 2"]


def test_what_is_not_linked_is_not_touched_even_if_a_rule_names_it(company: SmallWorld) -> None:
    """J: somebody else's account holds the userid that a rule chooses, under a leaver's grace or made by hand."""
    stranger = there(company, "vendor", mobile="13700000000", job_number="e2")
    before = dict(company.target.objects[Kind.PERSON, stranger])
    company.edit("2", title="x")
    company.leave("4")
    company.sync(fresh=True)
    company.time += timedelta(days=31)
    done = company.sync(fresh=True)

    assert company.target.objects[Kind.PERSON, stranger] == before
    assert done.reconciliation.plan.unmanaged == 1


def test_a_department_is_not_removed_while_somebody_stays_in_it(company: SmallWorld) -> None:
    """J, G: a stranger's account stands in a department that is to go: it stays, is named, and blocks nothing."""
    team = next(str(id_) for (_, id_), held in company.target.objects.items() if held["name"] == "Unit team")
    there(company, "vendor", mobile="13700000000", departments=({"unit": team},))
    del company.source.records[Kind.UNIT, "team"]
    for number in "2345":
        company.edit(number, unit="top")

    done = company.sync(fresh=True)

    assert dict(done.tally.confirmed) == {"update person": 4}
    assert "unit:Unit team" in company.tenant()
    assert [(one.label, one.why) for one in done.reconciliation.plan.aside] == [
        ("Unit team", "1 who are still in it stay there")
    ]
    del company.target.objects[Kind.PERSON, TargetId("vendor")]
    assert dict(company.sync(fresh=True).tally.confirmed) == {"remove unit": 1}


def test_a_look_at_the_target_that_is_not_certified_makes_nobody_again(company: SmallWorld) -> None:
    """J (go-ldap-admin#298, a scope that shows less): who is not shown is not created a second time."""
    held = company.target.objects.pop((Kind.PERSON, TargetId("e3")))
    company.target.certified = False

    done = company.sync(fresh=True)

    assert done.reconciliation.plan.changes == ()
    assert done.reconciliation.view.complete is False
    company.target.objects[Kind.PERSON, TargetId("e3")] = held
