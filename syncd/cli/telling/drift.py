"""How hand edits are told: whose, what was wanted, what is there now, since when. It prints; it decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from syncd.cli.telling.words import count, relative, word

if TYPE_CHECKING:
    from syncd.cli.render import Output
    from syncd.store.drifts import Drift


def tell_drifts(out: Output, rows: Sequence[Drift], names: Mapping[str, str], *, now: datetime) -> None:
    """Print a line for each hand edit."""
    table = [
        (
            row.label,
            row.target_id,
            row.field or "(deleted)",
            word(row.before, names) if row.field else "",
            word(row.after, names) if row.field else "",
            row.state,
            relative(row.event_at, now),
        )
        for row in rows
    ]
    out.table(("Who", "Account", "Field", "Wanted", "There now", "State", "Changed"), table)
    out.say(f"{count(len(rows), 'hand edit')}.", style="dim")
