"""Changes OpenLDAP and 389 Directory Server as their administrators do: inetOrgPerson, posixAccount, groupOfNames.

People stand under their login name (`uid=…`), so that another name does not move them, and another login does.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from ldap3.utils.dn import escape_rdn

from servers.administrator import Administrator
from servers.company_ldif import BASE_DN

PERMANENTLY: str = "000001010000Z"
"""pwdAccountLockedTime of an account that only an administrator unlocks (draft-behera-ldap-password-policy §5.3.3)."""
_DAY = 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class LdapEditor(Administrator):
    """What both servers have in common."""

    base_dn: ClassVar[str] = BASE_DN
    login_attribute: ClassVar[str] = "uid"
    people_filter: ClassVar[str] = "(objectClass=inetOrgPerson)"
    group_class: ClassVar[str] = "groupOfNames"
    person_classes: ClassVar[tuple[str, ...]] = ("inetOrgPerson", "posixAccount", "shadowAccount")

    def add(self, login: str, *, name: str, unit: str, **attributes: Any) -> str:
        """Add an enabled person and return the lasting id."""
        known = {
            "cn": name,
            "displayName": name,
            "sn": name.split()[-1],
            "uidNumber": str(random.randrange(1_000_000, 2_000_000_000)),
            "gidNumber": "10000",
            "homeDirectory": f"/home/{login}",
            **attributes,
        }
        self.add_dn(f"uid={escape_rdn(login)},{unit}", self.person_classes, known)
        return self.guid(login)

    def rename(self, login: str, *, name: str) -> None:
        """Give somebody another name."""
        self.modify(login, cn=name, sn=name.split()[-1], displayName=name)

    def rename_login(self, login: str, *, to: str) -> None:
        """Give somebody another login name, and by it another distinguished name."""
        self.rename_dn(self.dn(login), f"uid={escape_rdn(to)}")

    def expire(self, login: str, *, at: datetime | None) -> None:
        """Let an account expire with the UTC day that contains `at`: shadowExpire counts days."""
        self.modify(login, shadowExpire=None if at is None else str(int(at.astimezone(UTC).timestamp()) // _DAY))

    def set_password(self, login: str, password: str) -> None:
        """Set a password."""
        self.modify(login, userPassword=password)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLdapEditor(LdapEditor):
    """The administrator of an OpenLDAP with the password policy overlay."""

    id_attribute: ClassVar[str] = "entryUUID"

    def disable(self, login: str) -> None:
        """Lock an account for good, as the password policy overlay has it."""
        self.modify(login, pwdAccountLockedTime=PERMANENTLY)

    def enable(self, login: str) -> None:
        """Unlock an account."""
        self.modify(login, pwdAccountLockedTime=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ds389Editor(LdapEditor):
    """The administrator of a 389 Directory Server."""

    id_attribute: ClassVar[str] = "nsUniqueId"
    # memberOf is no operational attribute there: the class allows it.
    person_classes: ClassVar[tuple[str, ...]] = (*LdapEditor.person_classes, "nsMemberOf")

    def disable(self, login: str) -> None:
        """Inactivate an account."""
        self.modify(login, nsAccountLock="true")

    def enable(self, login: str) -> None:
        """Activate an account."""
        self.modify(login, nsAccountLock=None)
