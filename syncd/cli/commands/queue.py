"""`syncd queue`: the changes that wait, and what an operator may do to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from syncd.cli.call import Call, Stopped, teach
from syncd.cli.exit_codes import ExitCode
from syncd.core.errors import message

if TYPE_CHECKING:
    from syncd.core.model import ChangeId
    from syncd.store import Transaction
    from syncd.store.rows import QueuedChange

NO_CHANGE: Final = message(
    "CLI-130",
    what="There is no waiting change {id!r}.",
    do="`syncd queue list` shows the ids; the beginning or the end of one is enough if it is the only one.",
    example="syncd queue show 4711",
)
SEVERAL: Final = message(
    "CLI-131",
    what="{id!r} is said of {count} changes: {ids}.",
    do="Write more of the id.",
    example="syncd queue drop 2026",
)
NOT_WAITING: Final = message(
    "CLI-132",
    what="{label}: the change {id} is {state}, so nothing was done to it or to the others.",
    do="Only ready, pending and parked changes can be retried or dropped; one that runs is settled by the writer.",
    example="syncd queue drop ID of a change that was confirmed a second ago",
)
NOBODY_NAMED: Final = message(
    "CLI-133",
    what="No change is named.",
    do="Name ids as `syncd queue list` shows them, or say --all-parked.",
    example="syncd queue retry",
)
_LISTED: Final = ("ready", "running", "pending", "parked")
_MOST: Final = 1000


@click.group("queue")
def command() -> None:
    """List, retry and drop changes that wait.

    Every accepted change waits here until the target has confirmed it. Changes are tried again by themselves; a parked one was
    refused for good and waits for its record, its rule or an operator.
    """


def _options(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.argument("ids", metavar="ID…", nargs=-1)(function)


@teach(
    "list",
    examples=(
        ("syncd queue list", "Show what waits, leavers first, with the reason."),
        ("syncd queue list --state parked", "Show only what waits for a person."),
        ("syncd queue list --json | jq '.changes[].change.label'", "Name those who wait."),
    ),
)
@click.option("--state", "states", multiple=True, type=click.Choice(_LISTED), help="Only changes in this state.")
@click.option("-n", "number", type=click.IntRange(min=1), default=_MOST, show_default=True, help="At most so many.")
def list_(call: Call, *, states: Sequence[str], number: int) -> None:
    """Show the changes that wait, in the order of service."""
    from syncd.cli.telling.queue import tell_queue
    from syncd.store.rows import QueueState

    wanted = tuple(QueueState(state) for state in states or _LISTED)
    with call.session() as session:
        with session.store.reading() as tx:
            rows, blocked = tx.queue.standing(*wanted, limit=number), tx.queue.blocked()
            counts = tx.queue.counts(session.now())
        value = {"counts": counts, "changes": rows, "blocked": blocked}
        call.out.show(value, lambda out: tell_queue(out, rows, blocked, now=session.now()))


@teach(
    "show",
    examples=(
        ("syncd queue show 20261122T021500-a1b2c3.7", "Show one change: old → new, tries, problem, what to do."),
        ("syncd queue show .7 --json", "The same for programs; a part of the id is enough."),
    ),
)
@click.argument("id_", metavar="ID")
def show(call: Call, *, id_: str) -> None:
    """Tell everything about one change."""
    from syncd.cli import names
    from syncd.cli.telling.queue import tell_change

    with call.session() as session:
        with session.store.reading() as tx:
            row = find(tx, id_)
            known = names.of_changes(tx, [row.change])
            blocked = next((one for one in tx.queue.blocked() if one.change_id == row.id), None)
        base, now = session.settings.base, session.now()
        value = {"change": row, "blocked": blocked}
        call.out.show(value, lambda out: tell_change(out, row, known, blocked=blocked, base=base, now=now))


@teach(
    "retry",
    examples=(
        ("syncd queue retry .7 --reason 'number released in DingTalk'", "Try one change again with the next run."),
        ("syncd queue retry --all-parked --reason 'permission granted'", "Try everything that is parked again."),
    ),
    exits=(ExitCode.BUSY,),
)
@_options
@click.option("--all-parked", is_flag=True, help="Every change that is parked.")
@click.option("--reason", default="asked to try again", show_default=True, help="Why; the audit log keeps it.")
def retry(call: Call, *, ids: Sequence[str], all_parked: bool, reason: str) -> None:
    """Make waiting changes due now, with fresh tries.

    Nothing is written by this command: the next `syncd sync`, or the service, does it.
    """
    done = _act(call, "queue retry", ids, reason=reason, all_parked=all_parked)
    call.out.show({"retried": done}, lambda out: out.say(f"Due now: {_named(done)}. The next `syncd sync` tries."))


@teach(
    "drop",
    examples=(
        ("syncd queue drop .7 --reason 'made by hand in the console'", "Take one change out."),
        ("syncd queue drop .7 .9 --reason 'wrong export'", "Take several out, all or none of them."),
    ),
    exits=(ExitCode.BUSY,),
)
@_options
@click.option("--reason", required=True, help="Why; the audit log keeps it.")
def drop(call: Call, *, ids: Sequence[str], reason: str) -> None:
    """Take waiting changes out of the queue.

    If the sources still say the same, the next plan makes the change again: mend the record or the rule to be rid of it.
    """
    done = _act(call, "queue drop", ids, reason=reason)
    call.out.show({"dropped": done}, lambda out: out.say(f"Dropped: {_named(done)}."))


for one in (list_, show, retry, drop):
    command.add_command(one)


def _named(rows: Sequence[QueuedChange]) -> str:
    from syncd.cli.telling.words import some

    return some([f"{row.change.op} {row.change.label}" for row in rows]) or "nothing"


def _act(call: Call, what: str, ids: Sequence[str], *, reason: str, all_parked: bool = False) -> Sequence[QueuedChange]:
    """Retry or drop all of the named changes or, if one of them does not wait, none."""
    from syncd.cli.operating import operating

    if not ids and not all_parked:
        raise Stopped(ExitCode.USAGE, [NOBODY_NAMED.at()])
    with call.session() as session, operating(session, what, reason=reason) as operation:
        tx = operation.tx
        rows = [*(find(tx, id_) for id_ in ids), *(tx.queue.parked() if all_parked else [])]
        rows = list({row.id: row for row in rows}.values())
        act = tx.queue.drop if what == "queue drop" else tx.queue.retry
        done: set[ChangeId] = set(act([row.id for row in rows], at=operation.at))
        left = [row for row in rows if row.id not in done]
        if left:
            words = [NOT_WAITING.at(label=row.change.label, id=row.id, state=row.state) for row in left]
            raise Stopped(ExitCode.CONFIGURATION, words)
        if what == "queue drop":
            tx.marks.add({row.change.subject for row in rows}, reason="taken out of the queue", at=operation.at)
        for row in rows:
            change = row.change
            facts = {"op": str(change.op), "was": str(row.state)}
            operation.log(
                subject=change.subject, label=change.label, change=row.id, target_id=change.target_id, facts=facts
            )
        return rows


def find(tx: Transaction, id_: str) -> QueuedChange:
    """Return the change that an id, or the beginning or end of one, names. Raises Stopped."""
    from syncd.core.model import ChangeId
    from syncd.store.rows import QueueState

    if (exact := tx.queue.get(ChangeId(id_))) is not None:
        return exact
    states = [QueueState(state) for state in _LISTED]
    rows = tx.queue.standing(*states, limit=1_000_000)
    found = [row for row in rows if row.id.startswith(id_) or row.id.endswith(id_)]
    if not found:
        raise Stopped(ExitCode.CONFIGURATION, [NO_CHANGE.at(id=id_)])
    if len(found) > 1:
        ids = ", ".join(row.id for row in found[:5])
        raise Stopped(ExitCode.CONFIGURATION, [SEVERAL.at(id=id_, count=len(found), ids=ids)])
    return found[0]
