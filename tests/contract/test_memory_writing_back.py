"""The source in memory that can be written to keeps its contract; it proves the suite itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.core.model import Kind, NativeId
from syncd.core.ports import Room
from syncd.testing.writing_back import VALUE, MemoryRewritable, Rewritable, WritingBackContract


class MemoryRig(Rewritable):
    person = NativeId("1")
    attribute, other, locked = "title", "mobile", "note"

    def __init__(self) -> None:
        room = Room(name="memory", now=lambda: datetime(2026, 11, 22, tzinfo=UTC), base=Path())
        self.source = MemoryRewritable({}, room)
        self.source.locked = {"note"}
        self.source.records[Kind.PERSON, "1"] = {"id": "e1", "title": VALUE}

    def open(self) -> MemoryRewritable:
        return self.source

    def held(self) -> Mapping[str, str]:
        return {name: str(value) for name, value in self.source.records.get((Kind.PERSON, "1"), {}).items()}

    def by_hand(self, **values: str | None) -> None:
        self.source.records[Kind.PERSON, "1"].update(values)

    def remove(self) -> None:
        del self.source.records[Kind.PERSON, "1"]


class TestMemoryWritingBack(WritingBackContract):
    @pytest.fixture
    def rig(self) -> Rewritable:
        return MemoryRig()
