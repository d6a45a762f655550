"""`syncd hold`: what the guard holds, and who lets it go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from syncd.cli.call import Call, Stopped, teach
from syncd.cli.exit_codes import ExitCode
from syncd.core.errors import message

if TYPE_CHECKING:
    from datetime import datetime

    from syncd.cli.session import Session
    from syncd.core.model import Change
    from syncd.store import Transaction
    from syncd.store.rows import HoldRow

NO_HOLD: Final = message(
    "CLI-150",
    what="There is no hold {id!r}.",
    do="`syncd hold list --all` shows the open ones and those that are over.",
    example="syncd hold show leave-00000000",
)
OVER: Final = message(
    "CLI-151",
    what="The hold {id} is {state} and cannot be decided any more.",
    do="If the plan of now trips the guard again, `syncd plan` opens a new hold with what is right now.",
    example="a release four days after the hold was opened",
)
NOT_APPROVER: Final = message(
    "CLI-152",
    what="{who} may not release holds.",
    do="Ask one of {approvers} (guard.approvers in syncd.yaml).",
    example="guard: {approvers: [anna]}  # and somebody else runs `syncd hold release`",
)


@click.group("hold")
def command() -> None:
    """List what the guard holds, and release it.

    A hold is a set of changes that reached a limit: it waits until somebody releases exactly this set, or until it
    expires. Everything else goes on.
    """


@teach(
    "list",
    examples=(
        ("syncd hold list", "Show what waits for a decision."),
        ("syncd hold list --all", "Show also what was released, dropped or expired, and by whom."),
    ),
    exits=(ExitCode.HELD,),
)
@click.option("--all", "everything", is_flag=True, help="Also the last ones that are over.")
def list_(call: Call, *, everything: bool) -> ExitCode:
    """Show what the guard holds. Ends with 5 if something waits for a decision."""
    from syncd.cli.telling.holds import tell_holds

    with call.session() as session:
        now = session.now()
        with session.store.reading() as tx:
            waiting = [row for row in tx.holds.open() if row.expires_at > now]
            rows = tx.holds.last(50) if everything else waiting
    call.out.show({"holds": rows}, lambda out: tell_holds(out, rows, now=now))
    return ExitCode.HELD if waiting else ExitCode.DONE


@teach(
    "show",
    examples=(
        ("syncd hold show leave-1a2b3c4d", "Name everybody concerned, with old → new and the reason."),
        ("syncd hold show leave-1a2b3c4d --json | jq '.changes[].label'", "The names, for a script."),
    ),
)
@click.argument("id_", metavar="ID")
@click.option("--all", "everybody", is_flag=True, help="Everybody, not the first 200.")
def show(call: Call, *, id_: str, everybody: bool) -> None:
    """Tell everything about one hold.

    Whom it concerns, old → new, why it tripped, when it expires. The plan is computed again from what is remembered,
    without asking a source or the target; if it is not exactly the held set any more, that is said, because a release
    of the old set would let nothing through.
    """
    from syncd.cli import names
    from syncd.cli.operating import rehearsal
    from syncd.cli.telling.holds import tell_hold

    with call.session() as session:
        now = session.now()
        with rehearsal(session.store) as tx:
            row = find(tx, id_)
            changes = _changes(tx, session, row)
            known = names.of_changes(tx, changes or ())
            known |= names.of_subjects(tx, names.mentioned(" ".join(row.reasons).split(" "))) | _missing(tx, row)
            value = {"hold": row, "current": changes is not None, "changes": changes or ()}
        call.out.show(value, lambda out: tell_hold(out, row, changes, known, now=now, everybody=everybody))


@teach(
    "release",
    examples=(
        ("syncd hold release leave-1a2b3c4d --reason 'branch closed, HR ticket 4711'", "Let exactly this set through."),
        ("syncd hold release shrunk-1a2b3c4d --reason 'OU moved on purpose'", "Believe a source that has shrunk."),
    ),
    exits=(ExitCode.BUSY,),
)
@click.argument("id_", metavar="ID")
@click.option("--reason", required=True, help="Why; the audit log keeps it with your name.")
def release(call: Call, *, id_: str, reason: str) -> None:
    """Approve exactly the set that the hold shows.

    The approval is for its fingerprint, and until it expires. Writes nothing by itself: the next `syncd sync`, or the
    service, does. If the set has changed by then, it is held again.
    """
    from syncd.audit.entries import EntryType
    from syncd.cli.operating import operating
    from syncd.cli.telling.holds import told_release

    with call.session() as session, operating(session, "hold release", reason=reason) as operation:
        _must_approve(session, operation.by)
        row = _open(operation.tx, id_, operation.at)
        released = operation.tx.holds.release(row.id, by=operation.by, at=operation.at, reason=operation.reason)
        assert released is not None
        operation.tell(EntryType.HOLD_RELEASED, _facts(row))
        operation.log(facts=_facts(row))
    call.out.show({"hold": released}, lambda out: out.say(told_release(released)))


@teach(
    "drop",
    examples=(
        ("syncd hold drop leave-1a2b3c4d --reason 'HR sends a corrected file'", "Refuse it; it will not be written."),
        ("syncd hold drop leave-1a2b3c4d --reason 'wrong export' --json", "The same, for a script."),
    ),
    exits=(ExitCode.BUSY,),
)
@click.argument("id_", metavar="ID")
@click.option("--reason", required=True, help="Why; the audit log keeps it with your name.")
def drop(call: Call, *, id_: str, reason: str) -> None:
    """Refuse a held set of changes.

    If the sources still say the same, the next plan holds the same set again: mend the cause there.
    """
    from syncd.audit.entries import EntryType
    from syncd.cli.operating import operating

    with call.session() as session, operating(session, "hold drop", reason=reason) as operation:
        row = _open(operation.tx, id_, operation.at)
        dropped = operation.tx.holds.drop(row.id, by=operation.by, at=operation.at, reason=operation.reason)
        operation.tell(EntryType.HOLD_DROPPED, _facts(row))
        operation.log(facts=_facts(row))
    call.out.show({"hold": dropped}, lambda out: out.say(f"Dropped {row.id}. Nothing of it is written."))


for one in (list_, show, release, drop):
    command.add_command(one)


def find(tx: Transaction, id_: str) -> HoldRow:
    """Return the hold that an id, or the only beginning of one, names. Raises Stopped."""
    if (exact := tx.holds.get(id_)) is not None:
        return exact
    found = [row for row in tx.holds.open() if row.id.startswith(id_)]
    if len(found) != 1:
        raise Stopped(ExitCode.CONFIGURATION, [NO_HOLD.at(id=id_)])
    return found[0]


def _open(tx: Transaction, id_: str, now: datetime) -> HoldRow:
    """Return a hold that can still be decided."""
    from syncd.cli.telling.holds import state_of
    from syncd.store.rows import HoldState

    row = find(tx, id_)
    if (state := state_of(row, now)) != HoldState.OPEN:
        raise Stopped(ExitCode.MOVED, [OVER.at(id=row.id, state=state)])
    return row


def _must_approve(session: Session, who: str) -> None:
    approvers = session.settings.guard.approvers
    if approvers and who not in approvers:
        raise Stopped(ExitCode.CONFIGURATION, [NOT_APPROVER.at(who=who, approvers=", ".join(approvers))])


def _facts(row: HoldRow) -> dict[str, str | int]:
    return {"hold": row.id, "effect": str(row.effect), "count": row.count, "fingerprint": row.fingerprint}


def _missing(tx: Transaction, row: HoldRow) -> dict[str, str]:
    """Return the names of the records that a source does not show any more; their hold knows their ids only."""
    from syncd.core.model import Effect

    if row.effect is not Effect.SOURCE_SHRUNK:
        return {}
    found = {id_: tx.records.find(id_) for id_ in row.names}
    return {id_: f"{rows[0].label} ({id_})" for id_, rows in found.items() if rows}


def _changes(tx: Transaction, session: Session, row: HoldRow) -> tuple[Change, ...] | None:
    """Return the held changes, None if the plan of now has another set (or the hold is of a read, not of changes)."""
    from syncd.core.model import Effect
    from syncd.engine.recall import held_changes, recall

    if row.effect is Effect.SOURCE_SHRUNK:
        return None
    recalled = recall(tx, session.world("syncd hold show"), session.target())
    return held_changes(recalled.plan, row.effect, row.fingerprint)
