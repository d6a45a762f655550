"""`syncd run`: the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from syncd.cli.call import Call, ends_with, teach
from syncd.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from syncd.engine.cycle import Cycle


@teach(
    "run",
    examples=(
        ("syncd run", "Synchronize on the schedule of syncd.yaml until stopped."),
        ("syncd run --turns 1", "One turn, as the service would do it; ends with 9 if another syncd is at work."),
    ),
    exits=(ExitCode.TARGET, ExitCode.BUSY),
)
@click.option("--turns", type=click.IntRange(min=1), metavar="N", help="Stop after N cycles.")
def command(call: Call, *, turns: int | None) -> ExitCode:
    """Synchronize on a schedule until stopped: the service.

    SIGTERM and Ctrl-C finish what is under way, settle it and end with 0. A cycle that fails is logged and the next one tries
    again; with --turns, the exit code says what the last one failed with. Logs go to standard error, as JSON unless that is a
    terminal. Between cycles other commands can work.
    """
    import asyncio

    from syncd.engine.daemon import run

    with call.session(service=True) as session:
        schedule = session.settings.schedule
        world = session.world("syncd run")

        def told(done: Cycle) -> None:
            call.out.note(
                f"{done.finished_at:%H:%M:%S} {done.result}: {done.tally.done} confirmed, {done.queue.parked} parked"
            )

        failed = asyncio.run(run(world, every=schedule.every, jitter=schedule.jitter, told=told, turns=turns))
        if failed is not None:
            with ends_with(ExitCode.TARGET):
                raise failed
    return ExitCode.DONE
