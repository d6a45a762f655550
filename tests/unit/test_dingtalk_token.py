"""The access token: fetched once for all, renewed in time, dropped when refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from syncd.core.errors import TryAgain, message
from syncd_dingtalk.token import TokenKeeper

DOWN = message("TST-701", what="down", do="wait", example="a test")


class Office:
    """Gives tokens that live 7,200 s, and counts."""

    def __init__(self) -> None:
        self.now = 0.0
        self.given = 0
        self.closed = False
        self.keeper = TokenKeeper(self.fetch, lambda: self.now)

    async def fetch(self) -> tuple[str, float]:
        await asyncio.sleep(0)
        if self.closed:
            raise TryAgain(DOWN.at())
        self.given += 1
        return f"token-{self.given}", 7200.0


def run(work: Callable[[Office], Awaitable[None]]) -> None:
    async def inner() -> None:
        await work(Office())

    asyncio.run(inner())


def test_many_who_ask_at_once_cause_one_fetch() -> None:
    async def work(office: Office) -> None:
        assert set(await asyncio.gather(*(office.keeper.get() for _ in range(20)))) == {"token-1"}
        assert office.given == 1

    run(work)


def test_a_token_is_renewed_after_80_percent_of_its_life() -> None:
    async def work(office: Office) -> None:
        await office.keeper.get()
        office.now = 5759
        assert await office.keeper.get() == "token-1"
        office.now = 5760
        assert await office.keeper.get() == "token-2"

    run(work)


def test_while_the_old_token_lives_a_failed_renewal_is_no_failure() -> None:
    async def work(office: Office) -> None:
        await office.keeper.get()
        office.now, office.closed = 6000, True
        assert await office.keeper.get() == "token-1"
        office.now = 7200
        with pytest.raises(TryAgain):
            await office.keeper.get()

    run(work)


def test_a_refused_token_is_dropped_once_and_not_its_successor() -> None:
    async def work(office: Office) -> None:
        old = await office.keeper.get()
        office.keeper.refused(old)
        assert await office.keeper.get() == "token-2"
        office.keeper.refused(old)
        assert await office.keeper.get() == "token-2"

    run(work)


def test_one_who_gives_up_does_not_end_the_fetch_for_the_others() -> None:
    async def work(office: Office) -> None:
        first = asyncio.create_task(office.keeper.get())
        second = asyncio.create_task(office.keeper.get())
        await asyncio.sleep(0)
        first.cancel()
        assert await second == "token-1"

    run(work)


def test_the_token_is_not_shown() -> None:
    async def work(office: Office) -> None:
        await office.keeper.get()
        assert "token-1" not in repr(office.keeper)

    run(work)
