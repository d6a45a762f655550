"""Single attributes of people written back (`syncd.core.ports.WritingBack`): read, compared, changed in one piece, read again.

The old value is taken away by name and the new one added in one modification, so a server refuses the whole where somebody was
quicker. Where there was none before and the server offers assertions (RFC 4528), it is asked to assert that there is none still;
elsewhere an attribute with one value refuses a second one, and one that takes several is protected by the read just before alone.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from syncd.core.errors import TryAgain
from syncd.core.model import Kind, NativeId, TargetId
from syncd.core.outcome import Applied, Deferred, Outcome, Rejected
from syncd.core.ports import Room
from syncd.core.values import Value, Values, is_empty
from syncd_active_directory import messages_writing as messages
from syncd_active_directory.asking import filtered
from syncd_active_directory.directory import discover
from syncd_active_directory.entry import RawEntry
from syncd_active_directory.names import plain
from syncd_active_directory.place import Place
from syncd_active_directory.schema import REFERENCES, Syntax
from syncd_active_directory.servers import Servers
from syncd_active_directory.settings import DirectorySettings
from syncd_active_directory.threads import finished
from syncd_active_directory.wire_writing import Turn, WritingWire

_ASSERTION: Final = "1.3.6.1.1.12"
"""RFC 4528."""
_NEVER: Final = frozenset(
    name.lower()
    for name in (
        *("objectGUID", "entryUUID", "nsUniqueId", "objectSid", "distinguishedName", "name", "cn", "ou", "o", "uid"),
        *("sAMAccountName", "userPrincipalName", "eduPersonPrincipalName", "mailNickname", "proxyAddresses"),
        *("userPassword", "unicodePwd", "userAccountControl", "pwdAccountLockedTime", "loginShell", "homeDirectory"),
        # Without a rule of equality a single value of it cannot be taken away (RFC 4519 §2.10).
        "facsimileTelephoneNumber",
    )
)
"""Ids, logins, what a place or a right hangs on."""
_SOON: Final = timedelta(minutes=1)
# LDAP result codes, RFC 4511 appendix A.2; 122 is RFC 4528's assertionFailed.
_QUICKER: Final = frozenset({16, 20, 122})
_MOVED_AWAY: Final = 32
_FORBIDDEN: Final = 50
_LATER: Final = frozenset({1, 3, 8, 11, 51, 52, 53, 54, 80})


def writable(asked: Mapping[str, Syntax], extra: Mapping[str, str] | None = None) -> frozenset[str]:
    """Return which attributes of people can be written: single texts that nothing else hangs on; `extra` is attribute by type."""
    texts = {name for name, syntax in asked.items() if syntax is Syntax.TEXT}
    texts |= {name for name, type_ in (extra or {}).items() if type_ == "text"}
    return frozenset(name for name in texts if name.lower() not in _NEVER | REFERENCES)


class Writing:
    """The connection over which one source is written to; one modification at a time."""

    def __init__(
        self, settings: DirectorySettings, room: Room, *, servers: Servers, trust: Callable[[], ssl.SSLContext]
    ) -> None:
        self._settings = settings
        self._room = room
        self._servers = servers
        self._trust = trust
        self._line: tuple[WritingWire, Place] | None = None
        self._one = asyncio.Lock()

    async def write(self, native_id: NativeId, fields: Values, *, expected: Values) -> Outcome:
        """Write to one person. Raises as a read does; whether something was written then, the next call finds."""
        async with self._one:
            kept = self._line
            try:
                return await self._written(kept or await self._opened(), native_id, fields, expected)
            except TryAgain:
                if kept is None:
                    raise
            # The line had been idle, and is dead. What was sent over it is looked at before anything is sent again.
            return await self._written(await self._opened(), native_id, fields, expected)

    async def close(self) -> None:
        """Hang up."""
        line, self._line = self._line, None
        if line is not None:
            await finished(line[0].close, interrupt=line[0].abort)

    async def _opened(self) -> tuple[WritingWire, Place]:
        now = self._room.now()
        wire = await self._servers.reached(WritingWire, self._trust(), now=now, first=self._servers.reading)
        try:
            place = await finished(partial(discover, wire, self._settings, now=now), interrupt=wire.abort)
        except BaseException:
            wire.close()
            raise
        wire.always = place.dialect.controls
        self._line = wire, place
        return wire, place

    async def _written(
        self, line: tuple[WritingWire, Place], native_id: NativeId, fields: Values, expected: Values
    ) -> Outcome:
        wire, place = line
        work = partial(written, wire, place, native_id, fields, expected=expected, now=self._room.now())
        try:
            return await finished(work, interrupt=wire.abort)
        except BaseException:
            self._line = None
            wire.close()
            raise


def written(
    wire: WritingWire, place: Place, native_id: NativeId, fields: Values, *, expected: Values, now: datetime
) -> Outcome:
    """Write to one person over `wire`, and say what came of it. Blocking."""
    said = ", ".join(sorted(fields))
    entry = _found(wire, place, native_id, fields)
    if entry is None:
        return Deferred(problem=messages.GONE.at(), retry_at=now + _SOON)
    held = _held(entry, fields)
    if any(len(values) > 1 for values in held.values()):
        return Rejected(problem=messages.SEVERAL.at(attributes=said))
    turned = {name: value for name, value in fields.items() if not _agree(held[name], value)}
    if not turned:
        return Applied(target_id=TargetId(native_id), detail="already so")
    if not all(_agree(held[name], expected.get(name)) for name in turned):
        return Deferred(problem=messages.MOVED.at(attributes=said), retry_at=now + _SOON)
    turns: dict[str, Turn] = {name: (held[name], _bytes(value)) for name, value in turned.items()}
    code, reason = wire.modify(plain(entry.dn), turns, controls=_assertions(place, held, turned))
    if code:
        return _refused(code, reason, server=wire.address, said=said, now=now)
    after = _found(wire, place, native_id, fields)
    if after is None or not all(_agree(values, fields[name]) for name, values in _held(after, fields).items()):
        return Rejected(problem=messages.STORED_OTHERWISE.at(attributes=said))
    return Applied(target_id=TargetId(native_id))


def _found(wire: WritingWire, place: Place, native_id: NativeId, fields: Values) -> RawEntry | None:
    """Return the person as the server shows them now, if they are among those that the source reads."""
    for search in place.of(Kind.PERSON):
        filter_ = f"(&{search.filter}{place.dialect.identity.matching([native_id])})"
        for page in wire.pages(base=search.base, filter_=filter_, wanted=sorted(fields), doing="looking at a person"):
            if page.entries:
                return page.entries[0]
    return None


def _held(entry: RawEntry, fields: Values) -> dict[str, list[bytes]]:
    shown = {name.lower(): list(values) for name, values in entry.attributes.items()}
    return {name: shown.get(name.lower(), []) for name in fields}


def _bytes(value: Value) -> list[bytes]:
    return [] if is_empty(value) else [str(value).encode()]


def _agree(held: list[bytes], value: Value) -> bool:
    return held == _bytes(value)


def _assertions(place: Place, held: Mapping[str, list[bytes]], turned: Values) -> list[tuple[str, bool, bytes | None]]:
    """Return the control that lets the server assert that what was empty still is, where it offers that."""
    empty = sorted(name for name in turned if not held[name])
    if not empty or _ASSERTION.encode() not in place.root.get("supportedcontrol", ()):
        return []
    return [(_ASSERTION, True, filtered(f"(&{''.join(f'(!({name}=*))' for name in empty)})"))]


def _refused(code: int, reason: str, *, server: str, said: str, now: datetime) -> Outcome:
    """Return what a result code means. What the server says besides is not repeated: it may name values."""
    if code in _QUICKER:
        return Deferred(problem=messages.MOVED.at(attributes=said), retry_at=now + _SOON)
    if code == _MOVED_AWAY:
        return Deferred(problem=messages.GONE.at(), retry_at=now + _SOON)
    if code == _FORBIDDEN:
        return Rejected(problem=messages.FORBIDDEN.at(attributes=said))
    if code in _LATER:
        problem = messages.NOT_NOW.at(server=server, reason=reason)
        return Deferred(problem=problem, retry_at=now + _SOON, whole_target=True)
    return Rejected(problem=messages.REFUSED.at(attributes=said, reason=reason))
