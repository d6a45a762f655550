"""What changed since the last read: asked for by `meta.lastModified`, and given up for a full read where that cannot be trusted.

Such a question never tells who was deleted. So the service's own count is asked for: where it is not what it was and whoever was
made since, somebody is missing, and everything is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from syncd.core.model import SourceRecord
from syncd.core.values import moment
from syncd_scim.cursor import Seen
from syncd_scim.lists import Look, mark, sum_of
from syncd_scim.looking import Looking, head_of
from syncd_scim.resources import created, modified
from syncd_scim.wire import Refused

MOST: Final = 5000
"""Of more changes, a full read is as cheap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What changed of one kind."""

    records: tuple[SourceRecord, ...]
    unchanged: int
    seen: Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class StartOver:
    """Why everything has to be read."""

    why: str


async def changed(looking: Looking, *, since: str) -> Changed | StartOver:
    """Return what changed since an instant. Raises as a source does."""
    listing, last = looking.listing, looking.last
    window = f'meta.lastModified ge "{since}"'
    filter_ = f"({looking.filter}) and {window}" if looking.filter else window
    found: dict[str, bytes] = {}
    try:
        look = Look()
        async for rows in listing.rows(look, filter_=filter_):
            for raw in rows.resources:
                native_id, _ = head_of(raw)
                look.ids.add(mark(native_id))
                found[native_id] = raw
            if len(found) > MOST:
                return StartOver(why=f"more than {MOST} changes of {listing.path}")
        total = await listing.total(looking.filter)
    except Refused as refused:
        return StartOver(why=f"{listing.path} cannot be asked for by its time ({refused.status})")
    if total is None:
        return StartOver(why=f"{listing.path} are not counted by the service, so deletions would not show")
    return await _judged(looking, found, since=moment(since), total=total, last=last)


async def _judged(
    looking: Looking, found: dict[str, bytes], *, since: datetime, total: int, last: Seen
) -> Changed | StartOver:
    path = looking.path
    new = []
    for native_id, raw in found.items():
        resource: dict[str, Any] = msgspec.json.decode(raw)
        at = modified(resource)
        if at is None or at < since:
            return StartOver(why=f"{path} do not keep to the time that is asked for")
        made_at = created(resource)
        if made_at is None:
            return StartOver(why=f"{path} do not say when they were made")
        if made_at >= since:
            new.append(native_id)
    fresh = [native_id for native_id in new if native_id not in last.recent]
    if total != last.count + len(fresh):
        return StartOver(why=f"{path}: {last.count} were there, {len(fresh)} are new, and {total} are left")
    page = await looking.page([*found.values()])
    seen = Seen(count=total, sum=sum_of(map(mark, fresh), last.sum), recent=tuple(new))
    return Changed(records=page.records, unchanged=page.unchanged, seen=seen)
