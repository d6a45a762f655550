"""The figures of health that a glance does not hold: who is linked, what is open and since when, how long changes took.

Asked like `glance`, in words that SQLite's driver and SQLAlchemy's `text` both take, and so without SQLAlchemy where the database
is a file. Every question costs what is open or what it returns; none walks through all people. It writes nothing.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Final

from syncd.core.model import LANES, Lane, Reason
from syncd.store import codec
from syncd.store.filing import decode_change
from syncd.store.glance import Ask, Row
from syncd.store.told import Told

DELAYS: Final = 1_000
"""How many of the last confirmed changes tell their delay."""
NAMED: Final = 10
"""How many parked changes are named."""
STUBBORN: Final = 3
"""From so many failures on a change counts as failing."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_OPEN: Final = "state IN ('ready', 'running', 'pending', 'parked')"
# Not a range: PostgreSQL may sort by the rules of a language.
_PERSON: Final = "substr(subject, 1, 7) = 'person:'"

_LANES: Final = (
    "SELECT lane, state, count(*) AS n, min(number) AS first,"
    f" sum(CASE WHEN attempt >= {STUBBORN} THEN 1 ELSE 0 END) AS failing"
    f" FROM changes WHERE {_OPEN} GROUP BY lane, state"
)
# Numbers are given in order, so the lowest has waited longest; of what the source says when, another may.
_CREATED: Final = "SELECT coalesce(since, created_at) AS at FROM changes WHERE number = :number"
_FAILING: Final = (
    f"SELECT problem, created_at, body FROM changes WHERE {_OPEN} AND state <> 'parked' AND attempt >= {STUBBORN}"
    " ORDER BY number LIMIT 200"
)
# A leaver's change can bring the hidden department with it; that one is nobody who is late.
_LATE: Final = (
    f"SELECT number, subject, body FROM changes WHERE {_OPEN} AND lane = {LANES.index(Lane.LEAVER)}"
    f" AND created_at < :late AND {_PERSON} ORDER BY number"
)
_PARKED: Final = f"SELECT body FROM changes WHERE {_OPEN} AND state = 'parked' ORDER BY due_at LIMIT {NAMED}"
# Newest first, from an index that holds nothing else. From the source's own change, or, where it does not say, from our noticing.
_TOOK: Final = (
    "SELECT coalesce(since, created_at) AS began, settled_at AS ended FROM changes"
    f" WHERE state = 'done' AND settled_at IS NOT NULL ORDER BY settled_at DESC LIMIT {DELAYS}"
)
# Who is not known to agree: marked, or with a change on its way. `linked` says how many of them have an object all the same.
_UNSETTLED: Final = (
    "SELECT count(*) AS n, count(l.subject) AS linked FROM ("
    f" SELECT subject FROM marks WHERE {_PERSON}"
    f" UNION SELECT subject FROM changes WHERE {_OPEN} AND {_PERSON}) AS u"
    " LEFT JOIN links l ON l.target = :target AND l.subject = u.subject AND l.state = 'linked'"
)
# Of leavers there is nothing to cover: they have, or had, an object that is hidden now.
_GONE: Final = (
    "SELECT count(*) AS n FROM ("
    f" SELECT subject FROM marks WHERE {_PERSON}"
    f" UNION SELECT subject FROM changes WHERE {_OPEN} AND {_PERSON}) AS u"
    " JOIN links l ON l.target = :target AND l.subject = u.subject AND l.state IN ('offboarded', 'removed')"
)

_DRIFTED: Final = "SELECT count(DISTINCT subject) AS n FROM drifts WHERE target = :target AND state = 'waiting'"
_MISPLACED: Final = (
    f"SELECT label FROM asides WHERE scope = 'plan' AND reason = '{Reason.MISPLACED}' ORDER BY number LIMIT {NAMED}"
)
_UNDECIDED: Final = "SELECT min(label) AS label FROM proposals WHERE state = 'open' GROUP BY source, kind, native_id"
_UNTOLD: Final = f"SELECT label, code FROM words WHERE fate = 'waiting' AND attempts >= {STUBBORN} ORDER BY number"
_ALERTS: Final = "SELECT body FROM alert_cases WHERE stage = 'open'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What most failing changes fail with, how many of the first 200 do, and since when the oldest of those waits."""

    told: Told
    times: int
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """What the store knows beyond a glance."""

    by_lane: Mapping[Lane, int] = field(default_factory=dict)
    """Open, unparked changes."""
    oldest_at: datetime | None = None
    """Since when the oldest of them waits."""
    failing: int = 0
    failing_labels: tuple[str, ...] = ()
    failing_why: Trouble | None = None
    leavers_late: int = 0
    late_labels: tuple[str, ...] = ()
    parked_labels: tuple[str, ...] = ()
    delays: tuple[timedelta, ...] = ()
    """Newest first."""
    confirmed_at: datetime | None = None
    unsettled: int = 0
    """People who have an object and are not known to agree with it."""
    unlinked: int = 0
    """People who have none, of whom one is wanted."""
    drifted: int = 0
    """Objects that somebody changed by hand and that wait for a decision."""
    misplaced_labels: tuple[str, ...] = ()
    """The first of those who would stand on the wrong side."""
    undecided: int = 0
    """Records of which a person has to say whose they are."""
    undecided_labels: tuple[str, ...] = ()
    """The first of them."""
    untold: int = 0
    """Words about joiners that could not be sent, again and again."""
    untold_labels: tuple[str, ...] = ()
    """The first of the joiners."""
    untold_code: str = ""
    """What most of these words failed with."""
    alerts: Mapping[str, int] = field(default_factory=dict)
    """Open alerts by severity."""
    file_bytes: int | None = None
    """What the database occupies; None where it is no file."""
    disk_free: int | None = None


def vitals(ask: Ask, *, target: str, late: datetime, file: Path | None) -> Vitals:
    """Ask for everything; a leaver whose change is open since before `late` is late."""
    rows = [*ask(_LANES, {})]
    open_ = [row for row in rows if row["state"] != "parked"]
    took = [(row["began"], row["ended"]) for row in ask(_TOOK, {})]
    unsettled = next(iter(ask(_UNSETTLED, {"target": target})))
    failing = [*ask(_FAILING, {})] if any(row["failing"] for row in open_) else []
    tardy = {row["subject"]: row for row in ask(_LATE, {"late": (late - _EPOCH) // _MICROSECOND})}
    gone = next(iter(ask(_GONE, {"target": target})))["n"]
    undecided = sorted(row["label"] for row in ask(_UNDECIDED, {}))
    untold = [(row["label"], row["code"]) for row in ask(_UNTOLD, {})]
    return Vitals(
        by_lane=_by_lane(open_),
        oldest_at=_created(ask, min((row["first"] for row in open_), default=None)),
        failing=sum(int(row["failing"]) for row in open_),
        failing_labels=_labels(failing),
        failing_why=_why(failing),
        leavers_late=len(tardy),
        late_labels=_labels(tardy.values()),
        parked_labels=_labels(ask(_PARKED, {})) if len(open_) < len(rows) else (),
        delays=tuple(max(end - begin, 0) * _MICROSECOND for begin, end in took),
        confirmed_at=_EPOCH + max(end for _, end in took) * _MICROSECOND if took else None,
        unsettled=unsettled["linked"],
        unlinked=unsettled["n"] - unsettled["linked"] - gone,
        drifted=next(iter(ask(_DRIFTED, {"target": target})))["n"],
        misplaced_labels=tuple(row["label"] for row in ask(_MISPLACED, {})),
        undecided=len(undecided),
        undecided_labels=tuple(undecided[:NAMED]),
        untold=len(untold),
        untold_labels=tuple(dict.fromkeys(label for label, _ in untold))[:NAMED],
        untold_code=max(Counter(code for _, code in untold).items(), key=itemgetter(1), default=("", 0))[0],
        alerts=Counter(str(json.loads(bytes(row["body"]))["severity"]) for row in ask(_ALERTS, {})),
        file_bytes=size(file),
        disk_free=free(file),
    )


def _by_lane(rows: Iterable[Row]) -> dict[Lane, int]:
    found: dict[Lane, int] = {}
    for row in rows:
        lane = LANES[row["lane"]]
        found[lane] = found.get(lane, 0) + row["n"]
    return found


def _created(ask: Ask, number: int | None) -> datetime | None:
    if number is None:
        return None
    micros: int = next(iter(ask(_CREATED, {"number": number})))["at"]
    return _EPOCH + micros * _MICROSECOND


def _labels(rows: Iterable[Row]) -> tuple[str, ...]:
    return tuple(decode_change(bytes(row["body"])).label for row in islice(rows, NAMED))


def _why(rows: Iterable[Row]) -> Trouble | None:
    told = [(codec.decode_told(bytes(row["problem"]))[0], row["created_at"]) for row in rows if row["problem"]]
    if not told:
        return None
    code, times = Counter(one.code for one, _ in told).most_common(1)[0]
    first, since = next(pair for pair in told if pair[0].code == code)
    return Trouble(told=first, times=times, since=_EPOCH + since * _MICROSECOND)


def size(file: Path | None) -> int | None:
    """Return what the file and its write-ahead log occupy."""
    if file is None:
        return None
    parts = (file, file.with_name(f"{file.name}-wal"))
    return sum(part.stat().st_size for part in parts if part.exists())


def free(file: Path | None) -> int | None:
    """Return what is left for accounts without privileges, where the file lies or would lie."""
    if file is None:
        return None
    try:
        found = os.statvfs(file.parent)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize
