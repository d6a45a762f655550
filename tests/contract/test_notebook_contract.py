"""The example of a consumer from outside keeps the rules: what a stranger copies is right."""

from __future__ import annotations

import importlib.util
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from syncd.core.ports import Consumer, Room
from syncd.testing.consumer import Audience, ConsumerContract

EXAMPLE = Path(__file__).parents[2] / "examples" / "consumer" / "syncd_notebook.py"


@pytest.fixture(scope="module")
def notebook() -> ModuleType:
    """The example, imported as it would be if it were installed."""
    if EXAMPLE.stem not in sys.modules:
        spec = importlib.util.spec_from_file_location(EXAMPLE.stem, EXAMPLE)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[EXAMPLE.stem] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[EXAMPLE.stem]


class NotebookAudience(Audience):
    def __init__(self, module: ModuleType, folder: Path) -> None:
        self.module, self.folder = module, folder
        self.file = folder / "kept" / "who.json"

    def open(self) -> Consumer:
        room = Room(name="notebook", now=lambda: datetime(2026, 11, 22, tzinfo=UTC), base=self.folder)
        made: Consumer = self.module.Notebook(self.module.NotebookSettings(file=Path("kept/who.json")), room)
        return made

    def knows(self) -> object:
        held: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
        return {one["subject"]: one for one in held["members"]}

    def forget(self) -> None:
        self.file.unlink()

    def trouble(self) -> bool:
        """Put a folder where the next version of the file would be written: even root cannot write over that."""
        (self.folder / "kept" / "who.json.new").mkdir(parents=True, exist_ok=True)
        return True

    def heal(self) -> None:
        (self.folder / "kept" / "who.json.new").rmdir()


class TestNotebook(ConsumerContract):
    @pytest.fixture
    def audience(self, notebook: ModuleType, tmp_path: Path) -> NotebookAudience:
        return NotebookAudience(notebook, tmp_path)


def test_only_its_owner_can_read_the_file(notebook: ModuleType, tmp_path: Path) -> None:
    from syncd.testing.consumer import history, tell

    audience = NotebookAudience(notebook, tmp_path)
    assert tell(audience, history()) is None
    assert audience.file.stat().st_mode & 0o777 == 0o600
