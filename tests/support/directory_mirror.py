"""What somebody knows who reads a directory again and again as the engine does, and what there was to know.

A mirror keeps records by id, offers their fingerprints, keeps the cursor, and takes somebody for gone on two grounds only: the
source names the deletion, or a full read is proven and did not see the record. It has no policy and no store: whatever a
source claims wrongly shows in it at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from servers.ldap_standin import Replica, Standin
from servers.ldap_standin_company import COMPANY, GROUPS
from syncd.core.errors import Misconfigured, NeedsHuman, SyncdError, TryAgain
from syncd.core.model import Completeness, Kind, Page, SourceRecord
from syncd.core.ports import Room
from syncd.core.values import Value
from syncd_active_directory import ActiveDirectory

NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
REFUSALS = (TryAgain, NeedsHuman, Misconfigured)
BASES = (COMPANY, GROUPS)


def source(
    *servers: Standin, ca_file: Path, now: Callable[[], datetime] = lambda: NOW, **settings: Any
) -> ActiveDirectory:
    """Return a source that reads the company from these servers, in this order."""
    account = servers[0].account
    values = {
        "servers": [server.url for server in servers],
        "ca_file": ca_file,
        "user": account.name,
        "password": account.password,
        "base": list(BASES),
        "page_size": 10,
        "connect_seconds": 3,
        "receive_seconds": 3,
        **settings,
    }
    return ActiveDirectory(ActiveDirectory.settings.model_validate(values), Room(name="ad", now=now, base=Path()))


def present(replica: Replica, bases: Collection[str] = BASES) -> dict[str, str]:
    """Return who is in the directory, past every server: ids and names of the people, units and groups below the bases."""
    found = {}
    for base in bases:
        top = replica.find(base)
        assert top is not None
        for node in [top, *replica.below_of(top)]:
            classes = {each.decode(errors="replace") for each in node.values["objectclass"] if isinstance(each, bytes)}
            if classes & {"user", "group", "organizationalUnit"} and "computer" not in classes and not node.deleted:
                found[str(node.guid)] = replica.dn(node)
    return found


@dataclass(frozen=True, kw_only=True)
class Read:
    """How one read ended, and what was concluded from it."""

    error: SyncdError | None = None
    pages: tuple[Page, ...] = ()
    gone: frozenset[str] = frozenset()
    yielded: frozenset[str] = frozenset()

    @property
    def code(self) -> str:
        """The code of the error, "" if there was none."""
        problem = getattr(self.error, "problem", None)
        return problem.code if problem else ""

    @property
    def completeness(self) -> Completeness | None:
        return self.pages[-1].completeness if self.pages and not self.error else None

    @property
    def proven(self) -> bool:
        return self.completeness is not None and self.completeness.proven

    @property
    def doubts(self) -> list[str]:
        """The names of the facts that do not hold."""
        return [fact.name for fact in self.completeness.doubts] if self.completeness else []

    @property
    def full(self) -> bool:
        return bool(self.pages) and all(page.full for page in self.pages)

    @property
    def notes(self) -> list[str]:
        """The codes of what the administrator is told."""
        return [note.code for page in self.pages for note in page.notes]


@dataclass
class Mirror:
    """What is known of a directory by reading it."""

    make: Callable[[Callable[[], datetime]], ActiveDirectory]
    """Opens the source, with a clock."""
    records: dict[str, SourceRecord] = field(default_factory=dict)
    cursor: str | None = None
    doubted: bool = True
    """Whether the last full read was not proven: the next one is asked to be full."""
    time: datetime = NOW
    """When the next read is; each one is some minutes after the one before."""
    notes: list[str] = field(default_factory=list)
    """The codes of what the last read told the administrator."""

    def read(self, *, full: bool = False) -> Read:
        """Read once. A refusal changes nothing that is known; any other error is a defect, and is raised."""
        known = _Prints({record.fingerprint: key for key, record in self.records.items() if self._offers(record)})
        pages: list[Page] = []

        async def run() -> None:
            async with self.make(lambda: self.time) as directory:
                async for page in directory.read(self.cursor, full=full or self.doubted, known=known):
                    # One by one: what came before a refusal was read all the same.
                    pages.append(page)  # noqa: PERF401

        try:
            asyncio.run(run())
        except REFUSALS as error:
            return Read(error=error, pages=tuple(pages))
        finally:
            self.time += timedelta(minutes=5)
        return self._concluded(pages, known)

    def _concluded(self, pages: list[Page], known: _Prints) -> Read:
        last = pages[-1]
        assert last.completeness is not None
        yielded = {str(record.native_id): record for page in pages for record in page.records}
        assert sum(len(page.records) for page in pages) == len(yielded), "somebody was yielded twice"
        # A delta that gives way to a full read may have looked somebody up who is then yielded after all.
        assert sum(page.unchanged for page in pages) <= len(known.found)
        whole = all(page.full for page in pages)
        gone = {str(key) for page in pages for key in page.deletions} & self.records.keys()
        if whole and last.completeness.proven:
            gone |= self.records.keys() - yielded.keys() - known.found
        assert not gone & yielded.keys()
        self.records = {key: record for key, record in {**self.records, **yielded}.items() if key not in gone}
        self.cursor = last.cursor
        if whole:
            self.doubted = not last.completeness.proven
        self.notes = [note.code for page in pages for note in page.notes]
        return Read(pages=tuple(pages), gone=frozenset(gone), yielded=frozenset(yielded))

    def _offers(self, record: SourceRecord) -> bool:
        """Tell whether a record's fingerprint is offered: not once the time has come when it may mean something else."""
        return bool(record.fingerprint) and not (record.review_at and record.review_at <= self.time)

    def picture(self) -> dict[str, dict[str, Value]]:
        """Return what is known, by what it means: names of others as their ids, and without what may differ by agreement
        between a delta and a full read (the names of those who follow a renamed unit)."""
        return {
            key: {
                "kind": record.kind,
                **{
                    name: _meant(record, value)
                    for name, value in record.attributes.items()
                    if name not in {"distinguishedName", "whenChanged"}
                },
            }
            for key, record in self.records.items()
        }

    def people(self) -> dict[str, SourceRecord]:
        """Return the people by login."""
        return {
            str(record.attributes.get("sAMAccountName")): record
            for record in self.records.values()
            if record.kind is Kind.PERSON
        }


def _meant(record: SourceRecord, value: Value) -> Value:
    if isinstance(value, tuple):
        return tuple(sorted(str(record.references.get(str(each), each)) for each in value))
    return record.references.get(value, value) if isinstance(value, str) else value


class _Prints:
    """The fingerprints of what is known, each of which may be found once."""

    def __init__(self, prints: dict[bytes, str]) -> None:
        self._left = prints
        self.found: set[str] = set()

    def seen(self, fingerprint: bytes) -> bool:
        key = self._left.pop(fingerprint, None)
        if key is not None:
            self.found.add(key)
        return key is not None
