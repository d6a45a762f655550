"""A source that is a directory (Active Directory, OpenLDAP, 389 Directory Server and other LDAP servers): people, units and
groups, read over LDAPS or StartTLS.

It reads: it binds, searches and unbinds. What can write is `wire_writing` alone, on a connection of its own, and only single
attributes of people that rules write back. It is the only package that imports ldap3. Importing the package itself is cheap: the
class is loaded when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from syncd_active_directory.ldap_source import Ldap
    from syncd_active_directory.source import ActiveDirectory

__all__ = ["ActiveDirectory", "Ldap"]


def __getattr__(name: str) -> object:
    if name == "ActiveDirectory":
        from syncd_active_directory.source import ActiveDirectory

        return ActiveDirectory
    if name == "Ldap":
        from syncd_active_directory.ldap_source import Ldap

        return Ldap
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
