"""Whose state changes by itself, because time passes: accounts that expire. Blocking: it asks the server who they are.

A directory tells nothing when an account expires. So a full read notes when that happens next, and a delta after that moment
reads those again whose moment has come.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from syncd.core.model import Kind
from syncd_active_directory.decode import decode
from syncd_active_directory.reading import Reading
from syncd_active_directory.units import identity_of

_EVER: Final = datetime(9999, 1, 1, tzinfo=UTC)


def next_review(reading: Reading, now: datetime) -> int:
    """Return when somebody's state changes next, in seconds since 1970; 0 if nobody's does."""
    place = reading.place
    due = place.dialect.due(now, _EVER)
    if not due:
        return 0
    moments = []
    for entry in reading.referring(Kind.PERSON, due):
        state = place.dialect.state(decode(entry, place.asked[Kind.PERSON]).attributes, now)
        moments.append(state.review_at)
    return min((int(each.timestamp()) for each in moments if each is not None), default=0)


def due(reading: Reading, *, since: datetime, now: datetime) -> Iterator[str]:
    """Yield the ids of those whose state changed by itself between two moments."""
    filter_ = reading.place.dialect.due(since, now)
    if filter_:
        for entry in reading.referring(Kind.PERSON, filter_):
            yield identity_of(entry, reading.place)


def locked(reading: Reading) -> Iterator[str]:
    """Yield the ids of those who are locked, or were: a lock ends by itself, and nothing is told of it."""
    if reading.place.dialect.locks:
        for entry in reading.referring(Kind.PERSON, reading.place.dialect.locks):
            yield identity_of(entry, reading.place)
