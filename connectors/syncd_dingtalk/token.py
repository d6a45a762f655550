"""The access token's life: fetched once for everybody who asks, renewed before it ends, dropped when it is refused.

A token lives 7,200 s; fetching again while it is valid gives the same one (documented for internal applications). It is
kept in memory only, and never shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from syncd.core.errors import TryAgain

RENEW_AT: Final = 0.8
"""The share of a token's life after which it is renewed."""
_RETRY: Final = 30.0
"""Seconds until a renewal that failed is tried again while the old token is still valid."""


class TokenKeeper:
    """One token. `fetch` returns a token and the seconds that it lives; `clock` gives seconds that only grow."""

    def __init__(self, fetch: Callable[[], Awaitable[tuple[str, float]]], clock: Callable[[], float]) -> None:
        self._fetch = fetch
        self._clock = clock
        self._token = ""
        self._accepted = ""
        self._renew_at = self._ends_at = float("-inf")
        self._flight: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return "TokenKeeper()"

    async def get(self) -> str:
        """Return a valid token. Raises what `fetch` raises, unless the old token still lives."""
        if self._clock() < self._renew_at:
            return self._token
        try:
            await self._renewed()
        except TryAgain:
            if self._clock() >= self._ends_at:
                raise
            self._renew_at = min(self._clock() + _RETRY, self._ends_at)
        return self._token

    def refused(self, token: str) -> None:
        """Drop a token that the platform did not accept, unless it has been replaced meanwhile."""
        if token == self._token:
            self._renew_at = self._ends_at = float("-inf")

    def accepted(self, token: str) -> None:
        """Note that the platform has accepted this token."""
        self._accepted = token

    @property
    def ever_accepted(self) -> bool:
        """Tell whether the platform has accepted any token yet."""
        return bool(self._accepted)

    def was_accepted(self, token: str) -> bool:
        """Tell whether the platform has accepted this token, from whomever, since it was given."""
        return token == self._accepted

    async def _renewed(self) -> None:
        """Wait for the one fetch that is under way; a caller who gives up does not end it for the others."""
        if self._flight is None:
            self._flight = asyncio.create_task(self._renew())
            self._flight.add_done_callback(self._landed)
        await asyncio.shield(self._flight)

    def _landed(self, flight: asyncio.Task[None]) -> None:
        self._flight = None
        if not flight.cancelled():
            flight.exception()  # looked at, so that a fetch whose every caller gave up is not called forgotten

    async def _renew(self) -> None:
        asked_at = self._clock()
        token, seconds = await self._fetch()
        self._token = token
        self._renew_at, self._ends_at = asked_at + RENEW_AT * seconds, asked_at + seconds
