"""A tenant on disk: a snapshot, and a log of what changed since, so that an answered write survives a killed process.

`state.json` is replaced as a whole; `state.json.log` gets a line per change before the call is answered. No fsync: the sandbox
survives the death of its process, not of the machine. A torn last line of the log is a call that was never answered.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from syncd.core.errors import Misconfigured, Place
from syncd_dingtalk.sandbox import messages, records
from syncd_dingtalk.sandbox.clock import Clock
from syncd_dingtalk.sandbox.settings import SandboxSettings
from syncd_dingtalk.sandbox.tenant import KEYS, Tenant

FORMAT: Final = 1
_TYPES: Final[Mapping[str, type[Any]]] = {
    "apps": records.App,
    "departments": records.Department,
    "users": records.User,
    "role_groups": records.RoleGroup,
    "roles": records.Role,
    "contacts": records.Contact,
    "tokens": records.Token,
    "invitations": records.Invitation,
    "leavers": records.Leaver,
    "todos": records.Todo,
    "events": records.Event,
}
_COMPACT_AFTER: Final = 50_000
_encode: Final = msgspec.json.Encoder().encode

Tables = dict[str, dict[str | int, Any]]
"""Undecoded values by table and key."""


class Disk:
    """A tenant and where it is kept. Without a file it keeps nothing."""

    def __init__(self, tenant: Tenant, log: IO[bytes] | None = None) -> None:
        self.tenant = tenant
        self._log = log
        self._lines: list[bytes] = []
        self._written = 0
        if log is not None:
            tenant.record, tenant.settle = self._record, self._settle

    def _record(self, table: str, key: str | int, value: object | None) -> None:
        self._lines.append(_encode([self.tenant.serial, table, key, value]))

    def _settle(self) -> None:
        if self._log is None or not self._lines:
            return
        self._lines.append(b"")
        self._log.write(b"\n".join(self._lines))
        self._written += len(self._lines)
        self._lines.clear()
        if self._written > _COMPACT_AFTER + 2 * len(self.tenant.live.users):
            self.compact()

    def compact(self) -> None:
        """Write the snapshot and empty the log."""
        if self._log is None:
            return
        path = _path(self.tenant.settings)
        tables = {table: [[key, value] for key, value in self.tenant.table(table).items()] for table in KEYS}
        fresh = path.with_name(path.name + ".new")
        fresh.write_bytes(_encode({"format": FORMAT, "serial": self.tenant.serial, "tables": tables}))
        os.replace(fresh, path)
        self._log.truncate(0)
        self._lines.clear()
        self._written = 0

    def close(self) -> None:
        """Compact and let the file go."""
        if self._log is not None:
            self.compact()
            self._log.close()
            self._log = None
            self.tenant.record = self.tenant.settle = None


def _path(settings: SandboxSettings) -> Path:
    if settings.state_file is None:
        raise ValueError("this sandbox keeps nothing on disk")
    return settings.state_file


def open_tenant(settings: SandboxSettings, clock: Clock | None = None) -> Disk:
    """Return the tenant that the settings describe, read from its file where there is one.

    Raises Misconfigured (SBX-001, SBX-002) for a file that cannot be read or is in use.
    """
    tenant = Tenant(settings, clock)
    if settings.state_file is None:
        return Disk(tenant)
    path = settings.state_file
    path.parent.mkdir(parents=True, exist_ok=True)
    log = open(path.with_name(path.name + ".log"), "a+b", buffering=0)  # noqa: SIM115 - the Disk closes it
    try:
        _share(log, path.parent)
        _lock(log, path)
        serial, tables = _read(path, log)
        if tables is not None:
            tenant.load(serial, tables)
        disk = Disk(tenant, log)
        disk.compact()
    except BaseException:
        log.close()
        raise
    return disk


def _share(log: IO[bytes], folder: Path) -> None:
    """Give the log to the owner of its folder where it is root who opens it: the service has an account of its own."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(log.fileno(), owner.st_uid, owner.st_gid)


def _lock(log: IO[bytes], path: Path) -> None:
    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise Misconfigured([messages.STATE_TAKEN.at(Place(file=str(path)))]) from None


def _read(path: Path, log: IO[bytes]) -> tuple[int, dict[str, list[Any]] | None]:
    """Return the serial and the decoded values by table; None where nothing was ever stored."""
    tables: Tables = {table: {} for table in KEYS}
    serial = 0
    try:
        if path.exists():
            stored = msgspec.json.decode(path.read_bytes())
            if stored["format"] != FORMAT:
                raise ValueError(f"format {stored['format']} is not {FORMAT}")
            serial = stored["serial"]
            for table, pairs in stored["tables"].items():
                tables[table] = {key: value for key, value in pairs}  # noqa: C416 - pairs are lists
        serial = _replay(log, tables, serial)
        if not tables["departments"]:
            return 0, None
        decoded = {
            name: [msgspec.convert(value, kind) for value in tables[name].values()] for name, kind in _TYPES.items()
        }
        return serial, decoded
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError, KeyError, TypeError) as error:
        raise Misconfigured([messages.STATE_BROKEN.at(Place(file=str(path)), why=error)]) from error


def _replay(log: IO[bytes], tables: Tables, serial: int) -> int:
    """Lay the log's changes over the tables and return the last serial."""
    log.seek(0)
    for line in log.read().split(b"\n")[:-1]:
        serial, table, key, value = msgspec.json.decode(line)
        if table == "reset":
            for known in tables.values():
                known.clear()
        elif value is None:
            tables[table].pop(key, None)
        else:
            tables[table][key] = value
    return serial
