"""Lists of a SCIM service, whole: by index or by cursor (RFC 9865), whatever the service counts wrong. It decodes no resource.

A list is never believed to be whole because it ended: rows slip from one page to the one before while others are deleted. What a
look saw is kept as a number of ids and a sum of their digests, so that two looks can be compared without keeping anybody.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

import msgspec

from syncd.core.errors import NeedsHuman, TryAgain
from syncd_scim import messages
from syncd_scim.paths import folded, text
from syncd_scim.settings import Paging
from syncd_scim.wire import Refused, Wire

_RESTARTS: Final = 3
_ENDS: Final = frozenset({400, 404, 416})
"""How services answer a page beyond the last one that do not answer it with an empty page."""
_WIDTH: Final = 2**128


class _Listed(msgspec.Struct):
    """RFC 7644 §3.4.2, RFC 9865 §2, with resources as the bytes that they are."""

    resources: list[msgspec.Raw] | None = msgspec.field(name="Resources", default=None)
    total: int | None = msgspec.field(name="totalResults", default=None)
    following: str | None = msgspec.field(name="nextCursor", default=None)


_DECODER: Final = msgspec.json.Decoder(_Listed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """One page."""

    resources: tuple[bytes, ...]
    total: int | None = None
    following: str = ""


@dataclass(slots=True, kw_only=True)
class Look:
    """Who was seen in one look: a number for each, while it lasts."""

    total: int | None = None
    """What the service counted at the end."""
    first_total: int | None = None
    pages: int = 0
    ids: set[int] = field(default_factory=set)
    without_id: int = 0

    @property
    def count(self) -> int:
        return len(self.ids)

    @property
    def sum(self) -> str:
        """Return one number for all ids, in whatever order they came."""
        return f"{sum(self.ids) % _WIDTH:032x}"


def mark(native_id: str) -> int:
    """Return a number for an id."""
    return int.from_bytes(blake2b(native_id.encode(), digest_size=16).digest())


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """How one kind of resource is listed."""

    wire: Wire
    path: str
    size: int
    by_cursor: bool
    sorted_by_id: bool

    async def rows(self, look: Look, *, filter_: str = "", attributes: str = "") -> AsyncIterator[Rows]:
        """Yield the pages of a list, and note in `look` what was counted; who was in it notes the caller.

        Rows may come again: a list begins anew when the service has forgotten its pages. Raises as `Wire.get`.
        """
        question = {"filter": filter_} if filter_ else {}
        if attributes:
            question["attributes"] = attributes
        if self.sorted_by_id:
            question["sortBy"] = "id"
        for _ in range(_RESTARTS):
            try:
                async for rows in self._pages(question, look):
                    yield rows
            except Refused as refused:
                if refused.scim_type.lower() != "expiredcursor":
                    raise
            else:
                return
        problem = messages.RESTLESS.at(host=self.wire.host, path=self.path, times=_RESTARTS)
        raise TryAgain(problem)

    async def total(self, filter_: str = "") -> int | None:
        """Return how many there are by the service's own count, None where it does not count. Raises as `Wire.get`."""
        # Some servers refuse a count of 0 (Entra's), so one row is asked for.
        question = {"filter": filter_} if filter_ else {}
        question |= {"cursor": ""} if self.by_cursor else {"startIndex": "1"}
        rows = _read(self.wire, self.path, await self.wire.get(self.path, {**question, "count": "1"}))
        return rows.total

    async def _pages(self, question: Mapping[str, str], look: Look) -> AsyncIterator[Rows]:
        start, cursor, shown = 1, "", set[str]()
        by_cursor = self.by_cursor
        before = -1
        while True:
            position = {"cursor": cursor} if by_cursor else {"startIndex": str(start)}
            try:
                body = await self.wire.get(self.path, {**question, **position, "count": str(self.size)})
            except Refused as refused:
                if start > 1 and refused.status in _ENDS and not by_cursor:
                    return
                raise
            rows = _read(self.wire, self.path, body)
            look.pages += 1
            look.total = rows.total
            look.first_total = rows.total if look.first_total is None else look.first_total
            yield rows
            if not rows.resources and not rows.following:
                return
            if rows.following:
                # Also of a service that was asked by index and answers with cursors, as Entra's.
                by_cursor, cursor = True, rows.following
                if cursor in shown:
                    raise NeedsHuman(messages.REPEATS.at(host=self.wire.host, path=self.path))
                shown.add(cursor)
            elif by_cursor:
                return
            else:
                start += len(rows.resources)
                if look.count == before and (rows.total is None or start > rows.total):
                    if rows.total is not None and look.count + look.without_id >= rows.total:
                        return  # a last page that only overlaps
                    raise NeedsHuman(messages.REPEATS.at(host=self.wire.host, path=self.path))
                before = look.count


def _read(wire: Wire, path: str, body: bytes) -> Rows:
    try:
        found = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = _Listed()
    if found.resources is not None:
        return Rows(resources=tuple(map(bytes, found.resources)), total=found.total, following=found.following or "")
    return _loosely(wire, path, body)


def _loosely(wire: Wire, path: str, body: bytes) -> Rows:
    """Read a list whose names are in another case, whose numbers are text, or that has no rows."""
    found = folded(wire.decoded(body, path))
    rows: Any = found.get("resources")
    total = text(found.get("totalresults"))
    if rows is None and not total and "listresponse" not in str(found.get("schemas")).lower():
        raise NeedsHuman(messages.NOT_SCIM.at(host=wire.host, path=path, why="no list of resources"))
    if rows is not None and not isinstance(rows, list):
        rows = [rows]
    return Rows(
        resources=tuple(msgspec.json.encode(each) for each in rows or ()),
        total=int(total) if total.isdigit() else None,
        following=text(found.get("nextcursor")),
    )


def by_cursor(provider: Mapping[str, Any], wanted: Paging) -> bool:
    """Tell how lists are asked for, by what the service says of itself (RFC 9865 §4)."""
    if wanted is not Paging.AUTO:
        return wanted is Paging.CURSOR
    said = folded(provider).get("pagination")
    if not isinstance(said, Mapping):
        return False
    offers = folded(said)
    return bool(offers.get("cursor")) and (
        not offers.get("index") or text(offers.get("defaultpaginationmethod")).lower() == "cursor"
    )


def sum_of(numbers: Iterable[int], before: str) -> str:
    """Return the sum of a look to which ids were added."""
    return f"{(int(before or '0', 16) + sum(numbers)) % _WIDTH:032x}"
