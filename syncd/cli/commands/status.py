"""`syncd status`: how things stand, on one screen."""

from __future__ import annotations

from typing import Final

import click

from syncd.cli.call import Call, Stopped, teach
from syncd.cli.exit_codes import ExitCode
from syncd.core.errors import message

NO_SOURCE: Final = message(
    "CLI-100",
    what="There is no source {name!r}.",
    do="The sources are: {known}.",
    example="syncd status --source adn",
)

NO_TERMINAL: Final = message(
    "CLI-183",
    what="--watch draws on a terminal, and there is none.",
    do="Leave --watch away; with --json call it as often as you like.",
    example="syncd status --watch > file",
)
WATCH_SECONDS: Final = 2.0


@teach(
    "status",
    examples=(
        ("syncd status", "Say whether everything works, and what to do if it does not."),
        (
            "syncd status --source hr",
            "One source: how it was read last, each fact that was checked, and when it is read in full again.",
        ),
        (
            "syncd status --source hr --json | jq '.sources[0].read.facts[] | select(.holds | not)'",
            "Only what is missing for a proof.",
        ),
        ("syncd status --watch", "The same, live; Ctrl-C ends it."),
        ("syncd status --json | jq '.queue.parked'", "A number for monitoring; the exit code is the verdict."),
    ),
    exits=(ExitCode.PARKED, ExitCode.HELD, ExitCode.SOURCE),
)
@click.option(
    "--source", metavar="NAME", default="", help="This source alone: its last reads, their proof, what comes next."
)
@click.option("--watch", is_flag=True, help="Look again every few seconds, until Ctrl-C.")
def command(call: Call, *, source: str, watch: bool) -> ExitCode:
    """Say how things stand: service, freshness, last runs, sources, target, queue, holds, audit log.

    Reads the state only: no source and no target is asked, and nothing is written. What needs somebody stands first, each with
    the command that helps. If several things do, the exit code is the highest of theirs.

    With --source: every fact that was checked to prove the last read complete (✓ or ✗, with what was seen), whether that was a
    full read or a delta, how changes are learned, and when everything is read again. Where a fact is missing, nobody is taken for
    gone on the strength of that read.
    """
    from dataclasses import replace

    from syncd.cli.overview import look
    from syncd.cli.telling.status import tell_status

    if watch:
        _watch(call, source)
        return ExitCode.DONE
    with call.session() as session:
        status = look(session, call.config, source=source)
    known = [one.name for one in status.sources]
    if source and source not in known:
        raise Stopped(ExitCode.USAGE, [NO_SOURCE.at(name=source, known=", ".join(known))])
    if source:
        status = replace(status, sources=tuple(one for one in status.sources if one.name == source))
    call.out.show(status, lambda out: tell_status(out, status, source=source))
    return status.exit_code


def _watch(call: Call, source: str) -> None:
    """Draw the screen again and again. It costs what a look costs: a few questions to the database."""
    import time

    from syncd.cli.overview import look
    from syncd.cli.telling.status import tell_status

    if call.json or not call.out.console.is_terminal:
        raise Stopped(ExitCode.USAGE, [NO_TERMINAL.at()])
    from rich.live import Live
    from rich.text import Text

    console = call.out.console
    with call.session() as session, Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            status = look(session, call.config, source=source)
            with console.capture() as drawn:
                tell_status(call.out, status, source=source)
            live.update(Text.from_ansi(drawn.get()), refresh=True)
            time.sleep(WATCH_SECONDS)
