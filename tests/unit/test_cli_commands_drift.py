"""`syncd drift`: what was changed by hand is shown, and a decision about it is logged and kept to."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from support.office import Office, Opened
from support.small_world import SmallWorld
from syncd.core.model import Kind, TargetId
from syncd.core.wakes import Touched
from syncd.engine import drift
from syncd.engine.world import DriftRule, DriftTerms

TERMS = DriftTerms(default=DriftRule.REPORT)


def with_two_edits(world: SmallWorld) -> None:
    """Somebody has renamed two people by hand, and that is to be reported."""
    world.company(4)
    world.sync()
    for target_id in ("e2", "e3"):
        world.target.objects[Kind.PERSON, TargetId(target_id)]["name"] = f"By Hand {target_id}"
    told = [
        Touched(kind=Kind.PERSON, target_id=TargetId(one), at=world.now(), key=one, seen={"name": f"By Hand {one}"})
        for one in ("e2", "e3")
    ]

    async def find() -> None:
        reporting = replace(world.world, drift=TERMS)
        await drift.touched(reporting, told)
        await drift.examine(reporting, world.target)

    asyncio.run(find())


@pytest.fixture
def office(opened: Opened) -> Office:
    one = opened(prepare=with_two_edits)
    one.world.world = replace(one.world.world, drift=TERMS)
    return one


def names(office: Office) -> list[object]:
    office.world.sync()
    return [office.world.target.objects[Kind.PERSON, TargetId(one)]["name"] for one in ("e2", "e3")]


def test_list_shows_wanted_and_there_and_ends_with_5(office: Office) -> None:
    ran = office.run("drift", "list")

    assert ran.code == 5
    assert "Example 2" in ran.out
    assert "By Hand e2" in ran.out


def test_what_is_accepted_stays_and_is_no_longer_listed(office: Office) -> None:
    assert office.run("drift", "accept", "e2", "--reason", "asked for by HR").code == 0

    listed = office.run("drift", "list", "--json").json["drifts"]
    everything = office.run("drift", "list", "--all", "--json").json["drifts"]

    assert [one["target_id"] for one in listed] == ["e3"]
    assert {one["target_id"]: one["state"] for one in everything} == {"e2": "accepted", "e3": "waiting"}
    assert names(office) == ["By Hand e2", "By Hand e3"]


def test_what_is_reverted_is_written_by_the_next_cycle(office: Office) -> None:
    assert office.run("drift", "revert", "Example 3", "--reason", "a mistake").code == 0

    assert names(office) == ["By Hand e2", "Example 3"]


def test_the_decision_is_in_the_audit_log_with_its_reason(office: Office) -> None:
    office.run("drift", "accept", "e2", "--field", "name", "--reason", "asked for by HR")

    assert "asked for by HR" in office.run("audit", "show", "--json").out


def test_nobody_and_several_are_refused_by_name(office: Office) -> None:
    nobody = office.run("drift", "accept", "Nobody Like That", "--reason", "test")
    several = office.run("drift", "revert", "Example", "--reason", "test")

    assert (nobody.code, several.code) == (2, 2)
    assert "CLI-190" in nobody.err
    assert "CLI-191" in several.err
