"""What a full read proves: each fact by itself, compared with the last good read, in plain words. Blocking: some are asked for.

A fact that does not hold means that nobody may be treated as gone on the strength of this read. None is left out because it is
inconvenient, and none claims what was not checked: what cannot be known is said in the detail.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from syncd.core.errors import Problem
from syncd.core.model import Kind, ProofFact
from syncd_active_directory import messages
from syncd_active_directory.cursor import Cursor, Seen
from syncd_active_directory.decode import escaped
from syncd_active_directory.directory import root_of
from syncd_active_directory.entry import RawEntry
from syncd_active_directory.explained import Explained
from syncd_active_directory.proof_servers import rights, server_facts, server_state
from syncd_active_directory.reading import Reading
from syncd_active_directory.records import Records
from syncd_active_directory.settings import DirectorySettings
from syncd_active_directory.units import Units, identity_of
from syncd_active_directory.ways import Told

_FULL: Final = 10
"""People directly in a unit from which on its being empty is remarkable."""
_MOST_BRANCHES: Final = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a read proved, and what the next one compares itself with."""

    facts: tuple[ProofFact, ...]
    notes: tuple[Problem, ...]
    state: Mapping[str, int | str]
    seen: Seen = field(default_factory=Seen)


class Proof:
    """The facts of one full read."""

    def __init__(
        self, reading: Reading, records: Records, units: Units, *, settings: DirectorySettings, last: Cursor | None
    ) -> None:
        self._reading = reading
        self._records = records
        self._units = units
        self._settings = settings
        self._last = last
        self._then = last.seen if last else Seen()
        self._place = reading.place
        self._notes: list[Problem] = []

    def verdict(self, meanwhile: Told, explained: Explained, *, now: int) -> Verdict:
        """Check everything that is to be checked at the end of a read. Raises as the wire does."""
        after = root_of(self._reading.wire)
        bases = {base.casefold(): self._id_of(base) for base in self._place.bases}
        branches = dict(self._branches())
        groups = rights(self._place.root)
        facts = [
            *server_facts(self._reading, after, last=self._last, now=now),
            *self._of_reading(),
            *self._of_bases(bases),
            *self._of_counts(meanwhile, explained),
            self._of_branches(branches, explained),
            self._of_rights(groups),
            self._of_meanwhile(meanwhile),
            *meanwhile.facts,
        ]
        proven = all(fact.holds for fact in facts)
        counts = {kind.value: self._records.there[kind] for kind in self._place.kinds}
        seen = Seen(
            counts=counts,
            bases=bases,
            branches=branches,
            rights=tuple(sorted(groups)),
            server=self._place.server,
            at=now,
        )
        return Verdict(
            facts=tuple(facts),
            notes=(*self._records.notes(), *self._notes),
            state=server_state(self._place, after, self._last),
            seen=seen if proven else self._then,
        )

    def _of_reading(self) -> Iterator[ProofFact]:
        pages = f"{self._reading.answers} pages, no limit met, none left"
        yield ProofFact(name="every page answered", holds=True, detail=pages)
        elsewhere = sorted(self._reading.elsewhere)
        doubted = self._settings.other_domains == "doubt"
        detail = ", ".join(elsewhere) or "none"
        yield ProofFact(name="no other domain below", holds=not elsewhere or not doubted, detail=detail)
        self._notes += [messages.ELSEWHERE.at(name=name) for name in elsewhere if doubted]
        without = self._records.without_id
        yield ProofFact(name="every object has its id", holds=not without, detail=f"without: {without}")
        hidden = self._records.without_state
        yield ProofFact(name="every account's state is readable", holds=not hidden, detail=f"unreadable: {hidden}")
        if self._settings.witnesses:
            missing = sorted(self._missing_witnesses())
            self._notes += [messages.NO_WITNESS.at(name=name) for name in missing]
            detail = f"missing: {', '.join(missing) or 'none'}"
            yield ProofFact(name="witnesses seen", holds=not missing, detail=detail)
        people = self._records.usable(Kind.PERSON)
        yield ProofFact(name="somebody is there", holds=people > 0, detail=f"{people} people")

    def _missing_witnesses(self) -> set[str]:
        """Look for the witnesses by themselves: most people of a read are never decoded."""
        login = self._place.dialect.login
        missing = {name.casefold(): name for name in self._settings.witnesses}
        wanted = "".join(f"({login}={escaped(name)})" for name in self._settings.witnesses)
        for entry in self._reading.referring(Kind.PERSON, f"(|{wanted})"):
            for shown in _values(entry, login):
                missing.pop(shown.casefold(), None)
        return set(missing.values())

    def _of_bases(self, bases: Mapping[str, str]) -> Iterator[ProofFact]:
        hidden = [base for base, identity in bases.items() if not identity]
        other = [base for base, identity in bases.items() if self._then.bases.get(base, identity) != identity]
        detail = (
            f"{len(bases)} seen, none is another object than last time" if self._then.bases else f"{len(bases)} seen"
        )
        if hidden:
            detail = f"not seen, or without id: {', '.join(hidden)}"
        elif other:
            detail = f"another object of the same name than last time: {', '.join(other)}"
        yield ProofFact(name="bases are there", holds=not hidden and not other, detail=detail)

    def _of_counts(self, meanwhile: Told, explained: Explained) -> Iterator[ProofFact]:
        lost = {kind: self._then.counts.get(kind.value, 0) - self._records.there[kind] for kind in self._place.kinds}
        yield self._as_many(lost, explained)
        # Whoever was there last time and is there unchanged is not missing; if that is everybody, no absence can be inferred,
        # and counting again would prove nothing.
        same = {kind.value: self._records.unchanged[kind] for kind in self._place.kinds}
        if self._then.counts and same == dict(self._then.counts):
            yield ProofFact(
                name="counted twice", holds=True, detail="not needed: everybody is there who was there last time"
            )
            return
        slack = len(meanwhile.changed) + len(meanwhile.gone)
        differ = []
        for kind in self._place.kinds:
            again = self._reading.counted(kind)
            if abs(again - self._records.there[kind]) > slack:
                differ.append(f"{kind}s {self._records.there[kind]} and {again}")
        detail = f"differs: {', '.join(differ)}" if differ else f"the same, but for {slack} that changed meanwhile"
        yield ProofFact(name="counted twice", holds=not differ, detail=detail)

    def _as_many(self, lost: Mapping[Kind, int], explained: Explained) -> ProofFact:
        name = "as many as last time"
        if not self._then.counts:
            return ProofFact(name=name, holds=True, detail="there is no last time")
        people, fewer = self._records.there[Kind.PERSON], lost[Kind.PERSON]
        seen = f"{people} people, {people + fewer} at the last good read"
        missing = sum(max(0, each) for each in lost.values())
        if not missing:
            return ProofFact(name=name, holds=True, detail=seen)
        if explained.left is None or not explained.deletions:
            vanished = [kind for kind in self._place.kinds if lost[kind] > 0 and not self._records.there[kind]]
            holds = (not vanished and 2 * people >= people + fewer) or self._believed
            return ProofFact(name=name, holds=holds, detail=f"{seen}; the server does not tell who has left")
        holds = missing <= explained.left or self._believed
        detail = f"{seen}; of all kinds {missing} are missing, and {explained.left} are told or seen to have left"
        return ProofFact(name=name, holds=holds, detail=detail)

    def _of_branches(self, branches: Mapping[str, int], explained: Explained) -> ProofFact:
        emptied = {key: count for key, count in self._then.branches.items() if count >= _FULL and not branches.get(key)}
        if not emptied:
            return ProofFact(name="no unit was emptied unseen", holds=True, detail="none")
        people = sum(emptied.values())
        told = (explained.left or 0) + explained.moved
        holds = people <= told or self._believed
        if not holds:
            self._notes.append(messages.EMPTIED.at(count=len(emptied), people=people))
        detail = (
            f"{len(emptied)} units that held {people} people are empty; {told} moves and departures told"
            if emptied
            else "none"
        )
        return ProofFact(name="no unit was emptied unseen", holds=holds, detail=detail)

    def _of_rights(self, groups: frozenset[str]) -> ProofFact:
        name = "the account's rights are the same"
        if not groups:
            return ProofFact(name=name, holds=True, detail="the server does not tell; see the units and witnesses")
        lost = len(frozenset(self._then.rights) - groups)
        fewer = self._records.there[Kind.PERSON] < self._then.counts.get(Kind.PERSON.value, 0)
        detail = (
            f"in {len(groups)} groups, {lost} fewer than at the last good read" if lost else f"in {len(groups)} groups"
        )
        return ProofFact(name=name, holds=not (lost and fewer) or self._believed, detail=detail)

    def _of_meanwhile(self, meanwhile: Told) -> ProofFact:
        name = "nobody slipped through while it was read"
        if meanwhile.over:
            return ProofFact(name=name, holds=False, detail=f"it cannot be told: {meanwhile.over}")
        if moved := self._moved_units(meanwhile):
            return ProofFact(name=name, holds=False, detail=f"{len(moved)} units were moved or renamed meanwhile")
        changed = len(meanwhile.changed) + len(meanwhile.gone)
        return ProofFact(name=name, holds=True, detail=f"{changed} objects changed meanwhile and were read again")

    def _moved_units(self, meanwhile: Told) -> set[str]:
        units = self._units.ids() & meanwhile.changed
        if meanwhile.moved is not None:
            return set(units & meanwhile.moved)
        # The way cannot tell, but whoever stands where it stood has not been moved.
        stay = {each.identity for each in self._reading.anywhere(units) if self._units.stood(each.identity, each.dn)}
        return set(units - stay)

    @property
    def _believed(self) -> bool:
        return self._settings.unexplained == "believe"

    def _id_of(self, base: str) -> str:
        wanted = [self._place.dialect.identity.attribute]
        entry = self._reading.wire.present(base, wanted, doing="looking at the base")
        return identity_of(entry, self._place) if entry else ""

    def _branches(self) -> Iterator[tuple[str, int]]:
        for name, count in self._records.below.most_common(_MOST_BRANCHES):
            yield _short(self._units.id_of(name) or name.decode(errors="replace").casefold()), count


def _short(text: str) -> str:
    return base64.b64encode(hashlib.blake2b(text.encode(), digest_size=6).digest()).decode()


def _values(entry: RawEntry, name: str) -> Iterator[str]:
    for found, values in entry.attributes.items():
        if found.lower() == name.lower():
            yield from (value.decode(errors="replace") for value in values)
