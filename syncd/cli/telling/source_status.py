"""One source on the screen: how it was read, which facts were checked, what is missing for a proof. It judges nothing."""

from __future__ import annotations

import textwrap
from datetime import datetime
from typing import TYPE_CHECKING, Final

from syncd.cli.telling.words import count, relative, stamp, when
from syncd.core.model import LEARNED

if TYPE_CHECKING:
    from syncd.cli.render import Output
    from syncd.cli.standing import NextFull, ReadShown, SourceStanding

_PLURALS: Final = {"person": "people"}


def tell_source(out: Output, one: SourceStanding, now: datetime) -> None:
    """Print how a source stands, with the proof of its last read, and of its last full read where that is another one."""
    out.say()
    read, full = one.read, one.full
    if read is None:
        out.say(f"{one.name} was not read yet.")
        return
    for name, text in (
        ("Source", one.name),
        ("Last read", f"{when(read.finished_at, now)}: {_what(read)}, {_took(read)}"),
        ("Changes", one.learns),
        ("There", _there(one)),
        ("Proven in full", _good(one, now)),
        ("Next in full", _next(one.next_full, now)),
        ("Goes on from", when(one.cursor_at, now) if one.cursor_at else "nowhere: there is no cursor"),
    ):
        if text:
            out.say(textwrap.fill(text, out.console.width, initial_indent=f"{name:<16}  ", subsequent_indent=" " * 18))
    out.say()
    tell_proof(out, one.name, read)
    if full is not None and full.run_id != read.run_id:
        out.say()
        tell_proof(out, one.name, full)


def tell_proof(out: Output, name: str, read: ReadShown) -> None:
    """Print each fact that was checked, and what they amount to."""
    out.say(f"{name}: {_kind(read)} of {stamp(read.started_at)}, {_took(read)}", style="bold")
    for fact in read.facts:
        if fact.name != LEARNED:
            out.say(
                f"  {'✓' if fact.holds else '✗'} {fact.name}: {fact.detail}", style="none" if fact.holds else "bold red"
            )
    if read.proven:
        out.say("  Proven complete." if read.full else "  Nothing speaks against it.", style="green")
    else:
        why = ", ".join(fact.name for fact in read.doubts) or "see the notes"
        out.say(f"  No absence may be inferred: nobody is taken for gone on its strength ({why}).", style="bold red")
    for note in read.notes:
        out.say(f"  note: {note}", style="dim")


def _kind(read: ReadShown) -> str:
    return "full read" if read.full else "delta"


def _what(read: ReadShown) -> str:
    if read.full:
        return f"a full read of {count(read.count, 'record')}"
    return f"a delta of {count(read.count, 'record')}" if read.count else "a delta, which brought nothing"


def _took(read: ReadShown) -> str:
    return f"{(read.finished_at - read.started_at).total_seconds():.1f} s"


def _there(one: SourceStanding) -> str:
    return ", ".join(count(number, kind, _PLURALS.get(kind, "")) for kind, number in one.there.items()) or "nobody"


def _good(one: SourceStanding, now: datetime) -> str:
    if one.good_at is None:
        return "never; nobody is taken for gone until then, but whom the source itself calls deleted"
    return f"{when(one.good_at, now)}: {count(one.good_count or 0, 'record')}"


def _next(due: NextFull | None, now: datetime) -> str:
    if due is None:
        return ""
    return f"in the next run: {due.why}" if due.at is None else f"{relative(due.at, now)} at the latest: {due.why}"
