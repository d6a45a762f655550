"""What DingTalk calls to say, from its envelope to the store: durable, kept once, and no way to disturb the writer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.small_world import SmallWorld
from syncd.config.secrets import Kind, Secret
from syncd.core.callbacks import NotTheirs
from syncd.core.errors import Misconfigured
from syncd.core.ports import Room
from syncd.engine.calling import Calls
from syncd.engine.lending import Opened
from syncd_dingtalk import DingTalk
from syncd_dingtalk.callback_crypto import Cipher
from syncd_dingtalk.settings import DingTalkSettings, EventMode, EventSettings

CIPHER = Cipher(token="example-token", aes_key="x" * 43, owner="dingexample")


class Company(SmallWorld):
    """A small world whose target is called; nothing is ever asked of DingTalk itself."""

    def __init__(self, folder: Path, **events: Any) -> None:
        super().__init__(folder)
        settings = DingTalkSettings(
            app_key="dingexample",
            app_secret=Secret.literal("example"),
            events=EventSettings(
                **{"mode": EventMode.CALLBACK, "token": Secret.literal(CIPHER.token), **events},
                aes_key=Secret.literal(CIPHER.aes_key),
            ),
        )
        self.made: list[DingTalk] = []

        def make() -> DingTalk:
            self.made.append(DingTalk(settings, Room(name="dingtalk", now=self.now, base=folder)))
            return self.made[-1]

        self.opened = Opened(replace(self.world, target_name="dingtalk", make_target=make))
        self.calls = Calls(lambda: self.opened.world)

    def event(self, number: int, *who: str, type: str = "user_leave_org", by: Cipher = CIPHER) -> tuple[Any, bytes]:
        """Return the query and body of a call."""
        message = {"EventType": type, "eventId": f"n{number}", "EventTime": 1795311000000 + number, "userId": [*who]}
        encrypted = by.seal(msgspec.json.encode(message))
        stamp = str(int(self.now().timestamp() * 1000))
        signature = by.sign(stamp, "nonce", encrypted)
        return (
            {"msg_signature": signature, "timestamp": stamp, "nonce": "nonce"},
            msgspec.json.encode({"encrypt": encrypted}),
        )

    def kept(self) -> dict[str, int]:
        """Return who waits to be judged, with the number that changes whenever something more is kept of them."""
        with self.store.reading() as tx:
            due = tx.touches.due("dingtalk", self.now() + timedelta(days=1), most=100)
        return {str(one.target_id): one.number for one in due}

    def run(self, story: Coroutine[Any, Any, None]) -> None:
        async def whole() -> None:
            try:
                await story
            finally:
                await self.opened.close()

        asyncio.run(whole())


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company(tmp_path)


def success(answer: bytes | None) -> bool:
    return CIPHER.open(msgspec.json.decode(answer or b"")["encrypt"]) == b"success"


def test_what_was_said_is_durable_when_it_is_answered_and_kept_once(company: Company) -> None:
    async def story() -> None:
        call: tuple[Any, bytes] = company.event(1, "u1", "u2")
        assert success(await company.calls.take("dingtalk", *call))
        kept = company.kept()
        assert set(kept) == {"u1", "u2"}
        assert success(await company.calls.take("dingtalk", *call))
        assert success(await company.calls.take("dingtalk", *company.event(1, "u1", "u2")))
        assert company.kept() == kept
        assert success(await company.calls.take("dingtalk", *company.event(2, "u1")))
        assert company.kept()["u1"] != kept["u1"]

    company.run(story())


def test_the_handshake_is_answered_and_keeps_nothing(company: Company) -> None:
    async def story() -> None:
        assert success(await company.calls.take("dingtalk", *company.event(1, type="check_url")))
        assert company.kept() == {}

    company.run(story())


def test_forged_and_old_calls_keep_nothing_and_leave_the_writers_target_open(company: Company) -> None:
    async def story() -> None:
        assert success(await company.calls.take("dingtalk", *company.event(1, type="check_url")))
        old = company.event(2, "u1")
        company.time += timedelta(hours=2)
        other = replace(CIPHER, token="guessed")
        odd: list[tuple[Any, bytes]] = [company.event(3, "u1", by=other), old, ({}, b""), ({}, b"\xff")]
        for call in odd:
            with pytest.raises(NotTheirs, match="DNG-080"):
                await company.calls.take("dingtalk", *call)
        assert company.kept() == {}
        assert len(company.made) == 1
        assert company.made[0].api

    company.run(story())


def test_nobody_takes_calls_for_another_name_or_where_they_are_not_in_use(company: Company, tmp_path: Path) -> None:
    async def story() -> None:
        assert await company.calls.take("elsewhere", *company.event(1, "u1")) is None

    company.run(story())
    (tmp_path / "other").mkdir()
    streaming = Company(tmp_path / "other", mode=EventMode.STREAM)

    async def other() -> None:
        assert await streaming.calls.take("dingtalk", *streaming.event(1, "u1")) is None

    streaming.run(other())


def test_a_secret_that_cannot_be_had_is_said_and_the_call_comes_again(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(CIPHER.token)
    company = Company(tmp_path, token=Secret(Kind.FILE, "token", base=tmp_path))

    async def story() -> None:
        (tmp_path / "token").rename(tmp_path / "away")
        with pytest.raises(Misconfigured):
            await company.calls.take("dingtalk", *company.event(1, "u1"))
        assert company.kept() == {}
        (tmp_path / "away").rename(tmp_path / "token")
        assert success(await company.calls.take("dingtalk", *company.event(1, "u1")))
        assert set(company.kept()) == {"u1"}
        assert len(company.made) == 1

    company.run(story())
