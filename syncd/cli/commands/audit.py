"""`syncd audit`: search, verify and export the audit log."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

import click

from syncd.cli.call import Call, Stopped, teach
from syncd.cli.exit_codes import ExitCode
from syncd.cli.moments import Since, instant_of
from syncd.core.errors import Place, foreign, message

if TYPE_CHECKING:
    from syncd.audit.chain import Head
    from syncd.audit.export import Selection
    from syncd.cli.session import Session
    from syncd.core.ledger import AuditRow
    from syncd.store import Transaction

NOT_A_HEAD: Final = message(
    "CLI-160",
    what="{text!r} is not the head of an audit log.",
    do="Write SEQUENCE:HASH with 64 hexadecimal digits, as `syncd audit head` prints it.",
    example="syncd audit verify --head 1234",
)
FILE_FAULT: Final = message(
    "CLI-161",
    what="The export does not hold: {why}.",
    do="Treat everything from there on as unproven, and make a new export from the database.",
    example="a line of the export was edited",
)
UNKNOWN_TYPE: Final = message(
    "CLI-162",
    what="There is no type of record {name!r}.{similar}",
    do="The types are: {known}.",
    example="syncd audit show --type change.done",
)
NO_FILE: Final = message(
    "CLI-163",
    what="The export {file} was not written: {why}.",
    do="Choose a path that does not exist yet, in a folder with room that you may write.",
    example="syncd audit export --out /proc/audit.jsonl",
)


@click.group("audit")
def command() -> None:
    """Search, verify and export the audit log.

    Every run, decision, intent and outcome is recorded, each record sealed to the one before. Whoever changed whom, when, why,
    from which record and under which rule is answered here; that nothing was removed is proven here.
    """


def _selecting(function: Any) -> Any:
    options = (
        click.option("--who", metavar="WHO", default="", help="A name, number, login, address or account id."),
        click.option("--subject", metavar="ID", default="", help="A subject's id, also of somebody who is gone."),
        click.option("--run", metavar="ID", default="", help="One run."),
        click.option("--since", type=Since(), metavar="WHEN", help="From then on: 2h, 3d, 2026-11-22."),
        click.option("--until", type=Since(), metavar="WHEN", help="Before then."),
        click.option("--type", "types", multiple=True, metavar="TYPE", help="Such as change.confirmed, hold.released."),
    )
    for option in reversed(options):
        function = option(function)
    return function


When = datetime | timedelta | None


@teach(
    "show",
    examples=(
        ("syncd audit show --who 'Li Wei'", "Everything that was decided and done about one person."),
        ("syncd audit show --since 1d --type operator.command", "What operators did in the last day, and why."),
        ("syncd audit show --run 20261122T021500-a1b2c3 -n 1000", "One run from beginning to end."),
    ),
)
@_selecting
@click.option("-n", "number", type=click.IntRange(min=1), default=50, show_default=True, help="The last so many.")
@click.option("--mask", is_flag=True, help="Hide people's values.")
def show(call: Call, *, number: int, mask: bool, **words: Any) -> None:
    """Show what happened, with old → new and why."""
    from syncd.cli import names
    from syncd.cli.telling.audit import tell_records

    with call.session() as session, session.store.reading() as tx:
        selection = _selection(session, tx, **words)
        kept: deque[AuditRow] = deque(maxlen=number)
        fitting = 0
        for row in _rows(tx, selection, number):
            if selection.takes(row):
                kept.append(row)
                fitting += 1
        records = [_record(row, mask=mask) for row in kept]
        known = names.of_subjects(tx, names.mentioned(records))
        base, left = session.settings.base, fitting - len(records)
    value = {"records": records, "older": left}
    call.out.show(value, lambda out: tell_records(out, records, known, base=base, left=left))


@teach(
    "verify",
    examples=(
        ("syncd audit verify", "Walk the whole log, and name the first record that is wrong, if one is."),
        ("syncd audit verify --head 1234:9f86d0…", "Prove besides that nothing was cut off since that head was noted."),
        ("syncd audit verify audit.jsonl", "Verify an export instead of the database."),
    ),
)
@click.argument("file", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--head", "head_", metavar="SEQ:HASH", default="", help="The end of the log as it was noted elsewhere.")
@click.option("--part", is_flag=True, help="With FILE: the export holds selected records only.")
def verify(call: Call, *, file: Path | None, head_: str, part: bool) -> None:
    """Prove the log, or name the first wrong record.

    Ends with 3 if one is wrong. By itself a log proves that no record was edited, left out or put in between. That nothing was
    cut off at the end shows only against a head that was noted elsewhere: give it with --head. For somebody who does not trust
    this program there is a verifier in one file, syncd/audit/standalone.py, which needs nothing but Python.
    """
    from syncd.audit import verify as proof
    from syncd.cli.telling.audit import tell_verdict
    from syncd.cli.upkeep import unsound

    expected = _head(head_)
    if file is not None:
        _verify_file(call, file, expected, part)
        return
    with call.session() as session:
        store = session.store
        with store.reading() as tx:
            verdict = proof.verify(store.audit.iterate(tx), expected=expected)
        if verdict.fault is not None:
            unsound(session, verdict.fault.problem)
            raise Stopped(ExitCode.CONFIGURATION, [verdict.fault.problem])
        if verdict.head is not None:
            _remember(session, verdict.head)
    call.out.show(verdict, lambda out: tell_verdict(out, verdict, remembered=expected is not None))


@teach(
    "export",
    examples=(
        ("syncd audit export --out audit.jsonl --full", "The whole log, for the auditor and the stand-alone verifier."),
        ("syncd audit export --who 'Li Wei' --format text", "What happened to one person, to read; values masked."),
        ("syncd audit export --since 30d > november.jsonl", "The last 30 days, values masked."),
    ),
)
@_selecting
@click.option("--format", "form", type=click.Choice(("jsonl", "text")), default="jsonl", show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="A new file, for you only."
)
@click.option("--mask/--full", default=True, show_default=True, help="Hide people's values, or write them out.")
def export(call: Call, *, form: str, out: Path | None, mask: bool, **words: Any) -> None:
    """Write records for others, as JSON lines or text.

    A verifier proves JSON lines. A masked line keeps its place in the chain; only full lines prove their content.
    """
    from syncd.audit.export import json_lines, readable

    lines_of = json_lines if form == "jsonl" else readable
    with call.session() as session, session.store.reading() as tx:
        selection = _selection(session, tx, **words)
        if out is None:
            _print(call.out.stdout, lines_of(_rows(tx, selection), selection, full=not mask))
            return
        written = _write(out, lines_of(_rows(tx, selection), selection, full=not mask))
    call.out.note(f"{written:,} lines written to {out}.")


@teach(
    "head",
    examples=(
        ("syncd audit head", "Print the end of the log: note it elsewhere."),
        ("syncd audit head --json | jq -r .head", "For a script that sends it away every day."),
    ),
)
def head(call: Call) -> None:
    """Print the end of the log, to be noted elsewhere.

    SEQUENCE:HASH proves later that nothing was cut off or written anew; note it where nobody on this machine can write.
    """
    from syncd.audit.chain import Head

    with call.session() as session, session.store.reading() as tx:
        tail = session.store.audit.tail(tx)
    text = str(Head(sequence=tail[0], hash=tail[1])) if tail else ""
    call.out.show({"head": text}, lambda out: out.say(text or "The audit log is empty."))


for one in (show, verify, export, head):
    command.add_command(one)


# --- steps ----------------------------------------------------------------------------------------------------------


def _selection(
    session: Session,
    tx: Transaction,
    *,
    who: str,
    subject: str,
    run: str,
    since: When,
    until: When,
    types: Sequence[str],
) -> Selection:
    """Return which records are wanted. Raises NeedsHuman if WHO is nobody, Stopped for an unknown type."""
    from syncd.audit.entries import EntryType
    from syncd.audit.export import Selection
    from syncd.config.yaml import did_you_mean
    from syncd.engine.finding import find

    known = [one.value for one in EntryType]
    for name in types:
        if name not in known:
            words = {"similar": did_you_mean(name, known), "known": ", ".join(known)}
            raise Stopped(ExitCode.USAGE, [UNKNOWN_TYPE.at(name=name, **words)])
    if who:
        subject = find(tx, who, target=session.settings.target.type).subject or subject
    now = session.now()
    return Selection(
        subject=subject,
        run=run,
        types=tuple(EntryType(name) for name in types),
        since=instant_of(since, now),
        until=instant_of(until, now),
    )


def _rows(tx: Transaction, selection: Selection, last: int = 0) -> Iterator[AuditRow]:
    """Read the rows through the index that fits; of the whole log only the last ones, where that is enough."""
    from syncd.store.audit import AuditTable

    table = AuditTable()
    if selection.subject:
        return table.about(tx, selection.subject)
    if selection.run:
        return table.during(tx, selection.run)
    tail = table.tail(tx)
    after = max(0, tail[0] - last) if last and tail and selection.everything else 0
    return table.iterate(tx, after=after)


def _record(row: AuditRow, *, mask: bool) -> dict[str, Any]:
    """Return what a row says, with its hash."""
    import json

    from syncd.audit.masking import masked

    record: dict[str, Any] = json.loads(row.body)
    if mask:
        for field in record.get("fields", ()):
            field["before"], field["after"] = masked(field["before"]), masked(field["after"])
    return {**record, "hash": row.hash.hex()}


def _head(text: str) -> Head | None:
    from syncd.audit.chain import Head

    try:
        return Head.parse(text) if text else None
    except ValueError as error:
        raise Stopped(ExitCode.USAGE, [NOT_A_HEAD.at(text=text)]) from error


def _verify_file(call: Call, file: Path, expected: Head | None, part: bool) -> None:
    from syncd.audit import standalone

    with file.open(encoding="utf-8", errors="replace") as lines:
        try:
            known = (expected.sequence, expected.hash) if expected else None
            count, hidden, last, hash_ = standalone.verify(lines, known, part)
        except standalone.Fault as fault:
            problem = FILE_FAULT.at(Place(file=str(file)), why=foreign(str(fault)))
            raise Stopped(ExitCode.CONFIGURATION, [problem]) from fault
    value = {"entries": count, "masked": hidden, "head": f"{last}:{hash_.hex()}"}
    masked = f"; {hidden:,} are masked: their place is proven, their content is not" if hidden else ""
    call.out.show(value, lambda out: out.say(f"Sound: {count:,} records, head {value['head']}{masked}", style="green"))


def _remember(session: Session, head: Head) -> None:
    """Note how far the log was verified, for `syncd status`. It is a note and no proof: it stands beside the log."""
    from syncd.cli.overview import VERIFIED
    from syncd.core.values import instant
    from syncd.engine import failures

    with session.store.transaction() as tx:
        tx.meta.set(VERIFIED, f"{head} {instant(session.now())}")
        failures.healed(tx, failures.AUDIT, failures.UNSOUND)


def _print(stream: TextIO, lines: Iterator[str]) -> None:
    try:
        for line in lines:
            stream.write(f"{line}\n")
    except BrokenPipeError:
        del lines  # the reader has left: let go of the rows while the database is open
        raise


def _write(out: Path, lines: Iterator[str]) -> int:
    """Write lines into a new file that only its owner can read: it names people."""
    import os

    written = 0
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            for line in lines:
                file.write(f"{line}\n")
                written += 1
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise Stopped(ExitCode.CONFIGURATION, [NO_FILE.at(file=out, why=why)]) from error
    return written
