"""A source that is somebody else's SCIM 2.0 service (RFC 7643, 7644, 9865): people and groups, pulled.

It reads, and writes single attributes of people where a rule says so. It never follows the service to another host, and never
takes a row that slipped between two pages for somebody who has left. Importing it is cheap: the class is loaded when asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from syncd_scim.source import Scim

__all__ = ["Scim"]


def __getattr__(name: str) -> object:
    if name == "Scim":
        from syncd_scim.source import Scim

        return Scim
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
