"""Ports for servers that are told where to listen, or that come back where they were. It never holds what it gives.

The system's own choice will not do for them: it lies where outgoing connections get theirs from (32768 to 60999 on Linux), and
whatever connects in the moment in which nobody listens may be given it.
"""

from __future__ import annotations

import random
import socket
from contextlib import suppress
from typing import Final

_FIRST, _LAST = 12_000, 32_000
_CHANCE: Final = random.SystemRandom()  # Hypothesis gives the other one the same seed in every process
_given: Final[set[int]] = set()


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port on which nobody listens now, and which this process is given only once."""
    while True:
        port = _CHANCE.randrange(_FIRST, _LAST)
        if port not in _given:
            with suppress(OSError), socket.create_server((host, port)):
                _given.add(port)
                return port
