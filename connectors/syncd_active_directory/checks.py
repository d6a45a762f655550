"""`syncd check --online` for a directory: each precondition by itself, with what was seen. Blocking; it runs in a thread.

It never raises, and it tries a refused password once only.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Collection, Generator, Iterator
from datetime import datetime
from typing import Final

from syncd.core.errors import Misconfigured, NeedsHuman, Problem, TryAgain
from syncd.core.model import Kind
from syncd.core.ports import Standing, Verdict
from syncd_active_directory import messages
from syncd_active_directory.checks_ways import check_noticing, check_ways
from syncd_active_directory.checks_writing import check_writing
from syncd_active_directory.directory import discover, outermost
from syncd_active_directory.place import Search
from syncd_active_directory.settings import DirectorySettings
from syncd_active_directory.wire import Wire

_WARN_DAYS: Final = 30
_SAMPLE_PAGES: Final = 10
_ERRORS: Final = (NeedsHuman, TryAgain, Misconfigured)


class Checks:
    """The checks of one source."""

    def __init__(
        self,
        settings: DirectorySettings,
        *,
        trust: Callable[[], ssl.SSLContext],
        now: datetime,
        returned: Collection[str] = (),
    ) -> None:
        """`returned` are the attributes of people that rules write back."""
        self._settings = settings
        self._returned = returned
        self._trust = trust
        self._now = now
        self._wire: Wire | None = None

    def abort(self) -> None:
        """End what runs; may be called from another thread."""
        if self._wire is not None:
            self._wire.abort()

    def verdicts(self) -> Generator[Verdict, None, None]:
        """Yield one verdict a precondition; later ones are left out if they depend on one that failed."""
        try:
            context = self._trust()
        except Misconfigured as error:
            yield _failed("ca_file", error)
            return
        reached: list[Wire] = []
        try:
            for address in self._settings.servers:
                self._wire = Wire(address, self._settings, context)
                yield from self._server(self._wire, reached)
            if reached:
                self._wire = reached[0]
                yield from self._account(reached[0])
        finally:
            for wire in reached:
                wire.close()

    def _server(self, wire: Wire, reached: list[Wire]) -> Iterator[Verdict]:
        try:
            wire.connect()
        except (NeedsHuman, TryAgain) as error:
            yield _failed(f"server {wire.address}", error)
            return
        reached.append(wire)
        yield Verdict(name=f"server {wire.address}", standing=Standing.OK, seen="reached")
        shown = wire.certificate()
        name = f"certificate {wire.address}"
        if shown is None:
            problem = messages.PLAIN_TEXT.at(server=wire.address)
            yield Verdict(name=name, standing=Standing.WARNING, seen="the connection is not encrypted", problem=problem)
            return
        days = int((shown.not_after - self._now.timestamp()) // 86400)
        seen = f"{shown.subject}, issued by {shown.issuer}, {days} days to go"
        if days >= _WARN_DAYS:
            yield Verdict(name=name, standing=Standing.OK, seen=seen)
        else:
            problem = messages.EXPIRES_SOON.at(server=wire.address, days=days)
            yield Verdict(name=name, standing=Standing.WARNING, seen=seen, problem=problem)

    def _account(self, wire: Wire) -> Iterator[Verdict]:
        try:
            wire.bind()
        except _ERRORS as error:
            yield _failed("account", error)
            return
        yield Verdict(name="account", standing=Standing.OK, seen=f"logged on to {wire.address}")
        if self._settings.password is not None and (warning := self._settings.password.warning()):
            yield Verdict(name="password", standing=Standing.WARNING, seen=warning.what, problem=warning)
        readable = []
        for base in (each.dn for each in outermost(self._settings.bases)):
            verdict = _base(wire, base)
            yield verdict
            if verdict.standing is Standing.OK:
                readable.append(base)
        try:
            place = discover(wire, self._settings, now=self._now)
        except _ERRORS as error:
            yield _failed("directory", error)
            return
        wire.always = place.dialect.controls
        yield Verdict(name="directory", standing=Standing.OK, seen=f"{place.dialect.title}, {place.host}")
        for kind in (Kind.PERSON, Kind.UNIT, Kind.GROUP):
            searches = [search for search in place.of(kind) if search.base in readable]
            if searches:
                yield self._sample(wire, kind, searches)
        yield from check_ways(wire, place, self._settings)
        yield from check_noticing(wire, place, self._settings)
        yield from check_writing(wire, place, self._returned)

    def _sample(self, wire: Wire, kind: Kind, searches: list[Search]) -> Verdict:
        name = f"{kind}s"
        count = 0
        try:
            for search in searches:
                pages = wire.pages(base=search.base, filter_=search.filter, wanted=["1.1"], doing=f"counting {kind}s")
                for number, page in enumerate(pages, start=1):
                    count += len(page.entries)
                    if number == _SAMPLE_PAGES:
                        size = self._settings.page_size
                        return Verdict(name=name, standing=Standing.OK, seen=f"at least {count}, in pages of {size}")
        except _ERRORS as error:
            return _failed(name, error)
        # A company without groups is one; a company without people is a wrong base or filter.
        standing = Standing.OK if count or kind is not Kind.PERSON else Standing.WARNING
        return Verdict(name=name, standing=standing, seen=f"{count} found")


def _base(wire: Wire, base: str) -> Verdict:
    name = f"base {base}"
    try:
        found = wire.entry(base, ["1.1"], doing="looking at the base")
    except (NeedsHuman, TryAgain) as error:
        return _failed(name, error)
    if found is None:
        return _failed(name, NeedsHuman(messages.NO_BASE.at(server=wire.address, base=base)))
    return Verdict(name=name, standing=Standing.OK, seen="readable")


def _failed(name: str, error: NeedsHuman | TryAgain | Misconfigured) -> Verdict:
    problem: Problem = error.problems[0] if isinstance(error, Misconfigured) else error.problem
    return Verdict(name=name, standing=Standing.FAILED, seen=problem.what, problem=problem)
