"""Tells systemd how the service stands: ready, alive, what it is at, reloading, stopping. Silent where systemd does not listen.

The protocol is sd_notify(3): datagrams of `NAME=VALUE` lines to the socket that `NOTIFY_SOCKET` names. Nothing here ever fails
the service, and nothing here decides whether it is well: it passes on what it is told.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from syncd.structured import structlog

log = structlog.get_logger(__name__)

STALLED: Final = timedelta(minutes=15)
"""Work that makes no progress for so long is taken for hung. The longest single step known is a directory's first page: it took
14 s for 100,000 people, and the limits for one call of a connector are a few minutes."""
EXTENSION: Final = timedelta(minutes=2)
"""How much more time a start that makes progress asks for."""


class Notifier:
    """Whoever started us, if that is systemd."""

    def __init__(self, env: Mapping[str, str] | None = None, *, pid: int | None = None) -> None:
        env = os.environ if env is None else env
        self._address = _address(env.get("NOTIFY_SOCKET", ""))
        self.watchdog = _watchdog(env, os.getpid() if pid is None else pid)
        """Within which time systemd wants to hear of us; None: it does not."""
        self._status = ""

    def ready(self, status: str) -> None:
        """Say that the service works now; also after `reloading`."""
        self._status = status
        self._send("READY=1", f"STATUS={_line(status)}")

    def status(self, text: str) -> None:
        """Say in one line what the service is at; nothing is sent where nothing changed."""
        if text != self._status:
            self._status = text
            self._send(f"STATUS={_line(text)}")

    def reloading(self) -> None:
        """Say that the configuration is read again; `ready` ends it."""
        micros = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000
        self._send("RELOADING=1", f"MONOTONIC_USEC={micros}")

    def stopping(self, status: str) -> None:
        """Say that the service settles what is under way, and ends."""
        self._send("STOPPING=1", f"STATUS={_line(status)}")

    def alive(self) -> None:
        """Say that the service is not hung."""
        self._send("WATCHDOG=1")

    def extend(self, time_: timedelta) -> None:
        """Ask for more time to start or to stop."""
        self._send(f"EXTEND_TIMEOUT_USEC={time_ // timedelta(microseconds=1)}")

    def _send(self, *lines: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.setblocking(False)
                out.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            log.warning("systemd.not_told", error=error.strerror or type(error).__name__)


class Pulse:
    """Ties the watchdog to progress: it is fed while the service waits for work, and while work makes progress. Not otherwise.

    That the event loop turns is not enough: it turns, too, while a connection that nobody times out hangs for ever.
    """

    def __init__(
        self,
        notifier: Notifier,
        *,
        stalled: timedelta = STALLED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._notifier, self._stalled, self._clock = notifier, stalled.total_seconds(), clock
        self._progress_at: float | None = clock()
        self._ready = False

    def progress(self) -> None:
        """Note that something was done: a page read, a change settled, a round over."""
        self._progress_at = self._clock()

    def idle(self) -> None:
        """Note that there is nothing to do; `progress` ends it."""
        self._progress_at = None

    def ready(self, status: str) -> None:
        """Note that the service stands ready, and say so once; later only how it stands."""
        if self._ready:
            self._notifier.status(status)
        else:
            self._ready = True
            self._notifier.ready(status)

    @property
    def well(self) -> bool:
        """Tell whether there is nothing to do, or progress was made lately."""
        return self._progress_at is None or self._clock() - self._progress_at < self._stalled

    async def beat(self) -> None:
        """Feed the watchdog for ever; run it as a task beside the work."""
        watchdog = self._notifier.watchdog or EXTENSION
        while True:
            if not self.well:
                log.error("service.stalled", seconds=round(self._stalled))
            elif self._ready:
                self._notifier.alive()
            else:
                self._notifier.extend(EXTENSION)
            await asyncio.sleep(watchdog.total_seconds() / 3)


def _address(text: str) -> str | None:
    """Return the socket's address; a leading `@` stands for the abstract namespace."""
    if text.startswith("@"):
        return "\0" + text[1:]
    return text if text.startswith("/") else None


def _watchdog(env: Mapping[str, str], pid: int) -> timedelta | None:
    """Return the watchdog's period, where it is meant for this process (sd_watchdog_enabled(3))."""
    try:
        micros, meant = int(env.get("WATCHDOG_USEC", "0")), int(env.get("WATCHDOG_PID", str(pid)))
    except ValueError:
        return None
    return timedelta(microseconds=micros) if micros > 0 and meant == pid else None


def _line(text: str) -> str:
    return " ".join(text.split())
