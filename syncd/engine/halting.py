"""Turn by turn until somebody says stop; and a turn that takes long then is given up. It knows nothing of what a turn does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from syncd.structured import structlog

log = structlog.get_logger(__name__)

GRACE: Final = 5.0
"""Seconds. A look at a whole tenant may take an hour, and who stops a service waits. Nothing is lost with it; the next service
begins it anew."""


async def turn_by_turn(turn: Callable[[], Awaitable[None]], halt: asyncio.Event, *, grace: float = GRACE) -> None:
    """Have one turn after the other until `halt` is set. The last one may go on for `grace` seconds, and is cancelled then.

    Raises what a turn raises.
    """

    async def turns() -> None:
        while not halt.is_set():
            await turn()

    working, halted = asyncio.create_task(turns()), asyncio.create_task(halt.wait())
    try:
        await asyncio.wait((working, halted), return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait((working,), timeout=grace)
        if working.done():
            working.result()
        else:
            log.info("turn.given_up")
    finally:
        halted.cancel()
        working.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await working


__all__ = ["turn_by_turn"]
