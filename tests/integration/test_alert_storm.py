"""The controller is down for an hour with 5,000 changes pending: a handful of messages by mail, webhook, PagerDuty and robot, and
then one end of each. Real receivers, a real store, and a service that is killed and started again in the middle of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from email.header import decode_header, make_header
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from servers.receivers import Mailbox, Receiver, pagerduty
from support.alerts import MINUTE, NOON, failing_target, health
from syncd.config.settings import Settings, load
from syncd.core.health import Health, QueueHealth
from syncd.core.ports import Room, Sink
from syncd.engine.alerting import Alerting
from syncd.store import Store
from syncd_dingtalk.sandbox import SandboxSettings
from syncd_dingtalk.sandbox.robots import SECRET, TOKEN
from syncd_dingtalk.sandbox.server import SandboxServer

ROOT = Path(__file__).parents[2]


class Desk:
    """Four receivers, and a service that is configured to tell them."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.mailbox = stack.enter_context(Mailbox())
        self.webhook = stack.enter_context(Receiver())
        self.pager = stack.enter_context(Receiver(pagerduty))
        self.tenant = stack.enter_context(SandboxServer(SandboxSettings(qps=None)))
        self.now = NOON
        self.tenant.tenant.clock.freeze(NOON.timestamp())
        self.settings = self._settings(folder)

    def _settings(self, folder: Path) -> Settings:
        config = (ROOT / "syncd.yaml").read_text(encoding="utf-8")
        for name in ("mappings", "examples"):
            (folder / name).symlink_to(ROOT / name)
        path = folder / "syncd.yaml"
        path.write_text(f"{config}\n{self._channels()}", encoding="utf-8")
        return load(path, env={"ROUTING_KEY": "an example of a key"})

    def _channels(self) -> str:
        return f"""\
alerts:
  language: zh_CN
  timezone: Asia/Shanghai
  channels:
    mail:
      {{type: email, host: 127.0.0.1, port: {self.mailbox.port}, security: none, sender: s@example.com, to: [it@example.com]}}
    hook: {{type: webhook, url: "{self.webhook.url("/alerts")}"}}
    page: {{type: pagerduty, routing_key: {{env: ROUTING_KEY}}, url: "{self.pager.url("/v2/enqueue")}", severities: [critical]}}
    group: {{type: dingtalk_robot, access_token: {TOKEN}, secret: {SECRET}, base_url: "{self.tenant.url}"}}
"""

    def service(self, store: Store) -> Alerting:
        """Return the alerts of a service that has just started."""

        def sink(name: str) -> Sink:
            entry = self.settings.alerts.channels[name]
            room = Room(name=name, now=lambda: self.now, base=self.settings.base)
            made: Sink = entry.plugin(entry.settings, room)
            return made

        return Alerting.of(self.settings.alerts, store=store, make_sink=sink, now=lambda: self.now)

    def goes_on(self, service: Alerting, seen: Callable[[datetime], Health], minutes: int, step: int = 3) -> None:
        async def go() -> None:
            for _ in range(0, minutes, step):
                await service.tick(seen(self.now))
                await service.deliver()
                self.now += step * MINUTE
                self.tenant.tenant.clock.freeze(self.now.timestamp())

        asyncio.run(go())

    # --- what people read ---

    def mail(self) -> list[str]:
        return [str(make_header(decode_header(mail["Subject"]))) for mail in self.mailbox.mail]

    def hooks(self) -> list[tuple[str, str]]:
        return [(post.json["rule"], post.json["news"]) for post in self.webhook.taken]

    def incidents(self) -> list[tuple[str, str]]:
        return [(post.json["dedup_key"], post.json["event_action"]) for post in self.pager.taken]

    def group(self) -> list[str]:
        [robot] = self.tenant.sandbox.robots.controls["GET", "robots"]({})
        messages: list[dict[str, Any]] = robot["messages"]
        return [message["markdown"]["title"] for message in messages]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with ExitStack() as stack:
        yield Desk(tmp_path, stack)


def well(now: datetime, left: int = 0) -> Health:
    return health(now, queue=QueueHealth(ready=left, failing=left))


@pytest.mark.slow
def test_a_storm_reaches_everybody_as_a_handful_of_messages_and_one_end(
    desk: Desk, new_store: Callable[[], Store]
) -> None:
    desk.goes_on(desk.service(new_store()), failing_target, 30)
    # Another process goes on from what is kept.
    service = desk.service(new_store())
    desk.goes_on(service, failing_target, 30)
    desk.goes_on(service, partial(well, left=400), 6)
    desk.goes_on(service, well, 60)

    assert desk.hooks() == [("target_unreachable", "opened"), ("target_unreachable", "resolved")]
    assert desk.incidents() == [("target_unreachable", "trigger"), ("target_unreachable", "resolve")]
    assert (
        desk.mail()
        == desk.group()
        == ["严重：无法连接 dingtalk，或请求被拒绝", "已恢复：无法连接 dingtalk，或请求被拒绝"]
    )
    [first, _] = [post.json["text"] for post in desk.webhook.taken]
    assert "[DNG-001]" in first
    assert "syncd check --online" in first
    assert "2026-11-24 20:00 (Asia/Shanghai)" in first


@pytest.mark.slow
def test_a_group_that_is_over_its_limit_hears_all_of_it_later_and_the_others_at_once(
    desk: Desk, new_store: Callable[[], Store]
) -> None:
    """25 certificates end at once: more than a robot may say in a minute."""
    ending = {f"certificate {number:02d}": NOON + timedelta(days=2) for number in range(25)}
    service = desk.service(new_store())
    desk.goes_on(service, lambda now: health(now, expiring=ending), 3)
    assert (len(desk.mail()), len(desk.incidents()), len(desk.group())) == (25, 25, 20)

    desk.goes_on(service, lambda now: health(now, expiring=ending), 30)
    titles = [title for title in desk.group() if "certificate" in title]
    assert (len(titles), set(Counter(titles).values())) == (25, {1})
