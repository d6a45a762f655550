"""What a table is, whatever the file: rows of cells with their numbers. Nothing here opens a file or knows a format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from syncd.core.errors import Message, Problem

ERROR_TEXTS: Final = frozenset(
    {"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!", "#GETTING_DATA"}
)
"""What a spreadsheet shows instead of a value; CSV exports carry them as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoiled:
    """A cell that holds something, but not a value that can be trusted."""

    message: Message
    error: str = ""


Cell: TypeAlias = str | bool | Spoiled | None
"""Text as a person sees it, a flag, nothing, or something spoiled."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row; `line` is the number that editors and spreadsheets show."""

    line: int
    cells: tuple[Cell, ...]


class Grid(Protocol):
    """A table that can be walked through as often as one likes."""

    @property
    def seen(self) -> str:
        """What was found out about the file, for `syncd check`."""
        ...

    @property
    def notes(self) -> tuple[Problem, ...]:
        """What was guessed."""
        ...

    @property
    def exact_width(self) -> bool:
        """Whether a row shorter than the header is suspicious (CSV) or just how the format leaves out blanks (XLSX)."""
        ...

    def rows(self) -> Iterator[Row]:
        """Yield every row from the first, the blank ones too. Raises `NeedsHuman` and `TryAgain`."""
        ...


def is_blank(cell: Cell) -> bool:
    """Tell whether a cell says nothing."""
    return cell is None or (isinstance(cell, str) and not cell.strip())
