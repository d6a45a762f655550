"""The source in memory keeps the contract of a source, whether it tells what changed or reads everything each time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.core.errors import TryAgain
from syncd.core.model import Kind, NativeId
from syncd.core.ports import Room, Source
from syncd.testing.memory import MemorySource, refusal
from syncd.testing.source import Rig, SourceContract


class MemoryRig(Rig):
    def __init__(self, *, tells: bool) -> None:
        self.source = MemorySource({}, Room(name="memory", now=lambda: datetime(2026, 1, 1, tzinfo=UTC), base=Path()))
        self.source.tells = tells
        for number in range(1, 8):
            self.source.records[Kind.PERSON, str(number)] = {"name": f"Example {number}", "unit": "u1"}
        self.source.records[Kind.UNIT, "u1"] = {"name": "Unit 1"}

    def open(self) -> Source:
        return self.source

    def present(self) -> frozenset[tuple[Kind, NativeId]]:
        return frozenset((kind, NativeId(native_id)) for kind, native_id in self.source.records)

    def change(self) -> NativeId:
        return self._edited("3", "title", "Lead")

    def move(self) -> NativeId:
        return self._edited("4", "unit", "u2")

    def remove(self) -> NativeId:
        del self.source.records[Kind.PERSON, "5"]
        return NativeId("5")

    def empty(self) -> None:
        self.source.records.clear()
        self.source.doubt = "nobody is there"

    def cut(self) -> None:
        self.source.error = TryAgain(refusal("the connection broke"))

    def _edited(self, key: str, name: str, value: str) -> NativeId:
        self.source.records[Kind.PERSON, key] = {**self.source.records[Kind.PERSON, key], name: value}
        return NativeId(key)


class TestMemorySource(SourceContract):
    @pytest.fixture(params=[True, False], ids=["tells", "reads everything"])
    def rig(self, request: pytest.FixtureRequest) -> MemoryRig:
        return MemoryRig(tells=request.param)

    def test_rule_08_the_event_loop_is_never_blocked_by_a_blocking_library(self, rig: Rig) -> None:
        """There is no library: everything is in memory already."""
