"""The steps behind `syncd db`: describe, examine, copy and put back the state. They print nothing, and ask nobody outside.

A state that is put back is healed before it takes its place, so that there is no instant at which it could be believed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from syncd.cli.call import Stopped
from syncd.cli.exit_codes import ExitCode
from syncd.core.errors import Place, Problem, message
from syncd.core.values import instant

if TYPE_CHECKING:
    from syncd.cli.session import Session
    from syncd.core.ledger import AuditRow
    from syncd.store import Store, Transaction
    from syncd.store.witness import Witness

NOT_SOUND: Final = message(
    "CLI-170",
    what="{database} is not sound: {why}.",
    do="Stop syncd, keep the file, and put a backup back with `syncd db restore`. A disk that loses data loses more: examine it.",
    example="a bit that flipped on a failing disk",
)
NOT_PROVEN: Final = message(
    "CLI-173",
    what="The audit log in {path} does not hold: {why}",
    do="Take an older backup. To put this one back all the same, and know of it, add --despite-audit.",
    example="somebody edited the audit log before the backup was taken",
)
NO_BACKUP_FOLDER: Final = message(
    "CLI-174",
    what="The folder {folder} cannot be used for backups: {why}.",
    do="Choose a folder that this account may write, best on another disk.",
    example="syncd db backup --into /proc",
)

BACKED_UP: Final = "backup.last"
"""The key of the last backup: `instant path`."""
CHECKED: Final = "db.checked"
"""The key of the instant at which everything was last examined and found sound."""
_PATTERN: Final = "syncd-*.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """The state as a thing: where it is and how it was cared for."""

    database: str
    schema: str
    bytes: int | None
    """With its write-ahead log; None where it is on a server."""
    disk_free: int | None
    audit_head: str
    backup_at: datetime | None
    backup: str
    checked_at: datetime | None
    restored_at: datetime | None
    """When it was put back from a backup, until everything has been read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What an examination found."""

    path: str
    schema: str
    entries: int
    """Records of the audit log."""
    head: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackedUp:
    """A backup that was made."""

    path: Path
    bytes: int
    head: str
    removed: int
    """Older ones that went."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A backup that was put back."""

    backup: Path
    database: Path
    kept: Path | None
    """Where the database is that it replaced; None if there was none."""
    head: str
    """Where the log of the backup ended."""
    at: datetime


def file_of(session: Session) -> Path | None:
    """Return the file of the state without opening it; None where it is on a server."""
    prefix = "sqlite:///"
    url = session.settings.state.url
    return Path(url.removeprefix(prefix)).absolute() if url.startswith(prefix) else None


def described(session: Session) -> Described:
    """Look at the state as a thing."""
    from syncd.core.values import moment
    from syncd.engine.trust import RESTORED
    from syncd.store.opening import SCHEMA
    from syncd.store.vitals import free, size

    store = session.store
    with store.reading() as tx:
        backup, checked, restored = (tx.meta.get(key) or "" for key in (BACKED_UP, CHECKED, RESTORED))
        head = store.audit.tail(tx)
    at, _, path = backup.partition(" ")
    return Described(
        database=store.name,
        schema=SCHEMA,
        bytes=size(store.file),
        disk_free=free(store.file),
        audit_head=_head(head),
        backup_at=moment(at) if at else None,
        backup=path,
        checked_at=moment(checked) if checked else None,
        restored_at=moment(restored.split()[0]) if restored else None,
    )


def unsound(session: Session, problem: Problem) -> None:
    """Note that the audit log does not verify, for status, readiness and alerts, until a verification ends well."""
    from syncd.engine import failures

    with session.store.transaction() as tx:
        failures.note(tx, failures.AUDIT, problem, at=session.now())


def examined(session: Session, file: Path | None) -> Examined:
    """Examine the state, or a backup. Raises NeedsHuman if it is no database of syncd at all."""
    if file is not None:
        return examined_file(file)
    from syncd.engine import failures
    from syncd.store.opening import SCHEMA

    store = session.store
    found = store.check()
    with store.reading() as tx:
        entries, head, wrong = _proven(store.audit.iterate(tx))
    problems = tuple(NOT_SOUND.at(database=store.name, why=why) for why in found)
    if not problems and wrong is not None:
        unsound(session, wrong)
    if not problems and wrong is None:
        with store.transaction() as tx:
            tx.meta.set(CHECKED, instant(session.now()))
            if head:
                from syncd.cli.overview import VERIFIED

                tx.meta.set(VERIFIED, f"{head} {instant(session.now())}")
            failures.healed(tx, failures.AUDIT, failures.UNSOUND)
    return Examined(
        path=store.name, schema=SCHEMA, entries=entries, head=head, problems=(*problems, *([wrong] if wrong else []))
    )


def examined_file(file: Path) -> Examined:
    """Examine a database file that nobody uses, such as a backup."""
    from syncd.store import restoring

    found = restoring.examine(file)
    problems = [NOT_SOUND.at(Place(file=str(file)), database=file, why=why) for why in found.problems]
    entries, head, wrong = (0, "", None) if problems else _proven(restoring.audit_rows(file))
    if wrong is not None:
        problems.append(wrong)
    return Examined(path=str(file), schema=found.schema, entries=entries, head=head, problems=tuple(problems))


def _proven(rows: Iterable[AuditRow]) -> tuple[int, str, Problem | None]:
    from syncd.audit.verify import verify

    verdict = verify(rows)
    head = str(verdict.head) if verdict.head is not None else ""
    return verdict.entries, head, verdict.fault.problem if verdict.fault is not None else None


def backed_up(session: Session, file: Path | None, into: Path | None, keep: int | None) -> BackedUp:
    """Copy the state, examine the copy, note it, and only then remove older ones."""
    store, now = session.store, session.now()
    if file is None:
        assert into is not None
        file = _folder(into) / f"syncd-{now:%Y%m%dT%H%M%SZ}.db"
    store.backup(file)
    found = examined_file(file)
    if found.problems:
        file.unlink()
        raise Stopped(ExitCode.CONFIGURATION, found.problems)
    with store.transaction() as tx:
        tx.meta.set(BACKED_UP, f"{instant(now)} {file.absolute()}")
    old = sorted(into.glob(_PATTERN))[: -(keep or 0) or None] if into is not None and keep else []
    for one in old:
        one.unlink(missing_ok=True)
    return BackedUp(path=file, bytes=file.stat().st_size, head=found.head, removed=len(old))


def _folder(into: Path) -> Path:
    try:
        into.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise Stopped(ExitCode.CONFIGURATION, [NO_BACKUP_FOLDER.at(folder=into, why=why)]) from error
    return into


def put_back(session: Session, backup: Path, *, reason: str, despite_audit: bool) -> Restored:
    """Put a backup back. Raises Busy while syncd runs, NeedsHuman or Stopped if the backup is of no use."""
    from syncd.store import locking, restoring, witness

    database, now = file_of(session), session.now()
    assert database is not None
    _refuse_blank(reason)
    database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locking.alone(database, "syncd db restore", since=now):
        found = examined_file(backup)
        wrong = tuple(
            problem if not problem.code.startswith("AUD-") else NOT_PROVEN.at(path=backup, why=problem.what)
            for problem in found.problems
            if not (despite_audit and problem.code.startswith("AUD-"))
        )
        if wrong:
            raise Stopped(ExitCode.CONFIGURATION, wrong)
        made = restoring.draft(backup, database)
        try:
            end = _heal_draft(session, made, backup=backup, head=found.head, reason=reason)
        except BaseException:
            restoring.discard(made)
            raise
        kept = restoring.replace(database, made, at=now)
        # The log had come further before, in the database that was replaced: now this is its end.
        witness.note(database, end)
    return Restored(backup=backup, database=database, kept=kept, head=found.head, at=now)


def _refuse_blank(reason: str) -> None:
    from syncd.cli.operating import NO_REASON

    if not reason.strip():
        raise Stopped(ExitCode.USAGE, [NO_REASON.at()])


def _heal_draft(session: Session, made: Path, *, backup: Path, head: str, reason: str) -> Witness:
    """Bring a draft up to date, heal it, and say so in its log; closing it leaves one file. Returns where its log ends."""
    from syncd.cli.operating import operator
    from syncd.store import Store
    from syncd.store.upkeep import flush
    from syncd.store.witness import Witness

    store = Store.open(f"sqlite:///{made}", now=session.now)
    try:
        with store.transaction() as tx:
            facts = {"backup": backup.name, "ended": head}
            healed(store, tx, at=session.now(), reason=reason.strip(), by=operator(), facts=facts)
            tail = store.audit.tail(tx)
    finally:
        store.close()
    flush(made)
    assert tail is not None  # healing has just written a record
    return Witness(sequence=tail[0], hash=tail[1])


def healed(
    store: Store, tx: Transaction, *, at: datetime, reason: str, by: str, facts: dict[str, str] | None = None
) -> None:
    """Heal a state that was put back, and say so in its log."""
    from dataclasses import replace

    from syncd.audit.entries import Actor
    from syncd.audit.log import AuditLog
    from syncd.engine.trust import heal

    # The rule about people's values has no part here: the entry holds none.
    log = AuditLog(store.audit, actor=replace(Actor.here("syncd db"), user=by))
    heal(tx, log, at=at, why=reason, facts={"by": by, **(facts or {})})


def _head(tail: tuple[int, bytes] | None) -> str:
    return f"{tail[0]}:{tail[1].hex()}" if tail else ""


__all__ = ["BackedUp", "Described", "Examined", "Restored", "backed_up", "described", "examined", "put_back"]
