"""A Workday tenant for tests: the sandbox with some people in it, and reads of it put together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from syncd.config.secrets import Secret
from syncd.core.errors import NeedsHuman, Problem, TryAgain, problem_of
from syncd.core.model import LEARNED, Completeness, Kind, Page, SourceRecord
from syncd.core.ports import Room
from syncd_workday import Workday
from syncd_workday.sandbox import Sandbox, Store

START = datetime(2026, 3, 2, 4, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A read, put together."""

    pages: list[Page]

    @property
    def people(self) -> dict[str, SourceRecord]:
        return {each.native_id: each for page in self.pages for each in page.records if each.kind is Kind.PERSON}

    @property
    def units(self) -> dict[str, SourceRecord]:
        return {each.native_id: each for page in self.pages for each in page.records if each.kind is Kind.UNIT}

    @property
    def full(self) -> bool:
        return self.pages[-1].full

    @property
    def proof(self) -> Completeness:
        found = self.pages[-1].completeness
        assert found is not None
        return found

    @property
    def doubts(self) -> set[str]:
        return {fact.name for fact in self.proof.doubts}

    @property
    def cursor(self) -> str | None:
        return self.pages[-1].cursor

    @property
    def how(self) -> str:
        return next(fact.detail for fact in self.proof.facts if fact.name == LEARNED)


def tenant(workers: int = 30) -> Sandbox:
    """Return a sandbox of three organizations; the head of the company manages the first, and nobody the third."""
    store = Store(now=START)
    top = store.organization("Contoh Nusantara")
    sales = store.organization("Penjualan", superior=top)
    vacant = store.organization("Gudang", superior=sales)
    store.organization("Gaji Bulanan", type_="PAY_GROUP")
    places = (top, sales, vacant)
    for number in range(1, workers + 1):
        wid = store.hire(
            f"{number:05}",
            organization=places[number % 3],
            title="Staf",
            mails=(f"contoh{number}@example.com",),
            mobile=f"+62811000{number:05}",
        )
        if number == 3:
            store.organizations[top].manager = wid
        if number == 4:
            store.organizations[sales].manager = wid
    store.pass_time(days=1)
    return Sandbox(store=store)


def wid_of(sandbox: Sandbox, number: str) -> str:
    """Return Workday's own id of a worker."""
    return next(wid for wid, each in sandbox.store.workers.items() if each.number == number)


def said(found: Read, number: str) -> dict[str, object]:
    """Return what a read says of a person."""
    return dict(found.people[number].attributes)


def source(
    sandbox: Sandbox,
    *,
    wanted: Mapping[Kind, frozenset[str]] | None = None,
    now: Callable[[], datetime] | None = None,
    **more: Any,
) -> Workday:
    """Return the source of a sandbox, whose clock is the tenant's unless there is another."""
    sign_in = (
        {}
        if {"oauth", "jwt", "x509"} & set(more)
        else {"user": sandbox.user, "password": Secret.literal(sandbox.password)}
    )
    said = {"url": sandbox.url, "tenant": sandbox.tenant, "page_size": 10, "patience": "0s", **sign_in, **more}
    room = Room(name="hr", now=now or (lambda: sandbox.store.now), base=Path(), wanted=wanted)
    return Workday(Workday.settings(**said), room)


def read(sandbox: Sandbox, cursor: str | None = None, **more: Any) -> Read:
    """Read a tenant whole, or from a cursor."""

    async def whole() -> list[Page]:
        async with source(sandbox, **more) as one:
            return [page async for page in one.read(cursor)]

    return Read(pages=asyncio.run(whole()))


def refusal(sandbox: Sandbox, cursor: str | None = None, **more: Any) -> Problem:
    """Return what a read that cannot go on says."""
    with pytest.raises((NeedsHuman, TryAgain)) as caught:
        read(sandbox, cursor, **more)
    found = problem_of(caught.value)
    assert found is not None
    return found
