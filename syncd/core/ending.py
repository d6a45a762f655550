"""What any connector may offer besides its own socket: when what it relies on ends."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol, runtime_checkable


@runtime_checkable
class Ending(Protocol):
    """Certificates, keys and licences that end.

    `ends` says for each, by a name that an administrator knows it by, when it ends (aware UTC), as far as that was seen lately.
    It asks nobody, is cheap, raises nothing, and leaves out what it does not know.
    """

    def ends(self) -> Mapping[str, datetime]: ...


__all__ = ["Ending"]
