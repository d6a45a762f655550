"""A source that is an Active Directory: people, units (OUs) and groups, read over LDAPS or StartTLS.

This package only reads: it binds, searches and unbinds, and has no code that could write. It is the only one that imports
ldap3. Importing the package itself is cheap: the class is loaded when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from syncd_active_directory.source import ActiveDirectory

__all__ = ["ActiveDirectory"]


def __getattr__(name: str) -> object:
    if name == "ActiveDirectory":
        from syncd_active_directory.source import ActiveDirectory

        return ActiveDirectory
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
