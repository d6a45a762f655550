"""`syncd sync`: one guarded cycle."""

from __future__ import annotations

import click

from syncd.cli.call import Call, ends_with, teach
from syncd.cli.exit_codes import ExitCode


@teach(
    "sync",
    examples=(
        ("syncd sync", "Read, plan, and write what the guard allows."),
        ("syncd sync --accept", "The same, the first time or after rules were edited: accepts the configuration."),
        ("syncd sync --full", "Read everything, which also finds who is gone where deletions are not told."),
        (
            "syncd sync --recompute",
            "Trust nothing that is remembered of sources: read, map and compare everybody anew.",
        ),
        ("syncd sync --json | jq .result", "For scripts and monitoring."),
    ),
    exits=(ExitCode.PARKED, ExitCode.HELD, ExitCode.SOURCE, ExitCode.TARGET, ExitCode.BUSY),
)
@click.option("--accept", is_flag=True, help="Let a configuration write that has not written before.")
@click.option("--fresh", is_flag=True, help="Look at the whole target again instead of remembering it.")
@click.option("--full", is_flag=True, help="Read every source whole, not only what changed, and prove who is gone.")
@click.option("--recompute", is_flag=True, help="Take nothing for known: read, map and compare everybody from scratch.")
def command(call: Call, *, accept: bool, fresh: bool, full: bool, recompute: bool) -> ExitCode:
    """Plan and write once, within the limits of the guard.

    What an earlier run left unfinished is read back and settled first. The summary tells what the target confirmed from what
    was only attempted; people who were parked, held or left aside are named. A second run right after plans nothing.

    A source that can say what changed is asked for that only. --full reads it whole, as happens by itself once in
    `schedule.full_every`; --recompute also takes nothing for known. Neither is needed in daily work.
    """
    from syncd.cli.cycle_view import finish, run_cycle
    from syncd.engine.cycle import Order

    with call.session() as session, ends_with(ExitCode.TARGET):
        done = run_cycle(call, session, "syncd sync", Order(accept=accept, fresh=fresh, full=full, again=recompute))
        return finish(call, done)
