"""`syncd links review`, `split` and `join`: people decide who is who. Each shows what would come of it before it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from syncd.cli.call import Call, Stopped, teach
from syncd.cli.exit_codes import ExitCode
from syncd.core.errors import message

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from syncd.cli.operating import Operation
    from syncd.cli.session import Session
    from syncd.core.model import Change, SubjectId
    from syncd.engine.reviewing import Decision, Keeps
    from syncd.engine.world import World
    from syncd.store import Transaction
    from syncd.store.rows import StagedRecord

WHICH: Final = message(
    "CLI-230",
    what="It takes one of {options}, with a proposal.",
    do="`syncd links review` lists the proposals; `syncd links review ID` shows one, and what comes of accepting it.",
    example="syncd links review 1a2b3c4d --accept --reject --reason …",
)
NO_REASON: Final = message(
    "CLI-231",
    what="A decision needs a reason.",
    do="Say why with --reason 'in your own words'; the audit log keeps it with your name.",
    example="syncd links review 1a2b3c4d --accept",
)
NOT_A_RECORD: Final = message(
    "CLI-232",
    what="{record!r} names no record.",
    do="Write the source, a colon, and the record's id: `hr:4711`. `syncd links show WHO` shows both.",
    example="syncd links split 'Li Wei' --record 4711",
)
SAY_WHO_KEEPS: Final = message(
    "CLI-233",
    what="It is not said who keeps the account.",
    do="Say --keeps record (the record that is split off) or --keeps rest (all others).",
    example="syncd links split 'Li Wei' --record hr:4711 --reason 'two people'",
)


@teach(
    "review",
    examples=(
        ("syncd links review", "List what waits for a decision."),
        ("syncd links review 1a2b3c4d", "Both sides, what speaks for and against, and what accepting it would write."),
        ("syncd links review 1a2b3c4d --accept --reason 'same birthday, asked HR'", "They are one person."),
        ("syncd links review 1a2b3c4d --reject --reason 'namesakes'", "They are two; it is not proposed again."),
    ),
    exits=(ExitCode.HELD, ExitCode.BUSY),
)
@click.argument("id_", metavar="[ID]", required=False)
@click.option("--accept", is_flag=True, help="They are one person.")
@click.option("--reject", is_flag=True, help="They are two.")
@click.option("--reason", default="", help="Why; the audit log keeps it with your name.")
def review(call: Call, *, id_: str | None, accept: bool, reject: bool, reason: str) -> ExitCode:
    """Decide who is who where that is not certain.

    A record that is only probably somebody who is known, or that fits several, stands aside: nobody is created for it, and
    nobody whom it may be is removed. Without ID it lists them, and ends with 5 if there are any. A decision writes nothing to
    the target: the next plan does.
    """
    if (accept or reject) and (id_ is None or accept is reject):
        raise Stopped(ExitCode.USAGE, [WHICH.at(options="--accept and --reject")])
    if (accept or reject) and not reason.strip():
        raise Stopped(ExitCode.USAGE, [NO_REASON.at()])
    if id_ is None:
        return _list(call)
    if not (accept or reject):
        _show(call, id_)
        return ExitCode.DONE
    _decide(call, id_, accept=accept, reason=reason)
    return ExitCode.DONE


def _list(call: Call) -> ExitCode:
    from syncd.cli.telling.links_review import tell_reviews
    from syncd.engine.reviewing import reviews

    with call.session() as session:
        now = session.now()
        with session.store.reading() as tx:
            found = reviews(tx, session.settings.target.type)
    call.out.show({"proposals": found}, lambda out: tell_reviews(out, found, now=now))
    return ExitCode.HELD if found else ExitCode.DONE


def _show(call: Call, id_: str) -> None:
    from syncd.cli.telling.links_review import tell_review
    from syncd.core.errors import NeedsHuman
    from syncd.engine import reviewing

    with call.session() as session:
        now, target = session.now(), session.settings.target.type
        with session.store.reading() as tx:
            row = reviewing.find(tx, id_)
            one = reviewing.review(tx, target, row)
        if one is None:
            raise NeedsHuman(reviewing.OVER.at(record=f"{row.pair.source}:{row.pair.native_id}"))
        changes, known = _come(
            session, lambda tx, world, decision: [reviewing.accept(tx, world, reviewing.find(tx, id_), decision)]
        )
    value = {"proposal": one, "accepted": changes}
    call.out.show(value, lambda out: tell_review(out, one, changes, known, now=now))


def _decide(call: Call, id_: str, *, accept: bool, reason: str) -> None:
    from syncd.cli.operating import operating
    from syncd.engine import reviewing

    word = "accept" if accept else "reject"
    with call.session() as session, operating(session, f"links review --{word}", reason=reason) as operation:
        tx = operation.tx
        row = reviewing.find(tx, id_)
        pair, one = row.pair, row.proposal
        still = False
        if accept:
            reviewing.accept(tx, session.world("syncd links review"), row, _decision(operation))
        else:
            still = reviewing.reject(tx, row, _decision(operation))
        facts = {"record": f"{pair.source}:{pair.native_id}", "by_step": one.step, "cause": str(one.cause)}
        operation.log(subject=pair.subject, label=one.other, facts=facts)
    rest = " It may be somebody else: see `syncd links review`." if still else " See `syncd plan`."
    said = (
        f"{one.label} ({pair.source}:{pair.native_id}) and {one.other} are one person from now on."
        if accept
        else f"{one.label} ({pair.source}:{pair.native_id}) is not {one.other}, and is not proposed as such again."
    )
    call.out.show({"id": pair.id, "decided": word, "still_open": still}, lambda out: out.say(said + rest))


@teach(
    "split",
    examples=(
        ("syncd links split 'Li Wei' --record hr:4711", "Show what would come of it, for both answers."),
        (
            "syncd links split 'Li Wei' --record hr:4711 --keeps rest --reason 'namesakes, asked HR'",
            "The record is another person; the account stays with all others.",
        ),
    ),
    exits=(ExitCode.BUSY,),
)
@click.argument("who")
@click.option("--record", required=True, metavar="SOURCE:ID", help="The record that is somebody else's.")
@click.option("--keeps", type=click.Choice(("record", "rest")), help="Who keeps the account.")
@click.option("--reason", default="", help="Why; the audit log keeps it with your name. Without it, nothing is done.")
def split(call: Call, *, who: str, record: str, keeps: str | None, reason: str) -> None:
    """Part records that were wrongly taken for one person.

    Who keeps the account keeps everything that is remembered of it; the others begin anew, and the two are not put together
    again by themselves. Without --reason it only shows what would be written. A split writes nothing to the target: the next
    plan does.
    """
    from syncd.cli.telling.links_review import tell_alternatives
    from syncd.engine.reviewing import Keeps

    source, colon, native_id = record.partition(":")
    if not colon:
        raise Stopped(ExitCode.USAGE, [NOT_A_RECORD.at(record=record)])
    if reason.strip() and keeps is None:
        raise Stopped(ExitCode.USAGE, [SAY_WHO_KEEPS.at()])
    if reason.strip():
        _split(call, who, (source, native_id), Keeps(str(keeps)), reason)
        return
    with call.session() as session:
        shown = [Keeps(keeps)] if keeps else list(Keeps)
        told = {str(one): _come(session, _splitting(session, who, (source, native_id), one)) for one in shown}
    value = {"keeps": {keep: changes for keep, (changes, _) in told.items()}}
    call.out.show(value, lambda out: tell_alternatives(out, told))


def _splitting(
    session: Session, who: str, named: tuple[str, str], keeps: Keeps
) -> Callable[[Transaction, World, Decision], Collection[SubjectId]]:
    from syncd.engine import reviewing

    def doing(tx: Transaction, world: World, decision: Decision) -> Collection[SubjectId]:
        done = reviewing.split(tx, world, _subject(tx, session, who), named, keeps=keeps, decision=decision)
        return done.keeping, done.new

    return doing


def _split(call: Call, who: str, named: tuple[str, str], keeps: Keeps, reason: str) -> None:
    from syncd.cli.operating import operating
    from syncd.cli.telling.links_review import told_split
    from syncd.engine import reviewing

    with call.session() as session, operating(session, "links split", reason=reason) as operation:
        tx, world = operation.tx, session.world("syncd links split")
        done = reviewing.split(tx, world, _subject(tx, session, who), named, keeps=keeps, decision=_decision(operation))
        moved = ", ".join(f"{row.source}:{row.native_id}" for row in done.moved)
        facts = {"records": moved, "new": done.new, "keeps": str(keeps)}
        operation.log(subject=done.keeping, label=done.moved[0].label, facts=facts)
    value: dict[str, object] = {"keeping": done.keeping, "new": done.new, "moved": moved.split(", ")}
    call.out.show(value, lambda out: out.say(told_split(done)))


@teach(
    "join",
    examples=(
        ("syncd links join 'Li Wei' 00042", "Show what would come of it."),
        ("syncd links join 'Li Wei' 00042 --reason 'married, asked HR'", "They are one person."),
    ),
    exits=(ExitCode.BUSY,),
)
@click.argument("one")
@click.argument("other")
@click.option("--reason", default="", help="Why; the audit log keeps it with your name. Without it, nothing is done.")
def join(call: Call, *, one: str, other: str, reason: str) -> None:
    """Say that two whom nothing in the data joins are one.

    Whichever has an account keeps it. Where both have one, say first which is to go: `syncd links unbind`. Without --reason
    it only shows what would be written.
    """
    from syncd.cli.operating import operating
    from syncd.cli.telling.links_review import tell_changes
    from syncd.engine import reviewing

    def doing(tx: Transaction, world: World, decision: Decision) -> list[SubjectId]:
        return [reviewing.join_two(tx, world, _record(tx, session, one), _record(tx, session, other), decision)]

    with call.session() as session:
        if not reason.strip():
            changes, known = _come(session, doing)
            call.out.show({"joined": changes}, lambda out: tell_changes(out, changes, known))
            return
        with operating(session, "links join", reason=reason) as operation:
            first = _record(operation.tx, session, one)
            (subject,) = doing(operation.tx, session.world("syncd links join"), _decision(operation))
            operation.log(subject=subject, label=first.label, facts={"one": one, "other": other})
    call.out.show({"subject": subject}, lambda out: out.say(f"They are one from now on: {subject}. See `syncd plan`."))


# --- what they share --------------------------------------------------------------------------------------------------


def _come(
    session: Session, doing: Callable[[Transaction, World, Decision], Collection[SubjectId]]
) -> tuple[tuple[Change, ...], dict[str, str]]:
    """Return what the next plan would write for those who are concerned, if it were done; nothing is kept."""
    from syncd.cli import names
    from syncd.cli.operating import operator, rehearsal
    from syncd.engine.recall import recall
    from syncd.engine.reviewing import Decision

    world, target = session.world("syncd links"), session.target()
    decision = Decision(by=operator(), reason="rehearsed", at=session.now())
    with rehearsal(session.store) as tx:
        concerned = set(doing(tx, world, decision))
        plan = recall(tx, world, target, about=lambda: concerned).plan
        changes = tuple(change for change in plan.changes if change.subject in concerned)
        return changes, names.of_changes(tx, changes)


def _decision(operation: Operation) -> Decision:
    from syncd.engine.reviewing import Decision

    return Decision(by=operation.by, reason=operation.reason, at=operation.at)


def _record(tx: Transaction, session: Session, who: str) -> StagedRecord:
    from syncd.engine.finding import find

    found = find(tx, who, target=session.settings.target.type)
    row = tx.records.get(found.source, found.kind, found.native_id)
    assert row is not None
    return row


def _subject(tx: Transaction, session: Session, who: str) -> SubjectId:
    from syncd.cli.commands.links import NOT_JOINED

    row = _record(tx, session, who)
    if row.subject is None:
        raise Stopped(ExitCode.CONFIGURATION, [NOT_JOINED.at(label=row.label)])
    return row.subject
