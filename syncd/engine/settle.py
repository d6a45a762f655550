"""What an outcome means: for the queue, the link, the observed state, the audit log and the feed. Pure; it stores nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from syncd.audit.entries import AuditEntry, EntryType
from syncd.core.errors import Problem, message
from syncd.core.model import Change, FieldChange, Kind, Lane, Link, LinkState, Observed, Op, TargetId
from syncd.core.outcome import Applied, Deferred, Fact, Outcome, Pending, Rejected
from syncd.core.values import Value, Values, is_empty
from syncd.engine.facts import Whole, facts_of
from syncd.engine.whose import chosen
from syncd.engine.world import WriterTerms
from syncd.store.rows import QueuedChange, QueueState, Settlement, Told

QUICK: Final = timedelta(seconds=30)
_NOTHING: Final[Values] = {}
QUICK_TRIES: Final = 3
"""A target may ask for a short wait (a new parent that lists do not show yet); after so many tries the schedule rules."""

GAVE_UP: Final = message(
    "ENG-010",
    what="{label}: {attempts} attempts failed, the last one with: {last}",
    do="Mend the cause, then `syncd queue retry {change}`; the next change of the record tries again by itself.",
    example="DingTalk refuses a department for hours because its name is taken.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Everything that one outcome changes, to be stored in one transaction."""

    settlement: Settlement
    entry: AuditEntry
    link: Link | None = None
    observed: Observed | None = None
    vanished: tuple[Kind, TargetId] | None = None
    facts: tuple[Fact, ...] = ()


_ENTRY: Final[Mapping[type, EntryType]] = {
    Applied: EntryType.CONFIRMED,
    Pending: EntryType.PENDING,
    Deferred: EntryType.DEFERRED,
    Rejected: EntryType.REJECTED,
}


def settle(
    queued: QueuedChange,
    wire: Change,
    outcome: Outcome,
    *,
    link: Link | None,
    before: Observed | None,
    terms: WriterTerms,
    now: datetime,
    mark: str,
    whole: Whole,
    explained: bool = True,
) -> Settled:
    """Return what `outcome` means. `wire` is the change as it was sent: references as target ids, held-back fields left out.

    Unless it is `explained`, a target that blames itself is not believed: it answers others meanwhile."""
    change = queued.change
    entry = AuditEntry(
        type=_ENTRY[type(outcome)],
        run=queued.run_id,
        change=queued.id,
        subject=change.subject,
        label=change.label,
        op=change.op,
        target_id=wire.target_id,
        fields=written(change, wire),
        reason=change.reason,
    )
    match outcome:
        case Applied(detail=detail) if change.op is Op.WRITE_BACK:
            return Settled(settlement=_done(queued), entry=replace(entry, reason=_how(change, detail)))
        case Applied() as looked if change.op is Op.LOOK:
            entry = replace(entry, reason=_how(change, looked.detail))
            return Settled(settlement=_done(queued), entry=entry, observed=looked.seen)
        case Applied(target_id=target_id) as applied:
            seen = None if change.op is Op.REMOVE else after(wire, target_id, before, mark, applied.learned)
            told = facts_of(change, target_id, entry.fields, link=link, observed=seen, whole=whole, now=now)
            return _confirm(queued, applied, entry, link=_link(change, target_id, link, now), observed=seen, facts=told)
        case Pending() as pending:
            return _wait(queued, wire, pending, entry, link=link, now=now)
        case Deferred() as later:
            # What a source blames on itself is no matter of the target.
            explained = explained or change.op is Op.WRITE_BACK
            return _defer(queued, later, entry, terms, now, explained=explained)
        case Rejected(problem=problem):
            parked = _settlement(queued, QueueState.PARKED, problem)
            return Settled(settlement=parked, entry=replace(entry, reason=str(problem)))


def _confirm(
    queued: QueuedChange,
    applied: Applied,
    entry: AuditEntry,
    *,
    link: Link,
    observed: Observed | None,
    facts: tuple[Fact, ...],
) -> Settled:
    change, target_id = queued.change, applied.target_id
    return Settled(
        settlement=_done(queued),
        entry=replace(entry, target_id=target_id, reason=_how(change, applied.detail)),
        link=link,
        observed=observed,
        vanished=_vanished(change, target_id),
        facts=facts,
    )


def _vanished(change: Change, target_id: TargetId) -> tuple[Kind, TargetId] | None:
    """Return what a confirmed change removed: its object, or the contact whose place an account has taken."""
    if change.op is Op.REMOVE:
        return change.kind, target_id
    if change.op is Op.CREATE and change.target_id is not None:
        return Kind.CONTACT, change.target_id
    return None


def _done(queued: QueuedChange) -> Settlement:
    return Settlement(
        change_id=queued.id, subject=queued.change.subject, state=QueueState.DONE, attempt=queued.attempt + 1
    )


def _how(change: Change, detail: str) -> str:
    return f"{change.reason} ({detail})" if detail else change.reason


def _wait(
    queued: QueuedChange, wire: Change, pending: Pending, entry: AuditEntry, *, link: Link | None, now: datetime
) -> Settled:
    """Somebody has to accept first. The link says so, as far as the id is known already."""
    known = pending.target_id or chosen(wire)
    waits = replace(_link(queued.change, known, link, now), state=LinkState.PENDING) if known else None
    if link is not None and link.kind is not queued.change.kind and link.state is not LinkState.REMOVED:
        waits = None  # somebody stays a contact until they have accepted
    return Settled(
        settlement=_settlement(queued, QueueState.PENDING, pending.problem, due_at=pending.review_at),
        entry=replace(entry, reason=pending.problem.what),
        link=waits,
    )


def _settlement(
    queued: QueuedChange,
    state: QueueState,
    problem: Problem,
    *,
    due_at: datetime | None = None,
    counted: bool = True,
    again: bool = False,
) -> Settlement:
    return Settlement(
        change_id=queued.id,
        subject=queued.change.subject,
        state=state,
        attempt=queued.attempt + (1 if counted else 0),
        due_at=due_at,
        problem=Told.of(problem),
        again=again or queued.again or state is QueueState.PENDING,
    )


def _defer(
    queued: QueuedChange,
    later: Deferred,
    entry: AuditEntry,
    terms: WriterTerms,
    now: datetime,
    *,
    explained: bool,
) -> Settled:
    """Try again: soon where the target asks for it, else by the schedule; give up at its end, but never on a leaver."""
    type_ = EntryType.UNKNOWN if later.read_back else entry.type
    entry = replace(entry, type=type_, reason=later.problem.what)
    if later.whole_target and explained:
        again = _settlement(
            queued, QueueState.READY, later.problem, due_at=later.retry_at, counted=False, again=later.read_back
        )
        return Settled(settlement=again, entry=entry)
    leaver = queued.change.lane is Lane.LEAVER
    schedule = terms.leaver_retries if leaver else terms.retries
    attempt = queued.attempt
    short = later.retry_at - now <= QUICK
    if attempt < QUICK_TRIES and short:
        soon = _settlement(queued, QueueState.READY, later.problem, due_at=later.retry_at, again=later.read_back)
        return Settled(settlement=soon, entry=entry)
    # Where short waits are asked for, the first tries were quick and no part of the schedule.
    step = attempt - QUICK_TRIES if short else attempt
    if step >= len(schedule) and not leaver:
        problem = GAVE_UP.at(label=queued.change.label, attempts=attempt + 1, last=later.problem.what, change=queued.id)
        parked = _settlement(queued, QueueState.PARKED, problem, again=later.read_back)
        return Settled(settlement=parked, entry=replace(entry, type=EntryType.REJECTED, reason=str(problem)))
    due_at = max(later.retry_at, now + schedule[min(step, len(schedule) - 1)])
    slow = _settlement(queued, QueueState.READY, later.problem, due_at=due_at, again=later.read_back)
    return Settled(settlement=slow, entry=entry)


def written(change: Change, wire: Change) -> tuple[FieldChange, ...]:
    """Return the fields of a change that were really sent, as the plan names them."""
    sent = {item.name for item in wire.fields}
    return tuple(item for item in change.fields if item.name in sent)


def _link(change: Change, target_id: TargetId, link: Link | None, now: datetime) -> Link:
    match change.op:
        case Op.REMOVE:
            state = LinkState.REMOVED
        case Op.OFFBOARD:
            state = LinkState.OFFBOARDED
        case _:
            state = LinkState.LINKED
    same = link is not None and link.state is state and link.target_id == target_id
    return Link(
        subject=change.subject,
        kind=change.kind,
        target_id=target_id,
        state=state,
        since=link.since if same and link is not None else now,
        adopted=change.op is Op.ADOPT or (link is not None and link.adopted and change.op is not Op.CREATE),
    )


def after(
    wire: Change, target_id: TargetId, before: Observed | None, mark: str, learned: Values = _NOTHING
) -> Observed:
    """Return the object as the confirmed change left it: what we wrote, and what the target told, over what we had seen."""
    created = wire.op is Op.CREATE
    fields: dict[str, Value] = {} if before is None or created else dict(before.fields)
    for item in wire.fields:
        if is_empty(item.after) and not isinstance(item.after, bool):
            fields.pop(item.name, None)
        elif isinstance(item.after, Mapping):
            held = fields.get(item.name)
            fields[item.name] = {**(held if isinstance(held, Mapping) else {}), **item.after}
        else:
            fields[item.name] = item.after
    fields.update(learned)
    name = fields.get("name")
    return Observed(
        target_id=target_id,
        kind=wire.kind,
        label=str(name) if name else wire.label,
        fields=fields,
        mark=mark if created and wire.kind is Kind.UNIT else before.mark if before is not None else "",
        protected=before.protected if before is not None else False,
        unreadable=before.unreadable if before is not None else frozenset(),
    )
