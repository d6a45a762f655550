"""Who may be who: what is proposed and waits for a person, and what people have decided. Never decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, bindparam, delete, func, select

from syncd.core.matching import Cause, Pair, Proposal
from syncd.core.model import Kind, NativeId, SourceName, SubjectId
from syncd.store.columns import from_micros, maybe_from_micros, maybe_micros, micros
from syncd.store.statements import Answer, Fields, Many, Upsert, among, several
from syncd.store.tables_proposals import proposals

_T: Final = proposals
_PUT: Final = Upsert(_T, key=["source", "kind", "native_id", "subject"])
_THIS: Final = tuple(_T.c[name] == bindparam(f"of_{name}") for name in ("source", "kind", "native_id", "subject"))
_DROP: Final = Many(delete(_T).where(*_THIS))
_OF_RECORD: Final = tuple(_T.c[name] == bindparam(f"of_{name}") for name in ("source", "kind", "native_id"))
_IN_STATE: Final = _T.c.state == bindparam("of_state")
_ALL: Final = select(_T).order_by(_T.c.found_at, _T.c.source, _T.c.native_id, _T.c.subject)
_WITHIN: Final = _ALL.where(_IN_STATE)
_COUNT: Final = select(func.count()).select_from(
    select(*_T.primary_key.columns[:3]).where(_IN_STATE).distinct().subquery()
)
_OF_SUBJECTS: Final = _ALL.where(among(_T.c.subject))
_CONCERNED: Final = select(_T.c.subject).where(_IN_STATE, among(_T.c.subject))
_ANY: Final = select(_T.c.source).where(_IN_STATE).limit(1)
_REJECTED: Final = select(_T).where(
    _T.c.source == bindparam("of_source"),
    _T.c.kind == bindparam("of_kind"),
    _IN_STATE,
    among(_T.c.native_id),
)
_ABOUT: Final = _ALL.where(*_OF_RECORD)


class ProposalState(StrEnum):
    """What became of a proposal."""

    OPEN = "open"
    ACCEPTED = "accepted"
    """The two are one person."""
    REJECTED = "rejected"
    """They are two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalRow:
    """A proposal as it is kept."""

    proposal: Proposal
    state: ProposalState
    found_at: datetime
    decided_at: datetime | None = None
    by: str = ""
    reason: str = ""

    @property
    def pair(self) -> Pair:
        return self.proposal.pair


class Proposals:
    """Pairs of a record and a subject."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def settle(self, found: Iterable[Proposal], *, at: datetime) -> set[SubjectId]:
        """Let these be what is open; returns the subjects of those that are new, and of those that are not open any more."""
        wanted = {one.pair: one for one in found}
        known = {row.pair: row for row in self.all(ProposalState.OPEN)} if wanted or self.any_open() else {}
        over = known.keys() - wanted.keys()
        self.drop(over)
        changed = [one for pair, one in wanted.items() if pair not in known or known[pair].proposal != one]
        self.put(
            ProposalRow(
                proposal=one,
                state=ProposalState.OPEN,
                found_at=known[one.pair].found_at if one.pair in known else at,
            )
            for one in changed
        )
        return {pair.subject for pair in over | (wanted.keys() - known.keys())}

    def put(self, rows: Iterable[ProposalRow]) -> None:
        """Insert or replace."""
        _PUT.run(self._connection, [_fields(row) for row in rows])

    def all(self, state: ProposalState | None = None) -> list[ProposalRow]:
        """Return all, the oldest first; or those in a state."""
        question, words = (_ALL, {}) if state is None else (_WITHIN, {"of_state": state})
        return [_row(row) for row in self._connection.execute(question, words)]

    def of_record(self, source: SourceName, kind: Kind, native_id: NativeId) -> list[ProposalRow]:
        """Return those about a record."""
        words = {"of_source": source, "of_kind": kind, "of_native_id": native_id}
        return [_row(row) for row in self._connection.execute(_ABOUT, words)]

    def of_subjects(self, subjects: Iterable[SubjectId]) -> list[ProposalRow]:
        """Return those that name one of these."""
        return [_row(row) for row in several(self._connection, _OF_SUBJECTS, {}, subjects)]

    def waiting(self, subjects: Iterable[SubjectId]) -> frozenset[SubjectId]:
        """Return who of these may be somebody whose record waits for a decision."""
        if not self.any_open():
            return frozenset()
        found = several(self._connection, _CONCERNED, {"of_state": ProposalState.OPEN}, subjects)
        return frozenset(SubjectId(row.subject) for row in found)

    def any_open(self) -> bool:
        """Tell whether anything waits for a decision."""
        return self._any(ProposalState.OPEN)

    def open_records(self) -> int:
        """Count the records that wait for a decision."""
        number: int = self._connection.execute(_COUNT, {"of_state": ProposalState.OPEN}).scalar_one()
        return number

    def apart(self, records: Iterable[tuple[SourceName, Kind, NativeId]]) -> dict[Pair, bytes]:
        """Return whom people have said not to be one of these records, with what both said of themselves then."""
        if not self._any(ProposalState.REJECTED):
            return {}
        by_place: dict[tuple[SourceName, Kind], list[NativeId]] = {}
        for source, kind, native_id in records:
            by_place.setdefault((source, kind), []).append(native_id)
        return {row.pair: row.proposal.digest for row in self._rejected(by_place)}

    def _rejected(self, by_place: dict[tuple[SourceName, Kind], list[NativeId]]) -> Iterator[ProposalRow]:
        for (source, kind), ids in by_place.items():
            words = {"of_source": source, "of_kind": kind, "of_state": ProposalState.REJECTED}
            yield from map(_row, several(self._connection, _REJECTED, words, ids))

    def _any(self, state: ProposalState) -> bool:
        return self._connection.execute(_ANY, {"of_state": state}).first() is not None

    def drop(self, pairs: Iterable[Pair]) -> None:
        """Forget."""
        rows = [
            {"of_source": one.source, "of_kind": one.kind, "of_native_id": one.native_id, "of_subject": one.subject}
            for one in pairs
        ]
        if rows:
            _DROP.run(self._connection, rows)


def _fields(row: ProposalRow) -> Fields:
    one, pair = row.proposal, row.pair
    return {
        "source": pair.source,
        "kind": pair.kind,
        "native_id": pair.native_id,
        "subject": pair.subject,
        "state": row.state,
        "label": one.label,
        "other": one.other,
        "step": one.step,
        "cause": one.cause,
        "digest": one.digest,
        "found_at": micros(row.found_at),
        "decided_at": maybe_micros(row.decided_at),
        "decided_by": row.by,
        "reason": row.reason,
    }


def _row(row: Answer) -> ProposalRow:
    pair = Pair(
        source=SourceName(row.source),
        kind=Kind(row.kind),
        native_id=NativeId(row.native_id),
        subject=SubjectId(row.subject),
    )
    proposal = Proposal(
        pair=pair, label=row.label, other=row.other, step=row.step, cause=Cause(row.cause), digest=row.digest
    )
    return ProposalRow(
        proposal=proposal,
        state=ProposalState(row.state),
        found_at=from_micros(row.found_at),
        decided_at=maybe_from_micros(row.decided_at),
        by=row.decided_by,
        reason=row.reason,
    )
