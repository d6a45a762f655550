"""A connection on which searches run that do not end: what comes is looked at, never decoded. It lives in the event loop.

It takes messages off the socket as they come, also while nobody waits for them, and remembers no more than that something
happened. A server that keeps silent is asked for a sign of life; one that gives none counts as gone. It decides nothing about
what was changed, and reads no entry.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from ldap3 import BASE

from syncd.core.errors import TryAgain, foreign
from syncd_active_directory import messages
from syncd_active_directory.entry import ENTRY, INTEGER, SEQUENCE, Malformed, element
from syncd_active_directory.seam import size_of
from syncd_active_directory.sync_values import informed
from syncd_active_directory.wire import Wire

IDLE: Final = timedelta(seconds=20)
"""After so much silence the server is asked for a sign of life."""
PATIENCE: Final = timedelta(seconds=10)
"""So long it may take to give one: a connection that died is noticed after half a minute at most."""
_CHUNK: Final = 64 * 1024
_ENUMERATED: Final = 0x0A
_DONE, _EXTENDED, _INTERMEDIATE = 0x65, 0x78, 0x79
_NAME, _VALUE = 0x80, 0x81  # of IntermediateResponse, RFC 4511 §4.13
_SYNC_INFO: Final = b"1.3.6.1.4.1.4203.1.9.1.4"
_PASSING: Final = frozenset({51, 52, 80, 4096})
"""busy, unavailable, other, e-syncRefreshRequired: such a search may be begun again; any other end is a refusal."""
_STAMPED: Final = re.compile(rb"csn=(\d{14}\.\d{6})Z#[0-9a-f]{6}#[0-9a-f]{3}#[0-9a-f]{6}(?![;0-9a-f])")
"""OpenLDAP sends a cookie along with each change: the time at which that was made, to the microsecond (seen with 2.5.13)."""
_SOON: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Something happened."""

    at: datetime | None = None
    """When the first of it happened, where the server says so."""


class Refused(Exception):
    """The server ended a search that was not to end, and would end it again."""


class Ear:
    """Listens on a wire that is bound; opened, closed and waited for in one event loop."""

    def __init__(
        self, wire: Wire, *, begun: Mapping[int, bool], idle: timedelta = IDLE, patience: timedelta = PATIENCE
    ) -> None:
        """`begun` are the searches that run, by number: whether they first tell that they have caught up (RFC 4533)."""
        self._wire = wire
        self._idle, self._patience = idle.total_seconds(), patience.total_seconds()
        self._searches = frozenset(begun)
        self._behind = {number for number, catches_up in begun.items() if catches_up}
        self._held = b""
        self._stirred = asyncio.Event()
        self._heard: Heard | None = None
        self._failure: TryAgain | Refused | None = None
        self._sign: int | None = None
        """The number of the question for a sign of life that is not answered yet."""
        self._loop = asyncio.get_running_loop()
        self._last = self._asked = self._loop.time()
        self._line = wire.line
        self._line.setblocking(False)
        self._descriptor = self._line.fileno()
        self._loop.add_reader(self._descriptor, self._take)

    @property
    def address(self) -> str:
        """The server that is listened to."""
        return self._wire.address

    def close(self) -> None:
        """Listen no more, and hang up. Harmless when done twice."""
        self._deaf()
        self._wire.close()

    async def ready(self) -> None:
        """Wait until the searches run: what happens from now on is heard. Raises `TryAgain`, or `Refused`."""
        # Servers answer in turn; one that will not have a search says so before it answers the next question.
        self._ask()
        ends = self._loop.time() + self._patience
        if not await self._until(lambda: self._sign is None and not self._behind, ends):
            self._fail("no answer")
        self._take()
        if self._failure:
            raise self._failure

    async def heard(self, seconds: float | None) -> Heard | None:
        """Return what was heard, waiting up to `seconds` (None: for ever); None if nothing was. Raises as `ready`."""
        self._take()
        ends = self._loop.time() + seconds if seconds is not None else None
        while self._heard is None:
            due = self._due()
            if await self._until(partial(self._stirs, due), due if ends is None else min(due, ends)):
                continue
            if ends is not None and self._loop.time() >= ends:
                return None
            self._silent()
        heard, self._heard = self._heard, None
        return heard

    async def _until(self, come: Callable[[], bool], ends: float) -> bool:
        """Wait until it has come, and tell whether it has. Raises what went wrong."""
        while not (done := come()):
            if self._failure:
                raise self._failure
            try:
                async with asyncio.timeout_at(ends):
                    await self._stirred.wait()
            except TimeoutError:
                return come()
            self._stirred.clear()
        return done

    def _stirs(self, due: float) -> bool:
        return self._heard is not None or self._due() != due

    def _due(self) -> float:
        """Return when the silence has lasted for too long."""
        if self._sign is None:
            return self._last + self._idle
        return max(self._last, self._asked) + self._patience

    def _silent(self) -> None:
        if self._sign is None:
            self._ask()
        else:
            self._fail("no sign of life")

    def _ask(self) -> None:
        self._asked = self._loop.time()
        try:
            self._sign = self._wire.begin(base="", filter_="(objectClass=*)", wanted=["1.1"], scope=BASE)
        except TryAgain as failure:
            self._end(failure)

    def _take(self) -> None:
        """Take what has come."""
        if self._failure or self._descriptor < 0:
            return
        try:
            while part := self._line.recv(_CHUNK):
                self._last = self._loop.time()
                self._held = self._understood(self._held + part)
            self._fail("the server hung up")
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except Malformed as error:
            self._fail(f"malformed message received: {error}")
        except (OSError, ValueError) as error:
            self._fail(str(error))

    def _understood(self, held: bytes) -> bytes:
        """Look at the messages that are complete, and return what is left."""
        at = 0
        while 0 < (size := size_of(held, at)) <= len(held) - at:
            self._message(held[at : at + size])
            at += size
        return held[at:]

    def _message(self, message: bytes) -> None:
        start, end = element(message, 0, len(message), SEQUENCE)
        begins, at = element(message, start, end, INTEGER)
        if at >= end:
            raise Malformed("no protocol op")
        number, tag = int.from_bytes(message[begins:at], "big", signed=True), message[at]
        body = element(message, at, end, tag)
        if number == self._sign:
            if tag == _DONE:
                self._sign = None
                self._stirred.set()
        elif number in self._searches:
            self._of_search(number, tag, message=message, body=body)
        elif number == 0 and tag == _EXTENDED:
            # A notice of disconnection (RFC 4511 §4.4.1) is the only one that servers send without being asked.
            self._fail("the server ends the connection")

    def _of_search(self, number: int, tag: int, *, message: bytes, body: tuple[int, int]) -> None:
        if tag == _DONE:
            begins, ends = element(message, *body, _ENUMERATED)
            self._ended(int.from_bytes(message[begins:ends], "big"))
        elif tag == _INTERMEDIATE:
            self._informed(number, message, body)
        elif tag == ENTRY:
            self._happened(message[body[1] :])

    def _informed(self, number: int, message: bytes, body: tuple[int, int]) -> None:
        """Take an intermediate message: that the search has caught up, who is gone, or a cookie and nothing else."""
        name, value, at = b"", b"", body[0]
        while at < body[1]:
            tag = message[at]
            begins, at = element(message, at, body[1], tag)
            name = message[begins:at] if tag == _NAME else name
            value = message[begins:at] if tag == _VALUE else value
        if name != _SYNC_INFO or (told := informed(value)) is None:
            return
        if number in self._behind and not told.identities:
            self._behind.discard(number)
            self._stirred.set()
        else:
            self._happened(b"")

    def _happened(self, controls: bytes) -> None:
        stamps = [_moment(found) for found in _STAMPED.findall(controls)]
        at = max((each for each in stamps if each), default=None)
        if self._heard is None:
            self._heard = Heard(at=at)
        elif at is not None and self._heard.at is not None:
            self._heard = Heard(at=min(at, self._heard.at))
        self._stirred.set()

    def _ended(self, code: int) -> None:
        if code in _PASSING:
            self._fail(f"it ended the search ({code})")
        else:
            self._end(Refused(str(code)))

    def _fail(self, reason: str) -> None:
        problem = messages.CUT.at(server=self.address, doing="listening for changes", reason=foreign(reason))
        self._end(TryAgain(problem, after=_SOON))

    def _end(self, failure: TryAgain | Refused) -> None:
        # What comes first counts; a reader on a line at its end would be called again and again.
        if self._failure is None:
            self._failure = failure
            self._deaf()
            self._stirred.set()

    def _deaf(self) -> None:
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)
            self._descriptor = -1


def _moment(text: bytes) -> datetime | None:
    with suppress(ValueError):
        return datetime.strptime(text.decode("ascii"), "%Y%m%d%H%M%S.%f").replace(tzinfo=UTC)
    return None
