"""What a look at an object means: what somebody changed by hand, and what the rules say about it. In one transaction, audited.

A hand edit is a field that is not as it was last seen *and* not as it shall be. Where only one of the two holds it is no drift:
a field that nobody asked us to fill, an edit that happens to agree. Judging the same twice changes nothing, and nobody is asked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from syncd.audit.entries import AuditEntry, EntryType
from syncd.core.difference import same
from syncd.core.fields import FieldSpec
from syncd.core.model import Change, Desired, FieldChange, Kind, Link, LinkState, Observed, Op, SubjectId, TargetId
from syncd.core.values import Value, digest, frozen, is_empty
from syncd.engine.planning import Computed, planned
from syncd.engine.sight import keys_of
from syncd.engine.world import DriftRule, World
from syncd.store.drifts import WHOLE, Drift, DriftState

if TYPE_CHECKING:
    from syncd.core.ports import Target
    from syncd.store import Transaction

BY_HAND: Final = "changed by hand in the target"
NOTHING: Final = b""
"""The digest of what is wanted of an object that is gone: nothing that a source says brings it back by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One object as it is now."""

    kind: Kind
    target_id: TargetId
    now: Observed | None
    """None: it is gone."""
    event_at: datetime
    how: str = "event"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What became of some news."""

    found: tuple[Drift, ...] = ()
    """What was changed by hand, as it would be kept; also what is reverted."""
    marked: frozenset[SubjectId] = frozenset()
    """Who is looked at again by the next plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turned:
    """A subject whose object is not as it was last seen."""

    link: Link
    news: News
    fields: frozenset[str]
    """The fields that are not as they were."""
    known: bool
    """False: there was nothing to compare with."""


def learn(tx: Transaction, world: World, target: Target, news: Sequence[News]) -> Judged:
    """Note how objects are now, and do what the rules say about what was changed by hand."""
    turned = _note(tx, world, target, news)
    if not turned:
        return Judged()
    name = world.target_name
    kept = {(row.subject, row.field): row for row in tx.drifts.of(name, turned)}
    tx.drifts.drop(name, kept.values())  # what is kept is judged anew, and so must not stand in its own way
    computed = planned(tx, world, target, turned.keys(), complete=True)
    differing = _differing(computed.plan.changes, turned)
    found: list[Drift] = []
    marked: set[SubjectId] = set()
    for subject, one in sorted(turned.items()):
        drifts = _drifts(world, one, differing.get(subject, {}), computed, kept)
        staying = [drift for drift in drifts if world.drift.of(drift.field) is not DriftRule.REVERT]
        staying = [kept.get((subject, drift.field), drift) if _same(kept, drift) else drift for drift in staying]
        tx.drifts.put(name, staying)
        found += [drift for drift in drifts if not _same(kept, drift)]
        unsettled = (
            len(staying) < len(differing.get(subject, {})) or one.link.state is LinkState.PENDING or not one.known
        )
        if unsettled or world.returned_fields & one.fields:
            marked.add(subject)
    tx.marks.add(sorted(marked), reason=BY_HAND, at=world.now())
    how = {subject: one.news.how for subject, one in turned.items()}
    world.audit.append(tx, [_entry(world, drift, how[drift.subject]) for drift in found], at=world.now())
    return Judged(found=tuple(found), marked=frozenset(marked))


def _note(tx: Transaction, world: World, target: Target, news: Sequence[News]) -> dict[SubjectId, _Turned]:
    """Keep how objects are now; return the subjects of those that are not as they were. Strangers are passed over."""
    name, now = world.target_name, world.now()
    turned: dict[SubjectId, _Turned] = {}
    for kind in {one.kind for one in news}:
        some = [one for one in news if one.kind is kind]
        ids = [one.target_id for one in some]
        links = tx.links.by_objects(name, kind, ids)
        before = tx.observed.get_many(name, kind, ids)
        for one in some:
            link, old = links.get(one.target_id), before.get(one.target_id)
            if link is None:
                continue
            fields = _changed(old, one.now, target.fields[kind])
            if one.now is None:
                tx.observed.drop(name, kind, one.target_id)
            else:
                tx.observed.put(name, one.now, at=now, keys=keys_of(target))
            if fields or (old is None) is not (one.now is None) or _guards(old) is not _guards(one.now):
                turned[link.subject] = _Turned(link=link, news=one, fields=fields, known=old is not None)
    return turned


def _guards(seen: Observed | None) -> bool:
    return seen is not None and seen.protected


def _changed(old: Observed | None, now: Observed | None, specs: Mapping[str, FieldSpec]) -> frozenset[str]:
    """Return the fields that are not as they were, as far as both sides show them."""
    if old is None or now is None:
        return frozenset()
    hidden = old.unreadable | now.unreadable
    return frozenset(
        name
        for name in (old.fields.keys() | now.fields.keys()) - hidden
        if (spec := specs.get(name)) is not None and not holds(old.fields.get(name), now.fields.get(name), spec)
    )


def holds(old: Value, now: Value, spec: FieldSpec) -> bool:
    """Tell whether a field is as it was: what we wrote lacks the details that only a look shows (orders in departments)."""
    return frozen(old) == frozen(now) or (is_empty(old) and is_empty(now)) or same(old, now, spec)


def _differing(
    changes: Iterable[Change], turned: Mapping[SubjectId, _Turned]
) -> dict[SubjectId, dict[str, FieldChange | None]]:
    """Return what a plan would write of each, by field; `WHOLE` where it would make the object anew."""
    found: dict[SubjectId, dict[str, FieldChange | None]] = {}
    for change in changes:
        if change.subject not in turned or change.op is Op.WRITE_BACK:
            continue
        mine = found.setdefault(change.subject, {})
        if change.op is Op.CREATE:
            mine[WHOLE] = None
        elif WHOLE not in mine and change.op not in (Op.REMOVE, Op.OFFBOARD):
            mine.update({field.name: field for field in change.fields})
    return found


def _drifts(
    world: World,
    one: _Turned,
    differing: Mapping[str, FieldChange | None],
    computed: Computed,
    kept: Mapping[tuple[SubjectId, str], Drift],
) -> list[Drift]:
    """Return what was changed by hand of one subject: what differs and was as it should be, or was kept before."""
    subject, made = one.link.subject, []
    wanted = computed.wishes.desired.get(subject)
    for name, field in differing.items():
        if not one.known or (name != WHOLE and name not in one.fields and (subject, name) not in kept):
            continue
        accepted = world.drift.of(name) is DriftRule.ACCEPT
        made.append(
            Drift(
                subject=subject,
                field=name,
                kind=one.link.kind,
                target_id=one.link.target_id,
                label=wanted.label if wanted is not None else one.link.target_id,
                state=DriftState.ACCEPTED if accepted else DriftState.WAITING,
                found_at=world.now(),
                event_at=one.news.event_at,
                wanted=NOTHING if wanted is None or name == WHOLE else digest(wanted.fields.get(name)),
                before=field.after if field is not None else None,
                after=field.before if field is not None else None,
            )
        )
    return made


def _same(kept: Mapping[tuple[SubjectId, str], Drift], drift: Drift) -> bool:
    """Tell whether this very edit is known: it is not told twice, and what was decided about it stands."""
    known = kept.get((drift.subject, drift.field))
    return known is not None and frozen(known.after) == frozen(drift.after) and known.wanted == drift.wanted


def _entry(world: World, drift: Drift, how: str) -> AuditEntry:
    fields = () if drift.field == WHOLE else (FieldChange(name=drift.field, before=drift.before, after=drift.after),)
    rule = world.drift.of(drift.field)
    return AuditEntry(
        type=EntryType.DRIFT_FOUND,
        subject=drift.subject,
        label=drift.label,
        target_id=drift.target_id,
        fields=fields,
        reason=f"{'deleted' if drift.field == WHOLE else 'changed'} by hand in the target; the rule says {rule}",
        facts={"field": drift.field, "rule": str(rule), "found": how, "at": drift.event_at.isoformat()},
    )


def settled(tx: Transaction, world: World, changes: Iterable[Change], subjects: Collection[SubjectId]) -> None:
    """Forget what is kept of fields that a plan writes: the source has said something else since."""
    rows = tx.drifts.of(world.target_name, subjects)
    if not rows:
        return
    written = {
        (change.subject, field.name) for change in changes if change.op is not Op.WRITE_BACK for field in change.fields
    }
    made = {change.subject for change in changes if change.op is Op.CREATE}
    over = [row for row in rows if (row.subject, row.field) in written or row.subject in made]
    tx.drifts.drop(world.target_name, over)


def ended(tx: Transaction, world: World, desired: Mapping[SubjectId, Desired], subjects: Collection[SubjectId]) -> None:
    """Forget what was left alone and is wished for again: the source says something else since, perhaps what the target holds.

    Else a source that goes back to what it said then would find the edit in force again.
    """
    rows = tx.drifts.of(world.target_name, subjects)
    over = [row for row in rows if row.subject in desired and row.field in desired[row.subject].fields]
    tx.drifts.drop(world.target_name, over)
