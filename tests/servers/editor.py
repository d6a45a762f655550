"""Changes a test directory as its administrators do, over LDAPS."""

from __future__ import annotations

import ssl
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ldap3 import BASE, MODIFY_DELETE, MODIFY_REPLACE, SIMPLE, SUBTREE, Connection, Server, Tls
from ldap3.utils.conv import escape_filter_chars
from ldap3.utils.dn import escape_rdn

_BASE_DN = "DC=corp,DC=example,DC=com"
_TREE_DELETE = ("1.2.840.113556.1.4.805", True, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Editor:
    """One call, one connection: tests are short, and servers are restarted in between."""

    host: str
    password: str

    def guid(self, login: str) -> str:
        """Return a person's or group's objectGUID."""
        return self._ids(f"(sAMAccountName={escape_filter_chars(login)})")[0]

    def guids(self, *, base: str, filter_: str) -> frozenset[str]:
        """Return the objectGUIDs that ldap3 itself, with its own decoding, finds."""
        return frozenset(self._ids(filter_, base))

    def logins(self, *, base: str) -> list[str]:
        """Return the login names of the people below `base`, sorted."""
        with self._connection() as connection:
            connection.search(
                base, "(&(objectCategory=person)(objectClass=user))", SUBTREE, attributes=["sAMAccountName"]
            )
            return sorted(each["raw_attributes"]["sAMAccountName"][0].decode() for each in _entries(connection))

    def dn(self, login: str) -> str:
        """Return where somebody stands."""
        with self._connection() as connection:
            connection.search(_BASE_DN, f"(sAMAccountName={escape_filter_chars(login)})", SUBTREE, attributes=["1.1"])
            (found,) = _entries(connection)
            return str(found["dn"])

    def add(self, login: str, *, name: str, unit: str, **attributes: Any) -> str:
        """Add an enabled person and return the objectGUID."""
        known = {"sAMAccountName": login, "userAccountControl": "544", "displayName": name, **attributes}
        with self._connection() as connection:
            connection.add(f"CN={escape_rdn(name)},{unit}", ["user"], known)
            _expect(connection)
        return self.guid(login)

    def add_unit(self, name: str, *, above: str) -> str:
        """Add an organizational unit and return its name."""
        dn = f"OU={escape_rdn(name)},{above}"
        with self._connection() as connection:
            connection.add(dn, ["organizationalUnit"])
            _expect(connection)
        return dn

    def add_group(self, name: str, *, unit: str, members: Sequence[str]) -> str:
        """Add a group and return the objectGUID; members are distinguished names."""
        with self._connection() as connection:
            connection.add(
                f"CN={escape_rdn(name)},{unit}", ["group"], {"sAMAccountName": name, "member": list(members)}
            )
            _expect(connection)
        return self.guid(name)

    def modify(self, login: str, **attributes: Any) -> None:
        """Replace a person's attributes; None removes one. `__` in a name stands for a hyphen."""
        self.modify_dn(self.dn(login), **attributes)

    def modify_dn(self, dn: str, **attributes: Any) -> None:
        """Replace attributes of any object, as `modify` does."""
        changes = {
            name.replace("__", "-"): [(MODIFY_DELETE, [])] if value is None else [(MODIFY_REPLACE, [value])]
            for name, value in attributes.items()
        }
        with self._connection() as connection:
            connection.modify(dn, changes)
            _expect(connection)

    def disable(self, login: str) -> None:
        """Disable an account."""
        self.modify(login, userAccountControl="546")

    def move(self, login: str, *, unit: str) -> None:
        """Move somebody to another unit."""
        dn = self.dn(login)
        self.rename_dn(dn, dn.split(",OU=")[0], above=unit)

    def rename_dn(self, dn: str, rdn: str, *, above: str | None = None) -> None:
        """Give any object another name (`CN=…`, `OU=…`), and another place if `above` is given."""
        with self._connection() as connection:
            connection.modify_dn(dn, rdn, new_superior=above)
            _expect(connection)

    def delete(self, login: str) -> None:
        """Delete somebody."""
        self.delete_dn(self.dn(login))

    def delete_dn(self, dn: str) -> None:
        """Delete an object with everything below it."""
        with self._connection() as connection:
            connection.delete(dn, controls=[_TREE_DELETE])
            _expect(connection)

    def set_password(self, login: str, password: str) -> None:
        """Set a password, as an administrator."""
        dn = self.dn(login)
        with self._connection() as connection:
            connection.modify(dn, {"unicodePwd": [(MODIFY_REPLACE, [f'"{password}"'.encode("utf-16-le")])]})
            _expect(connection)

    def exists(self, dn: str) -> bool:
        """Tell whether there is an object of that name."""
        with self._connection() as connection:
            connection.search(dn, "(objectClass=*)", BASE, attributes=["1.1"])
            return bool(_entries(connection))

    def _ids(self, filter_: str, base: str = _BASE_DN) -> list[str]:
        with self._connection() as connection:
            found = connection.extend.standard.paged_search(
                base, filter_, SUBTREE, attributes=["objectGUID"], paged_size=500, generator=False
            )
            return [
                str(uuid.UUID(bytes_le=each["raw_attributes"]["objectGUID"][0]))
                for each in found
                if each["type"] == "searchResEntry"
            ]

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        # Our own server on loopback: what verifies certificates is the connector under test. (With verification ldap3 2.9.1
        # calls ssl.match_hostname, which is deprecated, and so an error in these tests.)
        tls = Tls(validate=ssl.CERT_NONE)
        server = Server(self.host, port=636, use_ssl=True, tls=tls, get_info="NO_INFO")
        user = "Administrator@corp.example.com"
        connection = Connection(
            server, user, self.password, authentication=SIMPLE, auto_bind="NONE", receive_timeout=60
        )
        connection.open()
        connection.bind()
        _expect(connection)
        try:
            yield connection
        finally:
            connection.unbind()


def _entries(connection: Any) -> list[Any]:
    return [each for each in connection.response or () if each["type"] == "searchResEntry"]


def _expect(connection: Any) -> None:
    if connection.result["result"] != 0:
        raise RuntimeError(f"the directory refused: {connection.result['description']} {connection.result['message']}")
