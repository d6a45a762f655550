"""What metrics say of alerts comes from the state, as everything else does: the screen and the page never disagree."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from support.office import Office
from syncd.core.alerting import Case, Found, Severity, Stage
from syncd.engine.health import health


@pytest.fixture
def office(
    migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Office]:
    one = Office(migrated_file, tmp_path, monkeypatch, capsys)
    yield one
    one.close()


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
