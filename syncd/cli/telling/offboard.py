"""How an offboarding is told: what it would come to, that it was decided, that it was taken back. It only prints."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from syncd.cli.telling.words import relative, when
from syncd.core.model import Link, LinkState

if TYPE_CHECKING:
    from syncd.cli.render import Output
    from syncd.engine.foresight import Foreseen
    from syncd.engine.world import LeaverTerms
    from syncd.store.offboardings import Offboarding


def tell_foreseen(out: Output, one: Foreseen, *, now: datetime, account: LeaverTerms) -> None:
    """Print what would happen to somebody, and when."""
    out.say(f"{one.label}  {_account(one.link)}", style="bold")
    if one.offboarded is not None:
        row = one.offboarded
        out.say(f"  Offboarded by {row.decided_by} {relative(row.decided_at, now)}: {row.reason}", style="yellow")
    elif one.leaving:
        out.say(f"  Leaves already: {one.leaving}.", style="yellow")
    elif one.ends_at is not None:
        out.say(f"  By the sources: leaves {when(one.ends_at, now)}, when the last working day is over.")
    else:
        out.say("  By the sources: stays; no last working day is known.")
    out.say()
    _now(out, one, account)
    if one.removed_at is not None:
        hidden = one.link is not None and one.link.state is LinkState.OFFBOARDED
        out.say(f"  The account {'is' if hidden else 'would be'} removed {when(one.removed_at, now)}.")
    if one.offboarded is None and not one.leaving:
        out.say("\nNothing was changed. `syncd offboard … --now --reason …` does it.", style="dim")


def _now(out: Output, one: Foreseen, account: LeaverTerms) -> None:
    if not one.changes:
        out.say("  Nothing is left to be written at once.")
        return
    said = "Would be written at once" if one.offboarded is None and not one.leaving else "To be written"
    held = f", but the guard holds it for {', '.join(one.held)} (`syncd hold list`)" if one.held else ""
    where = f"out of sight, into {account.department}" if account.hold else "removed"
    out.say(f"  {said}: the account goes {where}{held}.", style="yellow" if held else "none")


def _account(link: Link | None) -> str:
    return "no account" if link is None or link.state is LinkState.REMOVED else f"account {link.target_id}"


def tell_offboarded(out: Output, row: Offboarding, link: Link | None, *, serving: bool) -> None:
    """Print that somebody leaves now."""
    if link is None or link.state is LinkState.REMOVED:
        out.say(f"{row.label} leaves now. There is no account, and none will be made.", style="bold")
        return
    out.say(f"{row.label} leaves now.", style="bold")
    out.say(_writes(f"puts account {link.target_id} out of sight", serving=serving))


def tell_undone(out: Output, row: Offboarding, *, serving: bool) -> None:
    """Print that the sources decide again."""
    out.say(f"Taken back: from now on the sources decide about {row.label} again.", style="bold")
    out.say(_writes("does what they say", serving=serving))


def _writes(what: str, *, serving: bool) -> str:
    if serving:
        return f"The service that runs {what} within seconds; `syncd status` shows it."
    return f"No service was seen to run on this machine: `syncd sync` {what}."
