"""What goes wrong, by script: at which request, how often, and how. It changes answers; the server sends what is left of them.

A `Fault` waits for its request (`at`, `where`), lets `nth - 1` of them pass, and then strikes `times` times.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from servers import ldap_standin_ber as ber
from servers.ldap_standin_search import PAGED, Answer
from servers.ldap_standin_tree import Replica


class Step(StrEnum):
    """What a client wants."""

    CONNECT = "connect"
    BIND = "bind"
    ROOT = "root"
    """The server's own entry."""
    OBJECT = "object"
    """One object by its name or id."""
    PAGE = "page"
    """A page of a paged search."""
    DIRSYNC = "dirsync"
    SEARCH = "search"
    """Any other search."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """End the connection, after so many entries."""

    keep: int = 0
    reset: bool = False
    """With RST instead of FIN."""
    inside: bool = False
    """In the middle of the entry that would follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Send so many entries, and then nothing any more while the connection stays open."""

    keep: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """End with a result code after so many entries; without a page's cookie."""

    code: int
    keep: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Leave entries out and say nothing: the last `count` ones, and those whose name contains one of `names`."""

    count: int = 0
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """Send the page before once more, with this page's cookie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Empty:
    """Success and nothing: no entries, no cookie, as if that were all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpaged:
    """Answer as a server that does not know the control: without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow:
    """Think so long."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rot:
    """Flip one bit of the answer's bytes, counted from its begin; a negative place counts from the end."""

    at: int
    bit: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Become:
    """From this request on another replica answers: a load balancer, a restored controller, a failed-over name."""

    replica: Replica


Deed = Cut | Silence | Refuse | Drop | Repeat | Empty | Unpaged | Slow | Rot | Become


@dataclass(slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong."""

    at: Step
    do: Deed
    nth: int = 1
    times: int | None = 1
    """None: for ever."""
    where: str = ""
    """Only requests whose filter or base contains this."""
    struck: int = field(default=0, init=False)
    _seen: int = field(default=0, init=False)

    def strikes(self, step: Step, words: str) -> bool:
        """Count a request, and tell whether it is this one's."""
        if step is not self.at or self.where.casefold() not in words.casefold():
            return False
        self._seen += 1
        if self._seen < self.nth or (self.times is not None and self.struck >= self.times):
            return False
        self.struck += 1
        return True


class Script:
    """The faults that wait. Safe in several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def set(self, faults: Iterable[Fault]) -> None:
        """Replace all faults."""
        with self._lock:
            self._faults = list(faults)

    def deeds(self, step: Step, words: str) -> list[Deed]:
        """Return what goes wrong at a request."""
        with self._lock:
            return [fault.do for fault in self._faults if fault.strikes(step, words)]


def spoiled(answer: Answer, deed: Deed, before: Answer | None) -> Answer:
    """Return the answer as the deed leaves it; deeds of the connection leave it alone."""
    match deed:
        case Refuse(code=code, keep=keep, text=text):
            return Answer(entries=answer.entries[:keep], code=code, text=text or f"000020EF: scripted, data {code}")
        case Drop(count=count, names=left_out):
            kept = answer.entries[: len(answer.entries) - count]
            answer.entries = [pair for pair in kept if not any(name in pair[0] for name in left_out)]
        case Repeat():
            answer.entries = list(before.entries) if before else []
        case Empty():
            # The controls stay, without a cookie: it looks like the end.
            return Answer(controls=[ended(control) for control in answer.controls])
        case Unpaged():
            answer.controls = []
    return answer


def ended(control: ber.Control) -> ber.Control:
    """Return a control of an answer that says that nothing more comes."""
    if control.oid != PAGED:
        return control
    return ber.Control(oid=control.oid, value=ber.sequence(ber.integer(0), ber.octets(b"")))
