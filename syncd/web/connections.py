"""One connection of uvicorn's, with the limits that uvicorn has not: on how long a client may take to say what it
wants, on how much it may send, and on how many there are at once. What a request means is not looked at here.
"""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

CONNECTIONS: Final = 512
"""At the same time. Half of the open files that a process usually may have (RLIMIT_NOFILE, 1024)."""
HEAD_SECONDS: Final = 10.0
"""From the connection, until the first request's head is complete."""
IDLE_SECONDS: Final = 60.0
"""From an answer, until the next request's head is complete."""
HEAD_BYTES: Final = 32 * 1024
REQUEST_BYTES: Final = 1024 * 1024
"""Of one request as it comes over the line: a body of the greatest size in chunks of one byte is a third of that.
Whoever sends more ignores our answer, or hides it in trailers."""

_BUSY: Final = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_HEAD_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
)


class Connection(HttpToolsProtocol):
    """A connection that nobody can keep for nothing."""

    _deadline: asyncio.TimerHandle | None = None
    _received = 0
    """Bytes since the request began, or so: what came together with its first byte is not counted."""
    _in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            self._end(_BUSY)
        else:
            self._expect(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, unless it is too much."""
        self._received += len(data)
        if self._received > REQUEST_BYTES:
            self.transport.abort()
            return
        super().data_received(data)
        if self._in_head and self._received > HEAD_BYTES and not self.transport.is_closing():
            self._end(_HEAD_TOO_LARGE)

    def on_message_begin(self) -> None:
        self._received, self._in_head = 0, True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._expect(None)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self.cycle.response_complete:  # it was answered before it was complete
            self._expect(IDLE_SECONDS)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.transport.is_closing():
            # A rest that nobody reads is thrown away for a while: who still sends when we close loses our answer.
            self._expect(HEAD_SECONDS if self.cycle.more_body else IDLE_SECONDS)

    def _expect(self, seconds: float | None) -> None:
        """Cut the connection in so many seconds, unless something is expected anew until then; None: wait."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self.transport.abort)

    def _end(self, answer: bytes) -> None:
        self.transport.write(answer)
        self.transport.close()
