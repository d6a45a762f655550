"""A whole career under a frozen clock: each step comes when the calendar said, not a second before, and only once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.dated_world import foretold, with_dates
from support.incidents import Make, homes, making, settled
from support.small_world import SmallWorld
from syncd.core.model import Kind, Op, TargetId
from syncd.engine.forecast import Coming, Expected

SELF = "Example 7"
ACCOUNT = TargetId("e7")


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    yield from making(tmp_path)


@pytest.fixture
def company(make: Make) -> SmallWorld:
    """1 leads everybody, 2 leads the team, 3 leads the bureau; today is 22 November 2026."""
    world: SmallWorld = make()
    with_dates(world)
    world.unit("top", leader="e1")
    world.unit("team", "top", leader="e2")
    world.unit("bureau", "top", leader="e3")
    world.person("1", "top")
    world.person("2", "team", manager="e1")
    world.person("3", "bureau", manager="e1")
    world.sync()
    return world


def of(world: SmallWorld, person: str = SELF) -> dict[str, object]:
    return dict(world.tenant()[f"person:{person}"])


def only(world: SmallWorld, days: int = 60) -> Expected:
    """Return the one thing that the calendar says of the next days."""
    (one,) = foretold(world, days)
    assert one.label == SELF
    return one


def idle(world: SmallWorld) -> None:
    assert world.sync().reconciliation.plan.changes == ()


def wait(world: SmallWorld, until: datetime) -> None:
    """Let the clock move to a second before, when nothing happens yet; then to the moment."""
    world.time = until - timedelta(seconds=1)
    idle(world)
    world.time = until


def done(world: SmallWorld) -> dict[str, int]:
    """Return what one run writes, and make sure that nothing is left."""
    written = dict(world.sync().tally.confirmed)
    settled(world)
    return written


# --- the steps --------------------------------------------------------------------------------------------------------


def announced(world: SmallWorld) -> None:
    """HR enters a hire who begins on 1 December in Jakarta, and shows them as not at work until then."""
    world.person("7", "team", manager="e2", title="Engineer", hired="2026-12-01", zone="Asia/Jakarta", state="left")
    idle(world)

    one = only(world)
    assert (one.what, one.at) == (Coming.FIRST_DAY, datetime(2026, 11, 30, 17, tzinfo=UTC))
    assert (one.account, one.why) == (None, "inactive in hr")


def joined(world: SmallWorld) -> None:
    wait(world, datetime(2026, 11, 30, 17, tzinfo=UTC))
    world.edit("7", state="here")

    assert done(world) == {"create person": 1}
    assert (homes(world, SELF), of(world)["manager"]) == (("Unit team",), "Example 2")
    assert foretold(world) == ()


def moved(world: SmallWorld) -> None:
    """A move is entered ahead, as a second contract: department, title and manager change together, by the clock alone."""
    world.edit("7", last="2027-01-03")
    world.person(
        "70", "bureau", id="e7", name=SELF, mobile="13800000007", manager="e3", title="Lead", hired="2027-01-04"
    )
    world.edit("70", zone="Asia/Jakarta")
    world.time = datetime(2026, 12, 10, 8, tzinfo=UTC)
    idle(world)
    one = only(world)
    assert (one.what, one.at, one.record) == (Coming.ANOTHER_RECORD, datetime(2027, 1, 3, 17, tzinfo=UTC), "70")
    assert one.changes == ("manager", "title", "units")

    wait(world, one.at)
    (change,) = world.sync().reconciliation.plan.changes
    assert {field.name for field in change.fields} == {"departments", "manager", "title"}
    assert (homes(world, SELF), of(world)["manager"], of(world)["title"]) == (("Unit bureau",), "Example 3", "Lead")

    world.leave("7")
    idle(world)


def led(world: SmallWorld) -> None:
    world.person("8", "bureau", manager="e7")

    assert done(world) == {"create person": 1}
    assert of(world, "Example 8")["manager"] == SELF


def on_leave(world: SmallWorld) -> None:
    """Who is away is still employed: nothing happens, and nothing is expected."""
    world.time = datetime(2027, 2, 1, 8, tzinfo=UTC)
    world.edit("70", state="on leave")

    idle(world)

    assert foretold(world) == ()
    world.edit("70", state="here")
    idle(world)


def left(world: SmallWorld) -> None:
    """The last day is entered while they work in Jakarta; then they are sent to Los Angeles, where it ends 14 hours later."""
    world.edit("70", last="2027-03-31")
    idle(world)
    assert only(world).at == datetime(2027, 3, 31, 17, tzinfo=UTC)
    world.edit("70", zone="America/Los_Angeles")
    idle(world)
    one = only(world)
    assert (one.what, one.at) == (Coming.LAST_DAY, datetime(2027, 4, 1, 7, tzinfo=UTC))
    assert (one.account, one.reports, one.taker) == (ACCOUNT, 1, "Example 3")

    wait(world, one.at)
    assert done(world) == {"create unit": 1, "offboard person": 1, "link person": 1}
    assert (homes(world, SELF), of(world, "Example 8")["manager"]) == (("Leavers",), "Example 3")
    assert (only(world).what, only(world).at) == (Coming.REMOVAL, one.at + timedelta(days=30))


def hired_again(world: SmallWorld) -> None:
    """Within the grace: the same account comes back, and so does the report."""
    world.time = datetime(2027, 4, 20, 8, tzinfo=UTC)
    world.edit("70", last=None, hired="2027-04-20")

    assert done(world) == {"update person": 2}
    assert (homes(world, SELF), of(world)["userid"]) == (("Unit bureau",), ACCOUNT)
    assert of(world, "Example 8")["manager"] == SELF
    assert foretold(world) == ()


def gone_for_good(world: SmallWorld) -> None:
    world.edit("70", last="2027-05-14")
    idle(world)
    wait(world, only(world, 90).at)
    assert done(world) == {"offboard person": 1, "link person": 1}
    one = only(world)
    assert (one.what, one.why) == (Coming.REMOVAL, "the last working day was 2027-05-14")

    wait(world, one.at)
    assert done(world) == {"remove person": 1}
    assert (Kind.PERSON, ACCOUNT) not in world.target.objects
    assert foretold(world) == ()


def test_a_career_from_the_announcement_to_the_removal(company: SmallWorld) -> None:
    for step in (announced, joined, moved, led, on_leave, left, hired_again, gone_for_good):
        step(company)

    subject = next(who for op, who in company.target.log if op is Op.REMOVE)
    assert [op for op, who in company.target.log if who == subject and op is not Op.UPDATE] == [
        *(Op.CREATE, Op.OFFBOARD, Op.OFFBOARD, Op.REMOVE)
    ]


def test_a_hire_who_never_comes_gets_no_account(company: SmallWorld) -> None:
    announced(company)
    company.leave("7")

    idle(company)

    assert foretold(company) == ()
    company.time = datetime(2026, 12, 2, tzinfo=UTC)
    idle(company)
