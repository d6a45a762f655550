"""`syncd apply`: write a plan that was saved, exactly that one or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from syncd.cli.call import Call, Stopped, ends_with, teach
from syncd.cli.exit_codes import ExitCode
from syncd.core.errors import Place, message

if TYPE_CHECKING:
    from syncd.core.model import Plan

NOT_A_PLAN: Final = message(
    "CLI-030",
    what="This is not a plan that syncd has saved, or not by this version.",
    do="Save one with `syncd plan --out FILE`.",
    example="syncd apply README.md",
)
TAMPERED: Final = message(
    "CLI-031",
    what="This plan is not as it was saved: its changes do not have the fingerprint that stands in it.",
    do="Look at the plan of now with `syncd plan --out FILE`, then apply that.",
    example="somebody edited the file, or a copy of it was cut off",
)


@teach(
    "apply",
    examples=(
        ("syncd apply monday.plan", "Write the plan that `syncd plan --out monday.plan` saved."),
        ("syncd apply monday.plan --json", "The same, with the summary as JSON."),
    ),
    exits=(ExitCode.PARKED, ExitCode.HELD, ExitCode.SOURCE, ExitCode.TARGET, ExitCode.MOVED, ExitCode.BUSY),
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def command(call: Call, *, file: Path) -> ExitCode:
    """Write a plan that was shown: exactly that one, or nothing.

    The plan is made again from what sources and target say now. If it is not the same, change for change, nothing is written
    and the command ends with 8. Applying a plan accepts its configuration. What the guard holds stays held.
    """
    from syncd.cli.cycle_view import finish, run_cycle
    from syncd.engine.cycle import Order

    expected = read(file)
    with call.session() as session:
        try:
            with ends_with(ExitCode.TARGET):
                done = run_cycle(call, session, "syncd apply", Order(expected=expected.changes))
        except Stopped as stopped:
            if stopped.problems[0].code == "ENG-020":
                raise Stopped(ExitCode.MOVED, stopped.problems) from stopped
            raise
        return finish(call, done)


def read(file: Path) -> Plan:
    """Read a saved plan. Raises Stopped if the file is something else."""
    import msgspec

    from syncd.core.ordering import fingerprint
    from syncd.store.codec import decode, decode_plan

    try:
        head, body = file.read_bytes().split(b"\n", 1)
        assert decode(head)["syncd_plan"] == 1
        plan = decode_plan(body)
    except (ValueError, KeyError, TypeError, AssertionError, msgspec.MsgspecError) as error:
        raise Stopped(ExitCode.CONFIGURATION, [NOT_A_PLAN.at(Place(file=str(file)))]) from error
    if fingerprint(plan.changes) != plan.fingerprint:
        raise Stopped(ExitCode.CONFIGURATION, [TAMPERED.at(Place(file=str(file)))])
    return plan
