"""How links are told: who is which account, and where that does not fit. It prints; it mends nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from syncd.cli.telling.words import count, named, relative, stamp, when, word
from syncd.core.model import Kind, Link, LinkState, Observed, SubjectId

if TYPE_CHECKING:
    from syncd.cli.render import Output
    from syncd.engine.linking import Check
    from syncd.store.rows import QueuedChange, StagedRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlinked:
    """What no link joins: objects of the target, and subjects that the sources know."""

    objects: tuple[Observed, ...]
    subjects: tuple[tuple[SubjectId, Kind, str], ...]
    """With what it is and its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """One subject's link and what is at its two ends."""

    subject: SubjectId
    label: str
    link: Link | None
    observed: Observed | None
    records: tuple[StagedRecord, ...]
    queued: tuple[QueuedChange, ...]


def tell_links(out: Output, links: Sequence[Link], names: Mapping[str, str], *, now: datetime) -> None:
    """Print a line for each link."""
    rows = [
        (named(link.subject, names), link.kind, link.target_id, link.state, _origin(link), relative(link.since, now))
        for link in links
    ]
    out.table(("Who", "Kind", "Account", "State", "Made", "Since"), rows)
    out.say(f"{count(len(links), 'link')}.", style="dim")


def _origin(link: Link) -> str:
    return "adopted" if link.adopted else "by syncd"


def tell_unlinked(out: Output, found: Unlinked) -> None:
    """Print who has no object, and which objects have nobody."""
    out.say(f"In the target, linked to nobody: left alone ({len(found.objects):,})", style="bold")
    rows = [(one.label, one.kind, one.target_id, _remarks(one)) for one in found.objects]
    out.table(("Object", "Kind", "Account", "Remarks"), rows)
    out.say()
    out.say(f"In the sources, without an object in the target ({len(found.subjects):,})", style="bold")
    out.table(("Who", "Kind", "Subject"), [(label, kind, subject) for subject, kind, label in found.subjects])


def _remarks(one: Observed) -> str:
    marks = [f"carries the mark {one.mark}"] if one.mark else []
    return ", ".join([*(["protected"] if one.protected else []), *marks])


def tell_linked(out: Output, one: Linked, names: Mapping[str, str], *, now: datetime) -> None:
    """Print one subject with its link, its records and what the target held of it."""
    out.say(f"{one.label}  {one.subject}", style="bold")
    if one.link is None:
        out.say("  linked to nothing", style="yellow")
    else:
        colour = "none" if one.link.state is LinkState.LINKED else "yellow"
        since = when(one.link.since, now)
        out.say(f"  {one.link.state}: {one.link.kind} {one.link.target_id}, {_origin(one.link)}, {since}", style=colour)
    for row in one.records:
        gone = f", gone since {stamp(row.absent_since)}" if row.absent_since else ""
        out.say(f"  record {row.source}/{row.native_id}: {row.state}{gone}")
    for queued in one.queued:
        out.say(f"  queue  {queued.id}: {queued.change.op}, {queued.state}")
    if one.observed is not None:
        out.say()
        fields = [(name, word(value, names)) for name, value in sorted(one.observed.fields.items())]
        out.table(("Field", "In the target, as last seen"), fields)
    elif one.link is not None:
        out.say("  not in the target when it was last looked at", style="bold red")


def tell_check(out: Output, found: Check, names: Mapping[str, str], *, now: datetime) -> None:
    """Print where links and target disagree, and what to do about each."""
    seen = f"looked at {when(found.observed_at, now)}" if found.observed_at else "never looked at: run `syncd plan`"
    out.say(f"{count(found.links, 'link')} compared with the target as last seen ({seen}).")
    if found.sound:
        out.say("They fit.", style="green")
        return
    for link in found.missing:
        out.say(f"missing   {named(link.subject, names)} is linked to {link.kind} {link.target_id}, which is not there")
    for one in found.marked:
        whose = f"the mark of {named(one.subject, names)}" if one.subject else "a mark that is nobody's here"
        other = f"; that one is linked to {one.other.target_id} already" if one.other else ""
        out.say(f"unlinked  {one.observed.kind} {one.observed.target_id} carries {whose}{other}")
    for subject, ids in found.doubled:
        out.say(f"doubled   the mark of {named(subject, names)} is on {', '.join(ids)}")
    for link in found.orphaned:
        out.say(f"orphaned  {link.kind} {link.target_id} is linked to {link.subject}, of whom no record is left")
    out.say()
    _advice(out, found)


def _advice(out: Output, found: Check) -> None:
    if found.missing:
        out.say(
            "missing:  the next plan makes it again; or bind it to another object with `syncd links bind`.", style="dim"
        )
    if any(one.repairable for one in found.marked):
        out.say(
            "unlinked: `syncd links check --repair --reason …` links by the mark, where it is not in doubt.",
            style="dim",
        )
    if found.doubled:
        out.say("doubled:  decide which one is right, and remove the other in the target by hand.", style="dim")
    if found.orphaned:
        out.say("orphaned: left alone. `syncd links unbind` forgets the link; the object stays.", style="dim")
