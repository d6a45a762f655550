"""The plan: what to do, to whom, in which order. A pure function of what is desired, observed and linked.

Departments first and down the tree, then people, then links that had to wait, then leavers, then departments up the tree.
The same input gives the same plan, byte for byte. Only linked objects are changed; a protected one never is; nobody is taken
for gone unless `leaving` says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from syncd.core.departures import empty_units_last, leave
from syncd.core.difference import units_of
from syncd.core.draft import Draft
from syncd.core.errors import Problem, message
from syncd.core.granting import apart, give
from syncd.core.model import Aside, Desired, Kind, Link, LinkState, Observed, Plan, SubjectId
from syncd.core.ordering import fingerprint
from syncd.core.terms import Terms
from syncd.core.turns import take_turns

HIDDEN: Final = message(
    "PLN-005",
    what="The field {field} cannot be read from the target, so it is neither compared nor changed for {count} objects.",
    do="Grant the application the permission for it, then run `syncd plan --fresh`.",
    example="The application lacks the permission to see mobile numbers.",
)


def diff(
    desired: Iterable[Desired],
    observed: Iterable[Observed],
    links: Mapping[SubjectId, Link],
    *,
    leaving: Mapping[SubjectId, str],
    terms: Terms,
    aside: Sequence[Aside] = (),
    warnings: Sequence[Problem] = (),
    part: bool = False,
) -> Plan:
    """Return the plan that makes the target equal to the desire.

    `leaving` maps subjects that are proven to be gone, or no longer wanted, to the reason in words. A subject that is linked
    but neither desired nor leaving is left as it is. A `part` of a larger plan has no fingerprint of its own.
    """
    work = Draft(observed, links, terms)
    wanted = {item.subject: item for item in desired}
    work.expect(wanted, leaving)
    for item in sorted(wanted.values(), key=lambda item: item.subject):
        work.want(apart(item))
        give(work, item)
    for subject, reason in sorted(leaving.items()):
        if subject not in wanted:
            leave(work, subject, reason)
    return _finish(work, aside, warnings, part=part)


def _finish(draft: Draft, aside: Sequence[Aside], warnings: Sequence[Problem], *, part: bool) -> Plan:
    """Order the changes and say what the numbers are that the guard judges by."""
    empty_units_last(draft)
    take_turns(draft)
    ordered = tuple(sorted(draft.changes, key=lambda change: (change.rank, change.subject, change.op)))
    people = [link for link in draft.links.values() if link.state in (LinkState.LINKED, LinkState.PENDING)]
    population = Counter(str(link.kind) for link in people)
    hidden = [HIDDEN.at(field=name, count=count) for name, count in sorted(draft.hidden.items())]
    known = len(draft.linked & draft.seen.keys()) + len(draft.adopted)
    return Plan(
        fingerprint="" if part else fingerprint(ordered),
        changes=ordered,
        aside=(*aside, *draft.asides),
        warnings=(*warnings, *draft.warnings, *hidden),
        unmanaged=len(draft.seen) - known,
        population=dict(sorted(population.items())),
        units=_headcount(draft),
        warned=frozenset(draft.warned),
    )


def _headcount(draft: Draft) -> Mapping[SubjectId, int]:
    count: Counter[SubjectId] = Counter()
    for subject, link in draft.links.items():
        if (
            link.kind is Kind.PERSON
            and link.state is LinkState.LINKED
            and (seen := draft.object_of(subject)) is not None
        ):
            spec = draft.terms.fields[Kind.PERSON].get("departments")
            units = units_of(draft.names.translate("departments", seen.fields.get("departments"), spec)) if spec else ()
            count.update(SubjectId(unit) for unit in units)
    return dict(sorted(count.items()))


__all__ = ["Terms", "diff", "fingerprint"]
