"""How a server tells that something has changed, while it happens: which of its ways it has, and what is asked of it for each.

Each is a search that does not end. It is a bell, not a report: who changed is asked for by a read, and nobody decodes what it
sends. Values and choices; the only thing that is asked of the server here is a position from which it shall tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from syncd.core.errors import NeedsHuman
from syncd_active_directory import messages_watch
from syncd_active_directory.dialects import DialectName
from syncd_active_directory.place import Place
from syncd_active_directory.settings import DirectorySettings
from syncd_active_directory.sync_values import persistent
from syncd_active_directory.syncrepl import CONTROL as SYNC
from syncd_active_directory.syncrepl import SyncRepl
from syncd_active_directory.wire import Control, Wire

_NOTIFICATION: Final = "1.2.840.113556.1.4.528"
"""LDAP_SERVER_NOTIFICATION_OID ([MS-ADTS] 3.1.1.3.4.1.9)."""
_PERSISTENT: Final = "2.16.840.1.113730.3.4.3"
"""draft-ietf-ldapext-psearch-03 §4."""
_ALL_CHANGES: Final = bytes.fromhex("300902010f0101ff010100")
"""PersistentSearch: SEQUENCE { changeTypes 15 (add, delete, modify, modDN), changesOnly TRUE, returnECs FALSE }."""
_EVERYTHING: Final = "(objectClass=*)"
_NO_ATTRIBUTES: Final = ("1.1",)


class Bell(StrEnum):
    """A way in which a server tells at once that something has changed; in the words that people see."""

    NOTIFICATION = "change notification"
    PERSIST = "refreshAndPersist"
    SEARCH = "persistent search"


_CONTROLS: Final[Mapping[Bell, str]] = {
    Bell.NOTIFICATION: _NOTIFICATION,
    Bell.PERSIST: SYNC,
    Bell.SEARCH: _PERSISTENT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """One search to begin."""

    base: str
    control: Control
    catches_up: bool = False
    """Whether the server first tells what happened since a position, and then that it has caught up (RFC 4533 §3.4)."""
    wanted: Sequence[str] = _NO_ATTRIBUTES
    filter: str = _EVERYTHING


def bell_of(place: Place, settings: DirectorySettings) -> Bell | None:
    """Return the bell that the server has, None if it has none or none is wanted.

    Raises `NeedsHuman` if there is none and the settings want one.
    """
    if settings.watch.notification == "off":
        return None
    offered = place.root.get("supportedcontrol", ())
    bell = next((each for each in _known(place) if _CONTROLS[each].encode() in offered), None)
    if bell is None and settings.watch.notification == "on":
        raise NeedsHuman(messages_watch.NO_BELL.at(server=place.host, reason="it offers none that syncd knows"))
    return bell


def listenings(bell: Bell, wire: Wire, place: Place) -> Iterator[Listening]:
    """Yield the searches to begin. Raises `NeedsHuman` if the server gives no position to begin from."""
    if bell is Bell.NOTIFICATION:
        # Of a whole naming context, or else one level only; without any other filter ([MS-ADTS] 3.1.1.3.4.1.9).
        for context in dict.fromkeys(place.context(base) for base in place.bases):
            yield Listening(base=context, control=(_NOTIFICATION, True, None), wanted=("objectGUID",))
    elif bell is Bell.PERSIST:
        for base, cookie in SyncRepl(wire, place).mark().items():
            value = persistent(str(cookie).encode("latin-1"))
            yield Listening(base=base, control=(SYNC, True, value), catches_up=True)
    else:
        for base in place.bases:
            yield Listening(base=base, control=(_PERSISTENT, True, _ALL_CHANGES))


def _known(place: Place) -> tuple[Bell, ...]:
    if place.dialect.name is DialectName.ACTIVE_DIRECTORY:
        return (Bell.NOTIFICATION,)
    # 389 Directory Server has both; for the other one a plug-in has to be switched on.
    return (Bell.SEARCH, Bell.PERSIST) if place.dialect.name is DialectName.DS389 else (Bell.PERSIST, Bell.SEARCH)
