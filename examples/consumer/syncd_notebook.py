"""A consumer in one file, to copy from: it keeps a JSON file of who is in the company, with manager and departments.

`syncd.testing.consumer` proves that it keeps the rules; `tests/contract/test_notebook_contract.py` of syncd shows how. It asks
nobody anything and never touches the target.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Final, Self

from pydantic import BaseModel, ConfigDict

from syncd.core.census import EMPTY, Census, Member, retold
from syncd.core.errors import NeedsHuman, foreign, message
from syncd.core.model import Kind, SubjectId, TargetId
from syncd.core.outcome import Fact
from syncd.core.ports import Room
from syncd.core.values import frozen, instant

UNWRITABLE: Final = message(
    "NBK-001",
    what="The notebook cannot be kept: {why}.",
    do="Let the account that syncd runs under write the file and its folder.",
    example="A disk that is full.",
)


class NotebookSettings(BaseModel):
    """A JSON file of who is in the company."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    file: Path
    """The file; a relative path starts at the folder of syncd.yaml."""


class Notebook:
    """Writes the whole file anew for each batch, and puts it in place of the old one: it is whole at every moment."""

    settings: ClassVar[type[Any]] = NotebookSettings

    def __init__(self, settings: NotebookSettings, room: Room) -> None:
        self._file = room.base / settings.file
        self._census = EMPTY

    async def __aenter__(self) -> Self:
        self._census = await asyncio.to_thread(read, self._file)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def receive(self, facts: Sequence[Fact]) -> None:
        # Facts that the census knows already are passed over by `retold`: hearing one twice is harmless.
        await self._keep(retold(facts, self._census))

    async def reconcile(self, census: Census) -> None:
        if census.sequence >= self._census.sequence:
            await self._keep(census)

    async def _keep(self, census: Census) -> None:
        try:
            await asyncio.to_thread(write, self._file, census)
        except OSError as error:
            raise NeedsHuman(UNWRITABLE.at(why=foreign(error.strerror or type(error).__name__))) from error
        self._census = census  # only now: what was not kept was not heard


def read(file: Path) -> Census:
    """Return what the file holds; of a file that is not there, nothing."""
    if not file.exists():
        return EMPTY
    held = json.loads(file.read_text(encoding="utf-8"))
    members = {
        SubjectId(one["subject"]): Member(
            subject=SubjectId(one["subject"]),
            kind=Kind(one["kind"]),
            target_id=TargetId(one["target_id"]),
            label=one["label"],
            since=datetime.fromisoformat(one["since"]),
            fields={name: frozen(value) for name, value in one["fields"].items()},
        )
        for one in held["members"]
    }
    return Census(sequence=held["sequence"], members=members)


def write(file: Path, census: Census) -> None:
    """Write the file so that nobody else can read it: it names people. Raises OSError."""
    members = [{**asdict(member), "since": instant(member.since)} for member in census.members.values()]
    text = json.dumps({"sequence": census.sequence, "members": members}, ensure_ascii=False, indent=1)
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(file.name + ".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)
