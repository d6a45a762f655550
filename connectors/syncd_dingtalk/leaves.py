"""DingTalk's leave records, `GET /v1.0/contact/empLeaveRecords`: who has left the organization, when and how. It changes nothing.

The interface shows at most 365 days at once and 50 records a page. How soon a record appears after somebody has left is not
documented; whoever asks must expect that it is missing for a while.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from syncd.core.errors import NeedsHuman, TryAgain
from syncd.core.leave_records import Left, LeftBy
from syncd.core.model import TargetId
from syncd_dingtalk import api as a
from syncd_dingtalk import messages as m
from syncd_dingtalk import messages_leaves as ml
from syncd_dingtalk.api import Api
from syncd_dingtalk.shapes import LeaveRecord

PAGE: Final = 50
"""The largest page."""
SPAN: Final = timedelta(days=365)
"""The longest time that one question may be about."""
_FIRST: Final = "0"
_STAMP: Final = "%Y-%m-%dT%H:%M:%SZ"
_SECOND: Final = timedelta(seconds=1)
_REASONS: Final[Mapping[str, LeftBy]] = {
    "oapi": LeftBy.PROGRAM,
    "delete": LeftBy.ADMINISTRATOR,
    "leave": LeftBy.THEMSELVES,
    "cancel": LeftBy.CLOSED,
}
"""The page has these and `unknown`."""


async def read(api: Api, *, since: datetime, until: datetime) -> AsyncGenerator[Sequence[Left], None]:
    """Yield the records of this time, page by page. Raises as `Api.call` does; NeedsHuman (DNG-098) where it is not permitted."""
    for start, end in _spans(since, until):
        async for page in _pages(api, startTime=start.strftime(_STAMP), endTime=end.strftime(_STAMP)):
            if found := [_left(one) for one in page if one.user_id]:
                yield found


def _spans(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield parts that are short enough. What is asked in whole seconds must not miss a part of one."""
    start, end = since.astimezone(UTC).replace(microsecond=0), until.astimezone(UTC).replace(microsecond=0) + _SECOND
    while start + SPAN < end:
        yield start, start + SPAN
        start += SPAN
    yield start, end


async def _pages(api: Api, **words: str) -> AsyncIterator[list[LeaveRecord]]:
    token = _FIRST
    while token:
        try:
            answer = await api.call(a.LEAVE_RECORDS, **words, nextToken=token, maxResults=PAGE)
        except NeedsHuman as error:
            raise refused(error) from None
        yield answer.records
        following = str(answer.next_token or "")
        if following == token:
            raise _garbled("it names the same page as the next one")
        token = following


def refused(error: NeedsHuman) -> NeedsHuman:
    """Return what a missing right means here; anything else as it is."""
    problem = error.problem
    if problem.code != m.PERMISSION.code:
        return error
    return NeedsHuman(ml.LEAVES_UNREAD.at(code=problem.words.get("code", problem.code)))


def _left(record: LeaveRecord) -> Left:
    by = _REASONS.get(record.leave_reason, LeftBy.UNKNOWN)
    return Left(target_id=TargetId(record.user_id), at=_instant(record.leave_time), by=by)


def _instant(text: str) -> datetime:
    """Return when it was. The page shows times of UTC; one without a zone is taken for that (not documented)."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise _garbled("it has a time of leaving that is none") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def _garbled(why: str) -> TryAgain:
    return TryAgain(m.GARBLED.at(interface=a.LEAVE_RECORDS.path, why=why))
