"""Targets that tell what somebody changed in them: the one in memory, and DingTalk against its sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from servers.dingtalk_control import by_hand, control, until
from syncd.core.model import Kind, TargetId
from syncd.core.ports import Room, Telling
from syncd.testing.telling import MemoryTeller, Teller, TellingContract
from syncd_dingtalk import DingTalk
from syncd_dingtalk.settings import DingTalkSettings, SandboxEntry


def room() -> Room:
    return Room(name="target", now=lambda: datetime.now(UTC), base=Path())


class TestMemoryTeller(TellingContract):
    @pytest.fixture
    def teller(self) -> Iterator[Teller]:
        with asyncio.Runner() as runner:
            loop = runner.get_loop()
            target = MemoryTeller({}, room())
            edits = 0

            async def ready() -> None:
                await asyncio.sleep(0)

            def who(number: int) -> TargetId:
                return TargetId(f"e{number}")

            def edit(number: int) -> None:
                nonlocal edits
                edits += 1
                target.objects.setdefault((Kind.PERSON, who(number)), {})
                asyncio.run_coroutine_threadsafe(changed(who(number)), loop).result()

            async def changed(one: TargetId) -> None:
                target.by_hand(Kind.PERSON, one, title=f"Title {edits}")

            yield Teller(target=target, run=runner.run, ready=ready, who=who, edit=edit)


class TestDingTalk(TellingContract):
    @pytest.fixture
    def teller(self) -> Iterator[Teller]:
        target = DingTalk(DingTalkSettings(sandbox=SandboxEntry(qps=None)), room())
        with asyncio.Runner() as runner:
            runner.run(target.__aenter__())
            assert target.sandbox is not None
            url = target.sandbox.url
            control(url, "PUT", "settings", stream_redeliver_seconds=0.2)
            for number in (1, 2):
                mobile = f"1380000000{number}"
                by_hand(url, "user/create", userid=f"u{number}", name="Example", mobile=mobile, dept_id_list="1")
            edits = 0

            async def ready() -> None:
                def open_() -> bool:
                    return target.stream is not None and target.stream.connected

                await asyncio.to_thread(until, open_, "the connection is open")

            def who(number: int) -> TargetId:
                return TargetId(f"u{number}")

            def edit(number: int) -> None:
                nonlocal edits
                edits += 1
                by_hand(url, "user/update", userid=who(number), title=f"Title {edits}")

            yield Teller(target=target, run=runner.run, ready=ready, who=who, edit=edit)
            runner.run(target.__aexit__(None, None, None))

    def test_it_is_recognised_as_one_that_tells(self, teller: Teller) -> None:
        assert isinstance(teller.target, Telling)
