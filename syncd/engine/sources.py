"""Sources that are no longer in the configuration: named, and decided about by a person. By that alone nobody is a leaver.

A source that is taken out of syncd.yaml, or renamed in it, says nothing any more, and nobody knows which of the two it was. What
it said last stands still until somebody says that it is to be forgotten, or that it has another name now. Asks nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from syncd.core.errors import NeedsHuman, message
from syncd.core.model import Kind, LinkState, SourceName, SubjectId
from syncd.engine import marking
from syncd.engine.linking import settled
from syncd.engine.world import World
from syncd.store import Transaction

CONFIGURED: Final = message(
    "LNK-020",
    what="The source {name} is in syncd.yaml.",
    do="Take it out of `sources` first, if its people are to be forgotten.",
    example="syncd sources forget hr --reason … while hr is configured",
)
UNKNOWN: Final = message(
    "LNK-021",
    what="Nothing is remembered of a source {name!r}.",
    do="`syncd sources list` shows the sources that are configured, and those of which something is remembered.",
    example="syncd sources forget nobody --reason …",
)
NOT_CONFIGURED: Final = message(
    "LNK-022",
    what="There is no source {name!r} in syncd.yaml.",
    do="Put it there under its new name first; then say that it is the old one.",
    example="syncd sources rename ad directory --reason … before syncd.yaml was changed",
)
DOUBLED: Final = message(
    "LNK-023",
    what="{count} people have one account by their record of {old}, and another by that of {new}: {names}.",
    do="Decide which account of each is to go, and `syncd links unbind` it; then rename.",
    example="a source that was renamed in syncd.yaml, read, and written from, before `syncd sources rename`",
)
_NAMED: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A source of which something is remembered, or that is configured."""

    name: SourceName
    configured: bool
    records: Mapping[Kind, int]
    """Those that are there, by kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What comes of forgetting a source."""

    records: int
    alone: tuple[SubjectId, ...]
    """Whom no other source knows: they leave, within the limits of the guard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """What comes of renaming a source."""

    records: int
    """Those that go on under the new name."""
    rejoined: int
    """Those that were read under the new name already, and are now who they were under the old one."""


def known(tx: Transaction, configured: tuple[SourceName, ...]) -> tuple[Known, ...]:
    """Return every source, the configured ones first."""
    others = [name for name in tx.records.sources() if name not in configured]
    return tuple(
        Known(name=name, configured=name in configured, records=tx.source_names.count(name))
        for name in (*configured, *others)
    )


def forget(tx: Transaction, world: World, name: SourceName, *, at: datetime) -> Forgotten:
    """Let every record of a source that is not configured be gone. Raises NeedsHuman."""
    if name in world.seats:
        raise NeedsHuman(CONFIGURED.at(name=name))
    if not (ids := tx.source_names.present(name)):
        raise NeedsHuman(UNKNOWN.at(name=name))
    subjects = {subject for subject in tx.source_names.subjects(name).values() if subject is not None}
    marking.leave(tx, world, name, ids)
    tx.records.mark_absent(name, ids, at=at)
    tx.source_names.forget_reads(name)
    here = {row.subject for row in tx.records.of_subjects(sorted(subjects)) if row.absent_since is None}
    return Forgotten(records=len(ids), alone=tuple(sorted(subjects - here)))


def rename(tx: Transaction, world: World, old: SourceName, new: SourceName, *, at: datetime) -> Renamed:
    """Let everything that is remembered of `old`, which is not configured, be `new`'s, which is. Raises NeedsHuman.

    What was read under the new name already is the newer word; whose it is, the old name knows.
    """
    if old in world.seats:
        raise NeedsHuman(CONFIGURED.at(name=old))
    if new not in world.seats:
        raise NeedsHuman(NOT_CONFIGURED.at(name=new))
    before, after = tx.source_names.subjects(old), tx.source_names.subjects(new)
    if not before:
        raise NeedsHuman(UNKNOWN.at(name=old))
    both = {key: subject for key, subject in before.items() if key in after}
    _refuse_doubles(tx, world, old, new, [(both[key], after[key]) for key in both])
    tx.records.set_subjects((new, kind, one, subject) for (kind, one), subject in both.items() if subject is not None)
    tx.records.forget(old, both)
    if tx.source_names.was_read(new):
        tx.source_names.forget_reads(old)
    tx.source_names.rename(old, new)
    marking.whole(tx, "a source was renamed")
    concerned = {one for key in both for one in (both[key], after[key]) if one is not None}
    tx.queue.supersede(sorted(concerned), at=at)
    return Renamed(records=len(before) - len(both), rejoined=len(both))


def _refuse_doubles(
    tx: Transaction,
    world: World,
    old: SourceName,
    new: SourceName,
    pairs: list[tuple[SubjectId | None, SubjectId | None]],
) -> None:
    """Raise if somebody has two accounts by now, or if it is not known what becomes of one."""
    apart = [(one, other) for one, other in pairs if one is not None and other is not None and one != other]
    subjects = {one for pair in apart for one in pair}
    for subject in subjects:
        settled(tx, subject)
    links = tx.links.get_many(world.target_name, subjects)
    held = {subject for subject, link in links.items() if link.state is not LinkState.REMOVED}
    doubled = [one for one, other in apart if one in held and other in held]
    if doubled:
        labels = [tx.records.of_subject(one)[0].label for one in doubled[:_NAMED]]
        raise NeedsHuman(DOUBLED.at(count=len(doubled), old=old, new=new, names=", ".join(labels)))
