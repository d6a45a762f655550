"""How soon a change in a directory is noticed, and how long the read after it takes: 300 changes of one person each, on an
OpenLDAP (refreshAndPersist) and on a Samba domain (change notification and DirSync each second), on loopback, with 1,000 people.

A change counts from the moment at which the server has confirmed it. The read is timed from the wake to the last page, over the
connection that stays open; its processor time says what a busy machine cannot spoil.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks._installation import ROOT
from benchmarks.figures import Figure
from syncd.core.model import Kind
from syncd.core.ports import Room
from syncd_active_directory import ActiveDirectory, Ldap

CHANGES: Final = 300
_PERSON: Final = frozenset(
    {"cn", "sn", "givenName", "displayName", "mail", "mobile", "title", "manager", "enabled", "parent"}
)
_WANTED: Final = {
    Kind.PERSON: _PERSON,
    Kind.UNIT: frozenset({"ou", "parent", "managedBy", "manager"}),
    Kind.GROUP: frozenset({"cn", "member"}),
}
"""What the shipped rules read, by and large."""


@dataclass(slots=True, kw_only=True)
class Measured:
    """Seconds, one for each change."""

    noticed: list[float] = field(default_factory=list)
    read: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def run() -> list[Figure]:
    """Measure, and return the figures. Raises `RuntimeError` if a server is not installed; Samba needs root."""
    sys.path.insert(0, str(ROOT / "tests"))
    figures = []
    with _openldap() as (source, change):
        measured = asyncio.run(_measure(source, change, pause=0))
        figures += _figures("OpenLDAP", measured, read=5, seen=0.25)
    with _samba() as (source, change):
        # At any moment between two looks.
        measured = asyncio.run(_measure(source, change, pause=1))
        figures += _figures("Samba", measured, read=None, seen=1.5)
    return figures


def _figures(name: str, measured: Measured, *, read: int | None, seen: float) -> list[Figure]:
    late, slow = _percentile(measured.noticed, 99), statistics.median(measured.read) * 1000
    note = f"p50 {statistics.median(measured.noticed) * 1000:.1f} ms, {len(measured.noticed)} changes"
    cpu = statistics.median(measured.cpu) * 1000
    read_note = f"p99 {_percentile(measured.read, 99) * 1000:.1f} ms; processor time p50 {cpu:.1f} ms"
    return [
        Figure(
            name=f"{name}: noticed, p99",
            value=late * 1000,
            unit="ms",
            goal=f"≤ {seen * 1000:.0f}",
            met=late <= seen,
            note=note,
        ),
        Figure(
            name=f"{name}: read after it, p50",
            value=slow,
            unit="ms",
            goal=f"≤ {read}" if read else "",
            met=read is None or slow <= read,
            note=read_note,
        ),
    ]


async def _measure(source: ActiveDirectory, change: Callable[[int, str], float], *, pause: float) -> Measured:
    measured, reader = Measured(), _Reader(source)
    async with source, aclosing(source.watch()) as wakes:
        await anext(wakes)
        await reader.read()
        await reader.read()
        for number in range(CHANGES):
            await asyncio.sleep(random.uniform(0, pause))
            waking = asyncio.ensure_future(_woken(wakes))
            confirmed = await asyncio.to_thread(change, number, f"Title {number}")
            at = await waking
            measured.noticed.append(max(0.0, at - confirmed))
            began, spent = time.perf_counter(), time.process_time()
            await reader.read()
            measured.read.append(time.perf_counter() - began)
            measured.cpu.append(time.process_time() - spent)
    return measured


async def _woken(wakes: Any) -> float:
    await anext(wakes)
    return time.perf_counter()


class _Reader:
    """Reads deltas, and knows what it has read."""

    def __init__(self, source: ActiveDirectory) -> None:
        self._source = source
        self._cursor: str | None = None
        self._prints: set[bytes] = set()

    async def read(self) -> None:
        known = _Known(self._prints)
        async for page in self._source.read(self._cursor, known=known):
            self._prints |= {record.fingerprint for record in page.records}
            self._cursor = page.cursor or self._cursor


class _Known:
    def __init__(self, prints: set[bytes]) -> None:
        self._prints = prints
        self._told: set[bytes] = set()

    def seen(self, fingerprint: bytes) -> bool:
        known = fingerprint in self._prints and fingerprint not in self._told
        self._told.add(fingerprint)
        return known


@contextmanager
def _openldap() -> Iterator[tuple[ActiveDirectory, Callable[[int, str], float]]]:
    from servers.openldap import OpenLdap, missing

    if reason := missing():
        raise RuntimeError(reason)
    with OpenLdap() as server:
        values = _values(server, url=server.url, user=server.bind_user, base=server.company_dn)
        with changes(server, base=server.company_dn) as change:
            yield Ldap(Ldap.settings.model_validate(values), _room()), change


@contextmanager
def _samba() -> Iterator[tuple[ActiveDirectory, Callable[[int, str], float]]]:
    from servers.samba import COMPANY_DN, SambaDomain, missing

    if reason := missing():
        raise RuntimeError(reason)
    with SambaDomain() as server:
        values = _values(server, url=f"ldaps://{server.host}", user=server.dirsync_user, base=COMPANY_DN)
        with changes(server, base=COMPANY_DN) as change:
            yield ActiveDirectory(ActiveDirectory.settings.model_validate(values), _room()), change


def _values(server: Any, *, url: str, user: str, base: str) -> dict[str, Any]:
    return {"servers": url, "ca_file": server.ca_file, "user": user, "password": server.password, "base": base}


def _room() -> Room:
    return Room(name="directory", now=lambda: datetime.now(UTC), base=Path(), wanted=_WANTED)


@contextmanager
def changes(server: Any, *, base: str) -> Iterator[Callable[[int, str], float]]:
    """Yield what gives somebody another title and returns when the server has confirmed it."""
    from servers.company import DISABLED, EXPIRED

    editor = server.editor
    without = {f"user{number:04}" for number in DISABLED | EXPIRED}
    names = [editor.dn(login) for login in editor.logins(base=base) if login not in without][-CHANGES:]
    with editor._connection() as connection:

        def change(number: int, title: str) -> float:
            done = connection.modify(names[number % len(names)], {"title": [("MODIFY_REPLACE", [title])]})
            assert done, connection.result["description"]
            return time.perf_counter()

        yield change


def _percentile(values: Sequence[float], part: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[part - 1]
