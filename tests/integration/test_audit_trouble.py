"""An audit log that takes no records, or is not what it was: seen, told, and over when it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from support.alerts import Watch, policy
from support.alerts import health as well
from support.office import Office, Opened
from support.serving import ringing, served, until
from support.small_world import SmallWorld, run
from syncd.core.errors import NeedsHuman
from syncd.core.health import Failure
from syncd.core.model import Change
from syncd.core.outcome import Outcome
from syncd.engine.health import health

REFUSES = """CREATE TRIGGER audit_refuses BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no more records'); END"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SmallWorld]:
    one = SmallWorld(tmp_path)
    one.source.tells = True
    one.company(4)
    yield one
    one.store.close()


@pytest.fixture
def office(opened: Opened) -> Office:
    one = opened()
    one.world.company(4)
    return one


def does(world: SmallWorld, statement: str) -> None:
    with world.store.transaction() as tx:
        tx.connection.execute(text(statement))


def failing(world: SmallWorld) -> Failure | None:
    return health(world.world).audit_failing


def test_a_log_that_takes_no_records_is_told_by_the_service_and_nothing_is_written_until_it_does(
    world: SmallWorld,
) -> None:
    watch = Watch(policy())

    async def story() -> None:
        async with served(world.world) as service:
            await until(lambda: len(world.target.objects) == 6, "everybody")
            before = len(world.target.log)
            does(world, REFUSES)
            world.edit("3", title="Somebody Else")
            await service.wake(ringing())
            await until(lambda: failing(world) is not None, "the trouble to be told")
            found = failing(world)
            assert found is not None
            assert found.code == "STO-013"
            assert "no more records" in found.what
            assert len(world.target.log) == before
            assert watch.look(well(world.time, audit_failing=found)) == [("audit_trouble", "opened", "team")]

            does(world, "DROP TRIGGER audit_refuses")
            world.edit("4", title="Somebody Else")
            await service.wake(ringing())
            await until(lambda: len(world.target.log) >= before + 2, "both changes")
            await service.wake(ringing())
            await until(lambda: failing(world) is None, "the end of the trouble")

    run(story())


def test_a_writer_whose_settlement_could_not_be_logged_tells_it_and_tells_the_end(world: SmallWorld) -> None:
    """The log takes no more just when the last answer has come: nothing else has anything to log until it does again."""
    answered = world.target.apply
    hit: list[str] = []

    async def last(change: Change, *, key: str, again: bool = False) -> Outcome:
        done = await answered(change, key=key, again=again)
        if len(world.target.objects) == 6 and not hit:
            hit.append(key)
            does(world, REFUSES)
        return done

    world.target.apply = last  # type: ignore[method-assign]

    async def story() -> None:
        async with served(world.world):
            await until(lambda: failing(world) is not None, "the trouble to be told")
            does(world, "DROP TRIGGER audit_refuses")
            await until(lambda: failing(world) is None, "the end of the trouble")

    run(story())
    assert len(world.target.log) == len(set(world.target.log))


def test_a_command_says_what_the_log_refused(world: SmallWorld) -> None:
    does(world, REFUSES)
    with pytest.raises(NeedsHuman) as caught:
        world.sync()
    assert caught.value.problem.code == "STO-013"
    assert not world.target.log


@pytest.mark.parametrize("command", [("audit", "verify"), ("db", "check")], ids=" ".join)
def test_a_log_that_does_not_verify_is_told_until_it_does(office: Office, command: tuple[str, ...]) -> None:
    office.world.sync()
    assert office.run(*command).code == 0
    assert failing(office.world) is None
    does(office.world, "DROP TRIGGER audit_no_update")
    with office.world.store.transaction() as tx:
        body = tx.connection.execute(text("SELECT body FROM audit WHERE sequence = 3")).scalar()
        tx.connection.execute(text("UPDATE audit SET body = x'7b7d' WHERE sequence = 3"))

    assert office.run(*command).code == 3

    found = failing(office.world)
    assert found is not None
    assert found.code.startswith("AUD-")
    ran = office.run("status")
    assert "CLI-180" in ran.out
    office.world.sync()
    assert failing(office.world) == found, "that it takes records says nothing of those of before"
    with office.world.store.transaction() as tx:
        tx.connection.execute(text("UPDATE audit SET body = :body WHERE sequence = 3"), {"body": body})
    assert office.run(*command).code == 0
    assert failing(office.world) is None
