"""`syncd plan`: what would be written, to whom, and why, without writing it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syncd.cli.call import Call, ends_with, teach
from syncd.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from syncd.engine.cycle import Cycle
    from syncd.engine.world import World


@teach(
    "plan",
    examples=(
        ("syncd plan", "Read the sources and show what would be written, grouped, with reasons."),
        ("syncd plan --all --where", "Show everyone, and the rule (file:line) behind each field."),
        (
            "syncd plan --out monday.plan",
            "Save the plan; `syncd apply monday.plan` writes exactly this one or nothing.",
        ),
        ("syncd plan --json | jq '.changes[].label'", "Name everybody who would change."),
    ),
    exits=(ExitCode.HELD, ExitCode.SOURCE, ExitCode.TARGET, ExitCode.BUSY, ExitCode.CHANGES),
)
@click.option("--all", "everything", is_flag=True, help="Show everyone, not the first dozen of each kind.")
@click.option("--where", is_flag=True, help="Show the rule behind each field.")
@click.option("--fresh", is_flag=True, help="Look at the whole target again instead of remembering it.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Save the plan for `syncd apply`."
)
@click.option("--exit-code", is_flag=True, help="End with 10 if there are changes, 5 if some are held.")
@click.option("--full", is_flag=True, help="Read every source whole, not only what changed, and prove who is gone.")
@click.option("--recompute", is_flag=True, help="Take nothing for known: read, map and compare everybody from scratch.")
def command(
    call: Call,
    *,
    everything: bool,
    where: bool,
    fresh: bool,
    full: bool,
    recompute: bool,
    out: Path | None,
    exit_code: bool,
) -> ExitCode:
    """Show what would be written, to whom and why, without writing it.

    The sources are read, the rules applied, and the result is compared with what the target holds. Nothing in the target
    changes. What the guard would hold is marked, and people who are left as they are (parked, excluded, protected) are named.

    A source that can say what changed is asked for that only; it is read whole once in `schedule.full_every`, or with --full.
    Who neither changed nor refers to a change is not computed again. --recompute does all of it anew, from the first byte: to be
    sure, or after a repair by hand. The plan is the same; if it is not, that is a defect to report.
    """
    import asyncio

    from syncd.cli.progress import shown
    from syncd.engine.cycle import Order, cycle

    with call.session() as session:
        world = session.world("syncd plan")
        with ends_with(ExitCode.TARGET), session.store.exclusive("syncd plan"), shown(call) as progress:
            order = Order(write=False, fresh=fresh, full=full, again=recompute)
            done = asyncio.run(cycle(world, order, progress=progress))
        if out is not None:
            save(out, done, world)
            call.out.note(f"Saved to {out}. Write it with: syncd apply {out}")
        call.out.show(as_json(done), lambda _: tell(call, done, world, everything=everything, where=where))
    found = done.reconciliation
    if found.failed or any(not read.row.proven for read in found.reads):
        return ExitCode.SOURCE
    if exit_code and found.judgement.holds:
        return ExitCode.HELD
    return ExitCode.CHANGES if exit_code and found.plan.changes else ExitCode.DONE


def tell(call: Call, done: Cycle, world: World, *, everything: bool, where: bool) -> None:
    """Print sources, then the plan."""
    from syncd.cli import names
    from syncd.cli.cycle_view import tell_reads
    from syncd.cli.plan_view import FEW, Excerpt, tell_plan

    found = done.reconciliation
    tell_reads(call.out, found)
    excerpt = Excerpt.of(found.plan, found.judgement, most=None if everything else FEW)
    with world.store.reading() as tx:
        known = names.of_plan(tx, world, excerpt.changes)
    tell_plan(call.out, excerpt, names=known, where=where, unread=bool(found.failed))


def as_json(done: Cycle) -> dict[str, Any]:
    """Return the plan for programs."""
    from syncd.cli.cycle_view import source_as_json

    found = done.reconciliation
    return {
        "run": done.run_id,
        "fingerprint": found.plan.fingerprint,
        "sources": [source_as_json(read) for read in found.reads],
        "looked_at": "everybody" if found.everybody else len(found.looked_at),
        "failed": found.failed,
        "changes": found.plan.changes,
        "aside": found.plan.aside,
        "warnings": found.plan.warnings,
        "unmanaged": found.plan.unmanaged,
        "held": [
            {
                "effect": hold.effect,
                "fingerprint": hold.fingerprint,
                "reasons": hold.reasons,
                "count": len(hold.changes),
            }
            for hold in found.judgement.holds
        ],
        "allowed": len(found.judgement.allowed),
    }


def save(path: Path, done: Cycle, world: World) -> None:
    """Write the plan to a file that only its owner can read: it names people."""
    import os

    from syncd.core.values import instant
    from syncd.store.codec import encode, encode_plan

    head = encode({"syncd_plan": 1, "made_at": instant(done.finished_at), "config": world.config_digest.hex()})
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(head + b"\n" + encode_plan(done.reconciliation.plan) + b"\n")
