"""One read of a whole directory, from the first page to the proof. Blocking; it runs in a thread.

Units come first, because people need to know their unit's id. People who are moved by somebody while the read goes on could slip
from a base not yet read into one that was: what changed meanwhile is asked for once more at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import unquote, urlsplit

from syncd.core.errors import Problem
from syncd.core.model import Completeness, Kind, NativeId, Page, ProofFact, SourceRecord
from syncd.core.values import Value, digest, moment
from syncd_active_directory import messages
from syncd_active_directory.decode import (
    UAC_DISABLED,
    UAC_LOCKED,
    Decoded,
    RawEntry,
    decode,
    is_below,
    parent_name,
)
from syncd_active_directory.dialects import ACTIVE_DIRECTORY
from syncd_active_directory.schema import ASKED, BOOKKEEPING, Syntax, with_extra
from syncd_active_directory.settings import DirectorySettings
from syncd_active_directory.wire import Wire

_MOST_NOTES: Final = 200
_NOT_PEOPLE: Final = ("dc=domaindnszones,", "dc=forestdnszones,", "cn=configuration,", "cn=schema,")
"""Naming contexts that every domain has below it and that hold no people ([MS-ADTS] 3.1.1.1.5)."""


class Reading:
    """What is being read, and what was found on the way."""

    def __init__(self, wire: Wire, settings: DirectorySettings, now: datetime) -> None:
        self._wire = wire
        self._settings = settings
        self._now = now
        self._units: dict[str, str] = {}
        self._seen: set[str] = set()
        self._logins: set[str] = set()
        self._elsewhere: set[str] = set()
        self._counts = dict.fromkeys(Kind, 0)
        self._answers = 0
        self._without_id = 0
        self._without_state = 0
        self._notes: list[Problem] = []
        self._asked: dict[Kind, Mapping[str, Syntax]] = dict(ASKED)
        self._asked[Kind.PERSON] = with_extra(ASKED[Kind.PERSON], settings.attributes)

    def pages(self) -> Iterator[Page]:
        """Yield the directory; the last page carries the proof. Raises as the wire does."""
        before = self._wire.root()
        for kind, filter_ in self._searches():
            yield from self._of_kind(kind, filter_)
        changed = int(_first(before, "highestcommittedusn") or "0") + 1
        for kind, filter_ in self._searches():
            yield from self._of_kind(kind, f"(&{filter_}(uSNChanged>={changed}))")
        after = self._wire.root()
        yield Page(completeness=Completeness(facts=tuple(self._facts(before, after))), notes=self._told())

    def _searches(self) -> Iterator[tuple[Kind, str]]:
        if self._settings.units:
            yield Kind.UNIT, self._settings.units_filter or ACTIVE_DIRECTORY.filters[Kind.UNIT]
        yield Kind.PERSON, self._settings.people_filter or ACTIVE_DIRECTORY.filters[Kind.PERSON]
        if self._settings.groups:
            yield Kind.GROUP, self._settings.groups_filter or ACTIVE_DIRECTORY.filters[Kind.GROUP]

    def _of_kind(self, kind: Kind, filter_: str) -> Iterator[Page]:
        if kind is Kind.UNIT:
            entries = [entry for batch in self._raw(kind, filter_) for entry in batch]
            self._learn_units(entries)
            batches: Iterator[Sequence[RawEntry]] = iter([entries])
        else:
            batches = self._raw(kind, filter_)
        for batch in batches:
            records = tuple(record for entry in batch if (record := self._record(kind, entry)) is not None)
            if records:
                yield Page(records=records)

    def _raw(self, kind: Kind, filter_: str) -> Iterator[Sequence[RawEntry]]:
        for base in outermost([base.dn for base in self._settings.base]):
            wanted = list(self._asked[kind])
            for page in self._wire.pages(base=base, filter_=filter_, wanted=wanted, doing=f"reading {kind}s"):
                self._answers += 1
                self._elsewhere.update(filter(None, map(_other_domain, page.continuations)))
                yield page.entries

    def _learn_units(self, entries: Sequence[RawEntry]) -> None:
        for entry in entries:
            identity = decode(entry, {"objectGUID": Syntax.GUID}).attributes.get("objectGUID")
            if isinstance(identity, str):
                self._units[entry.dn.casefold()] = identity

    def _record(self, kind: Kind, entry: RawEntry) -> SourceRecord | None:
        found = decode(entry, self._asked[kind])
        attributes = found.attributes
        identity = attributes.get("objectGUID")
        if not isinstance(identity, str):
            self._without_id += 1
            return None
        classes = attributes.get("objectClass")
        if identity in self._seen or (kind is Kind.PERSON and isinstance(classes, tuple) and "computer" in classes):
            return None
        self._seen.add(identity)
        self._counts[kind] += 1
        self._note(kind, found)
        if kind is Kind.PERSON:
            self._add_state(found)
        if parent := self._parent(entry.dn):
            attributes["parent"] = parent
        changed = attributes.get("whenChanged")
        return SourceRecord(
            native_id=NativeId(identity),
            kind=kind,
            digest=digest({name: value for name, value in attributes.items() if name not in BOOKKEEPING}),
            attributes=attributes,
            aliases=(entry.dn, identity),
            changed_at=moment(changed) if isinstance(changed, str) else None,
        )

    def _add_state(self, found: Decoded) -> None:
        """Add `enabled` and `locked`: they depend on the time of day, so they are values, and part of the digest."""
        attributes = found.attributes
        self._logins.add(str(attributes.get("sAMAccountName", "")).casefold())
        control = attributes.get("userAccountControl")
        if isinstance(control, int):
            expires = attributes.get("accountExpires")
            expired = isinstance(expires, str) and moment(expires) <= self._now
            attributes["enabled"] = not control & UAC_DISABLED and not expired
        elif _is_account(attributes.get("objectClass")):
            # Every user has it: if it is not shown, we do not know whether the account is enabled, and guess nothing.
            self._without_state += 1
        # The lock is computed by the controller, because it ends by itself; as a number it would be stale at once.
        computed = attributes.pop("msDS-User-Account-Control-Computed", None)
        if isinstance(computed, int):
            attributes["locked"] = bool(computed & UAC_LOCKED)

    def _parent(self, dn: str) -> str | None:
        """Return the id of the unit above; its name if it is not a unit; None at the top."""
        above = parent_name(dn)
        if identity := self._units.get(above.casefold()):
            return identity
        if not self._settings.units:
            return above or None
        bases = [base.dn.casefold() for base in self._settings.base]
        inside = above.casefold() not in bases and any(is_below(above, base) for base in bases)
        return above if inside else None

    def _note(self, kind: Kind, found: Decoded) -> None:
        for attribute, expected in found.unreadable:
            if len(self._notes) < _MOST_NOTES:
                label = found.attributes.get("displayName") or found.attributes.get("name") or ""
                words = {"kind": kind, "label": label, "attribute": attribute, "expected": expected}
                self._notes.append(messages.UNREADABLE_VALUE.at(**words))

    def _missing_witnesses(self) -> list[str]:
        return [name for name in self._settings.witnesses if name.casefold() not in self._logins]

    def _told(self) -> tuple[Problem, ...]:
        notes = list(self._notes)
        if self._without_id:
            notes.append(messages.NO_GUID.at(count=self._without_id))
        notes += [messages.NO_WITNESS.at(name=name) for name in self._missing_witnesses()]
        if self._settings.other_domains == "doubt":
            notes += [messages.ELSEWHERE.at(name=name) for name in sorted(self._elsewhere)]
        return tuple(notes)

    def _facts(
        self, before: Mapping[str, Sequence[bytes]], after: Mapping[str, Sequence[bytes]]
    ) -> Iterator[ProofFact]:
        names = [_first(root, "dsservicename") for root in (before, after)]
        usn = [_first(root, "highestcommittedusn") for root in (before, after)]
        host = _first(after, "dnshostname") or self._wire.address
        yield ProofFact(name="one server", holds=names[0] == names[1] != "", detail=f"{host}, USN {usn[0]} to {usn[1]}")
        synchronized = _first(after, "issynchronized").upper()
        detail = {"TRUE": "yes", "FALSE": "no: it is still being filled"}.get(synchronized, "the server does not say")
        yield ProofFact(name="server is in step with the others", holds=synchronized != "FALSE", detail=detail)
        yield ProofFact(
            name="every page answered", holds=True, detail=f"{self._answers} pages, no limit met, none left"
        )
        others = ", ".join(sorted(self._elsewhere)) or "none"
        holds = not self._elsewhere or self._settings.other_domains == "ignore"
        yield ProofFact(name="no other domain below", holds=holds, detail=others)
        yield ProofFact(
            name="every object has its id", holds=not self._without_id, detail=f"without: {self._without_id}"
        )
        detail = f"unreadable: {self._without_state}"
        yield ProofFact(name="every account's state is readable", holds=not self._without_state, detail=detail)
        if self._settings.witnesses:
            missing = self._missing_witnesses()
            yield ProofFact(name="witnesses seen", holds=not missing, detail=f"missing: {', '.join(missing) or 'none'}")
        people = self._counts[Kind.PERSON]
        yield ProofFact(name="somebody is there", holds=people > 0, detail=f"{people} people")


def outermost(bases: Sequence[str]) -> tuple[str, ...]:
    """Return the bases without those that stand below another one: their objects would come twice."""
    kept: list[str] = []
    for base in bases:
        if not any(is_below(base, other) for other in kept):
            kept = [*(other for other in kept if not is_below(other, base)), base]
    return tuple(kept)


def _is_account(classes: Value) -> bool:
    """Tell accounts from contacts, which have no state."""
    return isinstance(classes, tuple) and "user" in classes


def _first(root: Mapping[str, Sequence[bytes]], name: str) -> str:
    values = root.get(name) or (b"",)
    return values[0].decode(errors="replace")


def _other_domain(url: str) -> str:
    """Return the naming context of a continuation, empty for those that hold no people."""
    name = unquote(urlsplit(url).path.lstrip("/"))
    return "" if name.casefold().startswith(_NOT_PEOPLE) else name
