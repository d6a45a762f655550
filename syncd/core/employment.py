"""Several records of one source about one person over time: which of them counts, and whether one follows the other.

A rehire, a conversion from contingent to employee, a hand-over of some days: one person, one account. The moment is an argument.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from syncd.core.calendar import begins_at, has_left
from syncd.core.values import Values

if TYPE_CHECKING:
    from syncd.core.correlation import Statement

OVERLAP: Final = timedelta(days=31)
"""So long the record before and the one after may stand side by side: a hand-over, or a month that is finished."""
_NEVER: Final = date.min


def current(statements: Sequence[Statement], at: datetime | None, otherwise: str = "UTC") -> Statement:
    """Return the record that speaks for its source: which is at work; else which is about to begin; else which left last.

    Of two at work the later hired counts. `otherwise` is the zone of those of whom no source says where they work; without a
    moment, open-ended records count as being at work. The order in which they are given does not matter.
    """
    if len(statements) == 1:
        return statements[0]
    return min(statements, key=lambda one: (*_standing(one.facts, at, otherwise), one.native_id))


def _standing(facts: Values, at: datetime | None, otherwise: str) -> tuple[int, int, int]:
    """Return what to sort by: at work, about to begin, over; each by the day that tells two of them apart."""
    start, end = _day(facts, "hireDate"), _day(facts, "endDate")
    over = facts.get("active") is False or (end is not None if at is None else has_left(facts, at, otherwise))
    if over:
        return 2, -(end or _NEVER).toordinal(), -(start or _NEVER).toordinal()
    begins = begins_at(facts, otherwise)
    if start is not None and begins is not None and at is not None and at < begins:
        return 1, start.toordinal(), 0
    return 0, -(start or _NEVER).toordinal(), 0


def successive(one: Values, other: Values) -> bool:
    """Tell whether two records say themselves that one employment follows the other: an end and a beginning at most `OVERLAP`
    before it, or that one is over and the other is not."""
    if (one.get("active") is False) is not (other.get("active") is False):
        return True
    return _follows(one, other) or _follows(other, one)


def _follows(before: Values, after: Values) -> bool:
    end, start = _day(before, "endDate"), _day(after, "hireDate")
    return end is not None and start is not None and end - start <= OVERLAP and not _earlier(after, before)


def _earlier(one: Values, other: Values) -> bool:
    first, second = _day(one, "hireDate"), _day(other, "hireDate")
    return first is not None and second is not None and first < second


def turns_at(statements: Sequence[Statement], at: datetime, otherwise: str) -> datetime | None:
    """Return the next moment (aware UTC) at which another record may speak for its source, because it begins then."""
    per_source = Counter(one.source for one in statements)
    days = [
        begins
        for one in statements
        if per_source[one.source] > 1 and (begins := begins_at(one.facts, otherwise)) is not None
    ]
    return min((moment for moment in days if moment > at), default=None)


def _day(facts: Values, name: str) -> date | None:
    text = facts.get(name)
    if not isinstance(text, str):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
