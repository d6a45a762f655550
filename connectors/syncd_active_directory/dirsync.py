"""Learns who changed by Active Directory's directory synchronization control (DirSync, [MS-ADTS] 3.1.1.3.4.1.3).

The mark is a cookie for each naming context. It is valid on every controller of the domain, because it holds the state of all of
them; a controller may tell again what another one told before. Only what matters is asked for, so that logging on tells nothing.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from ldap3.protocol.microsoft import dir_sync_control

from syncd.core.errors import NeedsHuman, Problem, TryAgain
from syncd.core.model import ProofFact
from syncd_active_directory import messages
from syncd_active_directory.directory import first
from syncd_active_directory.entry import RawEntry
from syncd_active_directory.names import name_and_id, plain
from syncd_active_directory.place import Place
from syncd_active_directory.tombstones import Tombstones, too_old
from syncd_active_directory.units import identity_of
from syncd_active_directory.ways import Mark, Told, Way
from syncd_active_directory.wire import Answer, Control, Wire

OID: Final = "1.2.840.113556.1.4.841"
_NOBODY: Final = r"(objectGUID=\00)"
"""Finds nobody, so that the answer is a fresh cookie and nothing else (seen with Samba 4.17; that a cookie does not depend on the
filter it was made with follows from what it holds)."""
_EVERYBODY: Final = "(objectClass=*)"
_MOST_BYTES: Final = 4_000_000
_FORBIDDEN: Final = 50
_BUSY: Final = (51, 52)
_NOT_TOLD: Final = frozenset({"memberof", "directreports", "whenchanged", "distinguishedname", "canonicalname"})
"""Back links and constructed attributes: never told ([MS-ADTS] 3.1.1.4.5), so they are not asked for. What they depend on is."""
_NEEDED: Final = ("objectGUID", "objectClass", "name", "parentGUID", "isDeleted", "member", "lockoutTime")
_ATTRIBUTE: Final = re.compile(r"\(([A-Za-z][A-Za-z0-9-]*)[:~<>]*[:=]")
_OF_ACCOUNTS: Final = "accountexpires"
"""Users and computers always have it, and lose it when they are deleted; groups never have it ([MS-ADSC])."""
MOST: Final = 10_000
"""So many changed objects at most: beyond, reading everything costs less."""


@dataclass(slots=True, kw_only=True)
class _Heard:
    """What the answers about one naming context add up to."""

    changed: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)
    born: set[str] = field(default_factory=set)
    returned: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    unclear: set[str] = field(default_factory=set)
    """Those of `gone` that may have been groups."""
    names: dict[str, str] = field(default_factory=dict)
    nameless: set[str] = field(default_factory=set)
    """Names of members that came without ids."""


class DirSync:
    """`syncd_active_directory.ways.Telling` by DirSync."""

    way: ClassVar[Way] = Way.DIRSYNC
    tells_members: ClassVar[bool] = True

    def __init__(self, wire: Wire, place: Place) -> None:
        self._wire = wire
        self._place = place
        self._tombstones = Tombstones(wire, place)
        self._contexts = tuple(dict.fromkeys(place.context(base) for base in place.bases))
        self._wanted = tuple(_wanted(place))
        self._hint = b""
        self._narrow: bool | None = None
        """Whether the account may see with its own eyes only (LDAP_DIRSYNC_OBJECT_SECURITY); None until it is known."""

    def hint(self, last: Mark) -> None:
        """Ask whether the account may use this way from a position that the server has given: that costs it nothing."""
        self._hint = _unpacked(last.get(self._contexts[0]))

    def resume(self, before: DirSync) -> None:
        """Take over what another one found out on the same connection about the account's rights."""
        self._narrow = before._narrow
        self._tombstones = before._tombstones

    @property
    def tells_deletions(self) -> bool:
        """An account with the replication right is told; another one only if it may look into CN=Deleted Objects.

        Samba wants both (seen with 4.17); of Active Directory this is what [MS-ADTS] 3.1.1.3.4.1.3 says, not seen.
        """
        samba = first(self._place.root, "vendorname").startswith("Samba")
        return (not samba and not self._is_narrow()) or self._tombstones.readable()

    def refused(self) -> Problem | None:
        """Ask for a cookie; None if the account gets one."""
        if OID.encode() not in self._place.root.get("supportedcontrol", ()):
            return messages.NO_DIRSYNC.at(server=self._wire.address)
        try:
            self._is_narrow()
        except (NeedsHuman, TryAgain) as error:
            return error.problem
        return None

    def mark(self, last: Mark | None = None) -> Mark:
        """Return a fresh cookie for each naming context; the server gets there sooner from a cookie that it has given."""
        found = {}
        for context in self._contexts:
            cookie = _unpacked(last.get(context) if last else None)
            *_, answer = self._answers(context, cookie, filter_=_NOBODY)
            if answer.code and cookie:
                *_, answer = self._answers(context, b"", filter_=_NOBODY)
            if answer.code:
                raise self._wire.refused(answer, base=context, doing="asking who changed")
            found[context] = _packed(answer)
        return {**found, "at": self._time}

    def since(self, mark: Mark) -> Told:
        """Tell who changed, who is deleted, and who came into a group or left one."""
        cookies = {context: _unpacked(mark.get(context)) for context in self._contexts}
        if not all(cookies.values()):
            return Told(mark=mark, over="the position is not one of this directory")
        at = self._time
        if too_old(mark.get("at"), at):
            return Told(
                mark=mark, over="the last read is so long ago that the directory may have forgotten who was deleted"
            )
        heard, new = _Heard(), {}
        for context, cookie in cookies.items():
            for answer in self._answers(context, cookie, filter_=_EVERYBODY):
                if answer.code in _BUSY:
                    raise self._wire.refused(answer, base=context, doing="asking who changed")
                if answer.code:
                    return Told(
                        mark=mark, over=f"the server does not take up where the last read ended ({answer.text})"
                    )
                for entry in answer.entries:
                    self._hear(heard, entry)
                new[context] = _packed(answer)
            if len(heard.changed) > MOST:
                return Told(mark=mark, over=f"more than {MOST} objects changed: reading everything costs less")
        return self._told(heard, {**new, "at": at})

    @property
    def _time(self) -> str:
        # As it was when the read began: earlier than it is now, and that is the safe side.
        return first(self._place.root, "currenttime")

    def _told(self, heard: _Heard, mark: Mark) -> Told:
        heard.changed |= self._ids_of(heard.nameless)
        groups = self._tombstones.groups(heard.unclear)
        narrow = self._is_narrow()
        return Told(
            mark=mark,
            changed=frozenset(heard.changed - heard.gone),
            gone=frozenset(heard.gone),
            moved=frozenset(heard.moved - heard.gone),
            born=frozenset(heard.born - heard.gone),
            returned=frozenset(heard.returned - heard.gone),
            names=heard.names,
            regrouped="a group was deleted" if groups else "",
            facts=(_told_fact(narrow=narrow, deletions=self.tells_deletions),),
        )

    def _hear(self, heard: _Heard, entry: RawEntry) -> None:
        identity = identity_of(entry, self._place) or name_and_id(entry.dn)[1]
        told = {name.lower(): values for name, values in entry.attributes.items()}
        deleted = told.get("isdeleted")
        if deleted and deleted[0].upper() == b"TRUE":
            heard.gone.add(identity)
            if _OF_ACCOUNTS not in told:
                heard.unclear.add(identity)
            return
        heard.changed.add(identity)
        heard.names[identity] = plain(entry.dn)
        if "name" in told or "parentguid" in told or deleted is not None:
            heard.moved.add(identity)
        if "objectclass" in told and deleted is None:
            heard.born.add(identity)
        if deleted is not None:
            heard.returned.add(identity)
        for name, values in told.items():
            # `member;range=1-1` are those who came, `member;range=0-0` those who left.
            if name == "member" or name.startswith("member;"):
                self._hear_members(heard, values)

    def _hear_members(self, heard: _Heard, values: Sequence[bytes]) -> None:
        for value in values:
            name, identity = name_and_id(value.decode(errors="replace"))
            if identity:
                heard.changed.add(identity)
            else:
                heard.nameless.add(name)

    def _ids_of(self, names: set[str]) -> set[str]:
        """Return the ids of those who still stand under these names; the others are deleted, and told by themselves."""
        found = set()
        for name in sorted(names):
            entry = self._wire.present(name, [self._place.dialect.identity.attribute], doing="looking for members")
            if entry is not None:
                found.add(identity_of(entry, self._place))
        return found - {""}

    def _is_narrow(self) -> bool:
        if self._narrow is None:
            answer = self._tried(narrow=False)
            self._narrow = answer.code == _FORBIDDEN
            if self._narrow:
                answer = self._tried(narrow=True)
            if answer.code:
                problem = messages.DIRSYNC_REFUSED.at(server=self._wire.address, reason=answer.text)
                raise NeedsHuman(problem)
        return self._narrow

    def _tried(self, *, narrow: bool) -> Answer:
        answer = self._ask(self._contexts[0], self._hint, filter_=_NOBODY, narrow=narrow)
        if answer.code in (0, _FORBIDDEN) or not self._hint:
            return answer
        self._hint = b""
        return self._ask(self._contexts[0], b"", filter_=_NOBODY, narrow=narrow)

    def _answers(self, context: str, cookie: bytes, *, filter_: str) -> Iterator[Answer]:
        """Yield the server's answers until it says that nothing is left, or that it will not."""
        narrow = self._is_narrow()
        while True:
            answer = self._ask(context, cookie, filter_=filter_, narrow=narrow)
            yield answer
            control: Any = answer.controls.get(OID)
            if answer.code or control is None or not control["more_results"]:
                return
            cookie = control["cookie"]

    def _ask(self, context: str, cookie: bytes, *, filter_: str, narrow: bool) -> Answer:
        # Incremental values: of `member` only those who came and left, not all ([MS-ADTS] LDAP_DIRSYNC_INCREMENTAL_VALUES).
        made = dir_sync_control(
            criticality=True,
            object_security=narrow,
            ancestors_first=False,
            public_data_only=False,
            incremental_values=True,
            max_length=_MOST_BYTES,
            cookie=cookie,
        )
        control: Control = (OID, True, bytes(made["controlValue"]))
        return self._wire.answer(
            base=context, filter_=filter_, wanted=self._wanted, control=control, most=0, doing="asking who changed"
        )


def _wanted(place: Place) -> list[str]:
    """Return the attributes whose changes matter: those that are read, and those by which filters choose."""
    names = [*_NEEDED, *(name for kind in place.kinds for name in place.asked[kind])]
    names += [name for search in place.searches for name in _ATTRIBUTE.findall(search.filter)]
    found = {name.lower(): name for name in names if name.lower() not in _NOT_TOLD and "-computed" not in name.lower()}
    return sorted(found.values())


def _told_fact(*, narrow: bool, deletions: bool) -> ProofFact:
    rights = "with the account's own eyes" if narrow else "with the replication right"
    detail = f"DirSync, {rights}" + ("" if deletions else "; deletions show in full reads only")
    return ProofFact(name="changes are told", holds=True, detail=detail)


def _packed(answer: Answer) -> str:
    control: Any = answer.controls.get(OID) or {}
    return base64.b64encode(control.get("cookie") or b"").decode()


def _unpacked(text: object) -> bytes:
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        return b""
