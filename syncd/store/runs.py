"""Runs of the engine and reads of its sources. Never what was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, delete, false, insert, select, true, update

from syncd.core.model import RunId, SourceName
from syncd.store import codec
from syncd.store.columns import from_micros, maybe_from_micros, micros
from syncd.store.rows import ReadRow, RunRow
from syncd.store.statements import Answer, Upsert
from syncd.store.tables import reads, runs

_START: Final = insert(runs)
_FINISH: Final = update(runs).where(runs.c.run_id == bindparam("run"))
_RUN: Final = select(runs).where(runs.c.run_id == bindparam("run"))
_LAST_RUNS: Final = select(runs).order_by(runs.c.started_at.desc(), runs.c.run_id.desc()).limit(bindparam("number"))

_TIDY_RUNS: Final = delete(runs).where(runs.c.started_at < bindparam("before"))
_PUT_READ: Final = Upsert(reads, key=["source", "run_id"])
_LAST_READ: Final = (
    select(reads).where(reads.c.source == bindparam("source")).order_by(reads.c.finished_at.desc()).limit(1)
)
_LAST_FULL: Final = _LAST_READ.where(reads.c.full == true())
_LAST_GOOD: Final = _LAST_READ.where(reads.c.full == true(), reads.c.proven == true())
_LAST_PROVEN: Final = _LAST_READ.where(reads.c.proven == true())
_LATEST: Final = select(
    _LAST_READ.with_only_columns(reads.c.cursor).scalar_subquery().label("cursor"),
    _LAST_GOOD.with_only_columns(reads.c.finished_at).scalar_subquery().label("good_at"),
    _LAST_FULL.with_only_columns(reads.c.proven).scalar_subquery().label("proven"),
)
_GO_ON: Final = (
    update(reads)
    .where(reads.c.source == bindparam("of"), reads.c.run_id == bindparam("run"))
    .values(started_at=bindparam("began"), finished_at=bindparam("ended"), cursor=bindparam("place"))
)
_NEWER: Final = reads.alias("newer")
_TIDY: Final = delete(reads).where(
    reads.c.full == false(),
    reads.c.finished_at < bindparam("before"),
    select(_NEWER.c.run_id)
    .where(_NEWER.c.source == reads.c.source, _NEWER.c.finished_at > reads.c.finished_at)
    .correlate(reads)
    .exists(),
)
_GOOD: Final = reads.alias("good")
_TIDY_FULL: Final = delete(reads).where(
    reads.c.full == true(),
    reads.c.finished_at < bindparam("before"),
    select(_GOOD.c.run_id)
    .where(
        _GOOD.c.source == reads.c.source,
        _GOOD.c.full == true(),
        _GOOD.c.proven == true(),
        _GOOD.c.finished_at > reads.c.finished_at,
    )
    .correlate(reads)
    .exists(),
)


class Runs:
    """Runs, by id and by time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def start(self, run_id: RunId, *, kind: str, at: datetime, config_digest: bytes) -> None:
        """Note that a run begins."""
        self._connection.execute(
            _START,
            {
                "run_id": run_id,
                "kind": kind,
                "started_at": micros(at),
                "config_digest": config_digest,
                "result": "",
                "counts": codec.encode({}),
                "note": "",
            },
        )

    def finish(self, run_id: RunId, *, at: datetime, result: str, counts: Mapping[str, int], note: str = "") -> None:
        """Note how a run ended."""
        outcome = {"finished_at": micros(at), "result": result, "counts": codec.encode(counts), "note": note}
        self._connection.execute(_FINISH, {"run": run_id, **outcome})

    def tidy(self, *, before: datetime) -> int:
        """Forget the runs that began before then; returns how many. What they did is in the audit log."""
        return self._connection.execute(_TIDY_RUNS, {"before": micros(before)}).rowcount

    def last(self, number: int = 1) -> list[RunRow]:
        """Return the latest runs, newest first."""
        return [_run(row) for row in self._connection.execute(_LAST_RUNS, {"number": number})]

    def get(self, run_id: RunId) -> RunRow | None:
        """Return one run."""
        row = self._connection.execute(_RUN, {"run": run_id}).first()
        return None if row is None else _run(row)


def _run(row: Answer) -> RunRow:
    return RunRow(
        run_id=RunId(row.run_id),
        kind=row.kind,
        started_at=from_micros(row.started_at),
        config_digest=row.config_digest,
        finished_at=maybe_from_micros(row.finished_at),
        result=row.result,
        counts=codec.decode(row.counts),
        note=row.note,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """How far a source was read."""

    cursor: str | None
    """Where its last read ended; None, too, where it was never read."""
    good_at: datetime | None
    """When the last one ended that was full and proven."""
    doubted: bool
    """Whether the last full one was not proven."""


class Reads:
    """Reads, by source and by time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, row: ReadRow) -> None:
        """Note a finished read. A second read of one source in one run replaces the first."""
        fields = {
            "source": row.source,
            "run_id": row.run_id,
            "started_at": micros(row.started_at),
            "finished_at": micros(row.finished_at),
            "full": row.full,
            "proven": row.proven,
            "facts": codec.encode_proof(row.facts),
            "count": row.count,
            "cursor": row.cursor,
            "notes": codec.encode_told(row.notes),
        }
        _PUT_READ.run(self._connection, [fields])

    def go_on(self, row: ReadRow) -> bool:
        """Let a delta that told of nobody move the last read on, if that was as well proven; tell whether it did."""
        last = self.last(row.source)
        if last is None or last.full or last.proven is not row.proven:
            return False
        moment = {"of": row.source, "run": last.run_id, "ended": micros(row.finished_at), "place": row.cursor}
        self._connection.execute(_GO_ON, {**moment, "began": micros(row.started_at)})
        return True

    def tidy(self, *, before: datetime) -> int:
        """Forget the deltas that were read before then, but the last read of each source; returns how many."""
        return self._connection.execute(_TIDY, {"before": micros(before)}).rowcount

    def tidy_full(self, *, before: datetime) -> int:
        """Forget the full reads before then, but the last good one of each source and what came after it; returns how many."""
        return self._connection.execute(_TIDY_FULL, {"before": micros(before)}).rowcount

    def last(self, source: SourceName) -> ReadRow | None:
        """Return the latest read of a source."""
        row = self._connection.execute(_LAST_READ, {"source": source}).first()
        return None if row is None else _read(row)

    def latest(self, source: SourceName) -> Latest:
        """Return how far a source was read, without what its reads proved."""
        row = self._connection.execute(_LATEST, {"source": source}).one()
        return Latest(cursor=row.cursor, good_at=maybe_from_micros(row.good_at), doubted=row.proven is False)

    def last_full(self, source: SourceName) -> ReadRow | None:
        """Return the latest read that was full, proven or not."""
        row = self._connection.execute(_LAST_FULL, {"source": source}).first()
        return None if row is None else _read(row)

    def last_good(self, source: SourceName) -> ReadRow | None:
        """Return the latest read that was full and proven."""
        row = self._connection.execute(_LAST_GOOD, {"source": source}).first()
        return None if row is None else _read(row)

    def last_proven(self, source: SourceName) -> ReadRow | None:
        """Return the latest read that proved what it claimed: that of everything, or that of what had changed."""
        row = self._connection.execute(_LAST_PROVEN, {"source": source}).first()
        return None if row is None else _read(row)


def _read(row: Answer) -> ReadRow:
    fields = row._mapping
    return ReadRow(
        source=SourceName(row.source),
        run_id=RunId(row.run_id),
        started_at=from_micros(row.started_at),
        finished_at=from_micros(row.finished_at),
        full=row.full,
        proven=row.proven,
        facts=codec.decode_proof(row.facts),
        count=fields["count"],  # Row.count is tuple.count
        cursor=row.cursor,
        notes=codec.decode_told(row.notes),
    )
