"""How one source stands: what its last reads proved, and when everything is read again. Pure; it asks nobody and judges nothing.

The cursor itself is never shown: it can be as long as a directory, and says nothing to people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from syncd.core.model import LEARNED, ProofFact, RunId, SourceName
from syncd.store.rows import ReadRow, Told

if TYPE_CHECKING:
    from syncd.store.glance import Glance

NOT_READ: Final = "it was not read yet"
NO_CURSOR: Final = "the last read left no place to go on from"
NEVER_PROVEN: Final = "no full read has been proven yet"
DOUBTED: Final = "the last full read was not proven"
CLOCK: Final = "schedule.full_every"
BY_TIME: Final = "time alone changes what a record means then"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadShown:
    """One read, as it is shown: everything that the store keeps of it but the cursor."""

    source: SourceName
    run_id: RunId
    started_at: datetime
    finished_at: datetime
    full: bool
    proven: bool
    facts: tuple[ProofFact, ...]
    count: int
    notes: tuple[Told, ...] = ()

    @classmethod
    def of(cls, row: ReadRow) -> ReadShown:
        """Return what is shown of a read."""
        return cls(
            source=row.source,
            run_id=row.run_id,
            started_at=row.started_at,
            finished_at=row.finished_at,
            full=row.full,
            proven=row.proven,
            facts=row.facts,
            count=row.count,
            notes=row.notes,
        )

    @property
    def doubts(self) -> tuple[ProofFact, ...]:
        """Return the facts that do not hold."""
        return tuple(fact for fact in self.facts if not fact.holds)


@dataclass(frozen=True, slots=True, kw_only=True)
class NextFull:
    """When a source is read in full again, at the latest, and why then."""

    at: datetime | None
    """None: in the next run."""
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStanding:
    """How one source stands."""

    name: str
    read: ReadShown | None
    good_at: datetime | None
    """When it was last read in full and proven."""
    learns: str = ""
    """How it learns who changed, in the source's words; empty where it does not say."""
    full: ReadShown | None = None
    """The last full read, proven or not; the same as `read` where that was one."""
    good_count: int | None = None
    """How many records the last full and proven read saw."""
    cursor_at: datetime | None = None
    """From when the place is where the next delta goes on; None where there is none."""
    next_full: NextFull | None = None
    """Only of the source that was asked for."""
    there: Mapping[str, int] = field(default_factory=dict)
    """Records that are there, by kind; only of the source that was asked for."""


def standing(name: str, seen: Glance, *, now: datetime, full_every: timedelta, closely: bool) -> SourceStanding:
    """Return how a source stands; `closely` with what takes a while to find out."""
    read, full, good = seen.reads.get(name), seen.full.get(name), seen.good.get(name)
    reads = Reads(last=read, full=full, good=good)
    return SourceStanding(
        name=name,
        read=ReadShown.of(read) if read else None,
        good_at=good.finished_at if good else None,
        learns=_learns(read),
        full=ReadShown.of(full) if full else None,
        good_count=good.count if good else None,
        cursor_at=read.started_at if read and read.cursor is not None else None,
        next_full=next_full(reads, now=now, every=full_every, by_time=seen.there_until) if closely else None,
        there=seen.there if closely else {},
    )


def _learns(read: ReadRow | None) -> str:
    return next((fact.detail for fact in read.facts if fact.name == LEARNED), "") if read else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """The reads of a source that decide what the next one is: the last, the last full one, the last full and proven one."""

    last: ReadRow | None
    full: ReadRow | None
    good: ReadRow | None


def next_full(reads: Reads, *, now: datetime, every: timedelta, by_time: datetime | None) -> NextFull:
    """Return when everything is read again, by the rule of `syncd.engine.stage`; a test says that they agree.

    `by_time` is when time alone first changes what a record means: a delta tells nothing of that.
    """
    if reads.last is None:
        return NextFull(at=None, why=NOT_READ)
    if reads.last.cursor is None:
        return NextFull(at=None, why=NO_CURSOR)
    if reads.good is None:
        return NextFull(at=None, why=NEVER_PROVEN)
    if reads.full is not None and not reads.full.proven:
        return NextFull(at=None, why=DOUBTED)
    clock = reads.good.finished_at + every
    at, why = (by_time, BY_TIME) if by_time is not None and by_time < clock else (clock, CLOCK)
    return NextFull(at=at if at > now else None, why=why)
