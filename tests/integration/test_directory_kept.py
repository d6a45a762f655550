"""A source that stays open reads a delta over the connection of the last read, or quietly over another, in few round trips."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from servers.certificates import Authority
from servers.ldap_standin import Cut, Fault, Refuse, Silence, Standin, Step
from servers.ldap_standin_company import COMPANY, company, team
from support.directory_mirror import NOW, source
from support.directory_watch import Sentry
from syncd.core.errors import TryAgain
from syncd.core.model import Page
from syncd_active_directory import ActiveDirectory

MOST_TRIPS = 6
"""The server itself; DirSync; who is locked; units and people of that id; the unit above."""


@dataclass
class Reader:
    """Reads one source again and again, within one `async with`."""

    directory: ActiveDirectory
    cursor: str | None = None
    prints: set[bytes] = field(default_factory=set)

    async def read(self, *, full: bool = False) -> list[Page]:
        known = _Known(set(self.prints))
        pages = [page async for page in self.directory.read(self.cursor, full=full, known=known)]
        self.prints |= {record.fingerprint for page in pages for record in page.records}
        self.cursor = pages[-1].cursor
        return pages


@dataclass
class _Known:
    left: set[bytes]

    def seen(self, fingerprint: bytes) -> bool:
        found = fingerprint in self.left
        self.left.discard(fingerprint)
        return found


@dataclass
class Office:
    """A controller, and the clock of who reads it."""

    standin: Standin
    ca_file: Path
    time: datetime = NOW

    def now(self) -> datetime:
        return self.time

    def change(self, title: str) -> None:
        self.standin.replica.modify(f"CN=Contoh 0005,{team(5)}", title=title)

    def binds(self) -> int:
        return len(self.standin.asked(Step.BIND))

    def run(self, story: Callable[[Reader], Coroutine[Any, Any, None]]) -> None:
        async def told() -> None:
            async with source(self.standin, ca_file=self.ca_file, now=self.now, base=COMPANY) as directory:
                await story(Reader(directory))

        asyncio.run(told())


@pytest.fixture
def office(authority: Authority) -> Iterator[Office]:
    with Standin.trusted(company(24), authority) as standin:
        yield Office(standin, authority.ca_file)


def titles(pages: list[Page]) -> list[object]:
    return [record.attributes.get("title") for page in pages for record in page.records]


def test_one_changed_person_takes_few_round_trips_and_no_new_connection(office: Office) -> None:
    async def story(reader: Reader) -> None:
        await reader.read()
        for title in ("Penguji", "Kepala"):
            office.change(title)
            before = len(office.standin.log)
            assert titles(await reader.read()) == [title]
            asked = office.standin.log[before:]
            assert {each.connection for each in asked} == {1}
            assert len(asked) <= MOST_TRIPS, [(each.step, each.base, each.filter) for each in asked]
        assert office.binds() == 1

    office.run(story)
    assert office.standin.connections == 1


def test_nothing_changed_takes_three_round_trips(office: Office) -> None:
    async def story(reader: Reader) -> None:
        await reader.read()
        await reader.read()
        before = len(office.standin.log)
        await reader.read()
        assert [each.step for each in office.standin.log[before:]] == [Step.ROOT, Step.DIRSYNC, Step.PAGE]

    office.run(story)


@pytest.mark.parametrize("deed", [Cut(), Cut(reset=True), Silence()], ids=["hung up", "reset", "forgotten"])
def test_a_connection_that_died_while_it_was_idle_is_replaced_quietly(office: Office, deed: Cut | Silence) -> None:
    async def story(reader: Reader) -> None:
        await reader.read()
        office.change("Penguji")
        office.standin.script(Fault(at=Step.ROOT, do=deed))
        assert titles(await reader.read()) == ["Penguji"]
        assert office.binds() == 2

    office.run(story)


def test_a_server_that_was_restarted_is_read_again_without_a_word(office: Office) -> None:
    async def story(reader: Reader) -> None:
        await reader.read()
        office.standin.stop()
        office.standin.start()
        office.change("Penguji")
        assert titles(await reader.read()) == ["Penguji"]

    office.run(story)


def test_a_read_that_broke_leaves_no_connection_to_the_next_one(office: Office) -> None:
    async def story(reader: Reader) -> None:
        await reader.read()
        office.change("Penguji")
        office.standin.script(Fault(at=Step.DIRSYNC, do=Cut()))
        with pytest.raises(TryAgain):
            await reader.read()
        assert titles(await reader.read()) == ["Penguji"]
        assert office.binds() == 2

    office.run(story)


def test_a_refused_search_does_not_spoil_what_follows(office: Office) -> None:
    async def story(reader: Reader) -> None:
        await reader.read()
        office.change("Penguji")
        office.standin.script(Fault(at=Step.PAGE, do=Refuse(code=51)))
        with pytest.raises(TryAgain):
            await reader.read()
        assert titles(await reader.read()) == ["Penguji"]

    office.run(story)


def test_who_stops_reading_in_the_middle_keeps_nothing(office: Office) -> None:
    async def story(reader: Reader) -> None:
        pages = reader.directory.read(None)
        await anext(pages)
        await pages.aclose()  # type: ignore[attr-defined]
        await reader.read()
        assert office.binds() == 2

    office.run(story)


@pytest.mark.parametrize(
    ("later", "full"), [(timedelta(hours=2), False), (timedelta(0), True)], ids=["after an hour", "for a full read"]
)
def test_the_account_logs_on_anew_so_that_new_rights_count(office: Office, later: timedelta, full: bool) -> None:
    async def story(reader: Reader) -> None:
        await reader.read()
        office.time += later
        await reader.read(full=full)
        assert office.binds() == 2

    office.run(story)


def test_two_reads_at_once_do_not_share_a_connection(office: Office) -> None:
    async def story(reader: Reader) -> None:
        await reader.read()
        other = Reader(reader.directory, reader.cursor, set(reader.prints))
        office.change("Penguji")
        for pages in await asyncio.gather(reader.read(), other.read()):
            assert titles(pages) == ["Penguji"]
        assert office.binds() == 2

    office.run(story)


def test_the_watch_follows_the_reads_to_another_controller(office: Office, authority: Authority) -> None:
    certificate = authority.issue("dc2", ip="127.0.0.1")
    with Standin(office.standin.replica.twin("DC2"), certificate=certificate, account=office.standin.account) as second:

        def opened() -> ActiveDirectory:
            return source(office.standin, second, ca_file=office.ca_file, now=office.now)

        async def story() -> None:
            async with opened() as directory:
                reader = Reader(directory)
                await reader.read()
                # What one controller has is not at once at the other: whoever watches one and reads the other reads too early.
                with Sentry(opened()) as sentry:
                    await asyncio.to_thread(sentry.wake)
                    assert second.asked(Step.BIND) == []
                    office.standin.script(Fault(at=Step.PAGE, do=Cut()))
                    with pytest.raises(TryAgain):
                        await reader.read()
                    await reader.read()
                    assert len(second.asked(Step.BIND)) == 1
                    await asyncio.to_thread(sentry.wake)
                    assert len(second.asked(Step.BIND)) == 2

        asyncio.run(story())


def test_a_source_that_nobody_will_close_keeps_no_connection(office: Office) -> None:
    async def story() -> None:
        directory = source(office.standin, ca_file=office.ca_file)
        reader = Reader(directory)
        await reader.read()
        await reader.read()

    asyncio.run(story())
    assert office.binds() == 2
