"""How it is told who may be who: both sides, what speaks for and against, what would be written. It prints; it decides nothing.

Values of people are shown: who may read the state may see them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from syncd.cli.telling.words import NOTHING, arrow, count, relative, when, word
from syncd.core.matching import Cause, Verdict
from syncd.core.model import Change, Kind, LinkState, Op

if TYPE_CHECKING:
    from syncd.cli.render import Output
    from syncd.engine.reviewing import Parted, Review
    from syncd.store.rows import StagedRecord

_WHY: Final[Mapping[Cause, str]] = {
    Cause.PROBABLE: "{step} agrees, which is a hint and no proof",
    Cause.SEVERAL: "{step} agrees, and fits more than one",
    Cause.TWICE: "{step} and the name agree, but one source has both records at the same time",
}
_SIGNS: Final[Mapping[Verdict, str]] = {Verdict.FOR: "=", Verdict.AGAINST: "≠", Verdict.SILENT: ""}


def tell_reviews(out: Output, found: Sequence[Review], *, now: datetime) -> None:
    """Print a line for each proposal."""
    if not found:
        out.say("Nothing waits for a decision.", style="green")
        return
    rows = [
        (
            one.id,
            f"{one.record.label} ({one.record.source}:{one.record.native_id})",
            f"{one.row.proposal.other} ({_records(one.others)})",
            one.row.proposal.step or NOTHING,
            relative(one.row.found_at, now),
        )
        for one in found
    ]
    out.table(("Id", "This record", "May be", "Agrees in", "Since"), rows)
    out.say(f"{count(len(found), 'proposal')}. `syncd links review ID` shows both sides.", style="dim")


def _records(rows: Sequence[StagedRecord]) -> str:
    return ", ".join(f"{row.source}:{row.native_id}" for row in rows)


def tell_review(
    out: Output, one: Review, changes: Sequence[Change], names: Mapping[str, str], *, now: datetime
) -> None:
    """Print both sides of one proposal, and what accepting it would write."""
    proposal = one.row.proposal
    out.say(f"{one.id}  Is {proposal.label} the same as {proposal.other}?", style="bold")
    why = _WHY.get(proposal.cause, "").format(step=proposal.step)
    out.say(f"  proposed because {why}; open since {when(one.row.found_at, now)}")
    out.say(f"  account of {proposal.other}: {_account(one)}")
    here = f"{one.record.source}:{one.record.native_id}"
    columns = ("", "Attribute", here, _records(one.others))
    out.table(
        columns, [(_SIGNS[sign.verdict], sign.attribute, word(sign.here), _there(sign.there)) for sign in one.signs]
    )
    speak = [sum(sign.verdict is verdict for sign in one.signs) for verdict in (Verdict.FOR, Verdict.AGAINST)]
    out.say(f"{count(speak[0], 'attribute')} for it (=), {speak[1]} against it (≠).", style="dim")
    out.say("\nIf you accept it", style="bold")
    tell_changes(out, changes, names)
    out.say("If you reject it, the record is a person of its own, or somebody else who is proposed.", style="dim")


def _there(values: Sequence[object]) -> str:
    return " / ".join(word(value) for value in values) if values else NOTHING  # type: ignore[arg-type]


def _account(one: Review) -> str:
    link = one.link
    if link is None or link.state is LinkState.REMOVED:
        return "none"
    what = "" if link.kind is Kind.PERSON else f"{link.kind} "
    return f"{what}{link.target_id} ({link.state})"


def tell_changes(out: Output, changes: Sequence[Change], names: Mapping[str, str]) -> None:
    """Print what the next plan would write."""
    if not changes:
        out.say("  nothing would be written")
    for change in changes:
        out.say(f"  {change.op} {change.label}: {change.reason}")
        for item in change.fields if change.op is not Op.CREATE else ():
            out.say(f"    {item.name}: {arrow(item, names)}", style="dim")


_KEEPS: Final = {
    "record": "If the record that is split off keeps the account (--keeps record)",
    "rest": "If all others keep the account (--keeps rest)",
}


def tell_alternatives(out: Output, told: Mapping[str, tuple[Sequence[Change], Mapping[str, str]]]) -> None:
    """Print what would be written, for each answer to who keeps the account."""
    for keeps, (changes, names) in told.items():
        out.say(_KEEPS[keeps], style="bold")
        tell_changes(out, changes, names)
    out.say("Nothing was done. Say --keeps and --reason to do it.", style="dim")


def told_split(done: Parted) -> str:
    """Return what was done, in words."""
    moved = _records(done.moved)
    account = f"; the account {done.link.target_id} stays with the others" if done.link is not None else ""
    return f"{moved} is now {done.new}{account}. See `syncd plan` before you sync."
