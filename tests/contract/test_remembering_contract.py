"""Targets that remember who has left them: the one in memory, and DingTalk against its sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from servers.dingtalk_control import by_hand, control
from syncd.core.leave_records import LeftBy
from syncd.core.model import Change, Kind, Lane, Op, SubjectId, TargetId
from syncd.core.outcome import Applied
from syncd.core.ports import Room
from syncd.testing.remembering import Memory, MemoryRememberer, RememberingContract
from syncd_dingtalk import DingTalk
from syncd_dingtalk.settings import DingTalkSettings, SandboxEntry


def now() -> datetime:
    return datetime.now(UTC)


def room() -> Room:
    return Room(name="target", now=now, base=Path())


def removal(target_id: TargetId) -> Change:
    return Change(
        op=Op.REMOVE,
        subject=SubjectId(f"person:{target_id}"),
        kind=Kind.PERSON,
        label="Example",
        reason="test",
        effects=(),
        lane=Lane.LEAVER,
        rank=0,
        target_id=target_id,
    )


class TestMemoryRememberer(RememberingContract):
    @pytest.fixture
    def memory(self) -> Iterator[Memory]:
        with asyncio.Runner() as runner:
            target = MemoryRememberer({}, room())

            def leave(number: int, way: LeftBy) -> TargetId:
                who = TargetId(f"e{number}")
                target.objects[Kind.PERSON, who] = {"name": "Example"}
                if way is LeftBy.PROGRAM:
                    assert isinstance(runner.run(target.apply(removal(who), key=who)), Applied)
                else:
                    target.leaves(who, by=way)
                return who

            yield Memory(target=target, run=runner.run, leave=leave, ways=tuple(LeftBy), now=now)


class TestDingTalk(RememberingContract):
    @pytest.fixture
    def memory(self) -> Iterator[Memory]:
        target = DingTalk(DingTalkSettings(sandbox=SandboxEntry(qps=None)), room())
        with asyncio.Runner() as runner:
            runner.run(target.__aenter__())
            assert target.sandbox is not None
            url = target.sandbox.url

            def leave(number: int, way: LeftBy) -> TargetId:
                who = TargetId(f"u{number}")
                mobile = f"138{number:08}"
                by_hand(url, "user/create", userid=who, name="Example", mobile=mobile, dept_id_list="1")
                match way:
                    case LeftBy.PROGRAM:
                        assert isinstance(runner.run(target.apply(removal(who), key=who)), Applied)
                    case LeftBy.ADMINISTRATOR:
                        by_hand(url, "user/delete", userid=who)
                    case _:
                        control(url, "POST", "users/leave", userid=who, reason=_REASONS[way])
                return who

            ways = (LeftBy.PROGRAM, LeftBy.ADMINISTRATOR, *_REASONS)
            yield Memory(target=target, run=runner.run, leave=leave, ways=ways, now=now)
            runner.run(target.__aexit__(None, None, None))


_REASONS = {LeftBy.THEMSELVES: "leave", LeftBy.CLOSED: "cancel"}
