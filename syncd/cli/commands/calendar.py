"""`syncd calendar`: what the clock will bring in the next days, and why."""

from __future__ import annotations

from datetime import timedelta

import click

from syncd.cli.call import Call, teach
from syncd.cli.exit_codes import ExitCode


@teach(
    "calendar",
    examples=(
        ("syncd calendar", "Show the next two weeks: who begins, who leaves, whose account is removed."),
        ("syncd calendar --days 90 --json | jq '.expected[] | select(.what == \"last_day\").label'", "Name leavers."),
        ("syncd calendar --days 1 --exit-code", "End with 10 if anything happens within 24 hours: for a timer."),
    ),
    exits=(ExitCode.BUSY, ExitCode.CHANGES),
)
@click.option("--days", type=click.IntRange(1, 366), default=14, show_default=True, help="How far to look ahead.")
@click.option("--exit-code", is_flag=True, help="End with 10 if anything is expected.")
def command(call: Call, *, days: int, exit_code: bool) -> ExitCode:
    """Show what will happen in the next days by itself, and why.

    First days, other contracts, last working days with those who take over, accounts whose grace ends, records with a date of
    their own (an account that expires), and holds that end; with the record and the rule that each comes from. Works on what was
    read last: what the sources do not say yet is not in it. No source and no target is asked, and nothing is written.
    """
    from syncd.cli.telling.calendar import tell
    from syncd.engine.forecast import forecast

    with call.session() as session:
        world = session.world("syncd calendar")
        with session.store.reading() as tx:
            found = forecast(tx, world, timedelta(days=days))
    call.out.show(found, lambda out: tell(out, found, leavers=world.leavers, base=session.settings.base))
    return ExitCode.CHANGES if exit_code and found.expected else ExitCode.DONE
