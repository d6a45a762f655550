"""Which attributes are asked of Active Directory, and what each one's bytes mean. A table; it does nothing.

Syntaxes are those of [MS-ADA1] to [MS-ADA3]. Left out on purpose, because they change without anything having changed that
concerns people, or differ between controllers: uSNChanged, lastLogonTimestamp, logonCount, directReports.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from syncd.core.model import Kind


class Syntax(StrEnum):
    """What the bytes of a value are."""

    TEXT = "text"
    TEXTS = "texts"
    NUMBER = "number"
    FLAG = "flag"
    GUID = "guid"
    SID = "sid"
    TIME = "time"
    """GeneralizedTime, `20261122013000.0Z`."""
    FILETIME = "filetime"
    """100 ns since 1601 as decimal text; 0 and the largest number mean never."""


TYPES: Final[Mapping[Syntax, str]] = MappingProxyType(
    {
        Syntax.TEXT: "text",
        Syntax.TEXTS: "texts",
        Syntax.NUMBER: "number",
        Syntax.FLAG: "flag",
        Syntax.GUID: "text",
        Syntax.SID: "text",
        Syntax.TIME: "instant",
        Syntax.FILETIME: "instant",
    }
)

_EVERY: Final = {
    "objectGUID": Syntax.GUID,
    "objectClass": Syntax.TEXTS,
    "distinguishedName": Syntax.TEXT,
    "name": Syntax.TEXT,
    "displayName": Syntax.TEXT,
    "description": Syntax.TEXT,
    "whenCreated": Syntax.TIME,
    "whenChanged": Syntax.TIME,
}
_PERSON_TEXT: Final = [
    "cn",
    "sAMAccountName",
    "userPrincipalName",
    "givenName",
    "middleName",
    "sn",
    "initials",
    "personalTitle",
    "generationQualifier",
    "mail",
    "mailNickname",
    "mobile",
    "telephoneNumber",
    "homePhone",
    "ipPhone",
    "pager",
    "facsimileTelephoneNumber",
    "title",
    "department",
    "company",
    "division",
    "employeeID",
    "employeeNumber",
    "employeeType",
    "physicalDeliveryOfficeName",
    "streetAddress",
    "postOfficeBox",
    "l",
    "st",
    "postalCode",
    "co",
    "c",
    "preferredLanguage",
    "info",
    "wWWHomePage",
    "manager",
    "assistant",
]
_EXTENSIONS: Final = [f"extensionAttribute{number}" for number in range(1, 16)]

ASKED: Final[Mapping[Kind, Mapping[str, Syntax]]] = MappingProxyType(
    {
        Kind.PERSON: {
            **_EVERY,
            **dict.fromkeys([*_PERSON_TEXT, *_EXTENSIONS], Syntax.TEXT),
            "departmentNumber": Syntax.TEXTS,
            "otherTelephone": Syntax.TEXTS,
            "otherMobile": Syntax.TEXTS,
            "proxyAddresses": Syntax.TEXTS,
            "memberOf": Syntax.TEXTS,
            "objectSid": Syntax.SID,
            "userAccountControl": Syntax.NUMBER,
            "msDS-User-Account-Control-Computed": Syntax.NUMBER,
            "accountExpires": Syntax.FILETIME,
        },
        Kind.UNIT: {
            **_EVERY,
            **dict.fromkeys(
                ["ou", "managedBy", "street", "l", "st", "postalCode", "co", "c", *_EXTENSIONS], Syntax.TEXT
            ),
        },
        Kind.GROUP: {
            **_EVERY,
            **dict.fromkeys(["cn", "sAMAccountName", "mail", "info", "managedBy", *_EXTENSIONS], Syntax.TEXT),
            "member": Syntax.TEXTS,
            "memberOf": Syntax.TEXTS,
            "objectSid": Syntax.SID,
            "groupType": Syntax.NUMBER,
        },
    }
)

COMPUTED: Final[Mapping[Kind, Mapping[str, str]]] = MappingProxyType(
    {
        Kind.PERSON: {"enabled": "flag", "locked": "flag", "parent": "text"},
        Kind.UNIT: {"parent": "text"},
        Kind.GROUP: {"parent": "text"},
    }
)
"""What the connector adds: `enabled` (not disabled, not expired), `locked`, `parent` (the unit above)."""

BOOKKEEPING: Final = frozenset({"whenChanged"})
"""Delivered, but no part of the digest: each controller keeps its own, and it moves when nothing that we read has changed."""

REFERENCES: Final = frozenset({"manager", "assistant", "managedby", "member", "memberof", "directreports", "secretary"})
"""Attributes whose values are names of other objects ([MS-ADA1] to [MS-ADA3], syntax Object(DS-DN)), in lower case."""

FILETIMES: Final = frozenset(
    name.lower()
    for name in ("accountExpires", "pwdLastSet", "lastLogonTimestamp", "lastLogon", "lockoutTime", "badPasswordTime")
)
"""Attributes that count time as FILETIME, for those that an administrator asks for as `instant`."""


def declared() -> Mapping[Kind, Mapping[str, str]]:
    """Return the names and types that rules may use, by kind."""
    return MappingProxyType(
        {
            kind: MappingProxyType({**{name: TYPES[syntax] for name, syntax in asked.items()}, **COMPUTED[kind]})
            for kind, asked in ASKED.items()
        }
    )


def with_extra(asked: Mapping[str, Syntax], extra: Mapping[str, str]) -> Mapping[str, Syntax]:
    """Return what to ask of people when an administrator wants more; `extra` is attribute by type."""
    return {**asked, **{name: _syntax(name, type_) for name, type_ in extra.items()}}


def _syntax(name: str, type_: str) -> Syntax:
    if type_ == "instant":
        return Syntax.FILETIME if name.lower() in FILETIMES else Syntax.TIME
    return Syntax(type_)
