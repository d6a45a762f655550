"""What goes wrong for the time being: since when, how often in a row, and what was said last. Kept in the state until it heals.

So that `syncd status`, which is another process than the service, and the service after a restart know of it. It judges nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Final

from syncd.core.errors import Problem, SyncdError, foreign, problem_of
from syncd.core.health import Failure
from syncd.core.values import instant, moment

if TYPE_CHECKING:
    from syncd.engine.world import World
    from syncd.store import Transaction

PREFIX: Final = "failing:"
CONFIG: Final = "config"
"""The configuration on disk does not load."""
TARGET: Final = "target"
AUDIT: Final = "audit"
LEAVE_RECORDS: Final = "leave records"
"""The target's own records of who has left it cannot be read."""
REFUSED: Final = frozenset({"STO-013"})
"""Codes of the store, which needs SQLAlchemy, that say: the audit log takes no records."""
UNSOUND: Final = frozenset(f"AUD-{number:03}" for number in range(1, 7))
"""Codes of `syncd.audit.verify`: the audit log is not what it was."""
SOURCE: Final = "source:"
"""Before a source's name."""


def note(tx: Transaction, what: str, problem: Problem | None, *, at: datetime) -> None:
    """Keep that `what` failed with `problem` once more; None: it works, and what was kept is forgotten."""
    if problem is not None:
        said = Failure(since=at, times=1, code=problem.code, what=foreign(problem.what), do=foreign(problem.do))
        once_more(tx, what, said)
    elif tx.meta.get(PREFIX + what) is not None:
        tx.meta.drop(PREFIX + what)


def once_more(tx: Transaction, what: str, said: Failure) -> None:
    """Keep that `what` failed once more, with these words: since when and how often comes from what was kept before."""
    before = read(tx.meta.get(PREFIX + what))
    since, times = (before.since, before.times + 1) if before else (said.since, 1)
    words = {"since": instant(since), "times": times, "code": said.code, "what": said.what, "do": said.do}
    tx.meta.set(PREFIX + what, json.dumps(words, ensure_ascii=False))


def healed(tx: Transaction, what: str, codes: Collection[str]) -> None:
    """Forget that `what` failed, if it was with one of these codes: nothing is said of the others."""
    before = read(tx.meta.get(PREFIX + what))
    if before is not None and before.code in codes:
        tx.meta.drop(PREFIX + what)


async def not_logged(world: World, error: Exception) -> bool:
    """Keep that the audit log takes no records, if that is what `error` says, and tell whether it is. A store that cannot keep it
    has told so itself."""
    problem = problem_of(error)
    if problem is None or problem.code not in REFUSED:
        return False
    with suppress(SyncdError):
        await world.store.do(lambda tx: note(tx, AUDIT, problem, at=world.now()))
    return True


async def logged(world: World) -> bool:
    """Forget that the audit log took no records, for it has; tell whether that could be kept."""
    with suppress(SyncdError):
        await world.store.do(lambda tx: healed(tx, AUDIT, REFUSED))
        return True
    return False


def known(meta: Mapping[str, str], what: str) -> Failure | None:
    """Return what is kept of `what`; None if it works."""
    return read(meta.get(PREFIX + what))


def read(text: str | None) -> Failure | None:
    """Return the failure that was kept as `text`; None where there is none, or one that cannot be read."""
    if text is None:
        return None
    try:
        kept = json.loads(text)
        return Failure(
            since=moment(kept["since"]), times=kept["times"], code=kept["code"], what=kept["what"], do=kept["do"]
        )
    except (ValueError, KeyError, TypeError):
        return None
