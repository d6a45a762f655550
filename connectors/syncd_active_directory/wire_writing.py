"""A connection that may write: one modification of one object. Everything else of the directory's source reads only.

The second of the two modules that call ldap3 to speak with a server. It never adds, moves or deletes an object.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence

from ldap3 import MODIFY_ADD, MODIFY_DELETE

from syncd_active_directory.asking import Control
from syncd_active_directory.settings import DirectorySettings
from syncd_active_directory.wire import Wire

Turn = tuple[Sequence[bytes], Sequence[bytes]]
"""What is taken away and what takes its place."""


class WritingWire(Wire):
    """A `Wire` that may write."""

    def __init__(self, address: str, settings: DirectorySettings, trust: ssl.SSLContext) -> None:
        super().__init__(address, settings, trust)
        self._connection.read_only = False

    def modify(self, dn: str, turns: Mapping[str, Turn], *, controls: Sequence[Control] = ()) -> tuple[int, str]:
        """Change attributes, all or none (RFC 4511 §4.6); return the result code and its name. Raises `TryAgain` if the line
        breaks.

        A value that is to be taken away and is not there makes the server refuse the whole.
        """
        changes = {
            name: [(kind, list(values)) for kind, values in ((MODIFY_DELETE, old), (MODIFY_ADD, new)) if values]
            for name, (old, new) in turns.items()
        }
        with self._told("writing"):
            self._connection.modify(dn, changes, controls=list(controls) or None)
        result = self._connection.result
        return result["result"], str(result["description"])
