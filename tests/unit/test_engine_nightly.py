"""Everything is read at night, at the installation's own minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from syncd.engine.nightly import Night

MOMENTS = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
ZONES = st.sampled_from(["UTC", "Asia/Shanghai", "Asia/Jakarta", "Europe/Berlin", "America/New_York"])


@given(st.binary(max_size=32), ZONES, MOMENTS)
def test_it_is_ahead_within_a_day_and_a_bit_at_night_and_away_from_the_full_hour(
    installation: bytes, zone: str, now: datetime
) -> None:
    at = Night.of(installation, zone).after(now)

    assert now < at <= now + timedelta(hours=25)
    there = at.astimezone(ZoneInfo(zone))
    assert 1 <= there.hour <= 5
    assert 5 <= there.minute < 55


def test_each_installation_has_its_own_minute_and_keeps_it() -> None:
    nights = {Night.of(bytes([number]), "UTC").at for number in range(50)}

    assert len(nights) > 30
    assert Night.of(b"one", "UTC") == Night.of(b"one", "UTC")
