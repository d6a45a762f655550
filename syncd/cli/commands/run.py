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
        ("syncd run", "Synchronize until stopped, when something happens and on the schedule of syncd.yaml."),
        ("syncd run --turns 1", "One turn, as the service would do it; ends with 9 if another syncd is at work."),
    ),
    exits=(ExitCode.TARGET, ExitCode.BUSY),
)
@click.option("--turns", type=click.IntRange(min=1), metavar="N", help="Stop after N cycles.")
def command(call: Call, *, turns: int | None) -> ExitCode:
    """Synchronize until stopped: the service.

    What wakes it (a source that is watched, a webhook, a broker) is written within moments; the schedule finds what nobody told.
    SIGTERM and Ctrl-C finish what is under way, settle it and end with 0. Whatever fails is logged and tried again; with --turns,
    the exit code says what the last cycle failed with. Logs go to standard error, as JSON unless that is a terminal. Other
    commands can work meanwhile: the service stands aside for them.
    """
    import asyncio

    with call.session(service=True) as session:

        def told(done: Cycle) -> None:
            how = (
                f"{done.tally.done} confirmed, "
                if turns
                else f"{len(done.reconciliation.judgement.allowed)} accepted, "
            )
            call.out.note(f"{done.finished_at:%H:%M:%S} {done.result}: {how}{done.queue.parked} parked")

        if turns is None:
            from syncd.cli.serving import serve

            asyncio.run(serve(session, told=told))
            return ExitCode.DONE

        from syncd.engine.daemon import run

        schedule, world = session.settings.schedule, session.world("syncd run")
        failed = asyncio.run(run(world, every=schedule.every, jitter=schedule.jitter, told=told, turns=turns))
        if failed is not None:
            with ends_with(ExitCode.TARGET):
                raise failed
    return ExitCode.DONE
