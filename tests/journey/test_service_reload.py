"""The service beside systemd: it says that it is ready, takes over what an administrator changes, and keeps what works."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.ear import Daemon, bind
from support.journey import Journey, until
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings

pytestmark = pytest.mark.slow


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxSettings(qps=None, seed=5)) as server:
        yield server


@pytest.fixture
def one(tmp_path: Path, sandbox: SandboxServer, migrated_file: Path) -> Journey:
    made = Journey(tmp_path / "one", sandbox.url, migrated=migrated_file)
    made.add("schedule: {every: 10s, jitter: 0s}\nweb: {listen: null, monitoring: {listen: null}}\n")
    return made


def titles(one: Journey) -> set[str]:
    return {str(user["title"]) for user in one.tenant()["users"].values()}


def problems(one: Journey) -> list[str]:
    return [problem["code"] for problem in one.ran("status", "--json").json["problems"]]


def test_a_broken_rule_leaves_the_service_at_work_and_a_good_one_takes_effect_without_a_restart(one: Journey) -> None:
    rules = one.folder / "mappings" / "dingtalk.yaml"
    good = rules.read_text(encoding="utf-8")
    systemd = bind(one.folder)
    one.environment["NOTIFY_SOCKET"] = systemd.address
    one.environment["WATCHDOG_USEC"] = "3000000"
    with Daemon(one) as service:
        until(lambda: systemd.says("READY", "1"), "READY=1")
        until(lambda: len(one.tenant()["users"]) == len(one.people), "the first look")

        rules.write_text(good.replace("title: { from: title,", "title: { form: title,"), encoding="utf-8")
        until(lambda: service.events("config.refused"), "the refusal")
        assert "CLI-119" in problems(one)
        until(lambda: systemd.says("STATUS", "the last good one is at work"), "systemd hears of it")
        one.people[1]["Job Title"] = "Changed Meanwhile"
        one.write()
        until(lambda: "Changed Meanwhile" in titles(one), "the old configuration goes on")

        rules.write_text(good.replace("title: { from: title,", "title: { from: userName,"), encoding="utf-8")
        service.process.send_signal(signal.SIGHUP)
        until(lambda: service.events("config.reloaded"), "the new rule is taken over")
        until(lambda: "Changed Meanwhile" not in titles(one), "the new rule takes effect")
        assert "CLI-119" not in problems(one)
        until(lambda: systemd.says("WATCHDOG", "1"), "the watchdog is fed")
        assert service.stop() == 0
    assert systemd.says("STOPPING", "1")
    systemd.close()
