"""The service as systemd runs it: on schedule, through outages, next to other commands, and to an orderly end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.ear import Daemon
from support.installation import doubled
from support.journey import Journey, until
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings

pytestmark = pytest.mark.slow
EVERY = "schedule: {every: 10s, jitter: 0s}\n"


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxSettings(qps=None, seed=5)) as server:
        yield server


@pytest.fixture
def one(tmp_path: Path, sandbox: SandboxServer, migrated_file: Path) -> Journey:
    made = Journey(tmp_path / "one", sandbox.url, migrated=migrated_file)
    made.add(EVERY)
    return made


def users(server: SandboxServer) -> int:
    return len(server.tenant.live.users)


def test_the_service_works_on_its_schedule_and_ends_in_order_when_it_is_told_to(
    one: Journey, sandbox: SandboxServer
) -> None:
    with Daemon(one) as service:
        until(lambda: len(one.tenant()["users"]) == len(one.people), "the first turn")

        person = next(row for row in one.people if row["Manager Number"])
        person["Job Title"] = "Changed While The Service Slept"
        one.write()

        def title() -> str:
            titles = {user["job_number"]: user["title"] for user in one.tenant()["users"].values()}
            return str(titles[person["Employee Number"]])

        until(lambda: title() == "Changed While The Service Slept", "the next turn")
        assert service.stop() == 0
        # In the cycle of the schedule, or in a round right after its read.
        done = [event["accepted"] for event in service.events("cycle.done")[1:]]
        assert sum([*done, *(event["changes"] for event in service.events("round.done"))]) == 1
        assert service.events("daemon.stopped")
        after = one.json("sync")
        assert (after["recovered"], after["planned"], after["result"]) == (0, 0, "nothing to do")


def test_neither_a_source_nor_a_target_that_fails_ends_the_service_and_the_next_turn_heals(
    one: Journey, sandbox: SandboxServer
) -> None:
    export = one.folder / "company.csv"
    export.rename(one.folder / "elsewhere.csv")
    one.control("faults", [{"kind": "reset_before", "interface": "*", "probability": 1.0}])
    with Daemon(one) as service:
        until(lambda: service.events("cycle.failed"), "the first turn, which fails")
        assert [event["code"] for event in service.events("source.failed")]
        assert service.process.poll() is None

        one.control("faults", method="DELETE")
        (one.folder / "elsewhere.csv").rename(export)
        until(lambda: len(one.tenant()["users"]) == len(one.people), "a turn that works")
        assert service.stop() == 0
        assert doubled(one.applied()) == {}


def test_told_to_stop_in_the_middle_it_settles_what_is_under_way(one: Journey, sandbox: SandboxServer) -> None:
    one.control("faults", [{"kind": "slow", "interface": "/topapi/v2/user/create", "probability": 1.0, "seconds": 0.5}])
    with Daemon(one) as service:
        until(lambda: users(sandbox) > 1, "the first person who is being made")

        assert service.stop() == 0
        one.control("faults", method="DELETE")

        after = one.json("sync", "--accept")
        assert after["recovered"] == 0
        assert len(one.tenant()["users"]) == len(one.people)
        assert doubled(one.applied()) == {}


def test_a_second_service_says_who_is_there_and_a_command_is_let_in(one: Journey, sandbox: SandboxServer) -> None:
    one.control("faults", [{"kind": "slow", "interface": "/topapi/v2/user/create", "probability": 1.0, "seconds": 1.0}])
    with Daemon(one) as service:
        until(lambda: users(sandbox) > 1, "the first person who is being made")

        with Daemon(one, "--turns", "1") as second:
            assert second.ended() in (0, 9)
        with Daemon(one) as third:
            assert third.ended() == 9
        between = one.ran("sync")

        assert between.code in (0, 4), between.err
        assert service.events("daemon.stands_aside")
        assert service.process.poll() is None
        one.control("faults", method="DELETE")
        until(lambda: len(one.tenant()["users"]) == len(one.people), "everybody")
        assert service.stop() == 0
        assert doubled(one.applied()) == {}
