"""`syncd demo`: the main job on an example company, in a folder of its own, against the sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from syncd.cli.call import Call, teach
from syncd.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from syncd.cli.demo_story import Act
    from syncd.cli.render import Output
    from syncd.cli.session import Session
    from syncd.engine.cycle import Cycle
    from syncd.engine.world import World


@teach(
    "demo",
    examples=(
        ("syncd demo", "Play the whole story in a temporary folder."),
        ("syncd demo --dir try-it", "Keep the folder: configuration, rules, people, database, sandbox."),
    ),
    exits=(ExitCode.PARKED,),
)
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Play in this folder and keep it.",
)
def command(call: Call, *, folder: Path | None) -> ExitCode:
    """Synchronize an example company of 300 people into the sandbox, then let everything happen to it.

    A joiner, a mover, a renamed department, a leaver, a bad record and a mass deletion, each shown with what syncd did about
    it. Reaches nobody: the sandbox is a DingTalk of its own on this machine, with the real limits and error codes.
    """
    import tempfile

    if folder is not None:
        return play(call, folder)
    with tempfile.TemporaryDirectory(prefix="syncd-demo-") as temporary:
        return play(call, Path(temporary))


def play(call: Call, folder: Path) -> ExitCode:
    """Play the story in `folder`."""
    from syncd.cli.demo_story import ACTS, read
    from syncd.cli.session import Session

    config = furnish(folder)
    out = call.out
    people = folder / "examples" / "company.csv"
    out.say("syncd demo", style="bold")
    out.say(f"{len(read(people))} people in an HR export (CSV) → rules (YAML) → DingTalk's sandbox, 20 calls a second.")
    with Session(config=config, level=call.level or "error") as session:
        world = session.world("syncd demo")
        first(out, session, world)
        played = [act(out, session, world, people, one) for one in ACTS]
        closing(out, session)
    return ExitCode.DONE if all(played) else ExitCode.PARKED


def furnish(folder: Path) -> Path:
    """Copy the shipped configuration, rules and people into `folder`."""
    from syncd.config.shipped import shipped, text_files

    for name in ("mappings", "examples"):
        for inner, text in text_files(shipped(name)):
            path = folder / name / inner
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    config = folder / "syncd.yaml"
    config.write_text(shipped("syncd.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    return config


def first(out: Output, session: Session, world: World) -> None:
    """The first plan, the first sync, and a second one that finds nothing to do."""
    from syncd.cli.cycle_view import tell_reads

    heading(out, "1. The first plan", "syncd plan")
    planned = turn(session, world, write=False)
    tell_reads(out, planned.reconciliation)
    excerpt(out, planned, world)
    heading(out, "2. The first synchronization", "syncd sync --accept")
    summary(out, turn(session, world, accept=True))
    heading(out, "3. Again: nothing is left to do", "syncd sync")
    summary(out, turn(session, world))


def act(out: Output, session: Session, world: World, people: Path, one: Act) -> bool:
    """Let one thing happen, synchronize, and show what was done about it."""
    from syncd.cli.demo_story import ACTS, read, write

    rows = read(people)
    said = one.happens(rows)
    write(people, rows)
    heading(out, f"{4 + ACTS.index(one)}. {one.title}", "syncd sync")
    out.say(said)
    out.say(f"Expect: {one.look}", style="dim")
    done = turn(session, world)
    excerpt(out, done, world)
    summary(out, done)
    return done.queue.parked == 0


def closing(out: Output, session: Session) -> None:
    """Prove the audit log and say where to go on."""
    from syncd.audit.verify import verify

    heading(out, "10. The audit log", "syncd audit verify")
    with session.store.reading() as tx:
        verdict = verify(session.store.audit.iterate(tx))
    if verdict.fault is not None:
        out.problem(verdict.fault.problem, sign="error")
    else:
        out.say(
            f"{verdict.entries} records, the chain is whole: nothing was edited, removed or put in between.",
            style="green",
        )
    out.say()
    out.say("Next: `syncd init DIR --source active_directory`, or README.md.", style="bold")


def turn(session: Session, world: World, *, write: bool = True, accept: bool = False) -> Cycle:
    """Run one cycle."""
    import asyncio

    from syncd.engine.cycle import Order, cycle

    with session.store.exclusive("syncd demo"):
        return asyncio.run(cycle(world, Order(write=write, accept=accept)))


def excerpt(out: Output, done: Cycle, world: World) -> None:
    """Show the plan, shortened."""
    from syncd.cli import names
    from syncd.cli.plan_view import Excerpt, tell_plan

    shown = Excerpt.of(done.reconciliation.plan, done.reconciliation.judgement, most=4)
    with world.store.reading() as tx:
        known = names.of_plan(tx, world, shown.changes)
    tell_plan(out, shown, names=known)


def summary(out: Output, done: Cycle) -> None:
    """Show what came of it."""
    from syncd.cli.cycle_view import tell_cycle

    tell_cycle(out, done, asides=False)


def heading(out: Output, title: str, command_line: str) -> None:
    """Start a chapter."""
    out.say()
    out.say(f"── {title} " + "─" * max(0, 70 - len(title)), style="bold cyan")
    out.say(f"$ {command_line}", style="dim")
