"""What takes only some of those who are named: of a unit its members, who lead it or own its chat; of a contact those who have
not left. Others are left out of it, and told of.

Of whom nothing is known, membership is assumed: the target insists itself. Nothing here moves anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from syncd.core.difference import references, units_of
from syncd.core.errors import message
from syncd.core.model import Desired, Kind, LinkState, SubjectId
from syncd.core.values import Value

if TYPE_CHECKING:
    from syncd.core.draft import Draft

NO_MEMBER: Final = message(
    "PLN-006",
    what="{label}: {names} cannot stand in {field}, which takes members only.",
    do="Move the account into the unit, or name somebody who is in it; until then the field is written without them.",
    example="An OU is managed by somebody whose account stands in another OU: DingTalk lets only members lead a department.",
)
NAMED_LEFT: Final = message(
    "PLN-014",
    what="{label}: {field} names somebody who has left.",
    do="Nothing has to be done: it is written without them. Take them out of the record when you next look at it.",
    example="An external contact is shared with a colleague who has left, and the partner's record still names them.",
)


def with_members(draft: Draft, item: Desired) -> Desired:
    """Leave those out of a unit's fields who would have to be its members and are not."""
    specs = draft.terms.fields[item.kind]
    for name in draft.of_members[item.kind]:
        if name not in item.fields:
            continue
        named = references(item.fields[name], specs[name])
        members = tuple(subject for subject in named if _is_member(draft, subject, item.subject))
        one_of = specs[name].one_of
        if len(members) < len(named) and not (one_of and members):
            names = ", ".join(_label(draft, subject) for subject in named if subject not in members)
            draft.warn(item.subject, NO_MEMBER.at(label=item.label, names=names, field=name))
        if one_of:
            item = replace(item, fields=_chosen(draft, item, name, members))
        elif len(members) < len(named):
            item = replace(item, fields={**item.fields, name: members})
    return item


def _chosen(draft: Draft, item: Desired, name: str, members: tuple[SubjectId, ...]) -> Mapping[str, Value]:
    """Return the fields with one of `members` in this one: whoever stands there, else the first. It stays where there is none."""
    rest = {key: value for key, value in item.fields.items() if key != name}
    if not members:
        return rest
    seen = draft.object_of(item.subject) or draft.adopted.get(item.subject)
    spec = draft.terms.fields[item.kind][name]
    held = references(draft.names.translate(name, seen.fields.get(name), spec), spec) if seen is not None else ()
    return {**rest, name: (next((one for one in held if one in members), members[0]),)}


def _is_member(draft: Draft, person: SubjectId, unit: SubjectId) -> bool:
    """Tell whether somebody is, or is to be, a member; of whom nothing is known that is assumed."""
    wanted, seen = draft.wanted.get(person), draft.object_of(person)
    if person in draft.leaving and seen is not None and not draft.guarded(seen):
        return False
    if wanted is not None and "departments" in wanted.fields:
        return unit in units_of(wanted.fields["departments"])
    spec = draft.terms.fields[Kind.PERSON].get("departments")
    if seen is None or spec is None:
        return True
    return unit in units_of(draft.names.translate("departments", seen.fields.get("departments"), spec))


def with_those_present(draft: Draft, item: Desired) -> Desired:
    """Leave those out who are out of sight. Who leaves by this very plan is not yet: the guard may hold them."""
    specs = draft.terms.fields[item.kind]
    for name in draft.of_present[item.kind]:
        named = references(item.fields.get(name), specs[name])
        present = tuple([subject for subject in named if not _has_left(draft, subject)])
        if len(present) < len(named):
            # Looked at again with each plan: they may come back.
            draft.warn(item.subject, NAMED_LEFT.at(label=item.label, field=name))
            item = replace(item, fields={**item.fields, name: present or None})
    return item


def _has_left(draft: Draft, subject: SubjectId) -> bool:
    link = draft.links.get(subject)
    if link is None or link.state not in (LinkState.OFFBOARDED, LinkState.REMOVED):
        return False
    return link.state is LinkState.OFFBOARDED or not draft.makes(subject)


def _label(draft: Draft, person: SubjectId) -> str:
    wanted, seen = draft.wanted.get(person), draft.object_of(person)
    return wanted.label if wanted is not None else seen.label if seen is not None else person
