"""A last working day is over when it is over where the person works."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from syncd.core.calendar import begins_at, has_left, leaves_at


@pytest.mark.parametrize(
    ("facts", "end"),
    [
        ({"endDate": "2026-11-22", "timezone": "Asia/Shanghai"}, datetime(2026, 11, 22, 16, tzinfo=UTC)),
        ({"endDate": "2026-11-22", "timezone": "Asia/Jakarta"}, datetime(2026, 11, 22, 17, tzinfo=UTC)),
        ({"endDate": "2026-11-22", "timezone": "America/Los_Angeles"}, datetime(2026, 11, 23, 8, tzinfo=UTC)),
        ({"endDate": "2026-11-22"}, datetime(2026, 11, 22, 16, tzinfo=UTC)),
        ({"endDate": "2026-11-22", "timezone": "Nowhere/Land"}, datetime(2026, 11, 22, 16, tzinfo=UTC)),
        ({"endDate": "soon"}, None),
        ({}, None),
    ],
)
def test_the_end_is_midnight_after_the_last_day_where_the_person_works(
    facts: dict[str, str], end: datetime | None
) -> None:
    assert leaves_at(facts, "Asia/Shanghai") == end


def test_nobody_leaves_a_second_too_early() -> None:
    facts = {"endDate": "2026-11-22", "timezone": "Asia/Jakarta"}

    assert not has_left(facts, datetime(2026, 11, 22, 16, 59, 59, tzinfo=UTC), "UTC")
    assert has_left(facts, datetime(2026, 11, 22, 17, tzinfo=UTC), "UTC")


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/Los_Angeles"])
def test_days_at_the_ends_of_time_are_no_days(zone: str) -> None:
    assert leaves_at({"endDate": "9999-12-31"}, zone) is None
    assert begins_at({"hireDate": "0001-01-01"}, "Asia/Shanghai") is None


def test_the_first_day_begins_at_midnight_where_the_person_works() -> None:
    facts = {"hireDate": "2026-12-01", "timezone": "Asia/Jakarta"}

    assert begins_at(facts, "UTC") == datetime(2026, 11, 30, 17, tzinfo=UTC)
    assert begins_at({"hireDate": "soon"}, "UTC") is None
