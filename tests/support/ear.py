"""systemd's end of the notify socket (sd_notify(3)), and a service in a process of its own."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any, Self

from support.journey import Journey


class Ear:
    """A bound datagram socket; `address` is what NOTIFY_SOCKET says, a path or `@` and a name."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.everything: list[dict[str, str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)

    def heard(self) -> list[dict[str, str]]:
        """Return what came since the last time, each message as its variables."""
        found: list[dict[str, str]] = []
        while True:
            try:
                lines = self._socket.recv(4096).decode().split("\n")
            except BlockingIOError:
                self.everything += found
                return found
            found.append(dict(line.split("=", 1) for line in lines))

    def says(self, name: str, part: str = "") -> bool:
        """Tell whether a variable was ever sent, with a value that holds `part`."""
        self.heard()
        return any(part in message[name] for message in self.everything if name in message)

    def close(self) -> None:
        self._socket.close()


class Daemon:
    """`syncd run` in a process of its own. Its log is read as it is written, so that no pipe is ever full."""

    def __init__(self, one: Journey, *arguments: str) -> None:
        self.process: subprocess.Popen[bytes] = one.start("run", "--verbose", *arguments)
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing running, whatever the test has come to."""
        if self.process.poll() is None:
            self.process.kill()
        self.ended()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.decode())

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return what the log says of one kind of event."""
        found = [json.loads(line) for line in list(self.lines) if line.startswith("{")]
        return [event for event in found if event["event"] == name]

    def stop(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.terminate()
        return self.ended()

    def ended(self) -> int:
        """Wait for its end and return the exit code."""
        code = self.process.wait(timeout=60)
        self._reader.join()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        return code


def bind(folder: Path) -> Ear:
    """Return an ear on a path in a folder."""
    return Ear(str(folder / "notify"))
