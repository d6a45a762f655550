"""What certificates and secrets are about to end, kept for status, metrics and alerts. It judges nothing, and asks no server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import TYPE_CHECKING

from syncd.core.ending import Ending
from syncd.core.errors import SyncdError, code_of
from syncd.core.values import instant
from syncd.engine.health import EXPIRES
from syncd.structured import structlog

if TYPE_CHECKING:
    from syncd.engine.world import World
    from syncd.store import Transaction

log = structlog.get_logger(__name__)


async def look(world: World) -> None:
    """Ask the configuration, and each connector, what ends when, and keep it. Raises what the store raises."""
    found = dict(await asyncio.to_thread(world.ends))
    connectors: dict[str, Callable[[], AbstractAsyncContextManager[object]]] = {
        name: seat.make for name, seat in world.seats.items()
    }
    connectors[world.target_name] = world.make_target
    for name, make in connectors.items():
        try:
            async with make() as connector:
                if isinstance(connector, Ending):
                    found |= {f"{what} ({name})": at for what, at in connector.ends().items()}
        except SyncdError as error:
            # It cannot be opened, which is told elsewhere: what was seen of it before stands.
            log.debug("expiry.unseen", connector=name, code=code_of(error))
            return
    await world.store.do(lambda tx: keep(tx, found))


def keep(tx: Transaction, found: Mapping[str, datetime]) -> None:
    """Keep what was found, and forget what was kept of other things: they were renewed under another name, or are not used."""
    wanted = {f"{EXPIRES}{what}": instant(at) for what, at in found.items()}
    known = tx.meta.under(EXPIRES)
    for key in known.keys() - wanted.keys():
        tx.meta.drop(key)
    for key, at in wanted.items():
        if known.get(key) != at:
            tx.meta.set(key, at)
