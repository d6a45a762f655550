"""Whoever is to refer to somebody whose account cannot be made for now waits for that one account, and for nothing else."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from support.serving import ringing, served, until
from support.small_world import HR, SmallWorld, run
from syncd.core.model import Change, Op
from syncd.core.outcome import Deferred, Outcome
from syncd.testing.memory import refusal


@pytest.fixture
def company(tmp_path: Path) -> Iterator[SmallWorld]:
    one = SmallWorld(tmp_path)
    one.company(4)
    yield one
    one.store.close()


def test_a_manager_who_cannot_be_made_for_an_hour_is_waited_for_without_looking_again_and_again(
    company: SmallWorld,
) -> None:
    real, calls, shut = company.target.apply, Counter[str](), asyncio.Event()

    async def apply(change: Change, *, key: str, again: bool = False) -> Outcome:
        calls[f"{change.op} {change.label}"] += 1
        if change.label == "Example 9" and change.op is Op.CREATE and not shut.is_set():
            return Deferred(problem=refusal("not now"), retry_at=company.now() + timedelta(hours=1))
        return await real(change, key=key, again=again)

    company.target.apply = apply  # type: ignore[method-assign]

    def manager() -> object:
        held = (one for one in company.target.objects.values() if one.get("job_number") == "e3")
        return next((one.get("manager") for one in held), None)

    def plans() -> int:
        with company.store.reading() as tx:
            return sum(row.type == "plan.accepted" for row in company.store.audit.iterate(tx))

    async def story() -> None:
        async with served(company.world) as service:
            await until(lambda: len(company.target.objects) == 6, "everybody")
            company.person("9", "team")
            company.edit("3", manager="e9", title="Reports to 9")
            await service.wake(ringing(HR))
            await until(lambda: calls["update Example 3"] >= 1, "what can be written of the one below")
            await until(lambda: calls["create Example 9"] >= 1, "the manager was tried")
            before = plans()
            for title in range(3):  # the service goes on all the while
                company.edit("4", title=f"Title {title}")
                await service.wake(ringing(HR))
                number = title + 1
                await until(lambda n=number: calls["update Example 4"] >= n, f"change {title}")  # type: ignore[misc]
            assert plans() <= before + 3 + 2
            assert calls["update Example 3"] == 1
            assert manager() != "e9"

            shut.set()
            company.time += timedelta(hours=1, minutes=1)
            company.edit("4", title="Later")  # so that the writer, which sleeps by another clock, has something to do
            await service.wake(ringing(HR))
            await until(lambda: manager() == "e9", "the manager, as soon as there is one")

    run(story())
