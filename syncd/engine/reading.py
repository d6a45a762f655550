"""A read of one source under way: what came of it so far, in memory. It reads nothing and stores nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from syncd.core.errors import Problem
from syncd.core.known import Known
from syncd.core.model import Completeness, Kind, NativeId, Page
from syncd.store.wakes import Waiting

FEW: Final = 500
"""Up to so many records of a delta are decoded without asking whether their encoding is known, and stored at once."""


class Fingerprints(Known):
    """The fingerprints of a source's records that have not been seen in this read."""

    def __init__(self, left: set[bytes]) -> None:
        self.left = left

    def seen(self, fingerprint: bytes) -> bool:
        """Take it out if it is there."""
        # One step, so that no other thread can come between.
        try:
            self.left.remove(fingerprint)
        except KeyError:
            return False
        return True


@dataclass(slots=True)
class Reading:
    """A read under way."""

    known: Fingerprints
    started: datetime
    most: int
    """From so many changed records of a full read on, everybody is looked at."""
    fetched: bool = False
    """Whether `known` knows anything: a delta tells of few, who are decoded at less cost than it takes to fetch everybody's."""
    all_decoded: bool = False
    """Whether nothing was taken for known, so that everything that is there came."""
    yielded: set[int] = field(default_factory=set)
    """The hashes of the records that came (`came`); those that are known by their fingerprints did not."""
    unsearched: bool = False
    """Whether records are put without an index by their ids: then none of those that came before may be put again."""
    repeated: bool = False
    """Whether one of the page at hand came before, where that counts."""
    changed: int = 0
    unchanged: int = 0
    """Records that are known by their fingerprints."""
    people: int = 0
    full: bool = True
    cursor: str | None = None
    completeness: Completeness | None = None
    notes: list[Problem] = field(default_factory=list)
    deleted: set[NativeId] = field(default_factory=set)
    woken: Waiting | None = None
    """The wakes that this read answers: those that waited when it began."""
    event_at: datetime | None = None
    """When the first thing happened that somebody has rung for, where they said so."""
    quiet: bool = False
    held: list[Page] = field(default_factory=list)
    """The pages of a small delta: they are stored together with what the read proves, in one transaction."""

    def holds(self, page: Page) -> bool:
        """Hold a page back, if all that came so far is a small delta; tell whether it is held."""
        small = sum(len(one.records) for one in (*self.held, page)) <= FEW
        if page.full or not small or self.yielded or self.unchanged or self.fetched:
            return False
        self.held.append(page)
        return True

    def came(self, kind: Kind, native_id: NativeId) -> bool:
        """Tell whether a record came.

        Hashes take a third of the memory of ids. Two of a million share one once in 40 million reads: then one who is gone
        would be kept until the next full read.
        """
        return hash((kind, native_id)) in self.yielded

    @property
    def count(self) -> int:
        """Return how many records were there."""
        return len(self.yielded) + self.unchanged
