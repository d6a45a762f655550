"""What a test LDAP server of any make is: a folder, a process, an address with TLS, and the company in it.

The makes (`openldap.py`, `ds389.py`) say how it is set up and which command runs it.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Final, Self

from servers.certificates import Authority
from servers.company_ldif import BASE_DN, CAPPED_DN, COMPANY_DN, GROUPS_DN, PLAIN_DN, SERVICE_DN, SERVICE_PASSWORD
from servers.ports import free_port

ADMIN_PASSWORD: Final = "Example-Admin-1!"
PLAIN_LIMIT: Final = 500
"""So many entries a search gives `plain_user`; paged, it may have all, page by page."""
CAPPED_LIMIT: Final = 700
"""So many entries all pages of a search together give `capped_user`."""
_START_SECONDS: Final = 60


class LdapServer(ABC):
    """One server, running between `start` and `stop`, or in a `with`."""

    base_dn: ClassVar[str] = BASE_DN
    company_dn: ClassVar[str] = COMPANY_DN
    groups_dn: ClassVar[str] = GROUPS_DN
    bind_user: ClassVar[str] = SERVICE_DN
    """The account for the connector: no limits."""
    plain_user: ClassVar[str] = PLAIN_DN
    capped_user: ClassVar[str] = CAPPED_DN
    password: ClassVar[str] = SERVICE_PASSWORD
    """Of all three."""
    host: ClassVar[str] = "127.0.0.1"
    stored: ClassVar[tuple[str, ...]]
    """The folders that make up the database."""

    def __init__(self, make: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"syncd-{make}-"))
        self.port, self.plain_port = free_port(), free_port()
        self._make = make
        self._process: subprocess.Popen[bytes] | None = None
        self.authority = Authority.create(self.folder / "tls")
        self.use_certificate(days=365)

    @property
    def ca_file(self) -> Path:
        """The certificate of the authority that signed the server's."""
        return self.authority.ca_file

    @property
    def url(self) -> str:
        """Where it is reached with TLS."""
        return f"ldaps://{self.host}:{self.port}"

    @property
    def plain_url(self) -> str:
        """Where it is reached without TLS, or with StartTLS; it takes no simple bind there before TLS."""
        return f"ldap://{self.host}:{self.plain_port}"

    @abstractmethod
    def _prepare(self) -> None:
        """Write the settings, and fill the database if it is new."""

    @abstractmethod
    def _command(self) -> list[str]:
        """Return the words that run the server in the foreground."""

    @abstractmethod
    def deny(self, dn: str, *, user: str) -> None:
        """Hide everything from `dn` downward from a user, until `allow`."""

    @abstractmethod
    def allow(self) -> None:
        """Undo every `deny`."""

    def use_certificate(self, *, days: int) -> None:
        """Give the server a new certificate; it counts from the next start."""
        self.authority.issue("ldap1", ip=self.host, days=days)

    def start(self) -> None:
        """Start the server, filled if it is new, and wait until it answers."""
        self._prepare()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._wait()

    @property
    def _log(self) -> Path:
        return self.folder / f"{self._make}.out"

    def _wait(self) -> None:
        assert self._process is not None
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            if _accepts(self.host, self.port) and _accepts(self.host, self.plain_port):
                return
            time.sleep(0.02)
        shown = self._log.read_text(errors="replace")[-2000:]
        self.stop()
        raise RuntimeError(f"{self._make} did not start: {shown}")

    def stop(self) -> None:
        """Stop the server; its data stay until `remove`."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the server without giving it time to write anything down."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._process = None

    def restart(self) -> None:
        """Stop and start again: connections break, and what was in memory only is gone."""
        self.stop()
        self.start()

    def copy(self) -> Path:
        """Return a copy of the database as it stands, for `restore`. The server is stopped for it, and started again."""
        self.stop()
        goal = Path(tempfile.mkdtemp(prefix="copy-", dir=self.folder))
        for name in self.stored:
            copy_tree(self.folder / name, goal / name)
        self.start()
        return goal

    def restore(self, copy: Path) -> None:
        """Go back to what the database was when it was copied, as after a disaster."""
        self.stop()
        for name in self.stored:
            shutil.rmtree(self.folder / name)
            copy_tree(copy / name, self.folder / name)
        self.start()

    def remove(self) -> None:
        """End the server and delete its folder. Told to stop, 389-ds would first write down for seconds what nobody reads."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def _accepts(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def copy_tree(origin: Path, goal: Path) -> None:
    """Copy a folder with its owners; database files are as large as their maps, and mostly holes."""
    subprocess.run(["cp", "-a", "--sparse=always", str(origin), str(goal)], check=True)
