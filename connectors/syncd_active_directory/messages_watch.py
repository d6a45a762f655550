"""What the source can tell people about how changes are noticed. Never a name of somebody who changed."""

from __future__ import annotations

from typing import Final

from syncd.core.errors import message

NO_BELL: Final = message(
    "ADS-110",
    what="{server} does not tell at once that something changed: {reason}.",
    do="Write `watch: {{notification: auto}}`: then syncd looks every `watch.poll` instead. On OpenLDAP the overlay syncprov "
    "gives it (docs/how-to/ldap.md).",
    example="sources:\n  directory:\n    type: ldap\n    watch: {notification: on}   # and there is no overlay syncprov",
)
