"""Stand-ins for domain controllers as tests start them, and who reads from them. It makes no certificate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

from servers.certificates import Authority
from servers.ldap_standin import Account, Replica, Standin
from support.directory_mirror import Mirror, present, source

Watch = Callable[..., Mirror]


class Open(Protocol):
    """Starts a controller with this in it."""

    def __call__(self, replica: Replica, account: Account | None = None) -> Standin: ...


@contextmanager
def opening(certificate: tuple[Path, Path]) -> Iterator[Open]:
    """Give a way to start controllers, and stop them all in the end."""
    with ExitStack() as running:

        def start(replica: Replica, account: Account | None = None) -> Standin:
            return running.enter_context(Standin(replica, certificate=certificate, account=account))

        yield start


def watching(authority: Authority) -> Watch:
    """Return a way to begin to read from one or more controllers; the first read has been good, and found everybody."""

    def begin(*servers: Standin, **settings: Any) -> Mirror:
        known = {"password": servers[0].account.password, **settings}
        mirror = Mirror(lambda now: source(*servers, ca_file=authority.ca_file, now=now, **known))
        first = mirror.read()
        assert first.proven, first.doubts or first.error
        assert mirror.records.keys() == present(servers[0].replica).keys()
        return mirror

    return begin
