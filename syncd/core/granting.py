"""Which roles people are given and lose: a change of its own for each person, with what they have and what they shall have.

Only roles that we link are compared; what else somebody has is nobody's business here. Nothing here makes or removes a role.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from syncd.core.difference import ROLES, references
from syncd.core.errors import Place
from syncd.core.model import Change, Desired, FieldChange, Kind, LinkState, Observed, Op, SubjectId
from syncd.core.ordering import RANK_LINKS, lane, rights

if TYPE_CHECKING:
    from syncd.core.draft import Draft

MADE_UP: Final = f"{Kind.GROUP}:rule/"
"""How the subjects of roles begin that only the rules know; what follows is the name of the rule."""
_NOWHERE: Final = Place()


def is_made_up(subject: str) -> bool:
    """Tell whether a subject is a role that only the rules know."""
    return subject.startswith(MADE_UP)


def apart(item: Desired) -> Desired:
    """Return a desire without the roles, which come after everything else about the person."""
    if ROLES not in item.fields:
        return item
    return replace(item, fields={name: value for name, value in item.fields.items() if name != ROLES})


def give(draft: Draft, item: Desired) -> None:
    """Write down which roles somebody gains and loses."""
    if ROLES not in item.fields or item.kind is not Kind.PERSON:
        return
    seen = draft.object_of(item.subject) or draft.adopted.get(item.subject)
    if not _is_ours(draft, item, seen):
        return
    held = _held(draft, seen)
    wanted = {role for role in _named(draft, item) if _is_there(draft, role)} | (held & draft.terms.silent)
    if wanted != held:
        _add(draft, item, seen, before=held, after=wanted)


def _is_ours(draft: Draft, item: Desired, seen: Observed | None) -> bool:
    """Tell whether somebody has, or is about to get, an account whose roles may be changed."""
    if seen is None:
        link = draft.links.get(item.subject)
        known = link is not None and link.state is not LinkState.REMOVED
        return draft.makes(item.subject) and (draft.terms.complete or not known)
    if item.subject in draft.unclear or draft.guarded(seen):
        return False
    if ROLES in seen.unreadable:
        draft.hidden[ROLES] += 1
        return False
    return True


def _named(draft: Draft, item: Desired) -> tuple[SubjectId, ...]:
    return references(item.fields[ROLES], draft.terms.fields[Kind.PERSON][ROLES])


def _held(draft: Draft, seen: Observed | None) -> set[SubjectId]:
    if seen is None:
        return set()
    spec = draft.terms.fields[Kind.PERSON][ROLES]
    return set(references(draft.names.translate(ROLES, seen.fields.get(ROLES), spec), spec))


def _is_there(draft: Draft, role: SubjectId) -> bool:
    link = draft.links.get(role)
    return draft.makes(role) or role in draft.adopted or (link is not None and link.state is not LinkState.REMOVED)


def _add(
    draft: Draft,
    item: Desired,
    seen: Observed | None,
    *,
    before: set[SubjectId],
    after: set[SubjectId],
) -> None:
    rule = item.rules.get(ROLES, _NOWHERE)
    fields = (FieldChange(name=ROLES, before=tuple(sorted(before)), after=tuple(sorted(after)), rule=rule),)
    coming = tuple(sorted(role for role in after if draft.makes(role) or role in draft.adopted))
    # What somebody loses does not wait for a role that cannot be made: then the rest is written, and they are looked at again.
    loses = bool(before - after)
    draft.changes.append(
        Change(
            op=Op.ROLES,
            subject=item.subject,
            kind=item.kind,
            label=item.label,
            reason="is in other groups, or the rules say otherwise",
            effects=rights(fields),
            lane=lane(item.kind, Op.ROLES, fields),
            rank=RANK_LINKS,
            target_id=seen.target_id if seen is not None else None,
            fields=fields,
            needs=() if loses else coming,
            after=coming if loses else (),
            since=item.since,
        )
    )
