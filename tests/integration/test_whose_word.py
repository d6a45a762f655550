"""Whose word counts, on terms: under a condition, and only so long after a good read; told by `explain`, noticed by the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from support.office import Office
from support.serving import served, until
from support.small_world import HR, SmallWorld, run
from support.two_sources import AD, Directory
from support.virtual_time import one_clock
from syncd.config.parts import JoinSettings
from syncd.core.belief import Condition, WordTerms
from syncd.core.errors import TryAgain
from syncd.core.model import Kind
from syncd.engine import serving, trust
from syncd.engine.compose import terms_of
from syncd.engine.cycle import Result
from syncd.testing.memory import refusal

WEEK = timedelta(days=7)


def on_terms(world: SmallWorld, **terms: object) -> Directory:
    """A company of which HR is believed on titles, on terms; the directory knows them, too."""
    directory = Directory(world)
    join = replace(
        world.world.join,
        precedence={"title": (HR, AD)},
        terms={("title", HR): WordTerms(**terms)},  # type: ignore[arg-type]
    )
    world.world = replace(world.world, join=join)
    world.company(4)
    for number in range(1, 5):
        world.edit(str(number), title="By HR")
        directory.account(str(number), number=f"e{number}", title="By AD")
    return directory


def titles(world: SmallWorld) -> list[object]:
    """Return the titles in the tenant, by name."""
    return [held.get("title") for (kind, _), held in sorted(world.target.objects.items()) if kind is Kind.PERSON]


@pytest.fixture
def world(migrated_file: Path, tmp_path: Path) -> Iterator[SmallWorld]:
    (tmp_path / "syncd.db").write_bytes(migrated_file.read_bytes())
    one = SmallWorld(tmp_path)
    yield one
    one.store.close()


def test_a_source_that_was_not_read_well_for_too_long_leaves_the_word_to_others_and_has_it_back_afterwards(
    world: SmallWorld,
) -> None:
    on_terms(world, max_age=WEEK)
    world.sync()
    assert titles(world) == ["By HR"] * 4

    world.source.error = TryAgain(refusal("no route to host"))
    world.time += WEEK
    world.sync()
    assert titles(world) == ["By HR"] * 4, "to the minute"
    world.time += timedelta(minutes=1)
    world.sync()
    assert titles(world) == ["By AD"] * 4

    world.source.error = None
    world.sync()
    assert titles(world) == ["By HR"] * 4
    assert world.sync().result is Result.NOTHING


def test_a_read_that_proves_nothing_is_no_good_one(world: SmallWorld) -> None:
    on_terms(world, max_age=WEEK)
    world.sync()
    world.source.doubt = "the server answered with a size limit"
    for _ in range(8):
        world.time += timedelta(days=1)
        world.sync()
    assert titles(world) == ["By AD"] * 4


def test_what_nobody_else_knows_is_never_lost_however_old_it_is(world: SmallWorld) -> None:
    directory = on_terms(world, max_age=WEEK)
    directory.account("3", number="e3")
    world.sync()
    world.source.error = TryAgain(refusal("no route to host"))
    world.time += timedelta(days=400)
    world.sync()
    assert titles(world) == ["By AD", "By AD", "By HR", "By AD"]


def test_one_by_one_as_all_at_once_it_is_the_word_of_now_that_counts(world: SmallWorld) -> None:
    """After everybody was looked at, somebody who changes alone is not given the old word back."""
    directory = on_terms(world, max_age=WEEK)
    world.sync()
    world.source.error = TryAgain(refusal("no route to host"))
    world.time += WEEK + timedelta(hours=1)
    world.sync()
    directory.account("3", number="e3", title="By AD, later")
    done = world.sync()
    assert done.reconciliation.everybody is False
    assert titles(world) == ["By AD", "By AD", "By AD, later", "By AD"]


def test_a_condition_asks_what_the_source_or_another_one_says_of_the_same_person(world: SmallWorld) -> None:
    directory = on_terms(world, when=(Condition(attribute="phoneNumbers.mobile", wanted=("13800000002",)),))
    world.sync()
    assert titles(world) == ["By AD", "By HR", "By AD", "By AD"]

    other = Condition(attribute="phoneNumbers.mobile", wanted=("1",), source=AD)
    terms = {("title", HR): WordTerms(when=(other,))}
    world.world = replace(world.world, join=replace(world.world.join, terms=terms), config_digest=b"another")
    directory.account("4", number="e4", title="By AD", mobile="1")
    world.sync()
    assert titles(world) == ["By AD", "By AD", "By AD", "By HR"]


def test_the_service_notices_by_its_clock_that_a_word_has_become_too_old(
    world: SmallWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trust, "Clock", one_clock)
    monkeypatch.setattr(serving, "LOOK_SECONDS", 0.01)
    on_terms(world, max_age=WEEK)

    async def story() -> None:
        async with served(world.world):
            await until(lambda: titles(world) == ["By HR"] * 4, "the word of HR")
            world.source.error = TryAgain(refusal("no route to host"))
            world.time += WEEK + timedelta(hours=1)

            def passed() -> bool:
                world.time += timedelta(minutes=1)
                return titles(world) == ["By AD"] * 4

            await until(passed, "the word of the directory")

    run(asyncio.wait_for(story(), 300))


def test_terms_are_what_the_configuration_says() -> None:
    """A name alone has none; one value, several, and what another source says."""
    word = {"source": "hr", "max_age": "7d", "when": {"userType": ["Employee", None], "ad:active": True}}
    settings = JoinSettings.model_validate({"precedence": {"title": [word, "ad"]}})
    assert terms_of(settings) == {
        ("title", HR): WordTerms(
            max_age=WEEK,
            when=(
                Condition(attribute="userType", wanted=("Employee", None)),
                Condition(attribute="active", wanted=(True,), source=AD),
            ),
        )
    }


def test_explain_says_who_was_passed_over_and_why(
    migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def old(world: SmallWorld) -> None:
        directory = on_terms(world, max_age=WEEK)
        directory.account("4", number="e4")
        world.sync()
        world.source.error = TryAgain(refusal("no route to host"))
        world.time += timedelta(days=12)
        world.sync()

    office = Office(migrated_file, tmp_path, monkeypatch, capsys, prepare=old)
    try:
        told = office.run("explain", "Example 3").out
        alone = office.run("explain", "Example 4").out
        world = office.world
        terms = {("title", HR): WordTerms(when=(Condition(attribute="userType", wanted=("Employee", None)),))}
        world.world = replace(world.world, join=replace(world.world.join, terms=terms))
        met = office.run("explain", "Example 3").out
        terms = {("title", HR): WordTerms(when=(Condition(attribute="userType", wanted=("Employee",)),))}
        world.world = replace(world.world, join=replace(world.world.join, terms=terms))
        unmet = office.run("explain", "Example 3").out
    finally:
        office.close()

    assert "(passed over: hr says By HR; it was last read well 12 days ago, and counts for 7 days)" in told
    assert "— though it was last read well 12 days ago, and counts for 7 days" in alone
    assert "passed over" not in met
    assert "(passed over: hr says By HR; its word counts when userType is Employee)" in unmet
