"""XLSX as a grid: cells as a person sees them, through openpyxl. It never calculates a formula and never runs a macro."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from openpyxl import load_workbook

from syncd.core.errors import NeedsHuman, Place, Problem, TryAgain, foreign
from syncd_table import messages
from syncd_table.grid import Cell, Row, Spoiled

# openpyxl warns of parts of a workbook that it does not keep (validation, styles). We never write one, so it does not matter.
warnings.filterwarnings("ignore", category=UserWarning, module=r"openpyxl\b")

_OLE_SIGNATURE: Final = b"\xd0\xcf\x11\xe0"
"""The container of old XLS files, and of XLSX files with a password ([MS-CFB] 2.2)."""
_SAFE_DIGITS: Final = 10**15
"""Excel keeps 15 significant digits (Excel specifications and limits: number precision)."""
_ZEROS: Final = re.compile(r"0+")
_FORMULA: Final = re.compile(rb"<f[ />]")
_DAMAGE: Final = (zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError, SyntaxError, TypeError, AttributeError)
"""What openpyxl and the libraries below it raise on broken workbooks (it has no error of its own for that)."""


def open_workbook(path: Path, content: bytes, *, sheet: str | None) -> Workbook:
    """Return the sheet as a grid. Raises `NeedsHuman` for what Excel must convert first, `TryAgain` for half a file."""
    if content.startswith(_OLE_SIGNATURE):
        raise NeedsHuman(messages.OLD_OR_LOCKED.at(Place(file=str(path))))
    return Workbook(path, content, sheet=sheet)


class Workbook:
    """One sheet of a workbook that was read into memory."""

    exact_width: Final = False

    def __init__(self, path: Path, content: bytes, *, sheet: str | None) -> None:
        self._path = path
        self._content = content
        try:
            self._has_formulas = _has_formulas(content)
            names = self._open(formulas=False).sheetnames
        except _DAMAGE as error:
            raise self._damaged(error) from error
        if not names or (sheet is not None and sheet not in names):
            shown = ", ".join(names[:20])
            raise NeedsHuman(messages.NO_SHEET.at(Place(file=str(path)), sheet=sheet or "", sheets=shown))
        self._sheet = sheet or names[0]
        self._rows: list[Row] | None = None
        self.notes: tuple[Problem, ...] = ()
        self.seen = f"XLSX, sheet “{self._sheet}”"

    def rows(self) -> Iterator[Row]:
        # Kept after the first walk: walking through XML twice would cost more than the memory.
        if self._rows is None:
            rows: list[Row] = []
            for row in self._walk():
                rows.append(row)
                yield row
            self._rows = rows
        else:
            yield from self._rows

    def _walk(self) -> Iterator[Row]:
        try:
            values = self._open(formulas=False)[self._sheet].iter_rows()
            formulas = self._open(formulas=True)[self._sheet].iter_rows() if self._has_formulas else None
            for line, cells in enumerate(values, start=1):
                beside = next(formulas, ()) if formulas else ()
                yield Row(line, _with_formulas(tuple(map(_cell, cells)), beside))
        except _DAMAGE as error:
            raise self._damaged(error) from error

    def _open(self, *, formulas: bool) -> Any:
        return load_workbook(io.BytesIO(self._content), read_only=True, data_only=not formulas, keep_links=False)

    def _damaged(self, error: Exception) -> TryAgain:
        problem = messages.DAMAGED.at(Place(file=str(self._path)), reason=foreign(f"{type(error).__name__}: {error}"))
        return TryAgain(problem, after=timedelta(minutes=1))


def _has_formulas(content: bytes) -> bool:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
        return any(_FORMULA.search(archive.read(name)) for name in parts)


def _with_formulas(cells: tuple[Cell, ...], beside: tuple[Any, ...]) -> tuple[Cell, ...]:
    """Return `cells` where a formula without a stored result is spoiled, instead of looking empty."""
    if not any(getattr(cell, "data_type", "n") == "f" for cell in beside):
        return cells
    width = max(len(cells), len(beside))
    padded = cells + (None,) * (width - len(cells))
    kinds = [getattr(cell, "data_type", "n") for cell in beside] + ["n"] * (width - len(beside))
    never = Spoiled(message=messages.NOT_CALCULATED)
    return tuple(never if kind == "f" and value is None else value for value, kind in zip(padded, kinds, strict=True))


def _cell(cell: Any) -> Cell:
    value = cell.value
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return Spoiled(message=messages.ERROR_CELL, error=value) if cell.data_type == "e" else value
    if isinstance(value, int | float):
        return _number(value, str(cell.number_format or ""))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return value.isoformat(timespec="seconds")
    return str(value)


def _number(value: float, pattern: str) -> Cell:
    if abs(value) >= _SAFE_DIGITS:
        return Spoiled(message=messages.LOST_DIGITS)
    if isinstance(value, float) and not value.is_integer():
        return repr(value)
    # The format 000000 shows 42 as 000042, and people take the zeros for a part of the number.
    return str(int(value)).zfill(len(pattern)) if _ZEROS.fullmatch(pattern) else str(int(value))
