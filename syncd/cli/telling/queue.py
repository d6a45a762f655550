"""How waiting changes are told: a line each, or one with everything about it. It prints; it asks nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from syncd.cli.telling.words import NOTHING, arrow, count, relative, stamp, when, where
from syncd.store.rows import Blocked, QueuedChange, QueueState

if TYPE_CHECKING:
    from pathlib import Path

    from rich.text import Text

    from syncd.cli.render import Output

MEANING: Final[Mapping[QueueState, str]] = {
    QueueState.READY: "waits for its turn or for its time; tried by itself",
    QueueState.RUNNING: "in the writer's hands; if no syncd is at work, it is read back by the next run",
    QueueState.PENDING: "the platform took it and waits for somebody else, such as an invited person; looked at again by itself",
    QueueState.PARKED: "refused for good; tried again when its record, rule or settings change, or by `syncd queue retry`",
    QueueState.DONE: "confirmed by the target",
    QueueState.SUPERSEDED: "a later plan wants something else",
    QueueState.DROPPED: "an operator took it out",
}
_COLOURS: Final = {
    QueueState.PARKED: "bold red",
    QueueState.RUNNING: "cyan",
    QueueState.PENDING: "yellow",
    QueueState.DONE: "green",
}


def tell_queue(out: Output, rows: Sequence[QueuedChange], blocked: Sequence[Blocked], *, now: datetime) -> None:
    """Print changes in the order of service, with what each waits for."""
    if not rows:
        out.say("The queue is empty: nothing waits and nothing is parked.", style="green")
        return
    waits = {one.change_id: one.by_label for one in blocked}
    out.table(
        ("ID", "State", "Change", "Who", "#Tries", "Due", "Why it waits"),
        [_row(row, waits.get(row.id, ""), now) for row in rows],
    )
    parked = sum(row.state is QueueState.PARKED for row in rows)
    out.say(
        f"{count(len(rows), 'change')}, {parked:,} parked. `syncd queue show ID` tells everything about one.",
        style="dim",
    )


def _row(row: QueuedChange, waits: str, now: datetime) -> tuple[object, ...]:
    due = relative(row.due_at, now) if row.state in (QueueState.READY, QueueState.PENDING) else NOTHING
    why = f"{row.problem.what} [{row.problem.code}]" if row.problem else ""
    if waits:
        why = f"waits for {waits}, which is parked"
    what = f"{row.change.op} {row.change.kind}"
    return row.id, _state(row.state), what, row.change.label, row.attempt, due, why


def _state(state: QueueState) -> Text:
    from rich.text import Text

    return Text(state.value, style=_COLOURS.get(state, ""))


def tell_change(
    out: Output, row: QueuedChange, names: Mapping[str, str], *, blocked: Blocked | None, base: Path, now: datetime
) -> None:
    """Print one change with its fields, its problem, and what to do."""
    change = row.change
    out.say(f"{change.op} {change.kind} {change.label}", style="bold")
    facts = [
        ("id", row.id),
        ("state", f"{row.state}: {MEANING[row.state]}"),
        ("subject", change.subject),
        ("target id", change.target_id or "(not there yet)"),
        ("because", change.reason),
        ("lane", f"{change.lane}, rank {change.rank}"),
        ("planned", f"{stamp(row.created_at)} by run {row.run_id}"),
        ("tries", str(row.attempt)),
    ]
    if row.state in (QueueState.READY, QueueState.PENDING):
        facts.append(("due", when(row.due_at, now)))
    if row.settled_at is not None:
        facts.append(("settled", when(row.settled_at, now)))
    if row.again:
        facts.append(
            ("read back", "an earlier try may have reached the target: it is asked before anything is written")
        )
    if blocked is not None:
        facts.append(("waits for", f"{blocked.by_label}, which is parked (syncd queue show {blocked.by})"))
    for name, text in facts:
        out.say(f"  {name:<10} {text}")
    if change.fields:
        out.say()
        rows = [(item.name, arrow(item, names), where(item.rule, base)) for item in change.fields]
        out.table(("Field", "Old → new", "Rule"), rows)
    if row.problem is not None:
        out.say()
        out.say(f"{row.problem.what} [{row.problem.code}]", style="red")
        out.say(f"  {row.problem.do}", style="dim")
