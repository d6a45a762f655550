"""DingTalk's leave records, from a removal by syncd, an administrator's and somebody's own leave to what is told of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from servers.dingtalk import connected
from servers.dingtalk_control import by_hand, control
from support.serving import served, until
from support.small_world import SmallWorld, run
from syncd.core.model import TargetId
from syncd.core.ports import Room
from syncd.engine.health import health
from syncd.engine.leave_records import AGAIN, Learned
from syncd.engine.world import DriftRule, DriftTerms, GuardTerms, LeaverTerms
from syncd_dingtalk import DingTalk
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings
from syncd_dingtalk.settings import EventMode, EventSettings


class Company(SmallWorld):
    """A small world whose target is DingTalk, from which no events come; its clock is the machine's, as the sandbox's is,
    or `ahead` of it."""

    ahead = timedelta(0)

    def __init__(self, folder: Path, server: SandboxServer) -> None:
        super().__init__(folder)
        self.server = server
        self.world = replace(
            self.world,
            target_name="dingtalk",
            make_target=self.dingtalk,
            leavers=LeaverTerms(hold=False, grace=timedelta(0)),
            drift=DriftTerms(default=DriftRule.REPORT, deleted=DriftRule.REPORT),
            guard=GuardTerms(plan_only_first=False, limits=replace(self.world.guard.limits, by_effect={})),
        )

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def dingtalk(self) -> DingTalk:
        room = Room(name="dingtalk", now=self.now, base=self.folder)
        return connected(self.server, room, events=EventSettings(mode=EventMode.NONE))


@pytest.fixture
def company(database_file: Path) -> Iterator[Company]:
    with SandboxServer(SandboxSettings(qps=None)) as server:
        office = Company(database_file.parent, server)
        office.company(6)
        office.sync()
        yield office
        office.store.close()


def test_dingtalk_confirms_what_we_removed_and_tells_who_left_without_us(company: Company) -> None:
    url = company.server.url
    company.leave("6")
    by_hand(url, "user/delete", userid="e5")
    control(url, "POST", "users/leave", userid="e4", reason="cancel")

    assert company.sync().left == Learned(confirmed=1, without_us=2)

    with company.store.reading() as tx:
        found = {row.label: row.left_by for rows in tx.leavings.by_objects("dingtalk", IDS).values() for row in rows}
        assert found == {"Example 6": "program", "e5": "administrator", "e4": "closed"}
        assert {one.label for one in tx.drifts.all("dingtalk")} == {"Example 4", "Example 5"}
        records = [json.loads(row.body) for row in company.store.audit.iterate(tx) if row.type == "leave.confirmed"]
    assert [(one["label"], one["facts"]["left_by"]) for one in records] == [("Example 6", "program")]
    assert company.sync().left is None, "nothing new is expected of them"
    company.ahead = AGAIN
    assert company.sync().left == Learned()


def test_without_the_permission_people_are_removed_all_the_same_and_it_is_said_once(company: Company) -> None:
    (app,) = company.server.tenant.apps.values()
    permissions = sorted(app.permissions - {"Contact.Common.Read"})
    control(company.server.url, "POST", "admin/app", app_key=app.app_key, permissions=permissions)
    company.leave("6")

    done = company.sync()

    assert dict(done.tally.confirmed) == {"remove person": 1}
    assert done.left is not None
    assert done.left.problem is not None
    assert done.left.problem.code == "DNG-098"
    target = health(company.world).target
    assert target is not None
    assert target.records_failing is not None
    assert target.records_failing.code == "DNG-098"


def test_the_service_finds_who_left_by_its_first_look_though_no_event_comes(company: Company) -> None:
    with company.store.transaction() as tx:
        for key in ("leavings.read:dingtalk", "leavings.far:dingtalk"):
            tx.meta.drop(key)  # as where the records were never read
    by_hand(company.server.url, "user/delete", userid="e5")

    def drifts() -> set[str]:
        with company.store.reading() as tx:
            return {one.label for one in tx.drifts.all("dingtalk")}

    async def story() -> None:
        async with served(company.world):
            await until(lambda: drifts() == {"Example 5"}, "the drift")

    run(story())


IDS = [TargetId(f"e{number}") for number in range(1, 7)]
