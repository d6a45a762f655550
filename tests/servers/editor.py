"""Changes a test domain of Active Directory as its administrators do."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from ldap3 import BASE, MODIFY_DELETE, MODIFY_REPLACE, SUBTREE
from ldap3.utils.dn import escape_rdn

from servers.administrator import Administrator, entries, expect

_TREE_DELETE = ("1.2.840.113556.1.4.805", True, None)
_SHOW_DELETED = ("1.2.840.113556.1.4.417", True, None)
_FILETIME_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_NEVER = "9223372036854775807"


@dataclass(frozen=True, slots=True, kw_only=True)
class Editor(Administrator):
    """The domain's administrator."""

    port: int = 636
    user: str = "Administrator@corp.example.com"

    base_dn: ClassVar[str] = "DC=corp,DC=example,DC=com"
    login_attribute: ClassVar[str] = "sAMAccountName"
    id_attribute: ClassVar[str] = "objectGUID"
    people_filter: ClassVar[str] = "(&(objectCategory=person)(objectClass=user))"
    group_class: ClassVar[str] = "group"
    unit_type: ClassVar[str] = "OU"

    def add(self, login: str, *, name: str, unit: str, **attributes: Any) -> str:
        """Add an enabled person and return the objectGUID."""
        known = {"sAMAccountName": login, "userAccountControl": "544", "displayName": name, **attributes}
        self.add_dn(f"CN={escape_rdn(name)},{unit}", ["user"], known)
        return self.guid(login)

    def rename(self, login: str, *, name: str) -> None:
        """Give somebody another name, and by it another distinguished name."""
        self.modify(login, displayName=name)
        self.rename_dn(self.dn(login), f"CN={escape_rdn(name)}")

    def rename_login(self, login: str, *, to: str) -> None:
        """Give somebody another login name."""
        self.modify(login, sAMAccountName=to)

    def disable(self, login: str) -> None:
        """Disable an account."""
        self.modify(login, userAccountControl="546")

    def enable(self, login: str) -> None:
        """Enable an account."""
        self.modify(login, userAccountControl="544")

    def expire(self, login: str, *, at: datetime | None) -> None:
        """Let an account expire at an instant (accountExpires: 100 ns since 1601)."""
        self.modify(login, accountExpires=_NEVER if at is None else _filetime(at))

    def set_password(self, login: str, password: str) -> None:
        """Set a password."""
        raw = f'"{password}"'.encode("utf-16-le")
        self._change(self.dn(login), {"unicodePwd": [(MODIFY_REPLACE, [raw])]})

    def delete_dn(self, dn: str) -> None:
        """Delete an object with everything below it."""
        with self._connection() as connection:
            connection.delete(dn, controls=[_TREE_DELETE])
            expect(connection)

    def reanimate(self, guid: str, *, name: str, unit: str, **attributes: Any) -> None:
        """Bring a deleted object back ([MS-ADTS] 3.1.1.5.3.7), then give it attributes that its tombstone has lost.

        Its objectGUID and objectSid stay; a person comes back disabled and bare. Samba wants the tombstone's own name, and no
        userAccountControl in the same operation; and where its recycle bin is on it cannot do this at all (4.17: it
        deletes an isRecycled that is not there).
        """
        goal = f"CN={escape_rdn(name)},{unit}"
        with self._connection() as connection:
            connection.search(f"<GUID={guid}>", "(objectClass=*)", BASE, attributes=["1.1"], controls=[_SHOW_DELETED])
            (found,) = entries(connection)
            changes = {"isDeleted": [(MODIFY_DELETE, [])], "distinguishedName": [(MODIFY_REPLACE, [goal])]}
            connection.modify(found["dn"], changes, controls=[_SHOW_DELETED])
            expect(connection)
        if attributes:
            self.modify_dn(goal, **attributes)

    def deleted(self) -> Sequence[str]:
        """Return the objectGUIDs of what is in the container of deleted objects."""
        with self._connection() as connection:
            base = f"CN=Deleted Objects,{self.base_dn}"
            connection.search(base, "(isDeleted=TRUE)", SUBTREE, attributes=["objectGUID"], controls=[_SHOW_DELETED])
            raw = [each["raw_attributes"]["objectGUID"][0] for each in entries(connection)]
            return [self._id_text(each) for each in raw]

    def _id_text(self, raw: bytes) -> str:
        return str(uuid.UUID(bytes_le=raw))

    def _group_names(self, name: str) -> dict[str, str]:
        # It may not hold a comma, and a name may.
        return {"sAMAccountName": name.replace(",", "")}


def _filetime(at: datetime) -> str:
    return str((at - _FILETIME_EPOCH) // timedelta(microseconds=1) * 10)
