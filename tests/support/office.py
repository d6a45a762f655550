"""An operator at a terminal in a small world: real commands, a real SQLite file, sources and target in memory."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from support.small_world import SmallWorld
from syncd.cli import main
from syncd.cli.call import Call
from syncd.cli.session import Rules, Session
from syncd.engine.world import World
from syncd.store import Store
from syncd.testing.memory import MemorySource, MemoryTarget

CONFIG = """\
sources: {hr: {type: memory, rules: in.yaml}}
target: {type: memory, rules: out.yaml}
state: {url: "sqlite:///syncd.db"}
schedule: {every: 15m}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What came of one command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class _OfficeSession(Session):
    """A session whose parts are those of the small world; nothing is closed with it."""

    def __init__(self, office: Office) -> None:
        super().__init__()
        self.office = office
        self.now = office.world.now

    @cached_property
    def settings(self) -> Any:
        return self.office.settings

    @cached_property
    def rules(self) -> Rules:
        world = self.office.world.world
        return Rules(inbound={name: seat.rules for name, seat in world.seats.items()}, outbound=world.outbound)

    @cached_property
    def store(self) -> Store:
        return self.office.world.store

    def world(self, service: str) -> World:
        return self.office.world.world

    def target(self) -> Any:
        return self.office.world.target


class Office:
    """The room: `world` is the company, `run` types a command."""

    def __init__(
        self,
        migrated: Path,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        **changes: Any,
    ) -> None:
        shutil.copy(migrated, folder / "syncd.db")
        self.world = SmallWorld(folder, **changes)
        self.folder, self._capsys = folder, capsys
        self.config = folder / "syncd.yaml"
        self.config.write_text(CONFIG)
        self.settings = SimpleNamespace(
            base=folder,
            sources={"hr": SimpleNamespace(rules=folder / "in.yaml", type="memory", plugin=MemorySource)},
            target=SimpleNamespace(rules=folder / "out.yaml", type="memory", plugin=MemoryTarget),
            guard=SimpleNamespace(approvers=[]),
            schedule=SimpleNamespace(every=None),
        )
        monkeypatch.setattr(Call, "session", lambda _call, **_: _OfficeSession(self))

    def close(self) -> None:
        self.world.store.close()

    def run(self, *words: str) -> Ran:
        """Type `syncd` and these words."""
        self._capsys.readouterr()
        code = main([*words, "--config", str(self.config)])
        said = self._capsys.readouterr()
        return Ran(code=code, out=said.out, err=said.err)

    def audited(self, type_: str = "operator.command") -> list[dict[str, Any]]:
        """Return the records of one type, as the audit log keeps them."""
        with self.world.store.reading() as tx:
            rows = list(self.world.store.audit.iterate(tx))
        return [json.loads(row.body) for row in rows if row.type == type_]
