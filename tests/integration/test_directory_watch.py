"""Changes of real directories wake: whatever is done to people, groups and units, by every bell and every look that there is."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest

from servers.administrator import Administrator
from servers.ds389 import Ds389
from servers.ds389 import missing as ds389_missing
from servers.openldap import OpenLdap
from servers.openldap import missing as openldap_missing
from servers.samba import BASE_DN, COMPANY_DN, SambaDomain
from servers.samba import missing as samba_missing
from support.directory_mirror import Mirror
from support.directory_watch import Sentry
from syncd.core.errors import NeedsHuman
from syncd.core.model import SourceName
from syncd.core.ports import Room
from syncd.core.wakes import WakeReason
from syncd.testing.watching import Watcher, WatchingContract
from syncd_active_directory import ActiveDirectory, Ldap

Change = Callable[[Administrator, str], object]
_CHANGES: Mapping[str, Change] = {
    "somebody came": lambda editor, unit: editor.add("contoh.baru", name="Contoh Baru", unit=unit),
    "somebody changed": lambda editor, _: editor.modify("contoh.baru", title="Penguji"),
    "somebody joined a group": lambda editor, _: editor.join(_group(editor), editor.dn("contoh.baru")),
    "somebody was renamed": lambda editor, _: editor.rename_login("contoh.baru", to="contoh.lama"),
    "somebody was moved": lambda editor, unit: editor.move(
        "contoh.lama", unit=f"{editor.unit_type}=Watched Unit,{unit}"
    ),
    "somebody was deleted": lambda editor, _: editor.delete_dn(_last(editor)),
}
"""In this order."""
_FEW: Final = ("somebody came", "somebody was deleted")


@dataclass(frozen=True, kw_only=True)
class Post:
    """A server, and how it is watched."""

    server: Any
    make: type[ActiveDirectory]
    values: Mapping[str, Any]
    unit: str

    def source(self, **settings: Any) -> ActiveDirectory:
        room = Room(name="directory", now=lambda: datetime.now(UTC), base=Path())
        return self.make(self.make.settings.model_validate({**self.values, **settings}), room)


def _last(editor: Administrator) -> str:
    known = editor.logins(base=editor.base_dn)
    return editor.dn("contoh.lama" if "contoh.lama" in known else "contoh.baru")


def _group(editor: Administrator) -> str:
    return f"CN=Watched,{editor.unit_type}=Groups,{editor.base_dn}"


def ldap(server: OpenLdap | Ds389) -> Post:
    values = {
        "servers": server.url,
        "ca_file": server.ca_file,
        "user": server.bind_user,
        "password": server.password,
        "base": server.base_dn,
    }
    return prepared(Post(server=server, make=Ldap, values=values, unit=server.company_dn))


def domain(server: SambaDomain) -> Post:
    values = {
        "servers": f"ldaps://{server.host}",
        "ca_file": server.ca_file,
        "user": server.dirsync_user,
        "password": server.password,
        "base": BASE_DN,
    }
    return prepared(Post(server=server, make=ActiveDirectory, values=values, unit=COMPANY_DN))


def prepared(post: Post) -> Post:
    editor = post.server.editor
    editor.add_unit("Watched Unit", above=post.unit)
    editor.add("contoh.kepala", name="Contoh Kepala", unit=post.unit)
    editor.add_group(
        "Watched", unit=f"{editor.unit_type}=Groups,{editor.base_dn}", members=[editor.dn("contoh.kepala")]
    )
    return post


@pytest.fixture(scope="module")
def openldap_post() -> Iterator[Post]:
    if reason := openldap_missing():
        pytest.fail(reason)
    with OpenLdap() as server:
        yield ldap(server)


@pytest.fixture(scope="module")
def ds389_post() -> Iterator[Post]:
    if reason := ds389_missing():
        pytest.fail(reason)
    with Ds389() as server:
        yield ldap(server)


@pytest.fixture(scope="module")
def samba_post() -> Iterator[Post]:
    if reason := samba_missing():
        pytest.fail(f"{reason}; leave these tests out with -m 'not samba'")
    with SambaDomain() as server:
        yield domain(server)


def each_wakes(
    post: Post, *, words: str, reasons: set[WakeReason], changes: Iterable[str] = _CHANGES, **settings: Any
) -> None:
    """Do what may happen to people, each before the eyes of a watch of its own: no wake is taken for another's."""
    seen = set()
    for what in changes:
        with Sentry(post.source(**settings)) as sentry:
            sentry.wake()
            assert sentry.watching == words
            _CHANGES[what](post.server.editor, post.unit)
            wake = sentry.wake()
            assert wake.source == "directory", what
            assert wake.event_at is None or wake.event_at <= datetime.now(UTC), what
            seen.add(wake.reason)
        assert sentry.watching == ""
    assert seen <= reasons


_RUNG = {WakeReason.NOTIFICATION}
_LOOKED = {WakeReason.POLL}


def test_openldap_rings(openldap_post: Post) -> None:
    each_wakes(openldap_post, words="refreshAndPersist", reasons=_RUNG)


def test_openldap_is_looked_at(openldap_post: Post) -> None:
    each_wakes(
        openldap_post, words="contextCSN every 1 s", reasons=_LOOKED, changes=_FEW, watch={"notification": "off"}
    )


def test_389_directory_server_rings(ds389_post: Post) -> None:
    each_wakes(ds389_post, words="persistent search", reasons=_RUNG)


def test_389_directory_server_is_looked_at(ds389_post: Post) -> None:
    each_wakes(
        ds389_post, words="lastChangeNumber every 1 s", reasons=_LOOKED, changes=_FEW, watch={"notification": "off"}
    )


@pytest.mark.samba
@pytest.mark.xdist_group("samba")
def test_a_domain_rings_and_is_looked_at(samba_post: Post) -> None:
    # Samba rings seconds late, and not at all for the deletion: then a look finds it.
    each_wakes(samba_post, words="change notification, and DirSync every 1 s", reasons=_RUNG | _LOOKED)


@pytest.mark.samba
@pytest.mark.xdist_group("samba")
def test_a_domain_is_looked_at_with_an_account_without_rights(samba_post: Post) -> None:
    # It is not told of deletions (the guide says so): those show in full reads, with or without a wake.
    changes = ("somebody changed", "somebody joined a group")
    samba_post.server.editor.add("contoh.baru", name="Contoh Baru", unit=samba_post.unit)
    settings = {"user": samba_post.server.bind_user, "watch": {"notification": "off"}}
    each_wakes(samba_post, words="DirSync every 1 s", reasons=_LOOKED, changes=changes, **settings)


def test_what_openldap_tells_was_made_when_it_says(openldap_post: Post) -> None:
    with Sentry(openldap_post.source()) as sentry:
        sentry.wake()
        before = datetime.now(UTC)
        openldap_post.server.editor.modify("contoh.kepala", title="Direktur")
        at = sentry.wake().event_at
    assert at is not None
    assert before <= at <= datetime.now(UTC)


def contract(post: Post) -> Watcher:
    """Return the source as the contract suite wants it: the server is restarted under it."""
    titles = count(1)

    async def change() -> None:
        # Not in a thread: the administrator keeps a line for each, which nobody would close.
        post.server.editor.modify("contoh.kepala", title=f"Kepala {next(titles)}")

    async def restart() -> None:
        await asyncio.to_thread(post.server.stop)
        # Whatever happens now is not heard by anybody.
        await asyncio.to_thread(post.server.start)

    secrets = (str(post.values["password"]),)
    name = SourceName("directory")
    return Watcher(make=post.source, source=name, change=change, interrupt=restart, secrets=secrets)


class TestOpenLdapKeepsTheRules(WatchingContract):
    @pytest.fixture
    def watcher(self, openldap_post: Post) -> Watcher:
        return contract(openldap_post)


@pytest.mark.samba
@pytest.mark.xdist_group("samba")
class TestADomainKeepsTheRules(WatchingContract):
    @pytest.fixture
    def watcher(self, samba_post: Post) -> Watcher:
        return contract(samba_post)


def test_the_read_after_a_wake_tells_what_changed(openldap_post: Post) -> None:
    source = openldap_post.source()
    mirror = Mirror(lambda *_: source)
    assert mirror.read().proven
    editor = openldap_post.server.editor
    with Sentry(source) as sentry:
        sentry.wake()
        editor.modify("contoh.kepala", title="Komisaris")
        sentry.wake()
        read = mirror.read()
    assert not read.full
    titles = [
        each.attributes["title"] for each in mirror.people().values() if each.aliases[0] == editor.dn("contoh.kepala")
    ]
    assert titles == ["Komisaris"]


def test_a_watch_that_was_cancelled_leaves_no_socket(openldap_post: Post) -> None:
    before = sockets()
    with Sentry(openldap_post.source()) as sentry:
        sentry.wake()
        assert len(sockets()) > len(before)
    assert sockets() == before


@pytest.mark.parametrize("name", ["openldap", pytest.param("samba", marks=[pytest.mark.samba])])
@pytest.mark.xdist_group("samba")
def test_a_wrong_password_ends_the_watch_because_nobody_but_a_person_mends_it(
    name: str, request: pytest.FixtureRequest
) -> None:
    post: Post = request.getfixturevalue(f"{name}_post")
    with Sentry(post.source(password="Example-Wrong-1!")) as sentry, pytest.raises(NeedsHuman):
        sentry.wake()


def test_who_reads_everything_each_time_is_not_waked_by_changes(openldap_post: Post) -> None:
    before = sockets()
    with Sentry(openldap_post.source(changes="none")) as sentry:
        sentry.wake()
        assert sockets() == before, "there is nothing to listen for"
        assert sentry.watching == ""


def sockets() -> set[str]:
    """Return the connections over TCP that this process holds."""
    opened = set()
    for each in Path("/proc/self/fd").iterdir():
        try:
            opened.add(os.readlink(each))
        except FileNotFoundError:
            continue
    inodes = {line.split()[9] for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]}
    return {name for name in opened if name.removeprefix("socket:[").removesuffix("]") in inodes}
