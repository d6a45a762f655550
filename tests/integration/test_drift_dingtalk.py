"""Hand edits in DingTalk, from the console through Stream mode to the rule; and our own writes, which are none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from servers.dingtalk import connected
from servers.dingtalk_control import by_hand, control, until
from support.small_world import SmallWorld
from syncd.core.model import Kind, TargetId
from syncd.core.ports import Room
from syncd.core.wakes import Touched
from syncd.engine import drift
from syncd.engine.cycle import Cycle, Order, cycle
from syncd.engine.serving import Schedule, Service
from syncd.engine.world import DriftRule, DriftTerms, GuardTerms
from syncd.store.drifts import Drift
from syncd_dingtalk import DingTalk
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings
from syncd_dingtalk.settings import EventMode, EventSettings

LOOK = "/topapi/v2/user/get"


class Company(SmallWorld):
    """A small world whose target is DingTalk, and whose clock is the machine's, as the sandbox's is."""

    def __init__(self, folder: Path, server: SandboxServer, terms: DriftTerms) -> None:
        super().__init__(folder)
        self.server = server
        self.world = replace(
            self.world,
            target_name="dingtalk",
            make_target=self.dingtalk,
            drift=terms,
            guard=GuardTerms(plan_only_first=False, limits=replace(self.world.guard.limits, by_effect={})),
        )

    def now(self) -> datetime:
        return datetime.now(UTC)

    def dingtalk(self, mode: EventMode = EventMode.STREAM) -> DingTalk:
        room = Room(name="dingtalk", now=self.now, base=self.folder)
        return connected(self.server, room, events=EventSettings(mode=mode))

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[list[str]]:
        """Hear, keep and judge in the background, as the service does; yields how often a round was rung for."""
        rung: list[str] = []
        async with self.dingtalk() as target:
            following = asyncio.create_task(drift.follow(self.world, target, ring=lambda: rung.append("ring")))
            try:
                await asyncio.to_thread(
                    until, lambda: target.stream is not None and target.stream.connected, "the stream is open"
                )
                yield rung
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)

    def connected(self) -> bool:
        return bool(control(self.server.url, "GET", "stream")["connections"])

    def much_later(self) -> None:
        """Let what was written be longer ago than an echo of it could be, by DingTalk's clock."""
        control(self.server.url, "PUT", "clock", offset=300)

    async def cycle(self, **options: Any) -> Cycle:
        return await cycle(self.world, Order(**options))

    def kept(self) -> list[Drift]:
        with self.store.reading() as tx:
            return tx.drifts.all("dingtalk")

    def unjudged(self) -> int:
        with self.store.reading() as tx:
            return tx.touches.count("dingtalk")

    def looks(self) -> int:
        return len(control(self.server.url, "GET", f"calls?interface={LOOK}")["calls"])

    def held(self, userid: str) -> Any:
        return self.server.tenant.live.users[userid]

    async def judged(self, events: int) -> None:
        """Wait until so many events were taken, and every one of them judged."""

        def all_of_them() -> bool:
            return control(self.server.url, "GET", "stream")["acknowledged"] >= events and not self.unjudged()

        await asyncio.to_thread(until, all_of_them, f"{events} events judged")


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Callable[..., Company]]:
    with SandboxServer(SandboxSettings(qps=None, stream_redeliver_seconds=0.3)) as server:
        yield lambda **terms: Company(tmp_path, server, DriftTerms(**terms))


def test_a_hand_edit_is_found_without_a_call_and_reverted_by_the_next_round(company: Callable[..., Company]) -> None:
    office = company()
    office.company(3)

    async def main() -> None:
        assert (await office.cycle()).tally.done
        office.much_later()
        async with office.listening() as rung:
            before = office.looks()
            await asyncio.to_thread(by_hand, office.server.url, "user/update", userid="e2", title="By Hand")
            await asyncio.to_thread(until, lambda: rung, "the edit is found")
            assert office.looks() == before
            assert (await office.cycle()).tally.done == 1
            await office.judged(2)

    asyncio.run(main())

    assert office.held("e2").title == ""
    assert office.kept() == []


def test_rules_by_field_hold_from_the_console_to_the_next_full_look(company: Callable[..., Company]) -> None:
    office = company(fields={"job_number": DriftRule.ACCEPT, "name": DriftRule.REPORT})
    office.company(3)

    async def main() -> None:
        await office.cycle()
        async with office.listening() as rung:
            hand = {"userid": "e2", "name": "Renamed", "job_number": "4711", "title": "By Hand"}
            await asyncio.to_thread(by_hand, office.server.url, "user/update", **hand)
            await asyncio.to_thread(until, lambda: rung, "the edit is found")
        assert (await office.cycle()).tally.done == 1
        assert (await office.cycle(fresh=True)).tally.done == 0

    asyncio.run(main())

    seen = office.held("e2")
    assert (seen.name, seen.job_number, seen.title) == ("Renamed", "4711", "")
    assert {one.field: str(one.state) for one in office.kept()} == {"job_number": "accepted", "name": "waiting"}


def test_who_was_moved_or_deleted_in_the_console_is_looked_at_once_and_put_back(
    company: Callable[..., Company],
) -> None:
    office = company()
    office.company(4)

    async def main() -> None:
        await office.cycle()
        office.much_later()
        async with office.listening() as rung:
            before = office.looks()
            await asyncio.to_thread(by_hand, office.server.url, "user/update", userid="e2", dept_id_list="1")
            await asyncio.to_thread(by_hand, office.server.url, "user/delete", userid="e3")
            await office.judged(2)
            assert rung
            assert office.looks() == before + 2
        assert (await office.cycle()).tally.done == 2

    asyncio.run(main())

    team = next(one for one in office.server.tenant.live.departments.values() if one.name == "Unit team")
    assert [one.dept_id for one in office.held("e2").memberships] == [team.dept_id]
    assert office.held("e3").name == "Example 3"


@pytest.mark.slow
def test_our_own_thousand_writes_make_no_drift_and_cost_no_look(company: Callable[..., Company]) -> None:
    office = company(default=DriftRule.REPORT)
    office.company(500)

    async def main() -> None:
        async with office.listening() as rung:
            assert (await office.cycle()).tally.done >= 502
            for number in range(1, 501):
                office.edit(str(number), title="Buyer")
            control(office.server.url, "PUT", "events/faults", duplicate=0.1, reorder=0.1, hold_back=0.05)
            assert (await office.cycle()).tally.done == 500
            events = len(control(office.server.url, "GET", "events"))
            assert events >= 1000
            await office.judged(events)
            assert rung == []
            assert office.looks() == 0

    asyncio.run(main())

    assert office.kept() == []


def test_what_lost_events_miss_the_scheduled_look_finds(company: Callable[..., Company]) -> None:
    office = company(default=DriftRule.REPORT)
    office.company(3)

    async def main() -> None:
        await office.cycle()
        async with office.listening() as rung:
            control(office.server.url, "PUT", "events/faults", loss=1)
            await asyncio.to_thread(by_hand, office.server.url, "user/update", userid="e2", title="By Hand")
            assert (await office.cycle()).tally.done == 0
            assert rung == []
        office.world = replace(office.world, observe_every=office.world.observe_every * 0)
        assert (await office.cycle()).tally.done == 0

    asyncio.run(main())

    assert [(one.target_id, one.field, one.after) for one in office.kept()] == [("e2", "title", "By Hand")]
    assert office.held("e2").title == "By Hand"


def test_the_running_service_takes_a_hand_edit_back_by_itself(company: Callable[..., Company]) -> None:
    office = company()
    office.company(3)

    async def main() -> None:
        service = Service(office.world, Schedule(every=timedelta(hours=1)))
        serving = asyncio.create_task(service.run())
        try:
            await asyncio.to_thread(until, lambda: "e3" in office.server.tenant.live.users, "the first cycle")
            await asyncio.to_thread(until, office.connected, "the stream is open")
            await asyncio.to_thread(by_hand, office.server.url, "user/update", userid="e2", title="By Hand")
            await asyncio.to_thread(until, lambda: office.held("e2").title == "", "the edit is taken back")
        finally:
            service.stop()
            await serving

    asyncio.run(main())

    updates = control(office.server.url, "GET", "calls?interface=/topapi/v2/user/update")["calls"]
    assert len([one for one in updates if one["applied"]]) == 1


def test_what_others_keep_is_judged_too_where_nothing_comes_over_a_stream(company: Callable[..., Company]) -> None:
    office = company()
    office.company(3)

    async def main() -> None:
        await office.cycle()
        office.much_later()
        by_hand(office.server.url, "user/update", userid="e2", title="By Hand")
        rung: list[str] = []
        async with office.dingtalk(EventMode.NONE) as target:
            following = asyncio.create_task(drift.follow(office.world, target, ring=lambda: rung.append("ring")))
            told = Touched(
                kind=Kind.PERSON, target_id=TargetId("e2"), at=office.now() + timedelta(minutes=5), key="web"
            )
            await drift.touched(office.world, [told])
            await asyncio.to_thread(until, lambda: rung, "the edit is found")
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    asyncio.run(main())
