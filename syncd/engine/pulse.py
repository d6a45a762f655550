"""Who is told that the service is alive, and when it works. It is only told: it decides nothing for the service."""

from __future__ import annotations

from typing import Protocol


class Pulse(Protocol):
    """A watchdog's side of the service (`syncd.engine.notify.Pulse`)."""

    def progress(self) -> None:
        """Something was done: a page read, a change settled, a round over."""
        ...

    def idle(self) -> None:
        """There is nothing to do."""
        ...

    def ready(self, status: str) -> None:
        """The service stands ready: a whole cycle has ended well, or has failed and is tried again by itself.

        `status` says which, in a few words; it may be said again and again.
        """
        ...


class Unheard:
    """Nobody is told."""

    def progress(self) -> None:
        return

    def idle(self) -> None:
        return

    def ready(self, status: str) -> None:  # noqa: ARG002 - as the protocol has it
        return


__all__ = ["Pulse", "Unheard"]
