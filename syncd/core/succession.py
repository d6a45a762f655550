"""Who takes over from those who have left: a deputy, or the next one above who is still there. Pure; equal trees give the same.

A tree without circles stays one: whoever takes over stands above, or is a deputy who stands under nobody else who has left.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from syncd.core.errors import message
from syncd.core.model import FieldChange, Link, LinkState, SubjectId

MANAGER_LEAVES: Final = message(
    "PLN-007",
    what="{label}: the manager has left, the source names nobody else, and nobody takes over.",
    do="Name another manager in the source. Until then the link stays; it ends with the leaver's account. Nobody takes over "
    "where nobody is above the leaver, or where `leavers.hand_over` is `keep`.",
    example="The head of the company leaves, and the records still name the head on Monday.",
)


def heirs(gone: Collection[SubjectId], above: Mapping[SubjectId, SubjectId]) -> dict[SubjectId, SubjectId]:
    """Return who takes over from each of `gone`; those are missing above whom nobody is left.

    `above` says who manages whom, also of those who are gone. In a circle of people who have all left there is nobody.
    """
    found: dict[SubjectId, SubjectId] = {}
    for one in gone:
        met = {one}
        at = above.get(one)
        while at is not None and at in gone and at not in met:
            met.add(at)
            at = above.get(at)
        if at is not None and at not in gone:
            found[one] = at
    return found


def deputies(
    gone: Collection[SubjectId], above: Mapping[SubjectId, SubjectId], named: Mapping[SubjectId, SubjectId]
) -> dict[SubjectId, SubjectId]:
    """Return the deputies who take over from those of `gone` of whom one is `named`: there, and either a report of the leaver,
    or somebody above whom nobody is gone. Of anybody else it cannot be said that no circle comes of it.

    A deputy who is a report passes to the next one above, and the other reports to the deputy: so neither manages the other.
    """
    return {
        one: deputy
        for one, deputy in named.items()
        if one in gone and deputy not in gone and (above.get(deputy) == one or not _under_any(deputy, gone, above))
    }


def _under_any(person: SubjectId, gone: Collection[SubjectId], above: Mapping[SubjectId, SubjectId]) -> bool:
    met = {person}
    at = above.get(person)
    while at is not None and at not in met:
        if at in gone:
            return True
        met.add(at)
        at = above.get(at)
    return at is not None  # a circle


def handed_over(
    fields: Sequence[FieldChange], links: Mapping[SubjectId, Link], leaving: Collection[SubjectId]
) -> tuple[FieldChange, ...]:
    """Return what takes somebody from a manager who leaves by this very plan. It waits until that is done: if the guard holds the
    leaver, nobody is handed over either."""
    if not leaving:
        return ()
    return tuple(
        [
            change
            for change in fields
            if change.name == "manager"
            and change.before in leaving
            and (link := links.get(SubjectId(str(change.before)))) is not None
            and link.state is LinkState.LINKED
        ]
    )
