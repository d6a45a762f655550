"""`syncd offboard`: somebody leaves at once, whatever the sources say; and what that would come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from syncd.cli.call import Call, Stopped, teach
from syncd.cli.exit_codes import ExitCode
from syncd.core.errors import message

if TYPE_CHECKING:
    from syncd.cli.session import Session

BOTH: Final = message(
    "CLI-220",
    what="--now and --undo contradict each other.",
    do="Say one of them; without either, the command only tells what would happen.",
    example="syncd offboard 'Li Wei' --now --undo",
)
UNSAID: Final = "no reason was given"


@teach(
    "offboard",
    examples=(
        ("syncd offboard 'Li Wei'", "Tell what would happen and when. Nothing is changed."),
        (
            "syncd offboard 'Li Wei' --now --reason 'dismissed, HR ticket 4711'",
            "Put the account out of sight at once, also while the sources still say that Li Wei works here.",
        ),
        ("syncd offboard 00042 --undo --reason 'wrong person'", "Take it back: the sources decide again."),
    ),
    exits=(ExitCode.BUSY,),
)
@click.argument("who")
@click.option("--now", is_flag=True, help="Let them leave at once.")
@click.option("--undo", "back", is_flag=True, help="Take an offboarding back.")
@click.option("--reason", default=UNSAID, show_default=True, help="Why; the audit log keeps it with your name.")
def command(call: Call, *, who: str, now: bool, back: bool, reason: str) -> None:
    """Let somebody leave at once, whatever the sources say.

    WHO is a name, an employee number, a login, an e-mail address, or the id of an account. With --now the account goes where all
    leavers go: out of sight first, removed when the grace is over. The decision is kept with your name and reason; it survives
    every read and ends when the sources say themselves that the person has left, or with --undo. A running service writes it
    within seconds; otherwise `syncd sync` does. The limits of the guard hold as for any leaver.
    """
    if now and back:
        raise Stopped(ExitCode.USAGE, [BOTH.at()])
    with call.session() as session:
        if back:
            _undo(call, session, who, reason)
        elif now:
            _offboard(call, session, who, reason)
        else:
            _foresee(call, session, who)


def _foresee(call: Call, session: Session, who: str) -> None:
    from syncd.cli.operating import operator, rehearsal
    from syncd.cli.telling.offboard import tell_foreseen
    from syncd.engine.foresight import foresee

    world, target = session.world("syncd offboard"), session.target()
    with rehearsal(session.store) as tx:
        one = foresee(tx, world, target, who, by=operator())
    call.out.show(one, lambda out: tell_foreseen(out, one, now=session.now(), account=world.leavers))


def _offboard(call: Call, session: Session, who: str, reason: str) -> None:
    from syncd.cli.operating import operating
    from syncd.cli.telling.offboard import tell_offboarded
    from syncd.engine.offboarding import offboard, who_is

    world, target = session.world("syncd offboard"), session.settings.target.type
    # Beside a service at work: nobody who is dismissed waits until it has a moment.
    with operating(session, "offboard", reason=reason, alone=False) as operation:
        subject, found = who_is(operation.tx, target, who)
        link = operation.tx.links.get(target, subject)
        row = offboard(
            operation.tx, world, subject, found.label, by=operation.by, reason=operation.reason, at=operation.at
        )
        operation.log(subject=subject, label=found.label, target_id=link.target_id if link else None)
    serving = _serving(session)
    value = {"offboarded": row, "link": link, "service": serving}
    call.out.show(value, lambda out: tell_offboarded(out, row, link, serving=serving))


def _undo(call: Call, session: Session, who: str, reason: str) -> None:
    from syncd.cli.operating import operating
    from syncd.cli.telling.offboard import tell_undone
    from syncd.engine.offboarding import undo, who_is

    world, target = session.world("syncd offboard"), session.settings.target.type
    with operating(session, "offboard --undo", reason=reason, alone=False) as operation:
        subject, found = who_is(operation.tx, target, who)
        link = operation.tx.links.get(target, subject)
        row = undo(operation.tx, world, subject, found.label, at=operation.at)
        operation.log(subject=subject, label=found.label, target_id=link.target_id if link else None)
    serving = _serving(session)
    value = {"undone": row, "link": link, "service": serving}
    call.out.show(value, lambda out: tell_undone(out, row, serving=serving))


def _serving(session: Session) -> bool:
    """Tell whether a service runs, as far as that can be seen from here."""
    from syncd.store import holding

    file = session.store.file
    return file is not None and holding.holder(file, holding.SERVICE) is not None
