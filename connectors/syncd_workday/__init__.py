"""A source that is Workday: workers and supervisory organizations, read over SOAP (Human_Resources).

This package reads; it never writes to Workday, never keeps what a record says between two reads, and never takes somebody for
gone whom a right, a page or a window has hidden. Importing it is cheap: the class is loaded when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from syncd_workday.source import Workday

__all__ = ["Workday"]


def __getattr__(name: str) -> object:
    if name == "Workday":
        from syncd_workday.source import Workday

        return Workday
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
