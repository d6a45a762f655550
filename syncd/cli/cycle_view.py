"""How a cycle is run from the command line and told: confirmed apart from attempted, everybody else by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from syncd.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from syncd.cli.call import Call
    from syncd.cli.render import Output
    from syncd.cli.session import Session
    from syncd.engine.cycle import Cycle, Order
    from syncd.engine.reconcile import Reconciliation
    from syncd.engine.stage import SourceRead


def run_cycle(call: Call, session: Session, service: str, order: Order) -> Cycle:
    """Run one cycle, alone on its database, stopping cleanly at SIGTERM and Ctrl-C."""
    import asyncio

    from syncd.cli.progress import shown
    from syncd.engine.cycle import cycle
    from syncd.engine.daemon import listen

    world = session.world(service)

    async def go() -> Cycle:
        stop = asyncio.Event()
        listen(stop)
        done = await cycle(world, order, stop=stop, progress=progress)
        if order.write and world.joiners.tell is not None and not stop.is_set():
            from syncd.engine.welcoming import after_cycle

            await after_cycle(world)
        return done

    with session.store.exclusive(service), shown(call) as progress:
        return asyncio.run(go())


def finish(call: Call, done: Cycle) -> ExitCode:
    """Tell what a cycle did and return its exit code."""
    from syncd.engine.cycle import Result

    call.out.show(as_json(done), lambda out: tell_cycle(out, done))
    if done.source_failed or any(not read.licensed for read in done.reconciliation.reads):
        return ExitCode.SOURCE
    match done.result:
        case Result.HELD | Result.PLANNED:
            return ExitCode.HELD
        case Result.TROUBLED:
            return ExitCode.PARKED
        case _:
            return (
                ExitCode.PARKED
                if any(aside.reason == "parked" for aside in done.reconciliation.plan.aside)
                else ExitCode.DONE
            )


def tell_reads(out: Output, found: Reconciliation) -> None:
    """Print one line per source: what was read, and whether it proves that nobody is missing."""
    for read in found.reads:
        proof = "proven complete" if read.licensed else "NOT proven complete: nobody is taken for gone"
        kind = "full read" if read.row.full else "delta"
        out.say(
            f"{read.source}: {kind}, {read.row.count} records, {read.changed} changed, {read.gone} gone, {proof}",
            style="none" if read.licensed else "yellow",
        )
        _tell_doubts(out, read)
    for name, problem in found.failed.items():
        out.say(f"{name}: could not be read; what it said before stands, and nobody is taken for gone", style="red")
        out.problem(problem, sign="error")
    certificate = found.view.certificate
    if certificate is not None:
        kinds = f"target: {found.view.count} objects seen"
        out.say(
            kinds
            + (
                ", complete"
                if certificate.proven
                else ", NOT proven complete: " + "; ".join(f"{fact.name}: {fact.detail}" for fact in certificate.doubts)
            )
        )


def _tell_doubts(out: Output, read: SourceRead) -> None:
    """Print each fact that is missing for a proof, with what was seen, and whatever else there is to say of a read."""
    from syncd.engine.absence import UNPROVEN

    doubts = [fact for fact in read.row.facts if not fact.holds]
    for fact in doubts:
        out.say(f"  ✗ {fact.name}: {fact.detail}", style="yellow")
    for problem in read.problems:
        if doubts and problem.message is UNPROVEN:
            out.say(f"  {problem.do} [{problem.code}]", style="dim")  # its words are the facts above
        else:
            out.problem(problem, sign="" if read.licensed else "warning")


def source_as_json(read: SourceRead) -> dict[str, Any]:
    """Return a read for programs: how much, what came of it, and each fact that was checked."""
    from dataclasses import fields

    from syncd.cli.standing import ReadShown

    shown = ReadShown.of(read.row)
    return {
        **{each.name: getattr(shown, each.name) for each in fields(shown)},
        "changed": read.changed,
        "unchanged": read.unchanged,
        "gone": read.gone,
        "absence_may_be_inferred": read.licensed,
    }


def tell_cycle(out: Output, done: Cycle, *, asides: bool = True) -> None:
    """Print the summary of a cycle: only what the target confirmed is called done. `asides` names those left as they are."""
    found = done.reconciliation
    tell_reads(out, found)
    if done.recovered:
        out.say(f"{done.recovered} changes that an earlier run was at were read back and settled.", style="yellow")
    for notice in done.notices:
        out.problem(notice, sign="notice")
    if done.tally.confirmed:
        words = ", ".join(f"{number} {what}" for what, number in sorted(done.tally.confirmed.items()))
        out.say(f"Confirmed by the target: {words}", style="green")
    _tell_open(out, done)
    for row in done.holds:
        out.say(f"Held: {row.count} × {row.effect} ({'; '.join(row.reasons)})", style="yellow")
        out.say(
            f"  Look at it with `syncd hold show {row.id}`, release it with `syncd hold release {row.id} --reason …`",
            style="dim",
        )
    _tell_left(out, done)
    _tell_consumers(out, done)
    parked = [aside for aside in found.plan.aside if aside.reason == "parked"] if asides else []
    for aside in parked[:10]:
        out.say(f"Parked: {aside.label}: {aside.why}", style="yellow")
    if len(parked) > 10:
        out.say(f"  … and {len(parked) - 10} more parked; `syncd plan --all` names them", style="dim")
    seconds = (done.finished_at - done.started_at).total_seconds()
    colour = "bold green" if done.result in ("done", "nothing to do") else "bold yellow"
    out.say(f"{str(done.result).capitalize()} in {seconds:.1f} s  (run {done.run_id})", style=colour)


def _tell_open(out: Output, done: Cycle) -> None:
    """Name what was attempted and not confirmed, and what waits."""
    for label, problem in list(done.tally.troubles.values())[:10]:
        out.say(f"Not confirmed: {label}: {problem}", style="red")
    if len(done.tally.troubles) > 10:
        out.say(f"  … and {len(done.tally.troubles) - 10} more; `syncd queue list` names them", style="dim")
    queue = done.queue
    if queue.ready or queue.pending or queue.parked:
        out.say(
            f"Waiting: {queue.ready} to be tried again, {queue.pending} pending at the platform, {queue.parked} parked"
        )
    for label, by in list(done.blocked.items())[:5]:
        out.say(f"  {label} waits for {by}, which is parked", style="dim")


def _tell_left(out: Output, done: Cycle) -> None:
    """Say what the target's own records of leavers came to, where that is anything."""
    from syncd.cli.telling.words import count

    if (left := done.left) is None:
        return
    if left.confirmed:
        out.say(f"Confirmed by the target's own records: {count(left.confirmed, 'removal')}", style="green")
    if left.without_us:
        out.say(
            f"Left without syncd: {count(left.without_us, 'person', 'people')}; the next run does what `drift` says"
        )
    if left.problem is not None:
        out.problem(left.problem, sign="notice")


def _tell_consumers(out: Output, done: Cycle) -> None:
    """Name each consumer that heard something, and each that failed to."""
    from syncd.cli.telling.words import count

    for one in done.told:
        if one.told or one.introduced:
            news = count(one.told, "fact") if one.told or not one.introduced else "nothing more"
            out.say(f"Told {one.name}: {'who is there, and ' if one.introduced else ''}{news}")
        if one.problem is not None:
            out.say(f"Not told: {one.name}, which is behind by {count(one.behind, 'fact')}", style="red")
            out.problem(one.problem, sign="warning")


def as_json(done: Cycle) -> dict[str, Any]:
    """Return a cycle for programs."""
    found = done.reconciliation
    return {
        "run": done.run_id,
        "result": done.result,
        "started_at": done.started_at,
        "finished_at": done.finished_at,
        "fingerprint": found.plan.fingerprint,
        "sources": [source_as_json(read) for read in found.reads],
        "looked_at": "everybody" if found.everybody else len(found.looked_at),
        "failed": found.failed,
        "planned": len(found.plan.changes),
        "confirmed": dict(done.tally.confirmed),
        "attempts": done.tally.attempts,
        "not_confirmed": [
            {"subject": subject, "label": label, "problem": problem}
            for subject, (label, problem) in done.tally.troubles.items()
        ],
        "queue": done.queue,
        "holds": done.holds,
        "aside": found.plan.aside,
        "recovered": done.recovered,
        "notices": done.notices,
        "left": done.left,
        "consumers": done.told,
    }
