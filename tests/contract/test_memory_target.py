"""The in-memory target keeps the rules of its socket, so that what is tested with it is worth something."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.core.ports import Room
from syncd.testing.memory import MemoryTarget
from syncd.testing.target import TargetContract, Tenant


class TestMemoryTarget(TargetContract):
    @pytest.fixture
    def tenant(self) -> Iterator[Tenant]:
        room = Room(name="memory", now=lambda: datetime(2026, 11, 22, tzinfo=UTC), base=Path())
        with asyncio.Runner() as runner:
            yield Tenant(
                target=MemoryTarget({}, room),
                run=runner.run,
                person=lambda n: {
                    "userid": f"e{n}",
                    "name": f"Example {n}",
                    "mobile": f"1380000{n:04}",
                    "job_number": f"{n:05}",
                },
                unit=lambda n: {"name": f"Unit {n}"},
                role=lambda n: {"name": f"Role {n}", "role_group": "Roles"},
            )
