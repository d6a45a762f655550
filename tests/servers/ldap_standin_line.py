"""One connection of the stand-in: whole messages in, bytes out, and the ways in which it ends. It knows no LDAP."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from contextlib import suppress
from typing import Final

from servers import ldap_standin_ber as ber

_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends RST instead of FIN."""


class Gone(Exception):
    """This connection is to end."""

    def __init__(self, *, reset: bool = False) -> None:
        self.reset = reset
        super().__init__()


class Line:
    """One connection's socket: whole messages in, bytes out."""

    def __init__(self, client: socket.socket, stopped: threading.Event, open_: set[socket.socket]) -> None:
        self._socket = client
        self._stopped = stopped
        self._open = open_
        self._buffer = bytearray()
        self.reset = False
        open_.add(client)

    def encrypt(self, context: ssl.SSLContext) -> None:
        """Begin TLS, as the server."""
        plain = self._socket
        self._open.discard(plain)
        try:
            self._socket = context.wrap_socket(plain, server_side=True)
        finally:
            self._open.add(self._socket)

    def message(self) -> ber.Message | None:
        """Return the next request, None when the client has hung up."""
        while True:
            length = ber.framed(self._buffer)
            if length is not None and len(self._buffer) >= length:
                frame = bytes(self._buffer[:length])
                del self._buffer[:length]
                return ber.message(frame)
            piece = self._socket.recv(65536)
            if not piece:
                return None
            self._buffer += piece

    def send(self, octets: bytes) -> None:
        """Send everything."""
        self._socket.sendall(octets)

    def wait(self) -> None:
        """Say nothing until the client hangs up or the server is stopped."""
        self._socket.settimeout(0.05)
        while not self._stopped.is_set():
            try:
                if not self._socket.recv(65536):
                    return
            except TimeoutError:
                continue

    def close(self) -> None:
        """Hang up."""
        self._open.discard(self._socket)
        with suppress(OSError):
            if self.reset:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            else:
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        self._socket.close()
