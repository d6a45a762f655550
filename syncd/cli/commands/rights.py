"""`syncd rights`: who sees whom in the target's address book, now and once the plan is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from syncd.cli.call import Call, Stopped, teach
from syncd.cli.exit_codes import ExitCode
from syncd.core.errors import message

if TYPE_CHECKING:
    from syncd.engine.rights_report import OfContact, OfPerson, OfUnit, Overview

ONE_OF_BOTH: Final = message(
    "OUT-007",
    what="A person and a department are asked for at once.",
    do="Ask for one of them.",
    example="syncd rights 'Li Wei' --of Board",
)


@teach(
    "rights",
    examples=(
        ("syncd rights", "What is hidden or closed, who sees it all the same, and what the plan would change."),
        ("syncd rights 'Li Wei'", "Whom one person sees, and by how many they are seen."),
        ("syncd rights 'Partner Name'", "Who sees an external contact."),
        ("syncd rights --of Board --all", "Who sees a department, everybody by name."),
        ("syncd rights --exit-code", "End with 10 if the plan changes who sees whom: for a pipeline."),
    ),
    exits=(ExitCode.BUSY, ExitCode.CHANGES),
)
@click.argument("who", required=False)
@click.option(
    "--of", "unit", metavar="UNIT", help="Tell of a department (name or id in the target) instead of a person."
)
@click.option("--all", "everything", is_flag=True, help="Name everyone, not the first dozen.")
@click.option("--exit-code", is_flag=True, help="End with 10 if the plan changes what is shown here.")
def command(call: Call, *, who: str | None, unit: str | None, everything: bool, exit_code: bool) -> ExitCode:
    """Show who sees whom in the target, now and once the plan is written.

    WHO is the name, or the id in the target, of a person or of an external contact. Without anything, everything is shown that is
    hidden, closed to its members or flagged, and which contacts the plan shows to others. Works on what was read and seen last;
    no source and no target is asked, and nothing is written.

    Administrators see everything and are not modelled. Where the target's documents are silent, more is taken to be seen rather
    than less: docs/how-to/outsiders-and-rights.md says where.
    """
    from syncd.cli.telling.rights import Manner, tell

    if who and unit:
        raise Stopped(ExitCode.USAGE, [ONE_OF_BOTH.at()])
    found = _found(call, who, unit)
    call.out.show(found, lambda out: tell(out, found, Manner.of(everything=everything)))
    return ExitCode.CHANGES if exit_code and found.differs else ExitCode.DONE


def _found(call: Call, who: str | None, unit: str | None) -> OfPerson | OfContact | OfUnit | Overview:
    from syncd.cli.operating import rehearsal
    from syncd.engine import rights_report
    from syncd.engine.rights import books

    with call.session() as session:
        world, target = session.world("syncd rights"), session.target()
        with rehearsal(session.store) as tx:
            both = books(tx, world, target)
    if who:
        return rights_report.of_somebody(both, who)
    return rights_report.of_unit(both, unit) if unit else rights_report.overview(both)
