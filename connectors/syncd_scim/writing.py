"""Single attributes of people written back to the service (`syncd.core.ports.WritingBack`): read, compared, patched, read again.

Where the service gives a version, the patch carries it (RFC 7644 §3.14), and whoever was quicker is told so by the
service. Where it gives none, the read just before is all that protects what somebody else wrote.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

from syncd.core.errors import NeedsHuman
from syncd.core.model import NativeId, TargetId
from syncd.core.outcome import Applied, Deferred, Outcome, Rejected
from syncd.core.ports import Room
from syncd.core.values import Value, Values, is_empty
from syncd_scim import messages
from syncd_scim.paths import PATH, Path, entries, folded, text
from syncd_scim.wire import Refused, Wire

_SOON: Final = timedelta(minutes=1)
_ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_GONE: Final = frozenset({404, 410})
_QUICKER: Final = 412
_SIMPLE: Final = ("nickName", "title", "userType", "preferredLanguage", "locale", "timezone")
_TYPED: Final = {"emails": ("home", "other"), "phoneNumbers": ("work", "mobile", "home", "fax", "pager", "other")}
_PLACES: Final = ("formatted", "streetAddress", "locality", "region", "postalCode", "country")
_EXTENDED: Final = ("employeeNumber", "costCenter", "organization", "division", "department")

WRITABLE: Final[Mapping[str, str]] = MappingProxyType(
    {
        **{name: name for name in _SIMPLE},
        **{f"{name}.{type_}": f'{name}[type eq "{type_}"].value' for name, types in _TYPED.items() for type_ in types},
        **{f"addresses.work.{part}": f'addresses[type eq "work"].{part}' for part in _PLACES},
        **{name: f"{_ENTERPRISE}:{name}" for name in _EXTENDED},
    }
)
"""Attributes of people that can be written, with their paths. No id, no login, no name, no reference, no mail of work."""


class Writing:
    """One service, as somebody who writes single attributes sees it."""

    def __init__(self, wire: Wire, room: Room, *, extra: Mapping[str, str]) -> None:
        self._wire = wire
        self._room = room
        self._paths = {**WRITABLE, **extra}
        self._one = asyncio.Lock()
        """Two changes of one person would find each other's version."""

    async def write(self, native_id: NativeId, fields: Values, *, expected: Values) -> Outcome:
        """Write to one person. Raises as a read does; whether something was written then, the next call finds."""
        async with self._one:
            return await self._written(native_id, fields, expected)

    async def _written(self, native_id: NativeId, fields: Values, expected: Values) -> Outcome:
        said = ", ".join(sorted(fields))
        soon = self._room.now() + _SOON
        path = f"Users/{quote(native_id, safe='')}"
        try:
            found = folded(await self._wire.object(path))
            turned = {name: value for name, value in fields.items() if not self._agree(found, name, value)}
            if not turned:
                return Applied(target_id=TargetId(native_id), detail="already so")
            if not all(self._agree(found, name, expected.get(name)) for name in turned):
                return Deferred(problem=messages.MOVED_ON.at(attributes=said), retry_at=soon)
            operations = [step for name, value in turned.items() for step in steps(self._paths[name], value, found)]
            await self._wire.patch(path, operations, version=_version(found))
            after = folded(await self._wire.object(path))
        except Refused as refused:
            return self._refused(refused, said)
        except NeedsHuman as error:
            if error.problem.code == messages.FORBIDDEN.code:
                return Rejected(problem=messages.NOT_OURS.at(attributes=said))
            raise
        if not all(self._agree(after, name, value) for name, value in fields.items()):
            return Rejected(problem=messages.STORED_OTHERWISE.at(attributes=said))
        return Applied(target_id=TargetId(native_id))

    def _agree(self, found: Mapping[str, Any], name: str, value: Value) -> bool:
        return Path.parsed(self._paths[name]).of(found) == ("" if is_empty(value) else str(value))

    def _refused(self, refused: Refused, said: str) -> Outcome:
        """Return what a refusal means. What the service says besides is not repeated: it may name values."""
        soon = self._room.now() + _SOON
        if refused.status in _GONE:
            return Deferred(problem=messages.GONE.at(), retry_at=soon)
        if refused.status == _QUICKER:
            return Deferred(problem=messages.MOVED_ON.at(attributes=said), retry_at=soon)
        why = refused.scim_type or str(refused.status)
        return Rejected(problem=messages.NOT_TAKEN.at(attributes=said, why=why))


def steps(path: str, value: Value, found: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the operations that give an attribute a value, or empty it, in a resource as it is (RFC 7644 §3.5.2)."""
    parts = PATH.fullmatch(path)
    assert parts is not None, path
    schema, name, type_, part = parts["schema"], parts["name"], parts["type"], parts["part"]
    base = f"{schema}:{name}" if schema else name
    gone = is_empty(value)
    if not type_:
        place = f"{base}.{part}" if part else base
        return [{"op": "remove", "path": place}] if gone else [{"op": "replace", "path": place, "value": value}]
    chosen = f'{base}[type eq "{type_}"]'
    place = f"{chosen}.{part or 'value'}"
    if gone:
        return [{"op": "remove", "path": place if part and part != "value" else chosen}]
    if any(text(each.get("type")).lower() == type_.lower() for each in entries(found.get(name.lower()))):
        return [{"op": "replace", "path": place, "value": value}]
    return [{"op": "add", "path": base, "value": [{"type": type_, part or "value": value}]}]


def _version(found: Mapping[str, Any]) -> str:
    meta = found.get("meta")
    return text(folded(meta).get("version")) if isinstance(meta, Mapping) else ""
