"""An adversary's week, replayed against the real engine: H leavers, J accounts that were there before.

What went wrong in other products, one promise at a time. The other letters are in the files beside this one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from support.incidents import Make, homes, in_step, making, settled
from support.small_world import SmallWorld
from syncd.core.model import Change, Kind, Op, Reason, TargetId
from syncd.core.outcome import Deferred, Outcome
from syncd.core.values import Value
from syncd.engine.world import WriterTerms
from syncd.testing.memory import refusal


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    yield from making(tmp_path)


@pytest.fixture
def company(make: Make) -> SmallWorld:
    return in_step(make())


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


def unanswered(company: SmallWorld) -> list[str]:
    """Let the first answer to each creation of a person be lost. Returns what is called from now on."""
    answered, calls = company.target.apply, list[str]()

    async def apply(change: Change, *, key: str, again: bool = False) -> Outcome:
        calls.append(f"{change.op} {change.label}")
        done = await answered(change, key=key, again=again)
        if change.op is not Op.CREATE or change.kind is not Kind.PERSON or again:
            return done
        return Deferred(problem=refusal("nobody answers"), retry_at=company.now() + timedelta(hours=1), read_back=True)

    company.target.apply = apply  # type: ignore[method-assign]
    return calls


def test_a_joiner_whose_creation_went_unanswered_and_who_leaves_is_found_and_leaves(company: SmallWorld) -> None:
    """H: the account was made, and nobody heard of it. To forget the creation would leave somebody whom no link names."""
    unanswered(company)
    company.person("9", "team")
    company.sync()
    company.leave("9")
    company.sync()
    assert homes(company, "Example 9") == ("Unit team",)

    company.time += timedelta(hours=2)
    company.sync()
    company.sync()

    assert homes(company, "Example 9") == ("Leavers",)


def test_a_creation_that_went_unanswered_never_touches_the_account_that_somebody_else_has_by_now(
    company: SmallWorld,
) -> None:
    """H: made, not heard of, and adopted by whoever came back under the old number with another name."""
    calls = unanswered(company)
    company.person("9", "team")
    company.sync()
    company.leave("9")
    company.person("10", "top", id="e9", name="Another Name", mobile="13800000009")
    company.sync(fresh=True)
    assert homes(company, "Another Name") == ("Unit top",)
    calls.clear()

    company.time += timedelta(hours=2)
    company.sync()

    assert "create Example 9" not in calls
    assert homes(company, "Another Name") == ("Unit top",)
