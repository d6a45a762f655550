"""A real PostgreSQL for tests: its own cluster in a temporary folder, as user postgres, gone afterwards.

Needs Debian's `postgresql` (15 or later) and root, because the server refuses to run as root and another user has to be
taken. The cluster that Debian makes by itself is not touched. fsync is off: nothing here survives a power cut, on purpose.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final

import psycopg

from servers.ports import free_port

_USER: Final = "postgres"
_FAST: Final = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=50")


def missing() -> str:
    """Return what is missing to start a server, "" if nothing is."""
    if _binaries() is None:
        return "PostgreSQL's server programs are not installed (apt-get install postgresql)"
    if os.geteuid() != 0:
        return "starting PostgreSQL as another user needs root"
    return ""


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


class PostgresServer:
    """One server, running between `with` and its end."""

    def __init__(self) -> None:
        binaries = _binaries()
        assert binaries is not None, missing()
        self._binaries = binaries
        self._folder = Path(tempfile.mkdtemp(prefix="syncd-postgres-"))
        self._port = free_port()
        self._names = (f"test_{number}" for number in itertools.count(1))

    def __enter__(self) -> PostgresServer:
        user = pwd.getpwnam(_USER)
        os.chown(self._folder, user.pw_uid, user.pw_gid)
        settings = [word for setting in _FAST for word in ("-c", setting)]
        options = ["-c", "listen_addresses=127.0.0.1", "-p", str(self._port), "-k", str(self._folder), *settings]
        self._run("initdb", "-U", "test", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        self._run("pg_ctl", "-w", "-s", "-l", str(self._folder / "log"), "-o", " ".join(options), "start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Not "immediate": that leaves its shared memory behind.
        self._run("pg_ctl", "-w", "-s", "-m", "fast", "stop")
        shutil.rmtree(self._folder)

    def _run(self, program: str, *arguments: str) -> None:
        command = [
            *("setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--init-groups"),
            *(str(self._binaries / program), "-D", str(self._folder / "cluster"), *arguments),
        ]
        subprocess.run(command, check=True, cwd=self._folder, stdout=subprocess.DEVNULL, timeout=60)

    def url(self, database: str) -> str:
        """Return the URL of a database of this server."""
        return f"postgresql://test@127.0.0.1:{self._port}/{database}"

    def new_database(self, *, template: str = "template1") -> str:
        """Make a database and return its name."""
        name = next(self._names)
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            # Several times as fast as through the log of a server whose log nobody will need.
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy".encode())
        return name

    def drop(self, name: str) -> None:
        """Forget a database, whoever is still connected to it."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
