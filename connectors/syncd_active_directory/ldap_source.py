"""OpenLDAP, 389 Directory Server and other LDAP servers as a source. It reads as the source for Active Directory does.

It differs in its settings and in the attributes that rules may read; the rest follows from the dialect that the server speaks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from syncd.core.model import Kind
from syncd_active_directory.schema_ldap import ASKED, declared
from syncd_active_directory.settings import DirectorySettings
from syncd_active_directory.settings_ldap import LdapSettings
from syncd_active_directory.source import ActiveDirectory
from syncd_active_directory.writing import writable


class Ldap(ActiveDirectory):
    """People, units and groups of an LDAP directory as a `syncd.core.ports.Source`."""

    settings: ClassVar[type[DirectorySettings]] = LdapSettings
    attributes: ClassVar[Mapping[Kind, Mapping[str, str]] | None] = declared()
    writable: ClassVar[Mapping[Kind, frozenset[str]]] = {Kind.PERSON: writable(ASKED[Kind.PERSON])}
