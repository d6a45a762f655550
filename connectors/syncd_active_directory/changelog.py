"""Learns who changed from the retro changelog of 389 Directory Server (cn=changelog, draft-good-ldap-changelog).

It holds what administrators did and what the server's own plug-ins did because of it: references that followed a rename, memberOf
(seen with 2.3.1). So nothing is guessed here, except that those below a renamed unit are told by nobody. Numbers belong to one
server, and begin anew with a new changelog: the mark remembers the last entry, not only its number. What was changed is not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from syncd.core.errors import NeedsHuman, Problem, TryAgain
from syncd.core.model import ProofFact
from syncd_active_directory import messages_ldap
from syncd_active_directory.neighbours import MOST, below
from syncd_active_directory.place import Place
from syncd_active_directory.ways import BEHIND, Mark, Told, Way
from syncd_active_directory.wire import Wire

_USUAL_BASE: Final = "cn=changelog"
_WANTED: Final = ("changeNumber", "changeTime", "changeType", "targetUniqueId")
_ROOT: Final = ("changelog", "firstChangeNumber", "lastChangeNumber")
_RENAMED: Final = frozenset({"modrdn", "moddn"})
_DOING: Final = "reading the changelog"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One entry of the changelog."""

    number: int
    type: str
    identity: str
    """targetUniqueId: nsUniqueId of the object; empty where the plug-in does not write it."""
    time: str

    @property
    def sign(self) -> str:
        """What no other changelog has under this number."""
        return f"{self.time}/{self.identity}"


class ChangeLog:
    """`syncd_active_directory.ways.Telling` by the retro changelog."""

    way: ClassVar[Way] = Way.CHANGELOG
    tells_members: ClassVar[bool] = True
    tells_deletions: ClassVar[bool] = True

    def __init__(self, wire: Wire, place: Place) -> None:
        self._wire = wire
        self._place = place
        self._behind = False

    def refused(self) -> Problem | None:
        """Look at the last entry; None if there is a changelog that may be read and says whose changes it holds."""
        try:
            base, _, last = self._span()
            entry = self._entry(base, last) if last else None
        except (NeedsHuman, TryAgain) as error:
            return error.problem
        if last and entry is None:
            return messages_ldap.NO_CHANGELOG.at(server=self._wire.address, reason="its entries are not shown")
        if entry is not None and not entry.identity:
            return messages_ldap.NO_UNIQUE_IDS.at(server=self._wire.address)
        return None

    def mark(self, last: Mark | None = None) -> Mark:  # noqa: ARG002
        """Return the last number, and what is written under it."""
        base, _, number = self._span()
        return _mark(number, self._entry(base, number) if number else None)

    def since(self, mark: Mark) -> Told:
        """Tell who changed and who was deleted; `over` if the changelog does not reach back to the mark."""
        known, sign = mark.get("number"), mark.get("entry")
        if not isinstance(known, int) or not isinstance(sign, str):
            return self._over(mark, "the mark is not one of a changelog")
        base, first, last = self._span()
        if last < known:
            return self._over(mark, "the changelog is behind the last read: the server was restored", behind=True)
        if first > known + 1 or (known and not first):
            return self._over(mark, "the changelog does not reach back to the last read")
        entries = list(self._entries(base, known)) if last > known or known else []
        if known and (not entries or entries[0].number != known or entries[0].sign != sign):
            return self._over(mark, "the changelog is not the one of the last read, or does not reach back to it")
        entries = [each for each in entries if each.number > known]
        if len(entries) > MOST:
            return self._over(mark, f"more than {MOST} changes: reading everything costs less")
        return self._told(entries, mark)

    def _told(self, entries: Sequence[_Entry], mark: Mark) -> Told:
        if any(not each.identity for each in entries):
            return self._over(mark, "the changelog does not say whose changes it holds")
        types: dict[str, set[str]] = {}
        for each in entries:
            types.setdefault(each.identity, set()).add(each.type)
        gone = {identity for identity, done in types.items() if "delete" in done}
        moved = {identity for identity, done in types.items() if done & _RENAMED}
        touched = below(self._wire, self._place, sorted(moved - gone))
        if touched is None:
            return self._over(mark, f"more than {MOST} objects moved: reading everything costs less")
        new = {identity for identity, done in types.items() if "add" in done}
        return Told(
            mark=_mark(entries[-1].number, entries[-1]) if entries else mark,
            changed=frozenset((types.keys() | touched) - gone),
            gone=frozenset(gone),
            moved=frozenset((moved | new | touched) - gone),
            facts=self._facts(),
        )

    def _over(self, mark: Mark, why: str, *, behind: bool = False) -> Told:
        self._behind = self._behind or behind
        return Told(mark=mark, over=why, facts=self._facts())

    def _facts(self) -> tuple[ProofFact, ...]:
        # Remembered for this connection: the full read that follows must not be taken for a good one.
        return (BEHIND,) if self._behind else ()

    def _span(self) -> tuple[str, int, int]:
        """Return where the changelog is, its first and its last number; 0 where it has none."""
        root = self._wire.entry("", _ROOT, doing=_DOING)
        found = _lowered(root.attributes if root else {})
        base = found.get("changelog", "") or next(
            (each for each in self._place.contexts if each.lower() == _USUAL_BASE), ""
        )
        if not base:
            reason = "the server names none"
            raise NeedsHuman(messages_ldap.NO_CHANGELOG.at(server=self._wire.address, reason=reason))
        return base, _number(found.get("firstchangenumber", "")), _number(found.get("lastchangenumber", ""))

    def _entry(self, base: str, number: int) -> _Entry | None:
        return next(self._search(base, f"(changeNumber={number})"), None)

    def _entries(self, base: str, number: int) -> Iterator[_Entry]:
        """Return the entries from `number` on, in order: pages come in the order of writing, but nobody promises that."""
        return iter(sorted(self._search(base, f"(changeNumber>={number})"), key=lambda each: each.number))

    def _search(self, base: str, filter_: str) -> Iterator[_Entry]:
        for page in self._wire.pages(base=base, filter_=filter_, wanted=_WANTED, doing=_DOING):
            for entry in page.entries:
                found = _lowered(entry.attributes)
                if "changenumber" in found:
                    yield _Entry(
                        number=_number(found["changenumber"]),
                        type=found.get("changetype", "").lower(),
                        identity=found.get("targetuniqueid", ""),
                        time=found.get("changetime", ""),
                    )


def _mark(number: int, entry: _Entry | None) -> Mark:
    return {"number": number, "entry": entry.sign if entry else ""}


def _lowered(attributes: Mapping[str, Sequence[bytes]]) -> dict[str, str]:
    return {name.lower(): values[0].decode(errors="replace") for name, values in attributes.items() if values}


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
