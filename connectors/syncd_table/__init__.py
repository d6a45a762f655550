"""A source that is a file: CSV or XLSX, one row a person, a unit or a group.

This package reads; it never writes to the file, never guesses at a row that it does not understand, and never takes a
short file for the news that everybody has left. Importing it is cheap: the class is loaded when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from syncd_table.source import Table

__all__ = ["Table"]


def __getattr__(name: str) -> object:
    if name == "Table":
        from syncd_table.source import Table

        return Table
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
