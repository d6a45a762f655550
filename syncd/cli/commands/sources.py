"""`syncd sources`: what is remembered of which source; and what becomes of one that is no longer configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from syncd.cli.call import Call, teach
from syncd.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from syncd.cli.render import Output
    from syncd.engine.sources import Forgotten, Known, Renamed


@click.group("sources")
def command() -> None:
    """Show the sources, and decide about those that are no longer in syncd.yaml.

    A source that is taken out of syncd.yaml makes nobody a leaver, and one that is renamed there makes nobody twice: what it
    said last stands still until somebody says which of the two it was.
    """


@teach(
    "list",
    examples=(
        ("syncd sources list", "Show each source and how much is remembered of it."),
        ("syncd sources list --json | jq '.sources[] | select(.configured | not)'", "Those that wait for a decision."),
    ),
    exits=(ExitCode.PARKED,),
)
def list_(call: Call) -> ExitCode:
    """Show every source of which something is remembered. Ends with 4 if one of them is no longer configured."""
    from syncd.core.model import SourceName
    from syncd.engine.sources import known

    with call.session() as session:
        configured = tuple(map(SourceName, session.settings.sources))
        with session.store.reading() as tx:
            found = known(tx, configured)
    call.out.show({"sources": found}, lambda out: _tell(out, found))
    return ExitCode.DONE if all(one.configured for one in found) else ExitCode.PARKED


def _tell(out: Output, found: tuple[Known, ...]) -> None:
    from syncd.cli.condition import FORMER
    from syncd.cli.telling.words import count
    from syncd.core.model import RECORD_KINDS

    rows = [
        (
            one.name,
            "configured" if one.configured else "not configured",
            *(one.records.get(kind, 0) for kind in RECORD_KINDS),
        )
        for one in found
    ]
    out.table(("Source", "In syncd.yaml", "People", "Units", "Groups"), rows)
    out.say(f"{count(len(found), 'source')}.", style="dim")
    for one in found:
        if not one.configured:
            out.problem(FORMER.at(name=one.name, count=count(sum(one.records.values()), "record")))


@teach(
    "forget",
    examples=(
        ("syncd sources forget old_hr", "Show who is known by this source alone, and would leave."),
        ("syncd sources forget old_hr --reason 'replaced by Workday, ticket 4711'", "Let its records be gone."),
    ),
    exits=(ExitCode.BUSY,),
)
@click.argument("name")
@click.option("--reason", default="", help="Why; the audit log keeps it with your name. Without it, nothing is done.")
def forget(call: Call, *, name: str, reason: str) -> None:
    """Say that a source that is no longer configured is not needed any more.

    Its records are gone then: whom another source knows loses only what this one said; whom no other source knows leaves,
    within the limits of the guard. Without --reason it only shows who that is. Nothing is written to the target by it: the
    next plan does.
    """
    from syncd.cli import names
    from syncd.cli.operating import operating, rehearsal
    from syncd.core.model import SourceName
    from syncd.engine import sources

    source = SourceName(name)
    with call.session() as session:
        world = session.world("syncd sources forget")
        if reason.strip():
            with operating(session, "sources forget", reason=reason) as operation:
                done = sources.forget(operation.tx, world, source, at=operation.at)
                known = names.of_subjects(operation.tx, done.alone)
                operation.log(facts={"source": name, "records": done.records, "alone": len(done.alone)})
        else:
            with rehearsal(session.store) as tx:
                done = sources.forget(tx, world, source, at=session.now())
                known = names.of_subjects(tx, done.alone)
    value = {"source": name, "done": bool(reason.strip()), "records": done.records, "alone": done.alone}
    call.out.show(value, lambda out: _tell_forgotten(out, name, done, known, done_=bool(reason.strip())))


def _tell_forgotten(out: Output, name: str, done: Forgotten, known: dict[str, str], *, done_: bool) -> None:
    from syncd.cli.telling.words import count, some

    verb = "are" if done_ else "would be"
    out.say(f"{count(done.records, 'record')} of {name} {verb} gone.")
    if done.alone:
        labels = sorted(known.get(one, one) for one in done.alone)
        out.say(
            f"No other source knows {len(labels):,}, who {'leave' if done_ else 'would leave'}: {some(labels, 20)}."
        )
    out.say("See `syncd plan` before you sync." if done_ else "Nothing was done. Say --reason to do it.", style="dim")


@teach(
    "rename",
    examples=(
        ("syncd sources rename ad directory --reason 'clearer name'", "What was ad in syncd.yaml is directory now."),
        ("syncd sources rename ad directory --reason 'clearer name' --json", "The same, for a script."),
    ),
    exits=(ExitCode.BUSY,),
)
@click.argument("old")
@click.argument("new")
@click.option("--reason", required=True, help="Why; the audit log keeps it with your name.")
def rename(call: Call, *, old: str, new: str, reason: str) -> None:
    """Say that a source has another name in syncd.yaml now.

    Everything that is remembered of OLD is NEW's from then on: its records, who they are, what its reads have proven, what was
    pushed to it. Change the name in syncd.yaml first. If NEW was read already, its records are who they were under OLD.
    """
    from syncd.cli.operating import operating
    from syncd.core.model import SourceName
    from syncd.engine import sources

    with call.session() as session, operating(session, "sources rename", reason=reason) as operation:
        world = session.world("syncd sources rename")
        done = sources.rename(operation.tx, world, SourceName(old), SourceName(new), at=operation.at)
        operation.log(facts={"old": old, "new": new, "records": done.records + done.rejoined})
    value = {"old": old, "new": new, "records": done.records, "rejoined": done.rejoined}
    call.out.show(value, lambda out: out.say(_told(old, new, done)))


def _told(old: str, new: str, done: Renamed) -> str:
    from syncd.cli.telling.words import count

    again = f", and {done.rejoined:,} that were read already are who they were" if done.rejoined else ""
    return f"{count(done.records, 'record')} of {old} go on as {new}{again}. See `syncd plan`."


for one in (list_, forget, rename):
    command.add_command(one)
