"""The servers of a source in the order in which they are tried. It opens connections and closes those that failed.

Whoever failed lately is tried last; that is remembered within this process only. A refused password is not tried on the next
server: that would only lock the account sooner.
"""

from __future__ import annotations

import ssl
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeVar

from syncd.core.errors import NeedsHuman, SyncdError, TryAgain
from syncd_active_directory.settings import DirectorySettings
from syncd_active_directory.threads import finished
from syncd_active_directory.ways import Mark
from syncd_active_directory.wire import Wire

_W = TypeVar("_W", bound=Wire)
_AVOIDED: Final = timedelta(minutes=10)


@dataclass(slots=True)
class _Remembered:
    """What all instances of one source know of its servers: one reads and another one watches."""

    failed: dict[str, datetime] = field(default_factory=dict)
    """When a server failed last, by address."""
    reading: str = ""
    ended: Mark | None = None


_REMEMBERED: Final[defaultdict[str, _Remembered]] = defaultdict(_Remembered)
"""By source."""


class Servers:
    """The servers of one source."""

    def __init__(self, source: str, settings: DirectorySettings) -> None:
        self._known = _REMEMBERED[source]
        self._settings = settings

    async def connected(self, context: ssl.SSLContext, *, now: datetime, first: str = "") -> Wire:
        """Return a bound connection to the first server that can be reached, `first` before all others if it did not fail lately.

        Raises `NeedsHuman` if a certificate or the password is not good, `TryAgain` if no server can be reached.
        """
        return await self.reached(Wire, context, now=now, first=first)

    async def reached(self, make: type[_W], context: ssl.SSLContext, *, now: datetime, first: str = "") -> _W:
        """`connected`, with a connection of another kind."""
        failures: list[SyncdError] = []
        for address in sorted(self.ordered(now), key=lambda each: each != first or self._lately(each, now)):
            wire = make(address, self._settings, context)
            try:
                await _done(wire, wire.connect)
            except (TryAgain, NeedsHuman) as failure:
                failures.append(failure)
                self.failed(address, now)
                continue
            await _done(wire, wire.bind)
            return wire
        # What needs a person is said first: a certificate does not mend itself, a network often does.
        raise next((failure for failure in failures if isinstance(failure, NeedsHuman)), failures[0])

    def failed(self, address: str, now: datetime) -> None:
        """Remember that a server failed, so that the next read begins with another one."""
        self._known.failed[address] = now

    @property
    def reading(self) -> str:
        """The address from which reads come now; empty while no connection is kept."""
        return self._known.reading if self._known.reading in self._settings.servers else ""

    @reading.setter
    def reading(self, address: str) -> None:
        self._known.reading = address

    @property
    def ended(self) -> Mark | None:
        """Where a read has ended lately: some servers say sooner from there where they are now."""
        return self._known.ended

    @ended.setter
    def ended(self, mark: Mark) -> None:
        self._known.ended = mark

    def ordered(self, now: datetime) -> Sequence[str]:
        """Return the addresses in the order in which they are to be tried."""
        return sorted(self._settings.servers, key=lambda each: self._lately(each, now))

    def elsewhere(self, address: str, now: datetime) -> bool:
        """Tell whether reads come from another server than `address`, and that one is well as far as is known."""
        return self.reading not in ("", address) and not self._lately(self.reading, now)

    def _lately(self, address: str, now: datetime) -> bool:
        then = self._known.failed.get(address)
        return then is not None and now - then < _AVOIDED


async def _done(wire: Wire, step: Callable[[], None]) -> None:
    try:
        await finished(step, interrupt=wire.abort)
    except BaseException:
        wire.close()
        raise
