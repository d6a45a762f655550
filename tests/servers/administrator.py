"""What the people who change a test directory do, whatever directory it is: the verbs that tests use, over LDAPS.

It goes by stock ldap3, never by the connector under test. What differs between directories is in the classes built on it.
"""

from __future__ import annotations

import re
import ssl
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from select import select
from typing import Any, ClassVar, Final

from ldap3 import BASE, MODIFY_ADD, MODIFY_DELETE, MODIFY_REPLACE, SIMPLE, SUBTREE, Connection, Server, Tls
from ldap3.core.exceptions import LDAPException
from ldap3.utils.conv import escape_filter_chars
from ldap3.utils.dn import escape_rdn

_RDN = re.compile(r"(?:\\.|[^,\\])+", re.DOTALL)
"""One name of a distinguished name: up to the first comma that no backslash precedes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Administrator(ABC):
    """Keeps its line from call to call: making one costs more than most calls. A server that was restarted gets a new one."""

    host: str
    port: int
    user: str
    password: str

    base_dn: ClassVar[str]
    login_attribute: ClassVar[str]
    """Under which a person's or group's login name is found."""
    id_attribute: ClassVar[str]
    """What stays the same when an object is renamed or moved."""
    people_filter: ClassVar[str]
    group_class: ClassVar[str]
    unit_type: ClassVar[str] = "ou"

    # --- looking ---

    def guid(self, login: str) -> str:
        """Return a person's or group's lasting id, as the connector writes it."""
        (found,) = self._found(self._by_login(login), attributes=[self.id_attribute])
        return self._id_text(found["raw_attributes"][self.id_attribute][0])

    def guid_of(self, dn: str) -> str:
        """Return any object's lasting id."""
        (found,) = self._found("(objectClass=*)", dn, BASE, attributes=[self.id_attribute])
        return self._id_text(found["raw_attributes"][self.id_attribute][0])

    def guids(self, *, base: str, filter_: str) -> frozenset[str]:
        """Return the lasting ids that ldap3 itself, with its own decoding, finds."""
        found = self._found(filter_, base, attributes=[self.id_attribute])
        return frozenset(self._id_text(each["raw_attributes"][self.id_attribute][0]) for each in found)

    def logins(self, *, base: str) -> list[str]:
        """Return the login names of the people below `base`, sorted."""
        found = self._found(self.people_filter, base, attributes=[self.login_attribute])
        return sorted(each["raw_attributes"][self.login_attribute][0].decode() for each in found)

    def dn(self, login: str) -> str:
        """Return where somebody stands."""
        (found,) = self._found(self._by_login(login), attributes=["1.1"])
        return str(found["dn"])

    def values(self, dn: str, attribute: str) -> list[str]:
        """Return the values of an object's attribute as text, sorted."""
        return sorted(value.decode() for value in self.raw_values(dn, attribute))

    def raw_values(self, dn: str, attribute: str) -> list[bytes]:
        """Return the values of an object's attribute as they come."""
        (found,) = self._found("(objectClass=*)", dn, BASE, attributes=[attribute])
        return list(found["raw_attributes"].get(attribute, []))

    def exists(self, dn: str) -> bool:
        """Tell whether there is an object of that name."""
        with self._connection() as connection:
            connection.search(dn, "(objectClass=*)", BASE, attributes=["1.1"])
            return bool(entries(connection))

    # --- people ---

    @abstractmethod
    def add(self, login: str, *, name: str, unit: str, **attributes: Any) -> str:
        """Add an enabled person and return the lasting id."""

    @abstractmethod
    def rename(self, login: str, *, name: str) -> None:
        """Give somebody another name, as after a marriage; where people stand under their names, they move by it."""

    @abstractmethod
    def rename_login(self, login: str, *, to: str) -> None:
        """Give somebody another login name."""

    @abstractmethod
    def disable(self, login: str) -> None:
        """Disable an account."""

    @abstractmethod
    def enable(self, login: str) -> None:
        """Enable an account that was disabled."""

    @abstractmethod
    def expire(self, login: str, *, at: datetime | None) -> None:
        """Let an account expire at an instant; None: never. Some directories have days only."""

    @abstractmethod
    def set_password(self, login: str, password: str) -> None:
        """Set a password."""

    def modify(self, login: str, **attributes: Any) -> None:
        """Replace a person's attributes; None removes one. `__` in a name stands for a hyphen."""
        self.modify_dn(self.dn(login), **attributes)

    def set_manager(self, login: str, *, boss: str | None) -> None:
        """Make `boss` (a login) somebody's manager; None: nobody."""
        self.modify(login, manager=None if boss is None else self.dn(boss))

    def move(self, login: str, *, unit: str) -> None:
        """Move somebody to another unit."""
        dn = self.dn(login)
        self.rename_dn(dn, _rdn(dn), above=unit)

    def delete(self, login: str) -> None:
        """Delete somebody."""
        self.delete_dn(self.dn(login))

    # --- groups ---

    def add_group(self, name: str, *, unit: str, members: Sequence[str]) -> str:
        """Add a group and return the lasting id; members are distinguished names (LDAP's groups must have one)."""
        dn = f"CN={escape_rdn(name)},{unit}"
        belonging = {"member": list(members)} if members else {}
        self.add_dn(dn, [self.group_class], {**self._group_names(name), **belonging})
        return self.guid_of(dn)

    def join(self, group: str, member: str) -> None:
        """Put `member` into `group`; both are distinguished names, and the member may be a group."""
        self._change(group, {"member": [(MODIFY_ADD, [member])]})

    def leave(self, group: str, member: str) -> None:
        """Take `member` out of `group`."""
        self._change(group, {"member": [(MODIFY_DELETE, [member])]})

    # --- units ---

    def add_unit(self, name: str, *, above: str) -> str:
        """Add an organizational unit and return its distinguished name."""
        dn = f"{self.unit_type}={escape_rdn(name)},{above}"
        self.add_dn(dn, ["organizationalUnit"], {})
        return dn

    def rename_unit(self, dn: str, *, name: str) -> str:
        """Give a unit another name, with all that is in it, and return the distinguished name."""
        rdn = f"{self.unit_type}={escape_rdn(name)}"
        self.rename_dn(dn, rdn)
        return f"{rdn},{_above(dn)}"

    def move_unit(self, dn: str, *, above: str) -> str:
        """Move a unit, with all that is in it, and return the distinguished name."""
        self.rename_dn(dn, _rdn(dn), above=above)
        return f"{_rdn(dn)},{above}"

    # --- anything ---

    def add_dn(self, dn: str, classes: Sequence[str], attributes: Mapping[str, Any]) -> None:
        """Add any object."""
        with self._connection() as connection:
            connection.add(dn, list(classes), dict(attributes))
            expect(connection)

    def modify_dn(self, dn: str, **attributes: Any) -> None:
        """Replace attributes of any object, as `modify` does; a list is several values."""
        self._change(
            dn,
            {
                name.replace("__", "-"): [(MODIFY_REPLACE, [] if value is None else _listed(value))]
                for name, value in attributes.items()
            },
        )

    def rename_dn(self, dn: str, rdn: str, *, above: str | None = None) -> None:
        """Give any object another name (`CN=…`, `OU=…`), and another place if `above` is given."""
        with self._connection() as connection:
            connection.modify_dn(dn, rdn, new_superior=above)
            expect(connection)

    def delete_dn(self, dn: str) -> None:
        """Delete an object with everything below it, from below: not every server deletes trees."""
        with self._connection() as connection:
            below = self._paged(connection, "(objectClass=*)", dn, attributes=["1.1"])
            for each in sorted((str(entry["dn"]) for entry in below), key=_depth, reverse=True):
                connection.delete(each)
                expect(connection)

    # --- the wire ---

    def _id_text(self, raw: bytes) -> str:
        return raw.decode()

    def _group_names(self, name: str) -> dict[str, str]:
        return {}

    def _by_login(self, login: str) -> str:
        return f"({self.login_attribute}={escape_filter_chars(login)})"

    def _change(self, dn: str, changes: Mapping[str, Any]) -> None:
        with self._connection() as connection:
            connection.modify(dn, dict(changes))
            expect(connection)

    def _found(self, filter_: str, base: str = "", scope: str = SUBTREE, *, attributes: Sequence[str]) -> list[Any]:
        with self._connection() as connection:
            return self._paged(connection, filter_, base or self.base_dn, scope=scope, attributes=attributes)

    def _paged(
        self, connection: Any, filter_: str, base: str, *, attributes: Sequence[str], scope: str = SUBTREE
    ) -> list[Any]:
        found = connection.extend.standard.paged_search(
            base, filter_, scope, attributes=list(attributes), paged_size=500, generator=False
        )
        return [each for each in found if each["type"] == "searchResEntry"]

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        key = (threading.get_ident(), self.user, self.password, self.host, self.port)
        connection = _LINES.pop(key, None)
        if connection is None or _hung_up(connection):
            connection = self._opened()
        try:
            yield connection
        except BaseException:
            _close(connection)
            raise
        _LINES[key] = connection

    def _opened(self) -> Any:
        server = Server(self.host, port=self.port, use_ssl=True, tls=unverified(), get_info="NO_INFO")
        connection = Connection(
            server, self.user, self.password, authentication=SIMPLE, auto_bind="NONE", receive_timeout=60
        )
        connection.open()
        connection.bind()
        expect(connection)
        return connection


_LINES: Final[dict[tuple[int, str, str, str, int], Any]] = {}
"""The lines by thread, whose they are, and where they lead. Those of a thread that has ended serve the next one of its number."""


def _hung_up(connection: Any) -> bool:
    """Tell whether the other end is gone, and put the line away if so: between two calls it has nothing else to say."""
    readable, _, _ = select([connection.socket], [], [], 0)
    if readable:
        _close(connection)
    return bool(readable)


def _close(connection: Any) -> None:
    with suppress(LDAPException, OSError):
        connection.unbind()


def unverified() -> Tls:
    """Return TLS without verification, for our own server on loopback: what verifies is the connector under test.

    With verification ldap3 2.9.1 calls ssl.match_hostname, which is deprecated, and so an error in these tests. The
    protocol is named because ldap3 else loads the system's authorities each time, which takes longer than most calls.
    """
    return Tls(validate=ssl.CERT_NONE, version=ssl.PROTOCOL_TLS_CLIENT)


def _rdn(dn: str) -> str:
    found = _RDN.match(dn)
    assert found is not None, dn
    return found.group()


def _above(dn: str) -> str:
    return dn[len(_rdn(dn)) + 1 :]


def _depth(dn: str) -> int:
    return len(_RDN.findall(dn))


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def entries(connection: Any) -> list[Any]:
    """Return what a search found, without references."""
    return [each for each in connection.response or () if each["type"] == "searchResEntry"]


def expect(connection: Any) -> None:
    """Raise unless the last operation succeeded."""
    if connection.result["result"] != 0:
        raise RuntimeError(f"the directory refused: {connection.result['description']} {connection.result['message']}")
