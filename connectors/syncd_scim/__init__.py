"""SCIM 2.0 (RFC 7643, 7644, 9865) as a source: somebody else's service, pulled (`Scim`), and what is pushed to us (`ScimPush`).

The first reads, and writes single attributes of people where a rule says so. It never follows the service to another host, and
never takes a row that slipped between two pages for somebody who has left. Importing this is cheap: a class is loaded when it is
asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from syncd_scim.pushed import ScimPush
    from syncd_scim.source import Scim

__all__ = ["Scim", "ScimPush"]


def __getattr__(name: str) -> object:
    if name == "Scim":
        from syncd_scim.source import Scim

        return Scim
    if name == "ScimPush":
        from syncd_scim.pushed import ScimPush

        return ScimPush
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
