"""The feed: tells consumers what was confirmed, each with a cursor of its own, at least once, in order per subject."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import structlog

from syncd.core.model import Fact
from syncd.core.ports import Consumer

if TYPE_CHECKING:
    from syncd.engine.world import World
    from syncd.store import Transaction

log = structlog.get_logger(__name__)
BATCH: Final = 500


async def deliver(world: World, consumers: Mapping[str, Consumer]) -> Mapping[str, int]:
    """Give each consumer the facts that it has not acknowledged; returns how many each took.

    A consumer that raises keeps its cursor and gets the same facts next time; the others are not kept waiting.
    """
    taken: dict[str, int] = {}
    for name, consumer in consumers.items():
        taken[name] = 0
        try:
            while batch := await world.store.look(_next(name)):
                await consumer.receive(batch)
                last = batch[-1].sequence
                await world.store.do(_acknowledge(name, last))
                taken[name] += len(batch)
        except Exception:
            log.exception("consumer.failed", consumer=name)
    return taken


def _next(name: str) -> Callable[[Transaction], list[Fact]]:
    return lambda tx: tx.feed.after(tx.feed.cursor(name), BATCH)


def _acknowledge(name: str, last: int) -> Callable[[Transaction], None]:
    return lambda tx: tx.feed.set_cursor(name, last)
