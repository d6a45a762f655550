"""What metrics say of alerts comes from the state, as everything else does: the screen and the page never disagree."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from support.office import Office, Opened
from syncd.core.alerting import Case, Found, Severity, Stage
from syncd.core.health import Failure
from syncd.engine.health import UNWRITTEN, Live, health
from syncd.store import errors


@pytest.fixture
def office(opened: Opened) -> Office:
    return opened()


def test_open_alerts_are_counted_by_severity_and_those_that_are_over_are_not(office: Office) -> None:
    world, at = office.world.world, office.world.time
    first = Case(
        key="a",
        rule="backlog",
        severity=Severity.WARNING,
        stage=Stage.OPEN,
        episode=1,
        since=at,
        seen_at=at,
        found=(Found(id=""),),
    )
    cases = [
        first,
        replace(first, key="b"),
        replace(first, key="c", severity=Severity.CRITICAL),
        replace(first, key="d", stage=Stage.PENDING),
        replace(first, key="e", stage=Stage.RESOLVED),
    ]
    assert health(world).alerts == {}
    asyncio.run(world.store.do(lambda tx: tx.alerts.keep(cases)))
    assert health(world).alerts == {"warning": 2, "critical": 1}


def test_a_database_that_cannot_be_written_is_not_taken_for_a_target_that_fails(office: Office) -> None:
    world, at = office.world.world, office.world.time
    full = Failure(since=at, times=2, code="STO-004", what="There is no room left.", do="Make room.")
    found = health(world, service=Live(started_at=at, target_failing=full))
    assert found.target is not None
    assert (found.database_failing, found.target.failing) == (full, None)

    refused = replace(full, code="DNG-003")
    found = health(world, service=Live(started_at=at, target_failing=refused))
    assert found.target is not None
    assert (found.database_failing, found.target.failing) == (None, refused)


def test_the_codes_that_say_so_are_those_of_the_store() -> None:
    said = (errors.NOT_WRITABLE, errors.FULL, errors.DAMAGED, errors.UNREACHABLE, errors.LOCKED, errors.ENDED)
    assert {told.code for told in said} == UNWRITTEN
