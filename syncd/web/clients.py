"""How often each client may ask: a bucket of tokens for each. Pure: the time is handed in; it answers nobody itself."""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

CLIENTS: Final = 10_000
"""How many are remembered; the one that was silent for longest is forgotten first."""
HERE: Final = "local"
"""Who calls through a socket in the file system."""


def client_of(host: str | None) -> str:
    """Return by what a client is told from others: its IPv4 address, or its IPv6 network of 64 bits, which is what one
    customer gets."""
    if not host:
        return HERE
    try:
        address = ip_address(host)
    except ValueError:
        return host[:64]
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((int(address) >> 64 << 64, 64)))


class Rate:
    """Lets each client make `per_second` requests, and twice as many at once."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._burst = 2 * per_second
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str, now: float) -> float:
        """Count a request at `now` (seconds of any steady clock); return 0 if it may be made, else in how many seconds
        one may."""
        left, at = self._left.pop(client, (self._burst, now))
        left = min(self._burst, left + max(now - at, 0) * self._per_second)
        allowed = left >= 1
        self._left[client] = (left - 1 if allowed else left, now)
        if len(self._left) > CLIENTS:
            self._left.popitem(last=False)
        return 0 if allowed else (1 - left) / self._per_second
