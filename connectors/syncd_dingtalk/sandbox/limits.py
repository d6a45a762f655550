"""How often may be called: a sliding one-second window per app and interface, and the ban of an address that calls too much.

Windows use the machine's monotonic clock. A window remembers every call that arrived, refused ones too, and the most that any
second has seen; only calls that were let through count against the limit.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

BAN_SECONDS: Final = 300.0
ADDRESS_SECONDS: Final = 20.0


class Window:
    """One sliding second of one app on one interface. A call at exactly one second's distance is outside."""

    __slots__ = ("_arrived", "_let", "calls", "highest", "refused")

    def __init__(self) -> None:
        self._arrived: deque[float] = deque()
        self._let: deque[float] = deque()
        self.calls = 0
        self.refused = 0
        self.highest = 0

    def let(self, now: float, limit: int | None) -> bool:
        """Count a call at `now` (seconds, monotonic) and tell whether the limit lets it through."""
        self.calls += 1
        arrived, horizon = self._arrived, now - 1.0
        while arrived and arrived[0] <= horizon:
            arrived.popleft()
        arrived.append(now)
        self.highest = max(self.highest, len(arrived))
        if limit is None:
            return True
        let = self._let
        while let and let[0] <= horizon:
            let.popleft()
        if len(let) >= limit:
            self.refused += 1
            return False
        let.append(now)
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowReport:
    """What a window has seen."""

    app_key: str
    interface: str
    calls: int
    highest: int
    """The most calls that arrived within any one second."""
    limit: int | None
    exceeded: int
    """Calls that were refused because of the limit."""


class Windows:
    """Every window of a tenant."""

    __slots__ = ("_windows",)

    def __init__(self) -> None:
        self._windows: dict[tuple[str, str], Window] = {}

    def let(self, app_key: str, interface: str, now: float, limit: int | None) -> bool:
        """Count a call and tell whether it may go on."""
        window = self._windows.get((app_key, interface))
        if window is None:
            window = self._windows[app_key, interface] = Window()
        return window.let(now, limit)

    def report(self, limit: int | None) -> list[WindowReport]:
        """Return what each window has seen, by app and interface."""
        return [
            WindowReport(
                app_key=app_key,
                interface=interface,
                calls=window.calls,
                highest=window.highest,
                limit=limit,
                exceeded=window.refused,
            )
            for (app_key, interface), window in sorted(self._windows.items())
        ]

    def clear(self) -> None:
        """Forget what was seen."""
        self._windows.clear()


class Addresses:
    """Who calls from where: an address that calls more than the limit within 20 s is banned for 5 minutes."""

    __slots__ = ("_arrived", "_banned")

    def __init__(self) -> None:
        self._arrived: dict[str, deque[float]] = {}
        self._banned: dict[str, float] = {}

    def ban(self, ip: str, now: float, seconds: float = BAN_SECONDS) -> None:
        """Ban an address until `now + seconds`."""
        self._banned[ip] = now + seconds

    def pardon(self) -> None:
        """Lift every ban."""
        self._banned.clear()
        self._arrived.clear()

    def banned(self, ip: str, now: float, limit: int | None) -> bool:
        """Count a call at `now` (seconds, monotonic) and tell whether the address is banned."""
        if self._banned and self._banned.get(ip, 0.0) > now:
            return True
        if limit is None:
            return False
        arrived = self._arrived.setdefault(ip, deque())
        horizon = now - ADDRESS_SECONDS
        while arrived and arrived[0] <= horizon:
            arrived.popleft()
        arrived.append(now)
        if len(arrived) > limit:
            self.ban(ip, now)
            return True
        return False
