"""An operator at a terminal in a small world: real commands, a real SQLite file, sources and target in memory."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
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


def _taken(world: SmallWorld, file: Path) -> tuple[bytes, dict[str, Any], dict[str, Any]]:
    world.store.backup(file)
    target = {name: copy.deepcopy(vars(world.target)[name]) for name in ("objects", "marks", "_ids")}
    raw = file.read_bytes()
    file.unlink()  # the folder belongs to the test
    return raw, target, {"records": copy.deepcopy(world.source.records)}


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


Prepare = Callable[[SmallWorld], object]
_PREPARED: dict[Prepare, tuple[bytes, dict[str, Any], dict[str, Any]]] = {}
"""What came of each preparation: database, target, source. Later tests start from a copy, which is much faster."""


class Office:
    """The room: `world` is the company, `run` types a command. `prepare` is done once, for all tests that name it."""

    def __init__(
        self,
        migrated: Path,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        *,
        prepare: Prepare = lambda _: None,
    ) -> None:
        known = _PREPARED.get(prepare)
        database = folder / "syncd.db"
        database.write_bytes(known[0] if known else migrated.read_bytes())
        self.world = SmallWorld(folder)
        if known:
            vars(self.world.target).update(copy.deepcopy(known[1]))
            vars(self.world.source).update(copy.deepcopy(known[2]))
        else:
            prepare(self.world)
            _PREPARED[prepare] = _taken(self.world, folder / "copy.db")
        self.folder, self._capsys = folder, capsys
        self.config = folder / "syncd.yaml"
        self.config.write_text(CONFIG)
        self.settings = SimpleNamespace(
            base=folder,
            sources={"hr": SimpleNamespace(rules=folder / "in.yaml", type="memory", delivers=MemorySource.attributes)},
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


Opened = Callable[..., Office]


@pytest.fixture
def opened(
    migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Opened]:
    """Opens an operator's office, with what `Office` takes besides; it is closed in the end."""
    offices: list[Office] = []

    def open_(**more: Any) -> Office:
        offices.append(Office(migrated_file, tmp_path, monkeypatch, capsys, **more))
        return offices[-1]

    yield open_
    for one in offices:
        one.close()
