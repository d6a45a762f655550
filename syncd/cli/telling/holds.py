"""How holds are told: what the guard stopped, whom it concerns, and what letting it go means. It prints; it releases nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from syncd.cli.telling.words import arrow, count, relative, some, when
from syncd.core.model import Effect
from syncd.store.rows import HoldRow, HoldState

if TYPE_CHECKING:
    from syncd.cli.render import Output
    from syncd.core.model import Change

MEANING: Final[Mapping[Effect, str]] = {
    Effect.ADOPT: "accounts that were there before syncd are taken over",
    Effect.CREATE: "accounts are made",
    Effect.UPDATE: "people's fields change",
    Effect.MOVE: "people change departments",
    Effect.LOGIN: "people's mobile numbers or logins change: they sign in with the new ones",
    Effect.LEAVE: "people lose their account, or are put out of sight",
    Effect.UNIT_CREATE: "departments are made",
    Effect.UNIT_UPDATE: "departments' fields change",
    Effect.UNIT_MOVE: "departments move below another one",
    Effect.UNIT_REMOVE: "departments are removed",
    Effect.UNIT_OPEN: "departments are shown that were hidden, or their members see everybody who saw only a part",
    Effect.WRITE_BACK: "people's records in a source are written to",
    Effect.GRANT: "people are given roles, and what those permit",
    Effect.REVOKE: "people lose roles, and what those permit",
    Effect.ROLE_CREATE: "roles are made",
    Effect.ROLE_UPDATE: "roles are renamed",
    Effect.ROLE_REMOVE: "roles are removed, from everybody who has them",
    Effect.CONTACT_CREATE: "outsiders become external contacts",
    Effect.CONTACT_UPDATE: "external contacts' fields change",
    Effect.CONTACT_REMOVE: "external contacts are removed",
    Effect.SOURCE_SHRUNK: "many records of a source are missing at once: whoever is missing everywhere becomes a leaver",
}
_SHOWN: Final = 200


def tell_holds(out: Output, rows: Sequence[HoldRow], *, now: datetime) -> None:
    """Print a line for each hold."""
    if not rows:
        out.say("The guard holds nothing.", style="green")
        return
    out.table(
        ("ID", "State", "#Count", "Effect", "Opened", "Expires", "Why"),
        [
            (row.id, state_of(row, now), row.count, row.effect, relative(row.created_at, now), _expiry(row, now), why)
            for row in rows
            for why in ("; ".join(row.reasons),)
        ],
    )
    out.say("`syncd hold show ID` names everybody with old → new.", style="dim")


def state_of(row: HoldRow, now: datetime) -> str:
    """Return the state in words; an open hold whose time is over is expired, whether that was noted or not."""
    return HoldState.EXPIRED if row.state is HoldState.OPEN and row.expires_at <= now else row.state


def _expiry(row: HoldRow, now: datetime) -> str:
    return relative(row.expires_at, now)


def tell_hold(
    out: Output,
    row: HoldRow,
    changes: Sequence[Change] | None,
    names: Mapping[str, str],
    *,
    now: datetime,
    everybody: bool,
) -> None:
    """Print one hold: what it means, why it tripped, whom it concerns. `changes` None: the plan of now is another one."""
    what = count(row.count, "missing record" if row.effect is Effect.SOURCE_SHRUNK else "change")
    out.say(f"{row.id}: {what} held", style="bold yellow")
    out.say(f"  what     {MEANING[row.effect]}")
    for reason in row.reasons:
        out.say(f"  why      {named_in(reason, names)}")
    out.say(f"  state    {state_of(row, now)}, opened {when(row.created_at, now)} by run {row.run_id}")
    out.say(f"  expires  {when(row.expires_at, now)}")
    out.say(f"  print    {row.fingerprint[:16]}… (a release is for exactly this set)")
    if row.released_by:
        at = f" {when(row.released_at, now)}" if row.released_at else ""
        out.say(f"  {row.state:<8} by {row.released_by}{at}: {row.reason}")
    out.say()
    if changes is None:
        _only_names(out, row, names, everybody)
    else:
        _changes(out, changes, names, everybody)
    if state_of(row, now) == HoldState.OPEN:
        out.say()
        out.say(f"To let it happen:  syncd hold release {row.id} --reason '…'")
        out.say(
            f"To refuse it:      mend the cause in the source, or syncd hold drop {row.id} --reason '…'", style="dim"
        )


def named_in(text: str, names: Mapping[str, str]) -> str:
    """Return a reason with the subjects in it by their names."""
    return " ".join(names.get(part, part) for part in text.split(" "))


def _only_names(out: Output, row: HoldRow, names: Mapping[str, str], everybody: bool) -> None:
    if row.effect is not Effect.SOURCE_SHRUNK:
        out.say(
            "The plan of now is no longer exactly this set: a release of it would let nothing through.",
            style="bold red",
        )
        out.say("  Run `syncd plan`: it opens a hold for the set of now. This set was:", style="dim")
    shown = row.names if everybody else row.names[:_SHOWN]
    for name in shown:
        out.say(f"  - {names.get(name, name)}")
    left = row.count - len(shown)
    if left > 0:
        out.say(f"  … and {left:,} more", style="dim")


def _changes(out: Output, changes: Sequence[Change], names: Mapping[str, str], everybody: bool) -> None:
    """Print who changes and how; a reason that is the same for all is said once."""
    shown = changes if everybody else changes[:_SHOWN]
    reasons = {change.reason for change in changes}
    if len(reasons) == 1:
        out.say(f"Because: {reasons.pop()}")
    rows = [
        (change.label, change.target_id or "", change.op, _fields(change, names), *([change.reason] if reasons else []))
        for change in shown
    ]
    out.table(("Who", "Account", "What", "Old → new", *(["Because"] if reasons else [])), rows)
    if len(shown) < len(changes):
        out.say(f"… and {len(changes) - len(shown):,} more; --all shows everybody", style="dim")


def _fields(change: Change, names: Mapping[str, str]) -> str:
    return "\n".join(f"{item.name}: {arrow(item, names)}" for item in change.fields) or str(change.op)


def told_release(row: HoldRow) -> str:
    """Return that a hold was released, and what that means for what comes next."""
    said = f"Released {row.id} in the name of {row.released_by}."
    if row.effect is Effect.SOURCE_SHRUNK:
        return f"{said} The next `syncd sync` takes the missing records for gone; leavers are judged by their own limits then."
    return f"{said} The next `syncd sync` writes it, if it is still exactly this set: {some(row.names)}."
