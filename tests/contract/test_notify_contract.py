"""The channels whose services know which message belongs to which problem keep the rules of their socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from servers.receivers import Answer, Post, Receiver, pagerduty
from syncd.config.secrets import Secret
from syncd.core.ports import Room, Sink
from syncd.testing.sink import Desk, SinkContract
from syncd_notify.command import Command, CommandSettings
from syncd_notify.pagerduty import PagerDuty, PagerDutySettings
from syncd_notify.webhook import Webhook, WebhookSettings

TOKEN = "a-token-that-nobody-may-see"
BUSY: Answer = (503, {}, f"busy, {TOKEN}".encode())


def room(base: Path = Path()) -> Room:
    return Room(name="oncall", now=lambda: datetime(2026, 11, 22, tzinfo=UTC), base=base)


class Folded(Desk):
    """What the messages amount to that were taken: pairs of key and title, the title None for a resolution."""

    def taken(self) -> list[tuple[str, str | None]]:
        raise NotImplementedError

    def burning(self) -> dict[str, str]:
        return self._folded()[0]

    def over(self) -> list[str]:
        return self._folded()[1]

    def _folded(self) -> tuple[dict[str, str], list[str]]:
        burning: dict[str, str] = {}
        over = []
        for key, title in self.taken():
            if title is not None:
                burning[key] = title
            elif burning.pop(key, None) is not None:
                over.append(key)
        return burning, over


class WebhookDesk(Folded):
    secrets = (TOKEN,)

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver

    def open(self) -> Sink:
        settings = WebhookSettings(
            url=Secret.literal(self.receiver.url(f"/hook?token={TOKEN}")), headers={"x-key": Secret.literal(TOKEN)}
        )
        return Webhook(settings, room())

    def taken(self) -> list[tuple[str, str | None]]:
        bodies = [post.json for post in self.receiver.taken]
        return [(body["key"], None if body["resolved"] else body["title"]) for body in bodies]

    def trouble(self) -> None:
        self.receiver.answer = lambda _: BUSY

    def heal(self) -> None:
        self.receiver.answer = lambda _: (204, {}, b"")


class TestWebhook(SinkContract):
    @pytest.fixture
    def desk(self) -> Iterator[Desk]:
        with Receiver() as receiver:
            yield WebhookDesk(receiver)


class PagerDutyDesk(Folded):
    secrets = (TOKEN,)

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver

    def open(self) -> Sink:
        settings = PagerDutySettings(routing_key=Secret.literal(TOKEN), url=self.receiver.url("/v2/enqueue"))
        return PagerDuty(settings, room())

    def taken(self) -> list[tuple[str, str | None]]:
        events: list[dict[str, Any]] = [post.json for post in self.receiver.taken]
        return [(event["dedup_key"], event.get("payload", {}).get("summary")) for event in events]

    def trouble(self) -> None:
        self.receiver.answer = lambda _: (429, {"retry-after": "30"}, TOKEN.encode())

    def heal(self) -> None:
        self.receiver.answer = pagerduty


class TestPagerDuty(SinkContract):
    @pytest.fixture
    def desk(self) -> Iterator[Desk]:
        with Receiver(pagerduty) as receiver:
            yield PagerDutyDesk(receiver)


class CommandDesk(Folded):
    def __init__(self, folder: Path) -> None:
        self.folder, self.log, self.broken = folder, folder / "taken", folder / "broken"
        program = folder / "tell.sh"
        program.write_text("#!/bin/sh\n[ -e broken ] && exit 75\ncat >> taken\necho >> taken\n")
        program.chmod(0o700)

    def open(self) -> Sink:
        return Command(CommandSettings(run=["./tell.sh"]), room(self.folder))

    def taken(self) -> list[tuple[str, str | None]]:
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        bodies = [json.loads(line) for line in lines]
        return [(body["key"], None if body["resolved"] else body["title"]) for body in bodies]

    def trouble(self) -> None:
        self.broken.touch()

    def heal(self) -> None:
        self.broken.unlink()


class TestCommand(SinkContract):
    @pytest.fixture
    def desk(self, tmp_path: Path) -> Desk:
        return CommandDesk(tmp_path)


def test_an_event_without_a_summary_is_refused_by_the_double_as_pagerduty_would() -> None:
    body = {"routing_key": "k", "event_action": "trigger", "payload": {"source": "s", "severity": "info"}}

    assert pagerduty(Post(path="/", headers={}, body=json.dumps(body).encode()))[0] == 400
