"""A disk that is full, read-only or failing under a working service: said with its code, survived, and never a wrong write.

The troubles are real: a small file system of its own, mounted, filled and mounted again read-only (which takes root, as the test
servers do); and a database file with pages that were overwritten.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from support.small_world import SmallWorld
from syncd.core.errors import NeedsHuman
from syncd.store import Store

PEOPLE = 40


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder))
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)


@pytest.fixture
def world(small_disk: Path, migrated_file: Path) -> Iterator[SmallWorld]:
    shutil.copy(migrated_file, small_disk / "syncd.db")
    one = SmallWorld(small_disk)
    one.company(PEOPLE)
    one.sync()
    yield one
    one.store.close()


def _fill(folder: Path) -> Path:
    """Take all the room that is left."""
    file = folder / "somebody-elses-logs"
    with file.open("wb", buffering=0) as out, suppress(OSError):
        while True:
            out.write(b"\0" * 4096)
    return file


def _work(world: SmallWorld) -> None:
    world.reopen()
    world.sync()


def _trouble(world: SmallWorld) -> str:
    """Run a cycle that must fail, and return the code with which it says so."""
    with pytest.raises(NeedsHuman) as caught:
        world.sync()
    return caught.value.problem.code


def test_a_full_disk_is_said_nothing_is_written_to_the_target_and_all_goes_on_when_there_is_room(
    world: SmallWorld, small_disk: Path
) -> None:
    before = world.tenant()
    filler = _fill(small_disk)
    for number in range(2, PEOPLE):
        world.edit(str(number), title=f"T{number}" * 30)
    assert _trouble(world) == "STO-004"
    assert world.tenant() == before
    assert world.store.check() == []

    filler.unlink()
    world.time += timedelta(minutes=15)
    world.sync()
    assert str(world.tenant()["person:Example 7"]["title"]).startswith("T7T7")
    assert world.store.check() == []


def test_a_full_disk_in_the_middle_of_writing_loses_nothing_and_does_nothing_twice(
    world: SmallWorld, small_disk: Path
) -> None:
    fillers: list[Path] = []

    def fill_at_the_fifth(change: object) -> None:
        applied.append(change)
        if len(applied) == 5:
            fillers.append(_fill(small_disk))

    applied: list[object] = []
    for number in range(2, PEOPLE):
        world.edit(str(number), title=f"T{number}" * 30)
    world.target.fault = fill_at_the_fifth
    assert _trouble(world) == "STO-004"
    assert len(applied) >= 5
    world.target.fault = lambda _: None
    fillers[0].unlink()
    for _ in range(3):
        world.time += timedelta(minutes=15)
        world.sync()
    titles = {
        name: held["title"] for name, held in world.tenant().items() if name.startswith("person:") and "title" in held
    }
    assert len(titles) == PEOPLE - 2
    assert world.store.check() == []


def test_a_read_only_file_system_is_said_and_nothing_is_written(world: SmallWorld, small_disk: Path) -> None:
    before = world.tenant()
    world.edit("3", title="Baker")
    world.store.close()
    _mount("-o", "remount,ro", str(small_disk))
    with pytest.raises(NeedsHuman) as caught:
        Store.open(f"sqlite:///{small_disk / 'syncd.db'}", now=world.now)
    assert caught.value.problem.code == "STO-001"
    assert world.tenant() == before
    _mount("-o", "remount,rw", str(small_disk))
    world.reopen()
    world.sync()
    assert world.tenant()["person:Example 3"]["title"] == "Baker"


def test_pages_that_were_overwritten_are_found_by_check_and_never_acted_upon(
    world: SmallWorld, small_disk: Path
) -> None:
    world.store.backup(small_disk.parent / "backup.db")
    before = world.tenant()
    world.store.close()
    file = small_disk / "syncd.db"
    raw = bytearray(file.read_bytes())
    for page in range(3, len(raw) // 4096, 2):  # half of all pages, but not the first
        raw[page * 4096 : page * 4096 + 2048] = b"\xa5" * 2048
    file.write_bytes(raw)
    world.edit("3", title="Baker")
    with pytest.raises(NeedsHuman) as caught:
        _work(world)
    assert caught.value.problem.code == "STO-003"
    assert world.tenant() == before
    assert world.store.check() != []
    world.store.close()
    shutil.copy(small_disk.parent / "backup.db", file)
    world.reopen()
    world.sync()
    assert world.tenant()["person:Example 3"]["title"] == "Baker"
