"""`syncd drift`: what somebody changed by hand in the target and waits for a decision, and the decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from syncd.cli.call import Call, Stopped, teach
from syncd.cli.exit_codes import ExitCode
from syncd.core.errors import message

if TYPE_CHECKING:
    from syncd.store import Transaction
    from syncd.store.drifts import Drift

NOT_DRIFTED: Final = message(
    "CLI-190",
    what="Nothing that was changed by hand is kept of {who!r}{of}.",
    do="`syncd drift list --all` shows what is kept. What the rules revert is not kept: `syncd audit show` shows it.",
    example="syncd drift accept 'Nobody Like That' --reason test",
)
SEVERAL: Final = message(
    "CLI-191",
    what="{who!r} is said of several: {names}.",
    do="Say it by the account's id.",
    example="syncd drift revert Li --reason 'a mistake'",
)


@click.group("drift")
def command() -> None:
    """Decide about what was changed by hand in the target.

    The part `drift` of syncd.yaml says by field what becomes of a hand edit: it is reverted, reported (it waits here, and
    is left out of every plan), or accepted until the source says something else.
    """


@teach(
    "list",
    examples=(
        ("syncd drift list", "Show what waits for a decision."),
        ("syncd drift list --all", "Show also what was accepted and stays."),
    ),
    exits=(ExitCode.HELD,),
)
@click.option("--all", "everything", is_flag=True, help="Also what was accepted.")
def list_(call: Call, *, everything: bool) -> ExitCode:
    """Show what was changed by hand. Ends with 5 if something waits for a decision."""
    from syncd.cli import names
    from syncd.cli.telling.drift import tell_drifts
    from syncd.store.drifts import DriftState

    with call.session() as session:
        now = session.now()
        with session.store.reading() as tx:
            kept = tx.drifts.all(session.settings.target.type)
            known = names.of_everybody(tx) if kept else {}
    waiting = [row for row in kept if row.state is DriftState.WAITING]
    rows = kept if everything else waiting
    call.out.show({"drifts": rows}, lambda out: tell_drifts(out, rows, known, now=now))
    return ExitCode.HELD if waiting else ExitCode.DONE


@teach(
    "accept",
    examples=(
        (
            "syncd drift accept 'Li Wei' --reason 'new number, HR knows'",
            "Leave it as it is until the source says else.",
        ),
        ("syncd drift accept 10023 --field title --reason 'acting head'", "Only one field, by the account's id."),
    ),
    exits=(ExitCode.BUSY,),
)
@click.argument("who")
@click.option("--field", "field", help="Only this field.")
@click.option("--reason", required=True, help="Why; the audit log keeps it with your name.")
def accept(call: Call, *, who: str, field: str | None, reason: str) -> None:
    """Leave as it is what was changed by hand. WHO is a name or an account's id.

    It stays until the source says something else of the field than it did when the edit was found.
    """
    from syncd.store.drifts import DriftState

    rows = _decide(call, who, field, reason=reason, accepted=True)
    value = {"accepted": rows, "state": DriftState.ACCEPTED}
    call.out.show(value, lambda out: out.say(f"{_said(rows)}: stays until the source says something else."))


@teach(
    "revert",
    examples=(
        ("syncd drift revert 'Li Wei' --reason 'a mistake'", "Let the next plan write what the source says."),
        ("syncd drift revert 10023 --field title --reason 'not agreed'", "Only one field, by the account's id."),
    ),
    exits=(ExitCode.BUSY,),
)
@click.argument("who")
@click.option("--field", "field", help="Only this field.")
@click.option("--reason", required=True, help="Why; the audit log keeps it with your name.")
def revert(call: Call, *, who: str, field: str | None, reason: str) -> None:
    """Take back what was changed by hand; also what was accepted before. WHO is a name or an account's id.

    Writes nothing by itself: the next `syncd sync`, or the service, does, within the limits of the guard.
    """
    rows = _decide(call, who, field, reason=reason, accepted=False)
    call.out.show({"reverted": rows}, lambda out: out.say(f"{_said(rows)}: the next plan writes what the source says."))


for one in (list_, accept, revert):
    command.add_command(one)


def _decide(call: Call, who: str, field: str | None, *, reason: str, accepted: bool) -> list[Drift]:
    from syncd.cli.operating import operating
    from syncd.store.drifts import DriftState

    word = "accept" if accepted else "revert"
    with call.session() as session, operating(session, f"drift {word}", reason=reason) as operation:
        tx, target = operation.tx, session.settings.target.type
        rows = _meant(tx, target, who, field)
        if accepted:
            tx.drifts.decide(target, rows, DriftState.ACCEPTED)
        else:
            tx.drifts.drop(target, rows)
        why = "accepted" if accepted else "taken back"
        tx.marks.add({row.subject for row in rows}, reason=f"a hand edit is {why}", at=operation.at)
        for row in rows:
            facts = {"field": row.field, "decision": word}
            operation.log(subject=row.subject, label=row.label, target_id=row.target_id, facts=facts)
    return rows


def _meant(tx: Transaction, target: str, who: str, field: str | None) -> list[Drift]:
    """Return what is kept of the one who is meant."""
    rows = [row for row in tx.drifts.all(target) if field is None or row.field == field]
    said = who.casefold()
    found = [row for row in rows if who in (row.subject, row.target_id) or said == row.label.casefold()]
    found = found or [row for row in rows if said in row.label.casefold()]
    if not found:
        raise Stopped(ExitCode.USAGE, [NOT_DRIFTED.at(who=who, of=f" in {field}" if field else "")])
    if len({row.subject for row in found}) > 1:
        several = ", ".join(sorted({f"{row.label} ({row.target_id})" for row in found}))
        raise Stopped(ExitCode.USAGE, [SEVERAL.at(who=who, names=several)])
    return found


def _said(rows: list[Drift]) -> str:
    return f"{rows[0].label} ({', '.join(row.field or 'the whole account' for row in rows)})"
