"""What kinds of servers there are, and how each one says things: attributes, filters, ids, states, ways. Values; it asks nobody.

Whatever differs between servers and can be said as a value stands here, so that reading knows no server by name.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from syncd.core.model import Kind
from syncd.core.values import Value, moment
from syncd_active_directory.decode import filetime_of
from syncd_active_directory.schema import ASKED, BOOKKEEPING, COMPUTED, FILETIMES, REFERENCES, Syntax
from syncd_active_directory.ways import Way

EXTENDED_DN: Final = ("1.2.840.113556.1.4.529", True, bytes.fromhex("3003020101"))
"""DN values come as `<GUID=…>;<SID=…>;CN=…` with the ids as text ([MS-ADTS] 3.1.1.3.4.1.5: SEQUENCE { INTEGER 1 })."""

Control = tuple[str, bool, bytes | None]
"""Object identifier, criticality, value."""


class DialectName(StrEnum):
    """The setting `server` uses the same words, and `auto` besides."""

    ACTIVE_DIRECTORY = "active_directory"
    OPENLDAP = "openldap"
    DS389 = "389ds"
    LDAP = "ldap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The attribute by which an object is the same object for ever, and how its id is written in a filter."""

    attribute: str
    syntax: Syntax
    asserted: Callable[[str], str]
    """From the id's text to the value of an equality filter (RFC 4515), escaped."""

    def matching(self, ids: Sequence[str]) -> str:
        """Return the filter that finds these objects."""
        return f"(|{''.join(f'({self.attribute}={self.asserted(each)})' for each in ids)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What an account's attributes say about it at one moment."""

    enabled: bool | None = None
    """None: nothing is said (a contact), and nothing is guessed."""
    locked: bool | None = None
    hidden: bool = False
    """Whether it is an account whose state exists but was not shown: our rights are too narrow."""
    review_at: datetime | None = None
    """From when on the same attributes mean something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one kind of server says things."""

    name: DialectName
    title: str
    """What people call it."""
    identity: Identity
    asked: Mapping[Kind, Mapping[str, Syntax]]
    filters: Mapping[Kind, str]
    """Which objects are people, units and groups where the settings do not say it."""
    state: Callable[[dict[str, Value], datetime], State]
    """From a person's decoded attributes and the time to the state; it removes from them what means nothing beyond the state."""
    ways: tuple[Way, ...]
    """What it may offer, best first; which of them the account may use is found out by asking."""
    login: str
    """The attribute that holds the login name."""
    due: Callable[[datetime, datetime], str] = lambda since, until: ""  # noqa: ARG005
    """From two moments to the filter that finds people whose state changed by itself between them; empty if nobody's can."""
    locks: str = ""
    """The filter for accounts that are locked, or were and have unlocked themselves without anything being told."""
    unlinks: bool = False
    """Whether the server takes a deleted object out of the attributes that refer to it without telling so."""
    computed: Mapping[Kind, Mapping[str, str]] = field(default_factory=lambda: COMPUTED)
    bookkeeping: frozenset[str] = BOOKKEEPING
    """Attributes that are delivered but are no part of the digest."""
    changed_at: str = "whenChanged"
    """The attribute that says when an object was changed, decoded as `Syntax.TIME`."""
    references: frozenset[str] = REFERENCES
    """Attributes whose values are the names (DNs) of other objects, in lower case."""
    filetimes: frozenset[str] = FILETIMES
    """Attributes that count time as FILETIME when an administrator asks for them as `instant`, in lower case."""
    controls: tuple[Control, ...] = ()
    """Sent along with each search that reads objects."""
    extended_names: bool = False
    """Whether names come with ids, as `<GUID=…>;<SID=…>;CN=…`, because `controls` ask for that."""
    not_people: tuple[str, ...] = ()
    """How the naming contexts begin that every such server has and that hold no people, in lower case."""
    leaves: frozenset[str] = frozenset()
    """Classes, in lower case, of objects below which nobody stands: where such an object is moved, nobody moves with it."""
    members: str = "memberOf"
    """The attribute by which a person says in which groups it is; empty where the server has none."""


def guid_asserted(text: str) -> str:
    """Return a GUID's bytes, little-endian as Active Directory has them, escaped for a filter."""
    return "".join(f"\\{byte:02x}" for byte in uuid.UUID(text).bytes_le)


_DISABLED: Final = 0x2
_LOCKED: Final = 0x10
"""ADS_UF_ACCOUNTDISABLE, ADS_UF_LOCKOUT ([MS-ADTS] 2.2.16). The second is right in the computed attribute only."""


def active_directory_state(attributes: dict[str, Value], now: datetime) -> State:
    """Return the state of an account of Active Directory.

    The lock is computed by the controller, because it ends by itself; as a number it would be stale at once, so it is removed.
    """
    computed = attributes.pop("msDS-User-Account-Control-Computed", None)
    locked = bool(computed & _LOCKED) if isinstance(computed, int) else None
    control = attributes.get("userAccountControl")
    if not isinstance(control, int):
        # Every user has it: if it is not shown, we do not know whether the account is enabled. Contacts have none.
        classes = attributes.get("objectClass")
        return State(locked=locked, hidden=isinstance(classes, tuple) and "user" in classes)
    expires = attributes.get("accountExpires")
    end = moment(expires) if isinstance(expires, str) else None
    enabled = not control & _DISABLED and not (end is not None and end <= now)
    return State(enabled=enabled, locked=locked, review_at=end if end is not None and end > now else None)


def active_directory_due(since: datetime, until: datetime) -> str:
    """Return the filter for accounts that expire between two moments."""
    first, last = filetime_of(since), filetime_of(until)
    return f"(&(accountExpires>={first})(accountExpires<={last}))"


ACTIVE_DIRECTORY: Final = Dialect(
    name=DialectName.ACTIVE_DIRECTORY,
    title="Active Directory",
    identity=Identity(attribute="objectGUID", syntax=Syntax.GUID, asserted=guid_asserted),
    asked=ASKED,
    filters={
        Kind.PERSON: "(&(objectCategory=person)(objectClass=user))",
        Kind.UNIT: "(objectClass=organizationalUnit)",
        Kind.GROUP: "(objectClass=group)",
    },
    state=active_directory_state,
    due=active_directory_due,
    locks="(lockoutTime>=1)",
    # Seen with Samba 4.17: `manager` of those who had a deleted manager is gone, their uSNChanged is what it was.
    unlinks=True,
    ways=(Way.DIRSYNC, Way.USN, Way.NONE),
    login="sAMAccountName",
    controls=(EXTENDED_DN,),
    extended_names=True,
    # Naming contexts that every domain has below it and that hold no people ([MS-ADTS] 3.1.1.1.5).
    not_people=("dc=domaindnszones,", "dc=forestdnszones,", "cn=configuration,", "cn=schema,"),
    leaves=frozenset({"person", "computer", "group", "contact", "printqueue", "serviceconnectionpoint", "dnsnode"}),
)

DIALECTS: Final[Mapping[DialectName, Dialect]] = {DialectName.ACTIVE_DIRECTORY: ACTIVE_DIRECTORY}
