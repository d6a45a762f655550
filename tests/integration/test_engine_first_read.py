"""A first read of very many puts them without looking for anybody, and ends as one that looks for each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from support.small_world import HR, SmallWorld, run
from syncd.core.errors import TryAgain
from syncd.core.known import NOTHING_KNOWN, Known
from syncd.core.model import Kind, Page
from syncd.core.ports import Room
from syncd.engine import marking
from syncd.engine.stage import Asked, SourceRead, read_source
from syncd.store.records import Records
from syncd.store.rows import StagedRecord
from syncd.testing.memory import MemorySource, refusal

PEOPLE = 30
EACH = 4
"""Records of a page."""


class Paged(MemorySource):
    """The company's source in small pages; whoever is named comes a second time, with another title, as if moved meanwhile."""

    def __init__(self, world: SmallWorld) -> None:
        super().__init__({}, Room(name="memory", now=world.now, base=world.folder))
        self.records = world.source.records
        self.tells = True
        self.twice: tuple[str, ...] = ()
        self.dies_after = 1000
        """Pages."""

    async def read(
        self, cursor: str | None, *, full: bool = False, known: Known = NOTHING_KNOWN
    ) -> AsyncIterator[Page]:
        pages = [page async for page in super().read(cursor, full=full, known=known)]
        records = [record for page in pages for record in page.records]
        moved = [
            replace(one, digest=b"moved", fingerprint=b"moved", attributes={**one.attributes, "title": "Moved"})
            for one in records
            if one.kind is Kind.PERSON and one.native_id in self.twice
        ]
        records = [*records[:-2], *moved, *records[-2:]]
        for number, at in enumerate(range(0, len(records), EACH)):
            if number == self.dies_after:
                raise TryAgain(refusal("down"))
            yield Page(records=tuple(records[at : at + EACH]), full=True)
        yield replace(pages[-1], records=())


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallWorld]:
    monkeypatch.setattr(marking, "MOST", 2 * EACH)
    one = SmallWorld(tmp_path)
    one.company(PEOPLE)
    one.source = Paged(one)
    yield one
    one.store.close()


def paged(world: SmallWorld) -> Paged:
    assert isinstance(world.source, Paged)
    return world.source


def read(world: SmallWorld) -> SourceRead:
    syncd = world.world
    return run(read_source(syncd, syncd.seats[HR], syncd.new_run(), Asked()))


def stored(world: SmallWorld) -> list[StagedRecord]:
    with world.store.reading() as tx:
        rows = [tx.records.get(row.source, row.kind, row.native_id) for row in tx.records.iterate()]
    # Places name the folder.
    return [
        replace(row, origins={}, keys=tuple(sorted(row.keys)), refers=tuple(sorted(row.refers))) for row in rows if row
    ]


@pytest.fixture
def unsearched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many were put at a time without being looked for."""
    put, found = Records.put_many, []

    def noting(self: Records, rows: tuple[StagedRecord, ...], *, new: bool = False) -> None:
        found.extend([len(rows)] if new else [])
        put(self, rows, new=new)

    monkeypatch.setattr(Records, "put_many", noting)
    return found


@pytest.mark.parametrize("twice", [(), ("3",), ("3", "12", "7")], ids=["each once", "one twice", "several twice"])
def test_it_ends_as_a_read_that_looks_for_each(
    world: SmallWorld,
    unsearched: list[int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    twice: tuple[str, ...],
) -> None:
    paged(world).twice = twice
    found = read(world)
    assert sum(unsearched) > PEOPLE / 2
    monkeypatch.setattr(marking, "MOST", 10 * PEOPLE)
    (tmp_path / "other").mkdir()
    other = SmallWorld(tmp_path / "other")
    other.company(PEOPLE)
    other.source = Paged(other)
    paged(other).twice = twice
    looked = read(other)
    assert (found.row.count, found.gone, stored(world)) == (looked.row.count, looked.gone, stored(other))
    other.store.close()


def test_who_was_stored_before_it_broke_off_is_found_again(world: SmallWorld, unsearched: list[int]) -> None:
    paged(world).dies_after = 5
    with suppress(TryAgain):
        read(world)
    assert unsearched
    unsearched.clear()
    before = {(row.kind, row.native_id) for row in stored(world)}
    paged(world).dies_after = 1000
    world.edit("2", title="Lead")
    read(world)
    rows = stored(world)
    assert before <= {(row.kind, row.native_id) for row in rows}
    assert len(rows) == len({(row.kind, row.native_id) for row in rows}) == PEOPLE + 2
    assert not unsearched, "others are there besides those of this read"
