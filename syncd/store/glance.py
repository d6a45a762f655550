"""How things stand, at a glance: a dozen numbers and the last few rows, read without SQLAlchemy where the database is a file.

`syncd status` is asked by monitoring every minute, and importing SQLAlchemy costs more than all the rest of it (five times the
budget of the command's start). So this one module speaks SQL by hand, in words that SQLite's driver and SQLAlchemy's `text`
both take: one set of questions, two ways to ask. A test says that the answers are those of `Transaction`. It writes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from syncd.core.leave_records import COUNTED, LATE, READ_UPTO
from syncd.core.model import Effect, Kind, RunId, SourceName
from syncd.core.values import moment
from syncd.store import codec
from syncd.store.rows import HoldRow, HoldState, QueueCounts, ReadRow, RunRow

if TYPE_CHECKING:
    from syncd.store.transaction import Transaction

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

_RUNS: Final = "SELECT * FROM runs ORDER BY started_at DESC, run_id DESC LIMIT :number"
_READ: Final = "SELECT * FROM reads WHERE source = :source ORDER BY finished_at DESC LIMIT 1"
_FULL: Final = 'SELECT * FROM reads WHERE source = :source AND "full" = :full ORDER BY finished_at DESC LIMIT 1'
_GOOD: Final = (
    'SELECT * FROM reads WHERE source = :source AND "full" = :full AND proven ORDER BY finished_at DESC LIMIT 1'
)
_THERE: Final = (
    "SELECT kind, count(*) AS n, min(review_at) AS at FROM records"
    " WHERE source = :source AND absent_since IS NULL GROUP BY kind ORDER BY kind"
)
_OBJECTS: Final = "SELECT kind, count(*) AS n FROM observed WHERE target = :target GROUP BY kind ORDER BY kind"
_LINKS: Final = (
    "SELECT kind, state, count(*) AS n FROM links WHERE target = :target GROUP BY kind, state ORDER BY kind, state"
)
_QUEUE: Final = (
    "SELECT state, count(*) AS n, sum(CASE WHEN due_at <= :now THEN 1 ELSE 0 END) AS due FROM changes"
    " WHERE state IN ('ready', 'running', 'pending', 'parked') GROUP BY state"
)
# The same set as `queue_questions.BLOCKED`, found from its few parked changes.
_BLOCKED: Final = (
    "SELECT count(DISTINCT number) AS n FROM ("
    " SELECT c.number AS number FROM changes p JOIN change_waits w ON w.subject = p.subject"
    " JOIN changes c ON c.number = w.number"
    " WHERE p.state = 'parked' AND w.hard AND c.subject <> p.subject AND c.state IN ('ready', 'pending')"
    " AND NOT (c.again AND c.sort = 'object' AND p.subject LIKE 'person:%')"
    " AND (p.rank < c.rank OR (p.rank = c.rank AND p.number < c.number))"
    " UNION"
    " SELECT c.number AS number FROM changes p JOIN changes c ON c.subject = p.subject"
    " WHERE p.state = 'parked' AND c.state IN ('ready', 'pending') AND p.number < c.number) AS blocked"
)
_NEXT: Final = "SELECT min(due_at) AS at FROM changes WHERE state IN ('ready', 'pending') AND waits_for IS NULL"
_HOLDS: Final = "SELECT * FROM holds WHERE state = 'open' ORDER BY created_at, id"
_ASIDES: Final = "SELECT reason, kind, count(*) AS n FROM asides WHERE scope = 'plan' GROUP BY reason, kind"
_HEAD: Final = "SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1"
_BEHIND: Final = (
    "SELECT count(*) AS n FROM feed"
    " WHERE sequence > coalesce((SELECT sequence FROM feed_cursors WHERE consumer = :consumer), 0)"
)
_META: Final = "SELECT key, value FROM meta"
# The first of an index, again and again: DISTINCT would walk through everybody.
_NEXT_SOURCE: Final = "SELECT min(source) AS name FROM records WHERE absent_since IS NULL AND source > :after"
# The kind is what a subject's id begins with.
_MARKED: Final = "SELECT substr(subject, 1, 4) AS kind, count(*) AS n FROM marks GROUP BY substr(subject, 1, 4)"
_OFFBOARDED: Final = "SELECT label FROM offboardings ORDER BY decided_at, subject"
_REMOVALS: Final = (
    "SELECT count(*) AS n, count(left_at) AS confirmed,"
    " sum(CASE WHEN left_at IS NULL AND removed_at < :late THEN 1 ELSE 0 END) AS late"
    " FROM leavings WHERE target = :target AND removed_at >= :since"
)
_UNCONFIRMED: Final = (
    "SELECT label FROM leavings WHERE target = :target AND removed_at >= :since AND removed_at < :late"
    " AND left_at IS NULL ORDER BY removed_at, subject LIMIT 10"
)
_REVIEW: Final = "SELECT min(at) AS at FROM reviews"
_KINDS: Final = {kind[:4]: kind for kind in Kind}

Row = Mapping[str, Any]
Ask = Callable[[str, Mapping[str, object]], Iterable[Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Removals:
    """People whom we have removed from the target within `syncd.core.leave_records.COUNTED`, and what it says of that itself."""

    removed: int = 0
    confirmed: int = 0
    """Those of whom the target has a record of its own."""
    late: int = 0
    """Those of whom it has none, though its records were read `LATE` after the removal, or later."""
    late_labels: tuple[str, ...] = ()
    """The first ten of them."""
    read_at: datetime | None = None
    """Up to when the records were read; None where they never were."""


class Unready(Exception):
    """The file cannot be read in this short way; opening the store properly says why, or mends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What the store knows about how things stand."""

    runs: tuple[RunRow, ...] = ()
    """The latest, newest first."""
    reads: Mapping[str, ReadRow] = field(default_factory=dict)
    """The last read of each source that was ever read."""
    good: Mapping[str, ReadRow] = field(default_factory=dict)
    """The last full and proven read of each source."""
    full: Mapping[str, ReadRow] = field(default_factory=dict)
    """The last full read of each source, proven or not."""
    there: Mapping[str, int] = field(default_factory=dict)
    """Records by kind that are there, of the source that is looked at closely."""
    there_until: datetime | None = None
    """When time alone first changes what one of them means."""
    marked: Mapping[str, int] = field(default_factory=dict)
    """By kind, who is looked at again in the next run, changed or not."""
    review_at: datetime | None = None
    """When time alone first changes what somebody shall be, past times too."""
    offboarded: tuple[str, ...] = ()
    """Who leaves because an operator says so, the first one first."""
    removals: Removals = field(default_factory=Removals)
    former: Mapping[str, int] = field(default_factory=dict)
    """Records that are there, by source, of sources that nobody asked about: they are not configured any more."""
    observed_at: datetime | None = None
    """When the whole target was last looked at."""
    objects: Mapping[str, int] = field(default_factory=dict)
    """Observed objects by kind."""
    links: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Links by kind and state."""
    queue: QueueCounts = field(default_factory=QueueCounts)
    next_due_at: datetime | None = None
    holds: tuple[HoldRow, ...] = ()
    """Open ones, oldest first; whether their time is over is for the reader to see."""
    asides: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """What the last plan left as it is, by reason and kind."""
    head: tuple[int, bytes] | None = None
    """The audit log's last sequence and hash."""
    behind: Mapping[str, int] = field(default_factory=dict)
    """Facts that each consumer has not taken."""
    meta: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whom a glance is about."""

    sources: Sequence[str]
    target: str
    consumers: Sequence[str] = ()
    runs: int = 5
    """How many of the latest."""
    closely: str = ""
    """The source whose records are counted, too; that takes a while where there are many."""


def of_file(file: Path, asked: Asked, *, now: datetime) -> Glance:
    """Read an SQLite file as it stands. A file that is not there yet gives an empty glance; raises Unready."""
    if not file.exists():
        return Glance()
    with asking_file(file) as ask:
        return glance(ask, asked, now)


def of_transaction(tx: Transaction, asked: Asked, *, now: datetime) -> Glance:
    """Read the same through an open store, whatever its database."""
    return glance(asking(tx), asked, now)


@contextmanager
def asking_file(file: Path) -> Iterator[Ask]:
    """Ask an SQLite file; all answers are of one moment. Raises Unready, whichever question it is that fails."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("BEGIN")

            def ask(question: str, words: Mapping[str, object]) -> Iterable[Row]:
                return connection.execute(question, dict(words))

            yield ask
    except sqlite3.Error as error:
        raise Unready from error


def asking(tx: Transaction) -> Ask:
    """Ask through an open store."""
    from sqlalchemy import text

    def ask(question: str, words: Mapping[str, object]) -> Iterable[Row]:
        return tx.connection.execute(text(question), dict(words)).mappings()  # type: ignore[return-value]

    return ask


def former(ask: Ask, sources: Collection[str]) -> dict[str, int]:
    """Return how many records are there of each source that is none of these."""
    found: dict[str, int] = {}
    name = ""
    while name := next(iter(ask(_NEXT_SOURCE, {"after": name})))["name"] or "":
        if name not in sources:
            found[name] = sum(row["n"] for row in ask(_THERE, {"source": name}))
    return found


def removals(ask: Ask, target: str, meta: Mapping[str, str], now: datetime) -> Removals:
    """Return how many people were removed, and of how many the target says so itself."""
    read = meta.get(f"{READ_UPTO}{target}")
    read_at = moment(read) if read else None
    late = read_at - LATE if read_at else now - COUNTED
    words = {"target": target, "since": _micros(now - COUNTED), "late": _micros(late)}
    row = next(iter(ask(_REMOVALS, words)))
    labels = tuple(one["label"] for one in ask(_UNCONFIRMED, words)) if row["late"] else ()
    return Removals(
        removed=row["n"], confirmed=row["confirmed"], late=row["late"] or 0, late_labels=labels, read_at=read_at
    )


def glance(ask: Ask, asked: Asked, now: datetime) -> Glance:
    """Ask for everything."""
    target = asked.target
    meta = {row["key"]: row["value"] for row in ask(_META, {})}
    seen_at = meta.get(f"observed.last_full:{target}")
    due = next(iter(ask(_NEXT, {})))["at"]
    head = next(iter(ask(_HEAD, {})), None)
    there = [*ask(_THERE, {"source": asked.closely})] if asked.closely else []
    return Glance(
        runs=tuple(_run(row) for row in ask(_RUNS, {"number": asked.runs})),
        reads=_reads(ask, _READ, asked.sources),
        good=_reads(ask, _GOOD, asked.sources, full=True),
        full=_reads(ask, _FULL, asked.sources, full=True),
        there={row["kind"]: row["n"] for row in there},
        there_until=_instant(min((row["at"] for row in there if row["at"] is not None), default=None)),
        marked={_KINDS[row["kind"]]: row["n"] for row in ask(_MARKED, {})},
        review_at=_instant(next(iter(ask(_REVIEW, {})))["at"]),
        offboarded=tuple(row["label"] for row in ask(_OFFBOARDED, {})),
        removals=removals(ask, target, meta, now),
        former=former(ask, asked.sources),
        observed_at=moment(seen_at) if seen_at else None,
        objects={row["kind"]: row["n"] for row in ask(_OBJECTS, {"target": target})},
        links=_nested(ask(_LINKS, {"target": target}), "kind", "state"),
        queue=_queue(ask, now),
        next_due_at=_instant(due),
        holds=tuple(_hold(row) for row in ask(_HOLDS, {})),
        asides=_nested(ask(_ASIDES, {}), "reason", "kind"),
        head=None if head is None else (head["sequence"], bytes(head["hash"])),
        behind={name: next(iter(ask(_BEHIND, {"consumer": name})))["n"] for name in asked.consumers},
        meta=meta,
    )


def _reads(ask: Ask, question: str, sources: Sequence[str], **words: bool) -> dict[str, ReadRow]:
    found = ((source, next(iter(ask(question, {"source": source, **words})), None)) for source in sources)
    return {source: _read(row) for source, row in found if row is not None}


def _nested(rows: Iterable[Row], outer: str, inner: str) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row[outer], {})[row[inner]] = row["n"]
    return found


def _queue(ask: Ask, now: datetime) -> QueueCounts:
    rows = {row["state"]: row for row in ask(_QUEUE, {"now": _micros(now)})}
    numbers = {state: int(row["n"]) for state, row in rows.items()}
    due = sum(int(rows[state]["due"]) for state in ("ready", "pending") if state in rows)
    blocked = int(next(iter(ask(_BLOCKED, {})))["n"]) if numbers.get("parked") else 0
    return QueueCounts(**numbers, due=due, blocked=blocked)


def _instant(stored: int | None) -> datetime | None:
    return None if stored is None else _EPOCH + timedelta(microseconds=stored)


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _certain(stored: int) -> datetime:
    return _EPOCH + timedelta(microseconds=stored)


def _run(row: Row) -> RunRow:
    return RunRow(
        run_id=RunId(row["run_id"]),
        kind=row["kind"],
        started_at=_certain(row["started_at"]),
        config_digest=bytes(row["config_digest"]),
        finished_at=_instant(row["finished_at"]),
        result=row["result"],
        counts=codec.decode(row["counts"]),
        note=row["note"],
    )


def _read(row: Row) -> ReadRow:
    return ReadRow(
        source=SourceName(row["source"]),
        run_id=RunId(row["run_id"]),
        started_at=_certain(row["started_at"]),
        finished_at=_certain(row["finished_at"]),
        full=bool(row["full"]),
        proven=bool(row["proven"]),
        facts=codec.decode_proof(row["facts"]),
        count=row["count"],
        cursor=row["cursor"],
        notes=codec.decode_told(row["notes"]),
    )


def _hold(row: Row) -> HoldRow:
    return HoldRow(
        id=row["id"],
        run_id=RunId(row["run_id"]),
        effect=Effect(row["effect"]),
        fingerprint=row["fingerprint"],
        reasons=codec.decode_texts(row["reasons"]),
        count=row["count"],
        names=codec.decode_texts(row["names"]),
        created_at=_certain(row["created_at"]),
        expires_at=_certain(row["expires_at"]),
        state=HoldState(row["state"]),
        released_by=row["released_by"],
        released_at=_instant(row["released_at"]),
        reason=row["reason"],
    )
