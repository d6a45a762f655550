"""What DingTalk's events say, as `Touched`: which object, whether it is gone, and what it shows of it. Pure.

Stream and HTTP callbacks carry the same payloads (`userId`, `deptId`, `diffInfo`), the callback in one flat object and, where it
was registered by a call, with capital first letters (recalled); so keys are read in any case. No event says who did it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from syncd.core.model import Kind, TargetId
from syncd.core.values import Value, Values
from syncd.core.wakes import Touched
from syncd_dingtalk.fields import normalise
from syncd_dingtalk.mobiles import Region

PERSON_EVENTS: Final = frozenset(
    {"user_add_org", "user_modify_org", "user_leave_org", "org_admin_add", "org_admin_remove"}
)
"""Not `user_active_org`: somebody who logs in for the first time changes none of our fields."""
UNIT_EVENTS: Final = frozenset({"org_dept_create", "org_dept_modify", "org_dept_remove"})
ADMIN_EVENTS: Final = frozenset({"org_admin_add", "org_admin_remove"})
_GONE: Final = frozenset({"user_leave_org", "org_dept_remove"})
_SHOWN: Final[Mapping[str, str]] = {
    "name": "name",
    "telephone": "telephone",
    "email": "email",
    "jobnumber": "job_number",
    "workplace": "work_place",
    "manageruserid": "manager",
    "hireddate": "hired_date",
    "title": "title",
    "remark": "remark",
}
"""The fields of `diffInfo` that we hold. The page's sample has the first seven and an ellipsis; `title` and `remark` are
recalled. Mobile numbers are not among them, and moves between departments are not shown."""
_MILLISECONDS_FROM: Final = 10**11
"""Larger stamps are milliseconds, smaller ones seconds: until the year 5138."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event, whichever way it came."""

    type: str
    id: str
    born_at: datetime
    data: Mapping[str, object]


def touched(event: Event, *, region: Region) -> tuple[Touched, ...]:
    """Return the objects that an event is about; none where it is about something that we do not keep."""
    kind, name = (Kind.PERSON, "userid") if event.type in PERSON_EVENTS else (Kind.UNIT, "deptid")
    if event.type not in PERSON_EVENTS | UNIT_EVENTS:
        return ()
    data = lowered(event.data)
    seen = _seen(data.get("diffinfo"), region) if event.type == "user_modify_org" else None
    ids = _ids(data.get(name))
    return tuple(
        Touched(
            kind=kind,
            target_id=TargetId(one),
            at=event.born_at,
            key=f"{event.id}:{one}",
            gone=event.type in _GONE,
            seen=seen if len(ids) == 1 else None,
        )
        for one in ids
    )


def _ids(value: object) -> tuple[str, ...]:
    """Return the ids; those of 0 and below are the home-school tree, which is not the organization's."""
    listed = value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
    texts = [str(one) for one in listed if isinstance(one, str | int) and not isinstance(one, bool)]
    return tuple(one for one in dict.fromkeys(texts) if one and not one.startswith("-") and one != "0")


def _seen(diff: object, region: Region) -> Values | None:
    """Return the fields that a difference shows, as they are now; None where it does not show what was changed.

    What was cleared simply vanishes from `curr`. Equal sides mean that something changed that is not shown.
    """
    shown = lowered(diff) if isinstance(diff, Mapping) else {}
    prev, curr = shown.get("prev"), shown.get("curr")
    if not isinstance(prev, Mapping) or not isinstance(curr, Mapping) or dict(prev) == dict(curr):
        return None
    old, new = lowered(prev), lowered(curr)
    fields: dict[str, Value] = {
        ours: _text(new.get(theirs)) for theirs, ours in _SHOWN.items() if theirs in new or theirs in old
    }
    return normalise(Kind.PERSON, fields, region=region)


def _text(value: object) -> str | None:
    return str(value).strip() or None if isinstance(value, str | int) else None


def lowered(value: Mapping[str, object]) -> dict[str, object]:
    """Return a mapping with its keys in lower case."""
    return {str(key).lower(): item for key, item in value.items()}


def instant_of(stamp: object) -> datetime | None:
    """Return the moment that a stamp means, milliseconds or seconds, as text or number; None where it is none."""
    try:
        number = int(str(stamp))
        return datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS_FROM else number, UTC)
    except (ValueError, OverflowError, OSError):
        return None
