"""From rows of cells to records: the header, the key, and a proof that no row is missing.

A row that is not understood is left out, named, and takes away the proof; its neighbours are read as ever. Nothing here
opens a file.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from syncd.core.errors import Message, NeedsHuman, Place, Problem
from syncd.core.model import Completeness, Kind, NativeId, ProofFact, SourceRecord
from syncd.core.values import Value, digest
from syncd_table import messages
from syncd_table.grid import Cell, Grid, Row, Spoiled, is_blank

_MOST_NOTES: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where things are in a table."""

    file: str
    key: str
    key_at: int
    columns: tuple[str, ...]
    """The names by position, blank where the header is."""

    def place(self, line: int, at: int | None = None) -> Place:
        """Return a row's place, or a cell's: the column is the number of the cell, from 1."""
        return Place(file=self.file, line=line, column=0 if at is None else at + 1)


@dataclass(slots=True, kw_only=True)
class Survey:
    """What one walk through the whole table found. `lines` says where each key stands."""

    lines: dict[str, int] = field(default_factory=dict)
    repeated: dict[str, int] = field(default_factory=dict)
    """Keys that stand in several rows, with the last of these rows."""
    rows: int = 0
    keyless: int = 0
    misshapen: int = 0
    notes: list[Problem] = field(default_factory=list)
    unlisted: int = 0

    def note(self, problem: Problem) -> None:
        """Keep a problem; beyond the first 200 only their number."""
        if len(self.notes) < _MOST_NOTES:
            self.notes.append(problem)
        else:
            self.unlisted += 1

    def told(self) -> tuple[Problem, ...]:
        """Return the problems, and how many more there are."""
        more = (messages.AND_MORE.at(count=self.unlisted),) if self.unlisted else ()
        return (*self.notes, *more)


def read_layout(file: str, rows: Iterator[Row], *, header_row: int, key: str) -> Layout:
    """Return the layout that the header says; `rows` then stands behind the header. Raises `NeedsHuman`."""
    header = next((row for number, row in enumerate(rows, start=1) if number == header_row), None)
    if header is None or all(map(is_blank, header.cells)):
        raise NeedsHuman(messages.NO_HEADER.at(Place(file=file, line=header_row), row=header_row))
    columns = tuple(str(cell).strip() if isinstance(cell, str | bool) else "" for cell in header.cells)
    while columns and not columns[-1]:
        columns = columns[:-1]
    for at, name in enumerate(columns):
        if name and (first := columns.index(name)) != at:
            place = Place(file=file, line=header.line, column=at + 1)
            raise NeedsHuman(messages.SAME_HEADER.at(place, name=name, first=first + 1, second=at + 1))
    if key not in columns:
        place = Place(file=file, line=header.line)
        said = f" Did you mean “{close}”?" if (close := _closest(key, columns)) else ""
        shown = ", ".join(filter(None, columns[:40]))
        raise NeedsHuman(messages.NO_KEY_COLUMN.at(place, key=key, hint=said, columns=shown))
    return Layout(file=file, key=key, key_at=columns.index(key), columns=columns)


def missing(layout: Layout, wanted: Collection[str]) -> Problem | None:
    """Return what to say of columns that rules read and that are not there."""
    absent = sorted(set(wanted) - set(layout.columns))
    if not absent:
        return None
    named = ((name, _closest(name, layout.columns)) for name in absent)
    said = ", ".join(f"“{name}”" + (f" (is it “{close}”?)" if close else "") for name, close in named)
    return messages.UNKNOWN_COLUMNS.at(Place(file=layout.file), columns=said)


def _closest(name: str, columns: Sequence[str]) -> str:
    return next(iter(difflib.get_close_matches(name, columns, n=1)), "")


def survey(layout: Layout, rows: Iterator[Row], *, exact_width: bool, go_on: Callable[[], None]) -> Survey:
    """Walk through the rows behind the header once; `go_on` may raise to stop."""
    found = Survey()
    nameless: set[int] = set()
    for row in rows:
        go_on()
        if all(map(is_blank, row.cells)):
            continue
        found.rows += 1
        if problem := _misshapen(layout, row, exact_width=exact_width):
            found.misshapen += 1
            found.note(problem)
            continue
        nameless.update(_nameless(layout, row))
        key = key_of(layout, row)
        if not key:
            found.keyless += 1
            found.note(messages.NO_KEY.at(layout.place(row.line, layout.key_at), key=layout.key))
        elif key in found.lines:
            _repeated(layout, found, key=key, line=row.line)
        else:
            found.lines[key] = row.line
        for problem in _spoiled(layout, row):
            found.note(problem)
    for at in sorted(nameless):
        found.note(messages.NAMELESS_COLUMN.at(layout.place(1, at), number=at + 1))
    return found


def _repeated(layout: Layout, found: Survey, *, key: str, line: int) -> None:
    first = found.lines[key]
    if key not in found.repeated:
        found.note(messages.SAME_KEY.at(layout.place(first, layout.key_at), other=line, key=layout.key))
    found.repeated[key] = line
    found.note(messages.SAME_KEY.at(layout.place(line, layout.key_at), other=first, key=layout.key))


def records(layout: Layout, found: Survey, rows: Iterator[Row], kind: Kind) -> Iterator[SourceRecord]:
    """Yield the record of each row that `found` has nothing against."""
    for row in rows:
        key = key_of(layout, row)
        if key and found.lines.get(key) == row.line and key not in found.repeated:
            attributes = _attributes(layout, row)
            yield SourceRecord(
                native_id=NativeId(key), kind=kind, digest=digest(attributes), attributes=attributes, aliases=(key,)
            )


def proof(layout: Layout, found: Survey, *, file_detail: str) -> Completeness:
    """Return on which facts it rests that no row is missing."""
    return Completeness(
        facts=(
            ProofFact(name="file unchanged", holds=True, detail=file_detail),
            ProofFact(name="read to the end", holds=True, detail=f"{found.rows} rows"),
            ProofFact(
                name="header as expected", holds=True, detail=f"{len(layout.columns)} columns, key “{layout.key}”"
            ),
            _none("rows as wide as the header", found.misshapen, "rows too short or too long"),
            _none("every row has a key", found.keyless, "rows without a key"),
            _none("no key twice", len(found.repeated), "keys in several rows"),
            ProofFact(name="not empty", holds=len(found.lines) > 0, detail=f"{len(found.lines)} keys"),
        )
    )


def key_of(layout: Layout, row: Row) -> str:
    """Return the row's key, empty where there is none that can be trusted."""
    cell = row.cells[layout.key_at] if layout.key_at < len(row.cells) else None
    return "" if cell is None or isinstance(cell, Spoiled) else str(cell).strip()


def _attributes(layout: Layout, row: Row) -> Mapping[str, Value]:
    # An empty cell says nothing, and a spoiled one must not be taken for an empty one: neither is delivered.
    pairs = zip(layout.columns, row.cells, strict=False)
    return {name: _value(cell) for name, cell in pairs if name and not isinstance(cell, Spoiled) and not is_blank(cell)}


def _value(cell: Cell) -> Value:
    return cell if isinstance(cell, str | bool) else None


def _misshapen(layout: Layout, row: Row, *, exact_width: bool) -> Problem | None:
    found, expected = len(row.cells), len(layout.columns)
    if not exact_width or found == expected:
        return None
    if found > expected and all(map(is_blank, row.cells[expected:])):
        return None
    return messages.WRONG_WIDTH.at(layout.place(row.line), found=found, expected=expected)


def _nameless(layout: Layout, row: Row) -> Iterator[int]:
    for at, cell in enumerate(row.cells):
        if not is_blank(cell) and (at >= len(layout.columns) or not layout.columns[at]):
            yield at


def _spoiled(layout: Layout, row: Row) -> Iterator[Problem]:
    for at, (name, cell) in enumerate(zip(layout.columns, row.cells, strict=False)):
        if name and isinstance(cell, Spoiled):
            yield _said(cell.message, layout.place(row.line, at), error=cell.error, column=name)


def _said(message: Message, place: Place, **words: str) -> Problem:
    return message.at(place, **words)


def _none(name: str, count: int, trouble: str) -> ProofFact:
    return ProofFact(name=name, holds=count == 0, detail=f"{trouble}: {count}")


def behind_header(grid: Grid, header_row: int) -> Iterator[Row]:
    """Return the grid's rows without the header and what stands above it."""
    rows = grid.rows()
    for _ in range(header_row):
        next(rows, None)
    return rows
