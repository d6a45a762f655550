"""Reading everybody, and being sure of it: pages to records, a second look at the ids where somebody came or went.

Rows slip between pages while others are deleted, and a count may fit all the same (somebody joined meanwhile). So a read in which
exactly those are seen who were seen in the last proven one proves itself; any other is looked over once more by ids alone, until
a look shows nobody new. Who was missed is fetched by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import msgspec

from syncd.core.known import Known
from syncd.core.model import Kind, Page, ProofFact, SourceRecord
from syncd_scim.cursor import Seen
from syncd_scim.lists import Listing, Look, Rows, mark
from syncd_scim.paths import flag, folded, text
from syncd_scim.resources import Shape, fingerprint, moment_of
from syncd_scim.wire import Refused

_LOOKS: Final = 4
"""How often at most a list is looked over until two looks agree."""
_TOGETHER: Final = 8
_MISSED: Final = 1000
"""So many who slipped through a look are fetched one by one; of more, the read is not proven."""


class _Meta(msgspec.Struct):
    created: str | None = None


class _Head(msgspec.Struct):
    """What is asked of a resource that need not be decoded."""

    id: str | None = None
    meta: _Meta | None = None


_HEADS: Final = msgspec.json.Decoder(_Head)


@dataclass(slots=True, kw_only=True)
class Looking:
    """One kind of resource, read whole."""

    listing: Listing
    shape: Shape
    filter: str
    since: datetime
    """From when on the next read asks for changes: whoever was made since will be shown to it again."""
    last: Seen
    known: Known
    look: Look = field(default_factory=Look)
    agreed: bool = False
    looks: int = 1
    without_active: int = 0
    recent: list[str] = field(default_factory=list)

    @property
    def path(self) -> str:
        return self.listing.path

    async def pages(self) -> AsyncIterator[Page]:
        """Yield everybody. Raises as a source does, and `Refused`."""
        async for rows in self.listing.rows(self.look, filter_=self.filter):
            yield await self.page(rows.resources)
        if self.look.count == self.last.count and self.look.sum == self.last.sum and not self.look.without_id:
            self.agreed = True
            return
        while not self.agreed and self.looks < _LOOKS:
            self.looks += 1
            missed = await self._missed()
            self.agreed = not missed
            if len(missed) > _MISSED:
                return
            fetched = await self._fetched(missed)
            if fetched:
                yield await self.page(fetched)

    def seen(self) -> Seen:
        """Return who was there, for the next read to compare itself with."""
        return Seen(count=self.look.count, sum=self.look.sum, recent=tuple(self.recent))

    def facts(self) -> Sequence[ProofFact]:
        """Return what was checked."""
        look, name = self.look, self.path
        counted = look.total is None or look.total == look.count
        how = (
            "the same as in the last proven read"
            if self.looks == 1
            else f"{self.looks} looks, the last shows nobody new"
        )
        return (
            ProofFact(
                name=f"{name}: every page answered", holds=True, detail=f"{look.pages} pages, the last one reached"
            ),
            ProofFact(
                name=f"{name}: as many as the service counts",
                holds=counted,
                detail=f"{look.count} read, {'not counted' if look.total is None else look.total} by the service",
            ),
            ProofFact(
                name=f"{name}: nobody slipped between pages",
                holds=self.agreed,
                detail=how if self.agreed else f"still changing after {self.looks} looks",
            ),
            ProofFact(
                name=f"{name}: every row has an id", holds=not look.without_id, detail=f"without: {look.without_id}"
            ),
        )

    async def page(self, resources: Sequence[bytes]) -> Page:
        """Return the records of resources that were not seen before in this read; those that are known are counted."""
        records, unchanged = [], 0
        lacking: list[tuple[str, dict[str, Any]]] = []
        for raw in resources:
            native_id, made_at = head_of(raw)
            if not native_id:
                self.look.without_id += 1
                continue
            number = mark(native_id)
            if number in self.look.ids:
                continue
            self.look.ids.add(number)
            if made_at is not None and made_at >= self.since:
                self.recent.append(native_id)
            made = fingerprint(self.shape, raw)
            if self.known.seen(made):
                unchanged += 1
                continue
            resource: dict[str, Any] = msgspec.json.decode(raw)
            names = folded(resource)
            if self.shape.kind is Kind.GROUP and "members" not in names:
                lacking.append((native_id, resource))
                continue
            self.without_active += self.shape.kind is Kind.PERSON and flag(names.get("active")) is None
            records.append(self.shape.record(resource, native_id=native_id, fingerprint=made))
        records += await self._with_members(lacking)
        return Page(records=tuple(records), unchanged=unchanged)

    async def _with_members(self, groups: Sequence[tuple[str, dict[str, Any]]]) -> list[SourceRecord]:
        """Return groups that came without members: many services leave them out of lists."""
        whole = await self._each([native_id for native_id, _ in groups])
        records = []
        for native_id, listed in groups:
            # Gone since the list was made, or not to be read by itself: what the list said has to do.
            found = whole.get(native_id, listed)
            records.append(self.shape.record(found, native_id=native_id, fingerprint=b""))
        return records

    async def _missed(self) -> list[str]:
        """Look over the list by ids alone, and return whom the looks before have not seen."""
        again, missed = Look(), dict[str, None]()
        async for rows in self._ids(again):
            for raw in rows.resources:
                native_id, _ = head_of(raw)
                if not native_id:
                    again.without_id += 1
                    continue
                number = mark(native_id)
                again.ids.add(number)
                if number not in self.look.ids:
                    missed[native_id] = None
        if not missed:
            # Who was there before and is not in the last look has been deleted meanwhile: the next read tells.
            self.look.ids &= again.ids
        self.look.total, self.look.pages = again.total, self.look.pages + again.pages
        return list(missed)

    async def _ids(self, again: Look) -> AsyncIterator[Rows]:
        try:
            async for rows in self.listing.rows(again, filter_=self.filter, attributes="id"):
                yield rows
        except Refused:
            async for rows in self.listing.rows(again, filter_=self.filter):
                yield rows

    async def _fetched(self, ids: Sequence[str]) -> list[bytes]:
        return [msgspec.json.encode(each) for each in (await self._each(ids)).values()]

    async def _each(self, ids: Sequence[str]) -> Mapping[str, dict[str, Any]]:
        """Return single resources by id; those that are gone are left out."""
        gate = asyncio.Semaphore(_TOGETHER)

        async def one(native_id: str) -> tuple[str, dict[str, Any] | None]:
            async with gate:
                try:
                    return native_id, await self.listing.wire.object(f"{self.path}/{quote(native_id, safe='')}")
                except Refused as refused:
                    # Some servers answer 400 for an id that they do not know (Entra's).
                    if refused.status in (400, 404, 410):
                        return native_id, None
                    raise

        answers = await asyncio.gather(*map(one, ids), return_exceptions=True)
        found = dict[str, dict[str, Any]]()
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
            if (resource := answer[1]) is not None:
                found[answer[0]] = resource
        return found


def head_of(raw: bytes) -> tuple[str, datetime | None]:
    """Return a resource's id, and when it was made, without decoding the rest of it."""
    try:
        head = _HEADS.decode(raw)
    except msgspec.ValidationError:
        head = _Head()
    if head.id:
        return head.id.strip(), moment_of(head.meta.created) if head.meta and head.meta.created else None
    return text(folded(msgspec.json.decode(raw)).get("id")), None
