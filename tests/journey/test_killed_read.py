"""Killed while it reads: at any moment of a read, of what is stored of it, and of what is planned for it.

`test_killed_sync` kills by calls of the tenant, while it is written to. Here the process dies by the bytes that came from
the directory, and by the transactions that it has stored, mostly before it ever writes. What is asked afterwards: the cursor
claims nothing that is not stored (a delta from it amounts to what somebody knows who reads everything for the first time), nobody
was taken for gone who is not, and the tenant is what it would have been.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from servers.openldap import OpenLdap
from servers.openldap import missing as openldap_missing
from servers.proxy import Proxy
from support.directory_reader import BY_PASSWORD, Reader
from support.ldap_journey import settle
from syncd.core.model import SourceName
from syncd.store import Store
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings

pytestmark = pytest.mark.slow

PEOPLE: Final = 220
TURNS: Final = 4
_SOME: Final = 0.6
"""Of the kills, so many must have hit a process at work: else nothing was shown."""


@dataclass(kw_only=True)
class Desk:
    """A directory, the network in front of it, and how to make somebody who reads it through that."""

    server: OpenLdap
    proxy: Proxy
    make: Callable[[Path, str], Reader]

    def after(self, transactions: int, one: Reader) -> Callable[[], bool]:
        """Return a condition that holds when so many transactions have been stored from now on."""
        log = one.folder / "var" / "syncd.db-wal"
        seen = {_stamp(log)}

        def reached() -> bool:
            seen.add(_stamp(log))
            return len(seen) > transactions

        return reached

    def carried(self, size: int) -> Callable[[], bool]:
        """Return a condition that holds when so many bytes have come from the directory from now on."""
        begin = self.proxy.carried
        return lambda: self.proxy.carried - begin >= size

    def life(self, turn: int) -> str:
        """One of each kind of change; returns the number of who leaves."""
        editor, gone = self.server.editor, f"{50 + turn:04}"
        china, finance = f"ou=China 中国,{self.server.company_dn}", f"ou=Finance,ou=Indonesia,{self.server.company_dn}"
        number = f"9{turn:05}"
        editor.add(
            f"baru{turn}",
            name=f"Contoh Baru {turn}",
            unit=china,
            employeeNumber=number,
            mobile=f"+62 811-0000-900{turn}",
        )
        editor.modify("user0040", title=f"Title {turn}")
        editor.move(f"user00{60 + turn}", unit=china)
        editor.rename_unit(f"ou=South {turn or '南'},{finance}", name=f"South {turn + 1}")
        editor.delete(f"user{gone}")
        settle(editor)
        return f"00{gone}"


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)


@pytest.fixture
def desk() -> Iterator[Desk]:
    if reason := openldap_missing():
        pytest.fail(reason)
    with OpenLdap(people=PEOPLE) as server, Proxy(server.host, server.port, listen=server.host) as proxy:
        settings = {
            **BY_PASSWORD,
            "servers": f"[ldaps://{proxy.host}:{proxy.port}]",
            "ca_file": str(server.ca_file),
            "user": f'"{server.bind_user}"',
            "base": f'["{server.company_dn}", "{server.groups_dn}"]',
            # Many pages, and so many transactions.
            "page_size": "10",
        }
        yield Desk(
            server=server,
            proxy=proxy,
            make=lambda into, url: Reader(into, url, source="ldap", password=server.password, settings=settings),
        )


def test_a_process_that_dies_while_it_reads_claims_nothing_that_it_has_not_stored(desk: Desk, tmp_path: Path) -> None:
    dice = random.Random(20261122)
    with SandboxServer(sandbox()) as tenant, SandboxServer(sandbox()) as other:
        one = desk.make(tmp_path / "killed", tenant.url)
        # Whoever leaves leaves at once with the others, because nobody wrote in between; that is not what is tried here.
        one.amend("guard: {", "guard: {limits: {leave: {count: 50, percent: 50}}, ")
        before = desk.proxy.carried
        one.told("sync", "--accept")
        whole = desk.proxy.carried - before
        killed, left = 0, set()
        for turn in range(TURNS):
            left.add(desk.life(turn))
            full = ["--full"] if turn % 2 else []
            killed += one.kill_when(desk.carried(dice.randrange(1, whole if full else whole // 3)), "sync", *full)
            killed += one.kill_when(desk.after(dice.randrange(1, 12), one), "sync", *full)

        # A delta, if the server can tell one: what the killed had read, and not stored, is told once more.
        one.told("sync")
        fresh = desk.make(tmp_path / "fresh", other.url)
        fresh.told("sync", "--accept")

        assert known(one) == known(fresh)
        assert one.told("plan", "--recompute")["changes"] == []
        assert one.tenant() == fresh.tenant()
        deleted = {call["ids"]["userid"] for call in one.applied() if call["interface"].endswith("user/delete")}
        assert deleted == left, "nobody was let go but who left"
        assert one.ran("audit", "verify").out.startswith("Sound: ")
        assert killed >= 2 * TURNS * _SOME, f"{killed} were killed at work"


def known(one: Reader) -> dict[str, Any]:
    """Return what is stored of the source: who is there, what was made of it, and how others refer to it."""
    store = Store.open(f"sqlite:///{one.folder / 'var' / 'syncd.db'}", now=lambda: datetime.now(UTC))
    try:
        with store.reading() as tx:
            rows = [row for row in tx.records.iterate(source=SourceName("ldap")) if row.absent_since is None]
            return {row.native_id: (row.kind, row.state, row.label, row.facts, set(row.aliases)) for row in rows}
    finally:
        store.close()


def sandbox() -> SandboxSettings:
    return SandboxSettings(qps=None, ip_calls=None, seed=7)
