"""DingTalk's leave records: what is read of them, and what an answer that makes no sense comes to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from syncd.core.errors import TryAgain
from syncd.core.leave_records import Left, LeftBy
from syncd_dingtalk import leaves
from syncd_dingtalk.api import Api
from syncd_dingtalk.shapes import LeaveRecord, LeaveRecords

NOW = datetime(2026, 11, 22, 1, 30, 0, 400_000, tzinfo=UTC)


class Answering:
    """An interface that gives these answers, and remembers what it was asked."""

    def __init__(self, *answers: LeaveRecords) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    async def call(self, _: object, **words: Any) -> LeaveRecords:
        self.asked.append(words)
        return self.answers.pop(0)


def record(at: str = "2026-11-22T01:00:00Z", reason: str = "oapi") -> LeaveRecord:
    return LeaveRecord(user_id="u1", leave_time=at, leave_reason=reason)


def read(api: Answering, *, since: datetime, until: datetime = NOW) -> list[Left]:
    async def all_() -> list[Left]:
        found: list[Sequence[Left]] = [some async for some in leaves.read(cast("Api", api), since=since, until=until)]
        return [one for some in found for one in some]

    return asyncio.run(all_())


@pytest.mark.parametrize(
    ("reason", "by"),
    [
        ("oapi", LeftBy.PROGRAM),
        ("delete", LeftBy.ADMINISTRATOR),
        ("leave", LeftBy.THEMSELVES),
        ("cancel", LeftBy.CLOSED),
        ("unknown", LeftBy.UNKNOWN),
        ("one that is new", LeftBy.UNKNOWN),
    ],
)
def test_each_reason_has_a_meaning_and_a_new_one_is_unknown(reason: str, by: LeftBy) -> None:
    (one,) = read(Answering(LeaveRecords(records=[record(reason=reason)])), since=NOW - timedelta(hours=1))
    assert one.by is by


@pytest.mark.parametrize("text", ["2026-11-22T01:00:00Z", "2026-11-22T09:00:00+08:00", "2026-11-22T01:00:00"])
def test_a_time_is_understood_with_any_zone_and_taken_for_utc_without_one(text: str) -> None:
    (one,) = read(Answering(LeaveRecords(records=[record(at=text)])), since=NOW - timedelta(hours=1))
    assert one.at == datetime(2026, 11, 22, 1, tzinfo=UTC)


def test_what_is_asked_in_whole_seconds_misses_no_part_of_one() -> None:
    api = Answering(LeaveRecords())
    read(api, since=NOW - timedelta(hours=1))
    (asked,) = api.asked
    assert (asked["startTime"], asked["endTime"]) == ("2026-11-22T00:30:00Z", "2026-11-22T01:30:01Z")
    assert (asked["nextToken"], asked["maxResults"]) == ("0", 50)


def test_more_than_a_year_is_asked_for_in_parts_that_leave_nothing_out() -> None:
    api = Answering(*(LeaveRecords() for _ in range(3)))
    read(api, since=NOW - timedelta(days=800))
    spans = [(datetime.fromisoformat(one["startTime"]), datetime.fromisoformat(one["endTime"])) for one in api.asked]
    assert all(end - start <= timedelta(days=365) for start, end in spans)
    assert [end for _, end in spans[:-1]] == [start for start, _ in spans[1:]]
    assert spans[0][0] <= NOW - timedelta(days=800)
    assert spans[-1][1] >= NOW


def test_a_page_that_names_itself_as_the_next_one_is_no_end() -> None:
    api = Answering(LeaveRecords(records=[record()], next_token="0"))
    with pytest.raises(TryAgain):
        read(api, since=NOW - timedelta(hours=1))


def test_an_empty_page_with_a_next_one_is_no_end() -> None:
    api = Answering(LeaveRecords(next_token=7), LeaveRecords(records=[record()]))
    assert len(read(api, since=NOW - timedelta(hours=1))) == 1
    assert api.asked[1]["nextToken"] == "7"


def test_a_time_that_is_none_ends_nothing_quietly() -> None:
    with pytest.raises(TryAgain):
        read(Answering(LeaveRecords(records=[record(at="yesterday")])), since=NOW - timedelta(hours=1))
