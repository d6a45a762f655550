"""`syncd db`: check, back up, restore and describe the state."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from syncd.cli.call import Call, Stopped, as_path, teach
from syncd.cli.exit_codes import ExitCode
from syncd.core.errors import message

if TYPE_CHECKING:
    from syncd.cli.session import Session

NO_ROOM_FOR_NAME: Final = message(
    "CLI-171",
    what="Where the backup shall go is not said, or said twice.",
    do="Name a new file, or a folder with --into.",
    example="syncd db backup",
)
ON_A_SERVER: Final = message(
    "CLI-172",
    what="The state is on a PostgreSQL server: {database}.",
    do="Use the server's own tools: pg_dump and pg_restore. After putting a backup back, run `syncd db restored --reason …` "
    "before the service starts.",
    example="syncd db restore syncd.db, with state.url: postgresql://…",
)

_REASON: Final = click.option("--reason", required=True, help="Why; the audit log keeps it with your name.")


@click.group("db")
def command() -> None:
    """Check, back up, restore and describe the state.

    The state is one database: who is linked to whom, the queue, the audit log. Everything else can be read again; the state is
    what a backup is for. docs/how-to/backup.md tells the whole story.
    """


@teach(
    "info",
    examples=(
        ("syncd db info", "Say where the state is, how large, and when it was last backed up and verified."),
        ("syncd db info --json | jq .backup_at", "For monitoring: when the last backup was made."),
    ),
)
def info(call: Call) -> None:
    """Say where the state is, how large, and when it was last backed up and verified."""
    from syncd.cli.telling.db import tell_info
    from syncd.cli.upkeep import described

    with call.session() as session:
        found = described(session)
    call.out.show(found, lambda out: tell_info(out, found))


@teach(
    "check",
    examples=(
        ("syncd db check", "Examine every page of the database and every record of the audit log."),
        ("syncd db check /backups/syncd-20261122T011700Z.db", "Examine a backup, without using it."),
    ),
)
@click.argument("file", required=False, callback=as_path, type=click.Path(exists=True, dir_okay=False))
def check(call: Call, *, file: Path | None) -> None:
    """Examine every page of the database and every record of the audit log.

    Ends with 3 if anything is wrong. The service can go on meanwhile. That nothing was cut off at the end of the audit log shows
    only against a head that was noted elsewhere: `syncd audit verify --head`.
    """
    from syncd.cli.telling.db import tell_check
    from syncd.cli.upkeep import examined

    with call.session() as session:
        found = examined(session, file)
    if found.problems:
        raise Stopped(ExitCode.CONFIGURATION, found.problems)
    call.out.show(found, lambda out: tell_check(out, found))


@teach(
    "backup",
    examples=(
        ("syncd db backup /backups/monday.db", "Copy the state into a new file, while everything goes on."),
        ("syncd db backup --into /backups --keep 14", "Copy it under a name with the time, and keep the last 14."),
    ),
)
@click.argument("file", required=False, callback=as_path, type=click.Path(dir_okay=False))
@click.option(
    "--into", callback=as_path, type=click.Path(file_okay=False), metavar="FOLDER", help="Name it by the time."
)
@click.option("--keep", type=click.IntRange(min=1), metavar="N", help="With --into: remove all but the last N.")
def backup(call: Call, *, file: Path | None, into: Path | None, keep: int | None) -> None:
    """Copy the state into a new file, while everything goes on.

    The copy is of one moment, examined page by page before it counts, and readable by its owner only: it names people. Older ones
    are removed only after that.
    """
    from syncd.cli.upkeep import backed_up

    if (file is None) == (into is None):
        raise Stopped(ExitCode.USAGE, [NO_ROOM_FOR_NAME.at()])
    with call.session() as session:
        _must_be_a_file(session)
        made = backed_up(session, file, into, keep)
    gone = f"; {made.removed} older removed" if made.removed else ""
    words = f"{made.path} ({made.bytes / 1e6:,.1f} MB, sound){gone}"
    call.out.show(made, lambda out: out.say(words, style="green"))


@teach(
    "restore",
    examples=(
        (
            "syncd db restore /backups/syncd-20261122T011700Z.db --reason 'disk died'",
            "After `systemctl stop syncd`: put a backup back; what is there now is kept beside it.",
        ),
        ("syncd plan && syncd sync --accept", "Then: look at what it would write, and let it."),
    ),
    exits=(ExitCode.BUSY,),
)
@click.argument("file", callback=as_path, type=click.Path(exists=True, dir_okay=False))
@_REASON
@click.option("--despite-audit", is_flag=True, help="Also if the audit log in it does not hold.")
def restore(call: Call, *, file: Path, reason: str, despite_audit: bool) -> None:
    """Put a backup back, and keep what it replaces.

    Refused while syncd runs. The backup is examined first. Nothing that was certain then is believed afterwards: every source is
    read in full, the target is looked at as a whole, what waited in the queue and every approval is void, and nothing is written
    before all of that is done and somebody has accepted the first plan.
    """
    from syncd.cli.telling.db import tell_restored
    from syncd.cli.upkeep import put_back

    with call.session() as session:
        _must_be_a_file(session)
        done = put_back(session, file, reason=reason, despite_audit=despite_audit)
    call.out.show(done, lambda out: tell_restored(out, done))


@teach(
    "restored",
    examples=(
        ("syncd db restored --reason 'pg_restore after the outage, ticket 4711'", "After PostgreSQL's own restore."),
        ("syncd db restored --reason 'snapshot of the machine' && syncd plan", "After a snapshot was put back."),
    ),
    exits=(ExitCode.BUSY,),
)
@_REASON
def restored(call: Call, *, reason: str) -> None:
    """Say that the state was put back by other means.

    It is healed as `syncd db restore` does. For a file this is noticed by itself where the folder was not put back with it.
    """
    from syncd.cli.operating import operating
    from syncd.cli.upkeep import healed

    with call.session() as session, operating(session, "db restored", reason=reason) as operation:
        operation.log(facts={"database": session.store.name})
        healed(session.store, operation.tx, at=operation.at, reason=operation.reason, by=operation.by)
    call.out.show({"healed": True}, lambda out: out.say("Everything is read again; then look at `syncd plan`."))


@teach(
    "trust-clock",
    examples=(
        ("syncd db trust-clock --reason 'the battery was empty; NTP works again'", "Let syncd write again."),
        ("syncd db trust-clock --reason 'checked with timedatectl' --json", "The same, for a script."),
    ),
    exits=(ExitCode.BUSY,),
)
@_REASON
def trust_clock(call: Call, *, reason: str) -> None:
    """Say that the clock is right, after it jumped ahead by hours.

    Until somebody says so, or it is put back, nothing is written: last working days and grace periods would end too early.
    """
    from syncd.cli.operating import operating
    from syncd.engine.trust import AHEAD

    with call.session() as session, operating(session, "db trust-clock", reason=reason) as operation:
        operation.log(facts={"jump": operation.tx.meta.get(AHEAD) or ""})
        operation.tx.meta.drop(AHEAD)
    call.out.show({"trusted": True}, lambda out: out.say("The clock is believed."))


for one in (info, check, backup, restore, restored, trust_clock):
    command.add_command(one)


def _must_be_a_file(session: Session) -> None:
    """Raise Stopped if the state is on a server."""
    from syncd.cli.upkeep import file_of

    if file_of(session) is None:
        raise Stopped(ExitCode.CONFIGURATION, [ON_A_SERVER.at(database=session.settings.state.url)])
