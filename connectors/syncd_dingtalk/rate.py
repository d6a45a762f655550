"""The rate plan: every call that DingTalk permits, and never one more.

DingTalk counts, per application and interface, the calls that *arrive* within a second, and over all interfaces those of
one address within 20 seconds. We know when a call leaves and when its answer is here; in between it arrived. So each of
the N calls per second has a ticket, and a ticket is used again one second after the latest moment at which its last call
can have arrived. Two calls on one ticket then never arrive within one second, so N tickets never put more than N arrivals
into any second, whatever the caller does. Calls are also spread evenly, so that nobody waits for a burst to pass.

This module knows nothing of HTTP and reads no clock but the event loop's; it never drops a call and never repeats one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Final

from syncd.core.model import LANES, Lane
from syncd_dingtalk.errors import BAN, PAGE, Meaning, Refusal

ADDRESS_CALLS: Final = 8_000
"""Calls per `ADDRESS_SECONDS` that we allow ourselves: the platform shuts an address out at 10,000 and advises to warn at
8,000 (the throttling page)."""
ADDRESS_SECONDS: Final = 20.0
PATIENCE: Final = 10.0
"""Seconds that a call waits while DingTalk wants us to rest; for longer rests it is refused at once, so that the queue's
clock does the waiting."""
SPARE: Final = 0.020
"""Seconds per second that may be spent on certainty: 2 % of the rate. See `Route.latest`."""
_GRAIN: Final = 0.001
"""Seconds added to every second: a timer's grain, and servers that count both ends of a second."""
_LEARN: Final = 20
"""Answers after which the fastest is taken for the length of the way."""
_FORGET: Final = 60.0
"""Seconds after which the fastest answer is looked for anew, because routes change."""
_PAGES: Final = 3
"""Web pages in a row, in place of answers, that are a ban and not a mishap on the way."""
_MARGIN_TOP: Final = 0.25
_BACK_OFF_TOP: Final = 64.0


class Resting(Exception):
    """DingTalk wants no calls for longer than a call should wait. `seconds` from now it may be tried again."""

    def __init__(self, seconds: float, code: str) -> None:
        self.seconds = seconds
        self.code = code
        super().__init__(f"resting for {seconds:.0f} s after {code}")


class Route:
    """How long calls take at least, and so when a call can have arrived at the latest."""

    __slots__ = ("_answers", "_before", "_now", "_since")

    def __init__(self) -> None:
        self._answers = 0
        self._now = self._before = float("inf")
        self._since = 0.0

    def latest(self, left: float, answered: float) -> float:
        """Return the latest moment at which a call that `left` and was `answered` then can have arrived.

        Certain is only: before its answer. Where answers take less than `SPARE`, certainty costs nothing worth having and
        is taken. On longer ways, a call cannot have been later on its way out than its round trip exceeds the fastest one;
        `SPARE` on top allows for a way that becomes faster.
        """
        trip = answered - left
        self._learn(trip, answered)
        if trip <= SPARE or self._answers <= _LEARN:
            return answered
        return min(answered, left + max(trip - min(self._now, self._before), SPARE))

    def _learn(self, trip: float, at: float) -> None:
        self._answers += 1
        if at - self._since > _FORGET:
            self._before, self._now, self._since = self._now, trip, at
        self._now = min(self._now, trip)


class Tickets:
    """The right to `calls` arrivals within any `seconds`; spread evenly or not. Pure: time is handed in."""

    __slots__ = ("_even", "_free", "_gap", "_seconds")

    def __init__(self, calls: int, seconds: float, *, evenly: bool) -> None:
        self._seconds = seconds + _GRAIN
        self._gap = seconds / calls if evenly else 0.0
        self._free = [float("-inf")] * calls
        self._even = float("-inf")

    def earliest(self) -> float | None:
        """Return when the next call may leave; None while every ticket is with a call that has no answer yet."""
        return max(self._free[0], self._even) if self._free else None

    def take(self, now: float) -> None:
        """Let a call leave at `now`, which is not before `earliest()`."""
        heappop(self._free)
        # What a late timer lost is made good, up to one gap; the tickets themselves keep the second.
        self._even = (self._even if self._even > now - self._gap else now) + self._gap

    def give_back(self, latest: float, *, margin: float = 0.0) -> None:
        """Return a ticket whose call arrived at `latest` or before."""
        heappush(self._free, latest + self._seconds + margin)


class Turn:
    """The permission for one call, from when it leaves until `done`."""

    __slots__ = ("_done", "_left", "_plan", "_window")

    def __init__(self, plan: RatePlan, window: _Interface, left: float) -> None:
        self._plan, self._window, self._left, self._done = plan, window, left, False

    def done(self) -> None:
        """Say that the call is over, answered or not. Saying it twice is harmless."""
        if not self._done:
            self._done = True
            self._plan._returned(self._window, self._left)


class _Interface:
    """What is known of one interface: its tickets, who waits, and until when it rests."""

    __slots__ = ("code", "margin", "rests_until", "strikes", "tickets", "timer", "waiting")

    def __init__(self, calls: int | None) -> None:
        self.tickets = Tickets(calls, 1.0, evenly=True) if calls else None
        self.waiting: list[tuple[int, int, asyncio.Future[Turn]]] = []
        self.timer: asyncio.TimerHandle | None = None
        self.rests_until = float("-inf")
        self.code = ""
        self.strikes = 0
        self.margin = 0.0


_RANK: Final = {lane: rank for rank, lane in enumerate(LANES)}


class RatePlan:
    """Who may call when. One per application and address; used from one event loop."""

    def __init__(
        self,
        *,
        qps: int | None,
        head_room: float = 0.0,
        address_calls: int | None = ADDRESS_CALLS,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """`qps` calls per second and interface are permitted (None: no limit), of which the share `head_room` is left to
        other programs that use the same application."""
        self._calls = None if qps is None else max(1, int(qps * (1 - head_room) + 1e-9))
        self._address = Tickets(address_calls, ADDRESS_SECONDS, evenly=False) if address_calls else None
        self._interfaces: dict[str, _Interface] = {}
        self._route = Route()
        self._rests_until, self._code = float("-inf"), ""
        self._pages = 0
        self._order = count()
        self._clock = clock or (lambda: asyncio.get_running_loop().time())

    @property
    def calls_per_second(self) -> int | None:
        """Return how many calls per second and interface the plan makes, None for as many as come."""
        return self._calls

    async def turn(self, interface: str, lane: Lane = Lane.REST) -> Turn:
        """Wait for the permission to call `interface`; leavers before everybody else. Raises `Resting`."""
        window = self._interfaces.get(interface) or self._interfaces.setdefault(interface, _Interface(self._calls))
        now = self._clock()
        self._refuse_while_resting(window, now)
        if not window.waiting and (at := self._earliest(window)) is not None and at <= now:
            return self._leave(window, now)
        future: asyncio.Future[Turn] = asyncio.get_running_loop().create_future()
        heappush(window.waiting, (_RANK[lane], next(self._order), future))
        self._arrange(window)
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                future.result().done()
            raise

    def told(self, interface: str, refusal: Refusal | None) -> None:
        """Take in how a call ended: a limit makes its interface rest, a ban everything; None is success."""
        window = self._interfaces[interface]
        now = self._clock()
        self._pages = self._pages + 1 if refusal is not None and refusal.code == PAGE else 0
        if refusal is None:
            window.strikes = 0
            window.margin *= 0.999
        elif refusal.meaning is Meaning.BANNED or self._pages >= _PAGES:
            self._rests_until, self._code = now + BAN / timedelta(seconds=1), refusal.code
            self._pages = 0
            for other in self._interfaces.values():
                self._dismiss(other)
        elif refusal.meaning is Meaning.SLOWER:
            self._slow(window, refusal, now)

    def _slow(self, window: _Interface, refusal: Refusal, now: float) -> None:
        window.strikes += 1
        shared = refusal.code.endswith(("90002", "QpsLimitForApi"))
        seconds = refusal.after.total_seconds()
        if shared:  # the platform's own overload: one second first, then twice as long each time
            seconds = min(2.0 ** (window.strikes - 1), _BACK_OFF_TOP)
        else:  # our own second, counted differently there: keep further away from it
            window.margin = min(max(2 * window.margin, 2 * _GRAIN), _MARGIN_TOP)
        window.rests_until, window.code = max(window.rests_until, now + seconds), refusal.code
        if seconds > PATIENCE:
            self._dismiss(window)
        else:
            self._arrange(window)

    # --- who is next ---------------------------------------------------------------------------------------------------

    def _refuse_while_resting(self, window: _Interface, now: float) -> None:
        until, code = max((self._rests_until, self._code), (window.rests_until, window.code))
        if until - now > PATIENCE:
            raise Resting(until - now, code)

    def _earliest(self, window: _Interface) -> float | None:
        tickets = window.tickets.earliest() if window.tickets else float("-inf")
        address = self._address.earliest() if self._address else float("-inf")
        if tickets is None or address is None:
            return None
        return max(tickets, address, window.rests_until, self._rests_until)

    def _leave(self, window: _Interface, now: float) -> Turn:
        if window.tickets:
            window.tickets.take(now)
        if self._address:
            self._address.take(now)
        return Turn(self, window, now)

    def _returned(self, window: _Interface, left: float) -> None:
        now = self._clock()
        latest = self._route.latest(left, now)
        if window.tickets:
            window.tickets.give_back(latest, margin=window.margin)
        if self._address:
            starved = self._address.earliest() is None
            self._address.give_back(latest)
            if starved:
                for other in self._interfaces.values():
                    self._arrange(other)
        if window.waiting:
            self._arrange(window)

    def _arrange(self, window: _Interface) -> None:
        """Let those go whose time has come, and set the alarm for the next."""
        if window.timer:
            window.timer.cancel()
            window.timer = None
        while window.waiting:
            at, now = self._earliest(window), self._clock()
            if at is None:
                return  # the next answer brings a ticket, and comes back here
            if at > now:
                loop = asyncio.get_running_loop()
                window.timer = loop.call_later(at - now, self._arrange, window)
                return
            _, _, future = heappop(window.waiting)
            if not future.done():
                future.set_result(self._leave(window, now))

    def _dismiss(self, window: _Interface) -> None:
        """Send everybody home who waits for an interface that will rest for long."""
        now = self._clock()
        until, code = max((self._rests_until, self._code), (window.rests_until, window.code))
        waiting, window.waiting = window.waiting, []
        for _, _, future in waiting:
            if not future.done():
                future.set_exception(Resting(until - now, code))
