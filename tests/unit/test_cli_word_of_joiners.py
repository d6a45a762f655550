"""`syncd sync` tells managers of joiners, a plan tells nobody, and `syncd explain` says who was told, or why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from support.dated_world import with_dates
from support.office import Office, Opened
from support.small_world import SmallWorld
from support.word_world import TalkingTarget
from syncd.cli import main
from syncd.cli.serving import _Beside
from syncd.cli.session import Session
from syncd.core.errors import NeedsHuman
from syncd.core.model import TargetId
from syncd.engine.world import JoinerTerms
from syncd.testing.memory import refusal


def in_step(world: SmallWorld) -> None:
    with_dates(world)
    world.company(4)
    world.sync()


@pytest.fixture
def office(opened: Opened) -> Office:
    one = opened(prepare=in_step)
    with_dates(one.world)
    target = TalkingTarget({}, one.world.target.room)
    vars(target).update(vars(one.world.target))
    one.world.target = target
    one.world.world = replace(one.world.world, joiners=JoinerTerms(tell=timedelta(days=3)))
    one.world.person("7", "team", manager="e2", hired="2026-11-24")
    return one


def shelf(office: Office) -> TalkingTarget:
    assert isinstance(office.world.target, TalkingTarget)
    return office.world.target


def refused() -> None:
    raise NeedsHuman(refusal("no right"))


def test_a_plan_tells_nobody_and_a_sync_tells_the_manager(office: Office) -> None:
    assert office.run("plan").code in (0, 10)
    assert shelf(office).sent == 0

    assert office.run("sync").code == 0

    assert [who for _, who in shelf(office).shelf.letters] == [TargetId("e2")]
    assert "Example 2 (e2) was told of the first day, 2026-11-24, now" in office.run("explain", "Example 7").out


def test_what_cannot_be_sent_fails_no_sync_and_is_explained(office: Office) -> None:
    shelf(office).shelf.before = refused

    assert office.run("sync").code == 0

    said = office.run("explain", "Example 7").out
    assert (
        "Who is told of the first day\n  Example 2 (e2) is told of the first day, 2026-11-24, in 2 min (1 try, MEM-001)"
        in said
    )


def off(office: Office) -> None:
    office.world.edit("7", state="left")


def moved(office: Office) -> None:
    office.world.edit("7", hired="2026-11-25")


def unreachable(office: Office) -> None:
    shelf(office).shelf.unknown = frozenset({TargetId("e2")})


@pytest.mark.parametrize(
    ("then", "line"),
    [
        (off, "Example 2 (e2) was told that 2026-11-24 is off, now"),
        (moved, "Example 2 (e2) was told that the first day is 2026-11-25 instead, now"),
    ],
)
def test_what_was_told_after_that_is_explained_too(office: Office, then: Callable[[Office], None], line: str) -> None:
    office.run("sync")
    then(office)
    office.run("sync")

    assert line in office.run("explain", "Example 7").out


@pytest.mark.parametrize("tell", ["3d", None])
def test_the_service_has_a_part_for_it_only_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tell: str | None
) -> None:
    main(["init", str(tmp_path), "--source", "table", "--quiet"])
    if tell is not None:
        monkeypatch.setenv("SYNCD_JOINERS__TELL", tell)
    service: Any = SimpleNamespace(calls=SimpleNamespace(take=None), wake=None)
    silent: Any = None

    with Session(config=tmp_path / "syncd.yaml") as session:
        parts: Any = _Beside(service, silent).read(session).rest

    assert ("joiners" in parts.works) == (tell is not None)
    assert {"alerts", "channels"} <= parts.works.keys()


def test_whoever_could_not_be_told_is_named(office: Office) -> None:
    unreachable(office)
    office.run("sync")

    said = office.run("explain", "Example 7").out
    assert "Example 2 (e2) could not be told of the first day, 2026-11-24: unknown in the target, now" in said


def test_what_was_not_sent_in_time_or_not_true_any_more_is_explained(office: Office) -> None:
    shelf(office).shelf.before = refused
    office.run("sync")
    moved(office)
    office.run("sync")
    office.world.time += timedelta(days=4)
    office.run("sync")

    said = office.run("explain", "Example 7").out
    assert "Example 2 (e2) was not told of the first day, 2026-11-24: that changed before it was sent" in said
    assert "Example 2 (e2) was not told of the first day, 2026-11-25: it could not be sent before the day began" in said
