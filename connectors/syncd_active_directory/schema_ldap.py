"""Which attributes are asked of OpenLDAP, 389 Directory Server and other LDAP servers, and what each one's bytes mean. A table.

Of the classes that companies use: inetOrgPerson (RFC 2798), organizationalPerson and groups (RFC 4519), posixAccount and
posixGroup (RFC 2307), eduPerson; and what password policies, 389 Directory Server, eDirectory and Kerberos say about an
account's state. A server leaves out what it does not know. LDAP lets most of these have several values: of those read as text
the first one counts, as the server stores them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from syncd.core.model import Kind
from syncd_active_directory.schema import TYPES, Syntax

STAMP: Final = "modifyTimestamp"
IDS: Final = ("entryUUID", "nsUniqueId")
_EVERY: Final = {
    "objectClass": Syntax.TEXTS,
    "cn": Syntax.TEXT,
    "ou": Syntax.TEXT,
    "o": Syntax.TEXT,
    "description": Syntax.TEXT,
    "businessCategory": Syntax.TEXT,
    "mail": Syntax.TEXT,
    "telephoneNumber": Syntax.TEXT,
    "street": Syntax.TEXT,
    "l": Syntax.TEXT,
    "st": Syntax.TEXT,
    "c": Syntax.TEXT,
    "postalCode": Syntax.TEXT,
    "seeAlso": Syntax.TEXTS,
    "createTimestamp": Syntax.TIME,
    STAMP: Syntax.TIME,
}
_PERSON_TEXT: Final = (
    "uid",
    "displayName",
    "givenName",
    "sn",
    "initials",
    "generationQualifier",
    "title",
    "employeeNumber",
    "employeeType",
    "departmentNumber",
    "roomNumber",
    "physicalDeliveryOfficeName",
    "postalAddress",
    "postOfficeBox",
    "mobile",
    "homePhone",
    "pager",
    "facsimileTelephoneNumber",
    "preferredLanguage",
    "labeledURI",
    "manager",
    "secretary",
    "loginShell",
    "homeDirectory",
    "eduPersonPrincipalName",
    "eduPersonPrimaryAffiliation",
)
STATES: Final[Mapping[str, Syntax]] = MappingProxyType(
    {
        "pwdAccountLockedTime": Syntax.TEXT,
        "pwdEndTime": Syntax.TIME,
        "nsAccountLock": Syntax.FLAG,
        "loginDisabled": Syntax.FLAG,
        "loginExpirationTime": Syntax.TIME,
        "krbPrincipalExpiration": Syntax.TIME,
        "shadowExpire": Syntax.NUMBER,
    }
)
"""What says whether an account may be used. `dialects_ldap.account_state` makes `enabled`, `locked` and `expires` of it."""

ASKED: Final[Mapping[Kind, Mapping[str, Syntax]]] = MappingProxyType(
    {
        Kind.PERSON: {
            **_EVERY,
            **dict.fromkeys(_PERSON_TEXT, Syntax.TEXT),
            "eduPersonAffiliation": Syntax.TEXTS,
            "memberOf": Syntax.TEXTS,
            "uidNumber": Syntax.NUMBER,
            "gidNumber": Syntax.NUMBER,
            **STATES,
        },
        Kind.UNIT: {**_EVERY, "manager": Syntax.TEXT},
        Kind.GROUP: {
            **_EVERY,
            "displayName": Syntax.TEXT,
            "owner": Syntax.TEXT,
            "member": Syntax.TEXTS,
            "uniqueMember": Syntax.TEXTS,
            "memberUid": Syntax.TEXTS,
            "memberOf": Syntax.TEXTS,
            "gidNumber": Syntax.NUMBER,
        },
    }
)
"""`manager` of units is in no standard class, but widely added."""

COMPUTED: Final[Mapping[Kind, Mapping[str, str]]] = MappingProxyType(
    {
        Kind.PERSON: {"enabled": "flag", "locked": "flag", "expires": "instant", "parent": "text"},
        Kind.UNIT: {"parent": "text"},
        Kind.GROUP: {"parent": "text"},
    }
)
"""What the connector adds: `enabled` (not disabled, not expired), `locked`, `expires` (the first instant at which the account may
not be used any more), `parent` (the unit above)."""

REFERENCES: Final = frozenset({"manager", "secretary", "owner", "seealso", "member", "uniquemember", "memberof"})
"""Attributes whose values are names (DNs) of other objects, in lower case."""


def declared() -> Mapping[Kind, Mapping[str, str]]:
    """Return the names and types that rules may use, by kind. Each server shows one of the two ids."""
    ids = dict.fromkeys(IDS, "text")
    return MappingProxyType(
        {
            kind: MappingProxyType({**ids, **{name: TYPES[syntax] for name, syntax in asked.items()}, **COMPUTED[kind]})
            for kind, asked in ASKED.items()
        }
    )
