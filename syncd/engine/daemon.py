"""A number of cycles on the schedule, for scripts: `syncd run --turns`. The service itself is `syncd.engine.serving`."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Callable
from datetime import timedelta

from syncd.core.errors import SyncdError, code_of, problem_of
from syncd.engine.cycle import Cycle, cycle
from syncd.engine.tidying import tidy
from syncd.engine.world import World
from syncd.structured import structlog

log = structlog.get_logger(__name__)


async def run(
    world: World,
    *,
    every: timedelta,
    jitter: timedelta,
    turns: int,
    told: Callable[[Cycle], None] = lambda _: None,
    stop: asyncio.Event | None = None,
) -> Exception | None:
    """Run so many cycles, fewer if SIGTERM or SIGINT comes. A cycle has the database for itself, the pauses do not.

    Returns what the last one failed with; None if it did not fail, or if it was told to stop.
    """
    halt = stop or asyncio.Event()
    listen(halt)
    failed: Exception | None = None
    for left in reversed(range(turns)):
        failed = await _turn(world, halt, told)
        if left and not halt.is_set():
            pause = every + timedelta(seconds=random.uniform(0, jitter.total_seconds()))
            log.info("daemon.sleeping", seconds=round(pause.total_seconds()))
            await _sleep(halt, pause)
        if halt.is_set():
            return None
    return failed


async def _turn(world: World, halt: asyncio.Event, told: Callable[[Cycle], None]) -> Exception | None:
    """Run one cycle; return what it failed with, which has been logged then."""
    try:
        with world.store.exclusive("syncd run"):
            result = await cycle(world, stop=halt)
            await tidy(world)
    except SyncdError as error:
        problem = problem_of(error)
        log.warning("cycle.failed", code=code_of(error), what=problem.what if problem else "")
        return error
    except Exception as error:
        log.exception("cycle.failed")
        return error
    log.info("cycle.done", result=str(result.result), confirmed=result.tally.done, parked=result.queue.parked)
    told(result)
    return None


def listen(halt: asyncio.Event) -> None:
    """Set `halt` at SIGTERM or SIGINT instead of dying."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, halt.set)
        except (NotImplementedError, RuntimeError, ValueError):
            return  # not the main thread: whoever runs us there stops us by the event


async def _sleep(halt: asyncio.Event, pause: timedelta) -> None:
    try:
        async with asyncio.timeout(pause.total_seconds()):
            await halt.wait()
    except TimeoutError:
        return
