"""What the source can tell people about OpenLDAP, 389 Directory Server and other LDAP servers. Never a password or a value."""

from __future__ import annotations

from typing import Final

from syncd.core.errors import message

_SOURCE: Final = "sources:\n  directory:\n    type: ldap\n"

NO_SYNC: Final = message(
    "ADS-201",
    what="{server} does not offer to say what changed (RFC 4533).",
    do="On OpenLDAP add the overlay syncprov to the database (docs/how-to/ldap.md); until then `changes: timestamps` is used.",
    example=_SOURCE + "    changes: syncrepl   # and the server has no overlay syncprov",
)
SYNC_REFUSED: Final = message(
    "ADS-202",
    what="{server} does not tell the account what changed below “{base}”: {reason}.",
    do="Add the overlay syncprov to that database, and let the account search there without a size limit (docs/how-to/ldap.md).",
    example=_SOURCE + "    changes: syncrepl   # and the overlay is on another database",
)
NO_CHANGELOG: Final = message(
    "ADS-203",
    what="{server} has no changelog that the account may read: {reason}.",
    do="Switch on the Retro Changelog plugin and let the account read cn=changelog (docs/how-to/ldap.md).",
    example=_SOURCE + "    server: 389ds\n    changes: changelog",
)
NO_UNIQUE_IDS: Final = message(
    "ADS-204",
    what="The changelog of {server} does not say whose changes it holds: targetUniqueId is missing.",
    do="Add `nsslapd-attribute: nsuniqueid:targetUniqueId` to the Retro Changelog plugin and restart the server.",
    example=_SOURCE + "    server: 389ds\n    changes: changelog",
)
NO_STAMPS: Final = message(
    "ADS-205",
    what="{server} does not show the account when objects were changed (modifyTimestamp).",
    do="Let the account read operational attributes; until then every read is a full one.",
    example=_SOURCE + "    changes: timestamps",
)
