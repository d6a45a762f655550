"""A state that is older than the world, and a clock that is wrong: noticed, said, healed, and never a wrong write."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from support.small_world import HR, SmallWorld, run
from syncd.core.errors import Problem, TryAgain
from syncd.engine import left_alone, trust
from syncd.engine.cycle import Result
from syncd.engine.trust import Clock
from syncd.testing.memory import refusal


@pytest.fixture
def world(tmp_path: Path, migrated_file: Path) -> Iterator[SmallWorld]:
    shutil.copy(migrated_file, tmp_path / "syncd.db")
    one = SmallWorld(tmp_path)
    one.company(8)
    yield one
    one.store.close()


def _copied_back(world: SmallWorld, backup: Path) -> None:
    """Put a backup back the way that nobody should: by copying files."""
    world.store.close()
    for ending in ("", "-wal", "-shm"):
        Path(f"{world.folder / 'syncd.db'}{ending}").unlink(missing_ok=True)
    shutil.copy(backup, world.folder / "syncd.db")
    world.time += timedelta(minutes=1)
    world.reopen()


def _codes(problems: tuple[Problem, ...]) -> list[str]:
    return [problem.code for problem in problems]


def test_a_state_that_is_as_it_was_is_trusted(world: SmallWorld) -> None:
    world.sync()
    world.sync()
    assert run(trust.settle(world.world)) == ()


def test_a_state_that_was_copied_back_is_noticed_healed_and_recorded(world: SmallWorld) -> None:
    world.sync()
    world.store.backup(world.folder / "backup.db")
    world.edit("3", title="Baker")
    world.sync()
    _copied_back(world, world.folder / "backup.db")
    assert _codes(run(trust.settle(world.world))) == ["ENG-070"]
    assert run(trust.settle(world.world)) == ()  # once
    with world.store.reading() as tx:
        assert [row.type for row in world.store.audit.iterate(tx)][-1] == "state.restored"


def test_after_a_restore_nothing_is_written_on_the_strength_of_what_was_known_then(world: SmallWorld) -> None:
    world.person("9", "team")
    world.edit("9", state="left")
    world.sync()
    world.store.backup(world.folder / "backup.db")
    # Since the backup: nine comes back, three gets a title, eight leaves; the queue of the backup knows nothing of it.
    world.edit("9", state="here")
    world.edit("3", title="Baker")
    world.leave("8")
    world.sync()
    before = world.tenant()
    _copied_back(world, world.folder / "backup.db")
    world.source.error = TryAgain(refusal("the HR system is down, too"))
    done = world.sync(accept=True)
    assert done.result is Result.PLANNED
    assert "ENG-071" in _codes(done.notices)
    assert world.tenant() == before


def test_after_a_restore_the_first_plan_waits_and_then_everything_is_as_if_nothing_had_been(tmp_path: Path) -> None:
    world = SmallWorld(tmp_path)
    world.company(8)
    world.sync()
    world.store.backup(world.folder / "backup.db")
    world.edit("3", title="Baker")
    world.person("9", "team")
    world.leave("8")
    world.sync()
    before = world.tenant()
    _copied_back(world, world.folder / "backup.db")
    world.sync(accept=True)
    assert world.tenant() == before
    with world.store.reading() as tx:
        assert tx.meta.get(trust.RESTORED) is None
    assert world.sync().result is Result.NOTHING
    world.store.close()


def test_what_waited_in_the_queue_of_a_backup_is_not_done_after_a_restore(world: SmallWorld) -> None:
    from syncd.core.outcome import Deferred

    world.sync()
    world.target.fault = lambda _: Deferred(problem=refusal("later"), retry_at=world.time)
    world.edit("5", state="left")
    world.sync()
    world.store.backup(world.folder / "backup.db")
    world.target.fault = lambda _: None
    world.edit("5", state="here")
    world.sync()
    before = world.tenant()
    _copied_back(world, world.folder / "backup.db")
    world.source.error = TryAgain(refusal("down"))
    world.sync()
    assert world.tenant() == before


def test_another_database_in_its_place_is_noticed(world: SmallWorld) -> None:
    world.sync()
    other = world.folder / "other"
    other.mkdir()
    twin = SmallWorld(other)
    twin.company(8)
    for _ in range(3):
        twin.sync()
    twin.store.backup(world.folder / "other.db")
    twin.store.close()
    _copied_back(world, world.folder / "other.db")
    found = run(trust.settle(world.world))
    assert "is another one than it was" in found[0].what


def test_a_clock_that_was_put_back_leaves_no_read_of_the_future_behind(world: SmallWorld) -> None:
    right = world.time
    world.time = right + timedelta(days=300)
    world.sync()
    world.time = right
    assert _codes(run(trust.settle(world.world))) == ["ENG-072"]
    assert run(trust.settle(world.world)) == ()
    world.edit("3", title="Baker")
    done = world.sync()
    assert done.result is Result.DONE
    with world.store.reading() as tx:
        last = tx.reads.last(HR)
    assert last is not None
    assert last.full
    assert last.finished_at == right


class Ticking:
    """Time since boot."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_a_clock_that_jumps_ahead_ends_no_grace_period(world: SmallWorld) -> None:
    world.sync()
    ticking = Ticking()
    clock = Clock(world.now, ticking)
    world.edit("5", state="left")
    world.sync()  # hidden; to be deleted after 30 days
    before = world.tenant()
    world.time += timedelta(days=40)
    assert _codes(run(trust.settle(world.world, clock=clock))) == ["ENG-073"]
    done = world.sync(accept=True)
    assert (done.result, _codes(done.notices)) == (Result.PLANNED, ["ENG-073"])
    assert world.tenant() == before
    world.time -= timedelta(days=40)
    run(trust.settle(world.world, clock=clock))
    assert world.sync(accept=True).notices == ()
    assert world.tenant() == before
    assert clock.jumps == 2


def test_a_clock_that_is_put_back_while_nobody_is_at_work_is_believed_again(world: SmallWorld) -> None:
    """The process that saw it jump was ended, and nothing was begun before it was right again."""
    world.sync()
    clock = Clock(world.now, Ticking())
    world.time += timedelta(days=2)
    assert _codes(run(trust.settle(world.world, clock=clock))) == ["ENG-073"]
    world.time -= timedelta(days=2)

    assert _codes(run(trust.settle(world.world, clock=Clock(world.now, Ticking())))) == ["ENG-072"]

    assert world.sync(accept=True).notices == ()


def test_time_that_passes_is_no_jump_and_a_correction_is_none_either(world: SmallWorld) -> None:
    ticking = Ticking()
    clock = Clock(world.now, ticking)
    world.time += timedelta(days=40)
    ticking.seconds += timedelta(days=40).total_seconds()
    world.time += timedelta(minutes=4)
    assert run(trust.settle(world.world, clock=clock)) == ()
    assert clock.jumps == 0


def test_a_clock_that_went_ahead_and_back_is_noticed_though_nothing_was_begun_meanwhile(world: SmallWorld) -> None:
    world.sync()
    base = world.time
    clock = Clock(world.now, running=lambda: base.timestamp())
    world.time = base + timedelta(hours=3)
    assert run(trust.settle(world.world, clock=clock)) == ()
    with world.store.transaction() as tx:
        tx.meta.set(left_alone.KEY, "until a moment of then")
    world.time = base
    assert _codes(run(trust.settle(world.world, clock=clock))) == ["ENG-072"]
    with world.store.reading() as tx:
        assert tx.meta.get(left_alone.KEY) is None, "the target is probed at once"
    assert run(trust.settle(world.world, clock=clock)) == ()
