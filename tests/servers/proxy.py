"""A TCP proxy that does to a connection what networks do: cut it in the middle, stall it, refuse it.

It runs in a thread of its own, so that tests may block. It knows nothing of what it carries.
"""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress

_CHUNK = 4096
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends RST instead of FIN."""


class Proxy:
    """Carries bytes between clients and (host, port) until told otherwise."""

    def __init__(self, host: str, port: int, *, listen: str) -> None:
        self._upstream = (host, port)
        self._listener = socket.create_server((listen, 0))
        self.host, self.port = self._listener.getsockname()[:2]
        self.cut_after: int | None = None
        """Break each connection when so many bytes came from the server; None: never."""
        self.reset = False
        """Break with RST instead of FIN."""
        self.stall = False
        """Carry nothing from the server any more, and say nothing either."""
        self.carried = 0
        self.connections = 0
        self._open: set[socket.socket] = set()
        self._closed = threading.Event()
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(5)
        self.cut_all()

    def cut_all(self) -> None:
        """Break every connection now."""
        for each in list(self._open):
            self._break(each)

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._upstream, timeout=10)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            self.connections += 1
            self._open |= {client, server}
            for origin, goal, counted in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._carry, args=(origin, goal, counted), daemon=True).start()

    def _carry(self, origin: socket.socket, goal: socket.socket, counted: bool) -> None:
        carried = 0
        try:
            while piece := origin.recv(_CHUNK):
                if counted:
                    while self.stall and not self._closed.wait(0.02):
                        pass
                    if self.cut_after is not None and carried + len(piece) > self.cut_after:
                        goal.sendall(piece[: self.cut_after - carried])
                        break
                    carried += len(piece)
                    self.carried += len(piece)
                goal.sendall(piece)
        except OSError:
            pass
        finally:
            self._break(origin)
            self._break(goal)

    def _break(self, end: socket.socket) -> None:
        if end not in self._open:
            return
        self._open.discard(end)
        with suppress(OSError):
            if self.reset:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            # Wakes the thread that reads from it: until then the system would keep the connection open.
            end.shutdown(socket.SHUT_RD if self.reset else socket.SHUT_RDWR)
        end.close()
