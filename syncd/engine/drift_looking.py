"""The scheduled look at the whole target, compared with what was known: hand edits that no event told of.

Only where the rules may leave one as it is; otherwise planning reverts what it finds, as it always did. Objects that were written
while the look was under way are passed over: what was seen of them may be older than what we know. Never asks the target.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from syncd.core.model import Observed
from syncd.engine.drift_judging import News, learn
from syncd.engine.world import World

if TYPE_CHECKING:
    from syncd.core.ports import Target
    from syncd.store import Transaction

AT_ONCE: Final = 200


def compare(
    tx: Transaction, world: World, target: Target, objects: Sequence[Observed], *, since: datetime, complete: bool
) -> int:
    """Judge what is not as it was known before a look that began at `since`; return how much was changed by hand.

    To be called before the new picture takes the place of the old one. Objects that are missing count where the look is complete.
    """
    if not world.drift.leaves_something:
        return 0
    news = list(_news(tx, world, objects, since=since, complete=complete))
    return sum(len(learn(tx, world, target, news[at : at + AT_ONCE]).found) for at in range(0, len(news), AT_ONCE))


def _news(
    tx: Transaction, world: World, objects: Sequence[Observed], *, since: datetime, complete: bool
) -> Iterator[News]:
    name = world.target_name
    now = {(seen.kind, seen.target_id): seen for seen in objects}
    for row in tx.observed.iterate(name):
        old = row.observed
        seen = now.get((old.kind, old.target_id))
        if row.at >= since or (seen is None and not complete) or seen == old:
            continue
        yield News(kind=old.kind, target_id=old.target_id, now=seen, event_at=since, how="look")
