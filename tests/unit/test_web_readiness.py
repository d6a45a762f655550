"""Ready means that data are fresh and changes can be written; what concerns only some people makes nobody unready."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from support.web import AT, well
from syncd.config.parts import ScheduleSettings
from syncd.config.web import MonitoringSettings
from syncd.core.health import Failure, Health, QueueHealth, TargetHealth
from syncd.web.readiness import Freshness, freshness, reasons

HOUR = timedelta(hours=1)
LIMITS = Freshness(run=HOUR, read=2 * HOUR, proven=50 * HOUR)
FAILURE = Failure(since=AT - timedelta(minutes=61), times=3, code="STO-001", what="It fails.", do="Mend it.")
HEALTH = well()
(SOURCE,) = HEALTH.sources
TARGET = TargetHealth(name="dingtalk", confirmed_at=None, seen_at=None)


def codes(health: Health) -> list[str]:
    return [each.code for each in reasons(health, LIMITS)]


def test_who_is_well_is_ready() -> None:
    assert codes(HEALTH) == []


@pytest.mark.parametrize(
    ("health", "code"),
    [
        (well(run_at=None), "WEB-031"),
        (well(run_at=AT - HOUR - timedelta(seconds=1)), "WEB-030"),
        (well(sources=(replace(SOURCE, read_at=AT - 2 * HOUR - timedelta(seconds=1)),)), "WEB-032"),
        (well(sources=(replace(SOURCE, proven_at=AT - 51 * HOUR),)), "WEB-033"),
        (well(audit_failing=FAILURE), "WEB-034"),
        (well(database_failing=FAILURE), "WEB-035"),
        (well(target=replace(TARGET, quarantine_until=AT + HOUR)), "WEB-036"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_reason_alone_is_enough_and_is_named(health: Health, code: str) -> None:
    assert codes(health) == [code]


@pytest.mark.parametrize(
    "health",
    [
        well(run_at=AT - HOUR),
        well(sources=(replace(SOURCE, failing=FAILURE),)),
        well(sources=(replace(SOURCE, read_at=None, proven_at=None),)),
        well(queue=QueueHealth(parked=9, failing=3, oldest_at=AT - 99 * HOUR)),
        well(held={"leave-1": 300}, held_since=AT - 99 * HOUR),
        well(config_failing=FAILURE),
        well(target=replace(TARGET, quarantine_until=AT - HOUR)),
        well(target=None),
    ],
)
def test_what_concerns_only_some_or_is_over_makes_nobody_unready(health: Health) -> None:
    assert codes(health) == []


def test_everything_that_is_wrong_is_told_with_age_and_limit_of_two_units() -> None:
    (told,) = reasons(well(run_at=AT - timedelta(days=2, hours=3, minutes=59)), LIMITS)
    assert told.what == "No synchronization has ended well for 2d3h; 1h are allowed."
    assert codes(well(run_at=None, audit_failing=FAILURE, database_failing=FAILURE)) == [
        "WEB-031",
        "WEB-034",
        "WEB-035",
    ]


def test_limits_that_are_not_given_follow_the_schedule() -> None:
    every = ScheduleSettings.model_validate({"every": "10m", "jitter": "0s", "full_every": "24h"})
    assert freshness(MonitoringSettings(), every) == Freshness(
        run=timedelta(minutes=30), read=timedelta(minutes=30), proven=timedelta(hours=49)
    )
    given = MonitoringSettings.model_validate({"run_within": "2h", "read_within": "3h", "proven_within": "9d"})
    assert freshness(given, every) == Freshness(run=2 * HOUR, read=3 * HOUR, proven=timedelta(days=9))
    often = ScheduleSettings.model_validate({"every": "10s", "jitter": "0s"})
    assert freshness(MonitoringSettings(), often).run == timedelta(minutes=5)
