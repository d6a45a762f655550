"""`syncd assess`: is the data good enough to be rolled out, and what has to be mended first."""

from __future__ import annotations

from pathlib import Path

import click

from syncd.cli.call import Call, teach
from syncd.cli.exit_codes import ExitCode


@teach(
    "assess",
    examples=(
        ("syncd assess", "Read the sources, apply the rules, and say what is missing, doubled or cannot be right."),
        ("syncd assess --html assessment.html", "Also write a page to print or to send to those who keep the data."),
        ("syncd assess --json | jq '.findings[] | select(.severity == \"blocker\")'", "Show what keeps people out."),
    ),
    exits=(ExitCode.PARKED, ExitCode.SOURCE),
)
@click.option(
    "--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write the report as one HTML page."
)
@click.option("--strict", is_flag=True, help="End with 4 if anything keeps people or units from being synchronized.")
def command(call: Call, *, html: Path | None, strict: bool) -> ExitCode:
    """Judge the data of the sources before a roll-out: what is missing, doubled or cannot be right.

    The sources are read and the rules applied. Nothing is written to the target, and nothing is remembered. The target itself is
    not asked.
    """
    import asyncio

    from syncd.cli import assess_view
    from syncd.engine.assess_checks import Severity
    from syncd.engine.examine import examine

    with call.session() as session:
        report = asyncio.run(examine(session.world("syncd assess")))
    if html is not None:
        assess_view.save(html, assess_view.as_html(report))
    call.out.show(assess_view.as_json(report), lambda out: assess_view.tell(out, report))
    if html is not None:
        call.out.note(f"The report is in {html}. It names people.")
    if any(source.failure is not None for source in report.sources):
        return ExitCode.SOURCE
    blocked = any(finding.severity is Severity.BLOCKER for finding in report.findings)
    return ExitCode.PARKED if strict and blocked else ExitCode.DONE
