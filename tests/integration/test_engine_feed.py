"""What consumers hear of real cycles: a census first, then facts; as they were confirmed, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from support.small_world import SmallWorld, run
from syncd.core.census import Census, Member
from syncd.core.errors import TryAgain
from syncd.core.model import Kind, SubjectId, TargetId
from syncd.core.outcome import Deferred, FactType
from syncd.core.ports import Room
from syncd.engine import feed
from syncd.engine.cycle import Cycle, Result
from syncd.engine.feed import Delivery, take_census
from syncd.testing.listeners import MemoryConsumer, Shelf
from syncd.testing.memory import refusal


def refuse() -> None:
    raise TryAgain(refusal("not now"))


@pytest.fixture
def company(tmp_path: Path) -> Iterator[SmallWorld]:
    world = SmallWorld(tmp_path)
    world.company()
    yield world
    world.store.close()


def listen(company: SmallWorld, name: str = "okr", made: type[MemoryConsumer] = MemoryConsumer) -> Shelf:
    """Configure one more consumer, and return what it cannot forget."""
    shelf = Shelf()
    room = Room(name=name, now=company.now, base=company.folder)
    consumers = {**company.world.consumers, name: lambda: made(shelf, room)}
    company.world = replace(company.world, consumers=consumers)
    return shelf


def told(done: Cycle) -> dict[str, Delivery]:
    return {one.name: one for one in done.told}


def heard(shelf: Shelf) -> list[tuple[str, str]]:
    return [(fact.type, fact.label) for fact in shelf.heard]


def by_name(census: Census) -> dict[str, Member]:
    return {member.label: member for member in census.members.values()}


def tenant(company: SmallWorld) -> dict[str, dict[str, object]]:
    """Return what the target holds, as a census says it: by subject, references as subjects, empty fields not named."""
    with company.store.reading() as tx:
        links = tx.links.all("memory")
    known = {(link.kind, link.target_id): subject for subject, link in links.items()}

    def fields(held: dict[str, object]) -> dict[str, object]:
        said = dict(held)
        if "departments" in said:
            said["departments"] = tuple({"unit": known[Kind.UNIT, one["unit"]]} for one in said["departments"])  # type: ignore[attr-defined]
        if "manager" in said:
            said["manager"] = known[Kind.PERSON, said["manager"]]  # type: ignore[index]
        if (parent := said.pop("parent", "1")) != "1":  # a unit at the top has none of ours
            said["parent"] = known[Kind.UNIT, parent]  # type: ignore[index]
        if "managers" in said:
            said["managers"] = tuple(known[Kind.PERSON, one] for one in said["managers"])  # type: ignore[attr-defined]
        return said

    return {
        known[key]: fields(dict(held))
        for key, held in company.target.objects.items()
        if key in known and known[key] != "unit:leavers" and links[SubjectId(known[key])].state == "linked"
    }


def test_the_first_thing_a_consumer_hears_is_who_is_there(company: SmallWorld) -> None:
    shelf = listen(company)

    first, second = company.sync(), company.sync()

    assert told(first)["okr"].introduced
    assert shelf.introductions == 1
    assert shelf.heard == []
    assert {member.label for member in shelf.census.members.values()} == {
        "Unit top",
        "Unit team",
        *(f"Example {n}" for n in range(1, 6)),
    }
    assert told(second)["okr"] == Delivery(name="okr", told=0, behind=0)


def test_then_it_hears_who_joins_moves_changes_and_leaves(company: SmallWorld) -> None:
    shelf = listen(company)
    company.sync()
    company.person("6", "team", manager="e1")
    company.edit("2", unit="top")
    company.edit("3", title="Lead")
    company.edit("4", manager="e2")
    company.unit("team", "top", name="Renamed")
    company.leave("5")

    done = company.sync()

    assert sorted(heard(shelf)) == [
        ("changed", "Example 3"),
        ("joined", "Example 6"),
        ("left", "Example 5"),
        ("manager_changed", "Example 4"),
        ("moved", "Example 2"),
        ("unit_changed", "Renamed"),
    ]
    assert told(done)["okr"] == Delivery(name="okr", told=6, behind=0)


def test_the_leavers_department_is_nobodys_and_a_second_goodbye_is_not_said(company: SmallWorld) -> None:
    shelf = listen(company)
    company.sync()
    company.leave("5")
    company.sync()
    company.time += timedelta(days=31)
    gone = company.sync()

    assert gone.tally.confirmed["remove person"] == 1
    assert heard(shelf) == [("left", "Example 5")]
    assert "unit:leavers" not in shelf.census.members


def test_who_comes_back_joins_and_is_told_whole(company: SmallWorld) -> None:
    shelf = listen(company)
    company.sync()
    kept = dict(company.source.records[Kind.PERSON, "5"])
    before = by_name(shelf.census)["Example 5"]
    company.leave("5")
    company.sync()
    company.source.records[Kind.PERSON, "5"] = kept

    company.sync()

    assert heard(shelf)[1] == ("joined", "Example 5")
    assert by_name(shelf.census)["Example 5"].fields == before.fields


def test_who_was_there_before_us_is_told_whole_though_nothing_was_written(company: SmallWorld) -> None:
    """An adopted account differs in nothing, and consumers have never heard of it."""
    shelf = listen(company)
    company.sync()
    team = next(held["departments"] for held in company.target.objects.values() if held["name"] == "Example 2")
    company.target.objects[Kind.PERSON, TargetId("e9")] = {
        "userid": "e9",
        "name": "Example 9",
        "mobile": "13800000009",
        "job_number": "e9",
        "departments": team,
        "email": "nobody@example.com",
    }
    company.person("9", "team")

    done = company.sync(fresh=True)

    [adopt] = done.reconciliation.plan.changes
    assert (adopt.op, adopt.fields) == ("adopt", ())
    assert heard(shelf) == [("joined", "Example 9")]
    fields = by_name(shelf.census)["Example 9"].fields
    assert fields["mobile"] == "13800000009"
    assert fields["departments"] == by_name(shelf.census)["Example 2"].fields["departments"]
    assert "extension" not in fields  # no rule of ours says anything about it


def test_the_census_is_what_the_target_holds_of_ours(company: SmallWorld) -> None:
    shelf = listen(company)
    for turn in range(3):
        company.person(str(20 + turn), "team", manager="e2", title=f"Title {turn}")
        company.edit("2", title=f"Lead {turn}")
        company.edit("3", unit=("top", "team", "top")[turn], manager=("e2", None, "e1")[turn])
        if turn == 1:
            company.leave("4")
        company.sync()

        said = {subject: dict(member.fields) for subject, member in shelf.census.members.items()}
        assert said == tenant(company)
        assert run(take_census(company.world)) == shelf.census


def test_a_consumer_that_comes_later_knows_what_one_knows_that_was_always_there(company: SmallWorld) -> None:
    always = listen(company)
    company.sync()
    company.leave("5")
    company.edit("3", title="Lead")
    company.sync()
    late = listen(company, "learning")
    company.edit("2", title="Clerk")

    done = company.sync()

    assert told(done)["learning"].introduced
    assert late.census == always.census


def test_a_consumer_that_fails_is_named_hears_it_again_and_keeps_nobody_waiting(company: SmallWorld) -> None:
    shelf, other = listen(company), listen(company, "learning")
    company.sync()
    shelf.before = refuse
    company.edit("3", title="Lead")

    failed = company.sync()

    assert failed.result is Result.DONE
    assert told(failed)["learning"].told == 1
    assert (told(failed)["okr"].told, told(failed)["okr"].behind) == (0, 1)
    assert "MEM-001" in str(told(failed)["okr"].problem)
    with company.store.reading() as tx:
        assert tx.meta.get("consumer.failing:okr") == "2026-11-22T01:30:00Z MEM-001"

    shelf.before = lambda: None
    healed = company.sync()

    assert told(healed)["okr"] == Delivery(name="okr", told=1, behind=0)
    assert shelf.census == other.census
    with company.store.reading() as tx:
        assert tx.meta.get("consumer.failing:okr") is None


def test_an_answer_that_was_lost_is_heard_again_and_harmless(company: SmallWorld) -> None:
    shelf = listen(company)
    company.sync()
    shelf.after = refuse
    company.edit("3", title="Lead")
    company.sync()
    shelf.after = lambda: None

    again = company.sync()

    assert told(again)["okr"].told == 1
    assert heard(shelf) == [("changed", "Example 3")]


def test_a_census_that_was_not_taken_is_handed_over_again(company: SmallWorld) -> None:
    shelf = listen(company)
    shelf.before = refuse
    first = company.sync()
    shelf.before = lambda: None

    second = company.sync()

    assert (told(first)["okr"].introduced, told(second)["okr"].introduced) == (False, True)
    assert (
        told(first)["okr"].behind == len(run(take_census(company.world)).members) + 1
    )  # the managers of a unit besides


def test_a_consumer_with_a_defect_is_no_defect_of_the_cycle(
    company: SmallWorld, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(MemoryConsumer):
        def __init__(self, settings: Shelf, room: Room) -> None:
            raise ZeroDivisionError

    listen(company, made=Broken)

    done = company.sync()

    assert done.result is Result.DONE
    problem = told(done)["okr"].problem
    assert problem is not None
    assert problem.code == "ENG-040"
    assert "okr" in problem.what


def test_a_consumer_that_never_answers_is_cut_off(company: SmallWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(MemoryConsumer):
        async def reconcile(self, census: Census) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr(feed, "PATIENCE", timedelta(milliseconds=10))
    listen(company, made=Endless)

    done = company.sync()

    problem = told(done)["okr"].problem
    assert problem is not None
    assert problem.code == "ENG-041"


def test_a_plan_tells_nobody(company: SmallWorld) -> None:
    company.sync()
    shelf = listen(company)

    assert company.sync(write=False).told == ()
    assert shelf.introductions == 0


def test_what_was_not_sent_is_not_told(company: SmallWorld) -> None:
    """A manager who cannot be made keeps nobody's account from being made, and is not said to be their manager."""
    company.target.fault = lambda change: (
        Deferred(problem=refusal("later"), retry_at=company.now() + timedelta(hours=1))
        if change.label == "Example 1"
        else None
    )
    shelf = listen(company)

    company.sync()

    assert "manager" not in by_name(shelf.census)["Example 2"].fields
    assert "Example 1" not in by_name(shelf.census)
    company.target.fault = lambda _: None
    company.time += timedelta(hours=2)
    company.sync()
    company.sync()
    assert {subject: dict(member.fields) for subject, member in shelf.census.members.items()} == tenant(company)
    assert (FactType.MANAGER_CHANGED, "Example 2") in heard(shelf)
