"""Who is taken for gone: inferred only from a full read that is proven, not empty and not suddenly small, or told by the source.

Nothing here reads a source, and nothing here lets anybody go: that takes a plan and the guard.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from syncd.audit.entries import AuditEntry, EntryType
from syncd.core.errors import Problem, message
from syncd.core.model import Completeness, Effect, Kind, NativeId, RunId
from syncd.engine import marking
from syncd.engine.staging import DERIVED
from syncd.engine.world import Seat, World
from syncd.store import Transaction
from syncd.store.rows import HoldRow, HoldState, Was

if TYPE_CHECKING:
    from syncd.engine.reading import Reading

Key = tuple[Kind, NativeId]
WasBy = Mapping[Key, Was]

UNPROVEN: Final = message(
    "ENG-001",
    what="The read of source {source} is not proven complete ({doubts}).",
    do="Nobody is taken for gone on its strength. Mend the cause; the next good read heals.",
    example="A directory server that answers with a size limit in the middle of the read.",
)
EMPTY: Final = message(
    "ENG-002",
    what="Source {source} shows nobody at all.",
    do="An empty read never means that everybody left. Check the base, the filter and the rights of the account.",
    example="A filter that matches nothing, an account that lost its right to read.",
)
SHRANK: Final = message(
    "ENG-003",
    what="Source {source} lacks {gone} of the {before} records that it had ({share:.0f} %).",
    do="If that is right, release it with `syncd hold release {hold} --reason …`; until then nobody is taken for gone.",
    example="An OU with a third of the company is moved out of the search base.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """Who is gone, or why nobody is taken for gone."""

    gone: tuple[Key, ...] = ()
    problems: tuple[Problem, ...] = ()


def infer(
    tx: Transaction,
    world: World,
    seat: Seat,
    reading: Reading,
    completeness: Completeness,
    *,
    run_id: RunId,
    now: datetime,
) -> Absence:
    """Return who is gone by this read. What the source itself says is gone needs no proof of completeness."""
    told = tuple(tx.records.among(seat.name, reading.deleted)) if reading.deleted else ()
    if not completeness.proven:
        doubts = "; ".join(f"{fact.name}: {fact.detail}" for fact in completeness.doubts) or "no proof was given"
        return Absence(gone=told, problems=(UNPROVEN.at(source=seat.name, doubts=doubts),))
    missing = _missing(tx, seat, reading) if reading.full else []
    problems = _doubts(tx, world, seat, reading, missing, run_id=run_id, now=now) if missing else ()
    if reading.full and not problems:
        _let_go(tx, world, seat, run_id=run_id, now=now)
    return Absence(gone=told if problems else tuple(dict.fromkeys((*missing, *told))), problems=problems)


def _let_go(
    tx: Transaction, world: World, seat: Seat, *, run_id: RunId, now: datetime, but: HoldRow | None = None
) -> None:
    """Drop what is held because the source had shrunk: it shows them again, or others are missing now."""
    for row in tx.holds.open():
        ours = row.effect is Effect.SOURCE_SHRUNK and row.reasons[0].startswith(_lost(seat))
        if not ours or (but is not None and row.id == but.id):
            continue
        tx.holds.drop(row.id, by="syncd", at=now, reason="the source does not lack these any more")
        entry = AuditEntry(type=EntryType.HOLD_DROPPED, run=run_id, reason=row.reasons[0], facts={"hold": row.id})
        world.audit.append(tx, [entry], at=now)


def _lost(seat: Seat) -> str:
    """Return how the reason of a hold begins that is about this source."""
    return f"{seat.name} lost "


def _missing(tx: Transaction, seat: Seat, reading: Reading) -> list[Key]:
    """Return the records that are stored and were not seen."""
    unprinted = {(kind, one): sum_ for kind, one, sum_ in tx.records.without_fingerprint(seat.name, at=reading.started)}
    derived = {key for key, sum_ in unprinted.items() if sum_.startswith(DERIVED)}
    found = set(unprinted)
    if reading.all_decoded:
        found.update(key for key in tx.records.present(seat.name) if not reading.came(*key))
    elif left := reading.known.left:
        found.update(tx.records.remaining(seat.name, fingerprints=left))
    return sorted(key for key in found - derived if not reading.came(*key))


def _doubts(
    tx: Transaction, world: World, seat: Seat, reading: Reading, missing: Sequence[Key], *, run_id: RunId, now: datetime
) -> tuple[Problem, ...]:
    """Return why those who are missing are not taken for gone all the same."""
    count = tx.records.count(seat.name)
    if not _people_seen(reading, count[Kind.PERSON], missing) and any(kind is Kind.PERSON for kind, _ in missing):
        return (EMPTY.at(source=seat.name),)
    before = count.total() - sum(sum_.startswith(DERIVED) for *_, sum_ in tx.records.without_fingerprint(seat.name))
    share = 100 * len(missing) / before
    if before < world.guard.shrink_minimum or share < world.guard.shrink_percent:
        return ()
    sum_ = hashlib.sha256(repr((seat.name, list(missing))).encode()).hexdigest()
    if tx.holds.matching(Effect.SOURCE_SHRUNK, sum_, now=now) is not None:
        return ()
    hold = HoldRow(
        id=f"shrunk-{sum_[:8]}",
        run_id=run_id,
        effect=Effect.SOURCE_SHRUNK,
        fingerprint=sum_,
        reasons=(f"{_lost(seat)}{len(missing)} of {before} records ({share:.0f} %)",),
        count=len(missing),
        names=tuple(native_id for _, native_id in missing[:50]),
        created_at=now,
        expires_at=now + world.guard.hold_expires,
        state=HoldState.OPEN,
    )
    _let_go(tx, world, seat, run_id=run_id, now=now, but=hold)
    tx.holds.put(hold)
    entry = AuditEntry(
        type=EntryType.HOLD_OPENED, run=run_id, reason=hold.reasons[0], facts={"hold": hold.id, "count": hold.count}
    )
    world.audit.append(tx, [entry], at=now)
    return (SHRANK.at(source=seat.name, gone=len(missing), before=before, share=share, hold=hold.id),)


def _people_seen(reading: Reading, stored: int, missing: Collection[Key]) -> int:
    """Return how many people the read saw: those that came, and those that are known and not missing."""
    return max(reading.people, stored - sum(kind is Kind.PERSON for kind, _ in missing))


def retire_derived(tx: Transaction, world: World, seat: Seat) -> None:
    """A unit made from paths goes when nobody's path names it, or one below it, any more."""
    # From below: who was named by a unit that goes may be named by nobody then.
    while idle := [(Kind.UNIT, one) for one, sum_ in tx.records.unnamed(seat.name) if sum_.startswith(DERIVED)]:
        marking.leave(tx, world, seat.name, idle)
        tx.records.mark_absent(seat.name, idle, at=world.now())
