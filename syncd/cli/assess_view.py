"""How an assessment is shown: on a terminal, as JSON, and as one HTML file that needs nothing else. It judges nothing."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syncd.cli.render import Output
from syncd.core.model import RECORD_KINDS, Kind

if TYPE_CHECKING:
    from syncd.engine.assess import Report

_NAMED = 3


def tell(out: Output, report: Report) -> None:
    """Print the report for people."""
    out.say(f"{report.ready} of {report.population[Kind.PERSON]} people are ready ({report.score} %).", style="bold")
    out.say()
    rows = [
        (
            source.name,
            *(source.records.get(kind, 0) for kind in RECORD_KINDS),
            source.newest.date().isoformat() if source.newest else "not said",
            _complete(source),
        )
        for source in report.sources
    ]
    out.table(("Source", "#People", "#Units", "#Groups", "Last change", "Complete"), rows)
    for source in report.sources:
        for note in source.notes[:_NAMED]:
            out.problem(note, sign=source.name)
        if len(source.notes) > _NAMED:
            out.say(
                f"{source.name}: and {len(source.notes) - _NAMED} more notes; --html and --json show them.", style="dim"
            )
    out.say()
    for finding in report.findings:
        out.say(
            f"{finding.severity}: {finding.what} [{finding.code}]  {finding.count}×", style=_STYLES[finding.severity]
        )
        if finding.samples:
            more = len(finding.subjects) - _NAMED
            out.say(f"  {', '.join(finding.samples[:_NAMED])}{f' and {more} more' if more > 0 else ''}")
        out.say(f"  {finding.do}", style="dim")
    if not report.findings:
        out.say("Nothing was found that stands against a roll-out.")
    out.say()
    fill = [(row.kind, row.attribute, f"{row.filled} of {row.total}", f"{row.percent:.1f} %") for row in report.fill]
    out.table(("Of", "Attribute", "#Filled", "#Share"), fill)


_STYLES = {"blocker": "red", "warning": "yellow", "hint": "none"}


def _complete(source: Any) -> str:
    if source.failure is not None:
        return "not read"
    return "proven" if source.completeness and source.completeness.proven else "doubtful"


def as_json(report: Report) -> dict[str, Any]:
    """Return the report for programs."""
    return {
        "at": report.at,
        "score": report.score,
        "ready": report.ready,
        "population": {str(kind): count for kind, count in report.population.items()},
        "sources": [
            {
                "name": source.name,
                "records": {str(kind): count for kind, count in source.records.items()},
                "newest": source.newest,
                "complete": _complete(source),
                "facts": source.completeness.facts if source.completeness else (),
                "notes": source.notes,
                "failure": source.failure,
            }
            for source in report.sources
        ],
        "findings": [
            {
                "code": each.code,
                "severity": each.severity,
                "what": each.what,
                "do": each.do,
                "count": each.count,
                "subjects": sorted(each.subjects),
            }
            for each in report.findings
        ],
        "fill": [
            {"kind": row.kind, "attribute": row.attribute, "filled": row.filled, "total": row.total}
            for row in report.fill
        ],
    }


def as_html(report: Report) -> str:
    """Return one page without scripts and without references to anything outside."""
    from importlib.metadata import version
    from importlib.resources import files

    from jinja2 import Environment, StrictUndefined

    # Names come from sources: everything is escaped.
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(
        (files("syncd.cli") / "templates" / "assess.html.j2").read_text(encoding="utf-8")
    )
    severities = Counter(str(finding.severity) for finding in report.findings)
    return template.render(
        report=report,
        population={str(kind): report.population.get(kind, 0) for kind in RECORD_KINDS},
        counts={name: severities[name] for name in ("blocker", "warning", "hint")},
        version=version("syncd"),
    )


def save(path: Path, text: str) -> None:
    """Write a file that only its owner can read: it names people."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
