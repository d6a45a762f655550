"""The table source: one file read whole, each time anew. It never writes, and it keeps nothing between two reads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from itertools import islice
from types import TracebackType
from typing import ClassVar, Final

from syncd.core.errors import NeedsHuman, Problem, TryAgain
from syncd.core.known import NOTHING_KNOWN, Known
from syncd.core.model import Kind, Page, SourceRecord
from syncd.core.ports import Room, Standing, Verdict
from syncd_table.grid import Grid, Row
from syncd_table.layout import Layout, Survey, behind_header, missing, proof, read_layout, records, survey
from syncd_table.settings import TableSettings
from syncd_table.snapshot import Snapshot, take
from syncd_table.threads import Stop

_PAGE: Final = 500


class Table:
    """A CSV or XLSX file as a `syncd.core.ports.Source`.

    Every read is a full read: a file does not say what changed in it, and the digests do.
    """

    settings: ClassVar[type[TableSettings]] = TableSettings
    attributes: ClassVar[Mapping[Kind, Mapping[str, str]] | None] = None

    def __init__(self, settings: TableSettings, room: Room) -> None:
        self._settings = settings
        self._room = room
        self._path = room.base / settings.path

    async def __aenter__(self) -> Table:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def columns(self) -> tuple[str, ...]:
        """Return the names in the header. Raises as `read` does."""
        with Stop() as stop:
            snapshot = await self._take(stop)
            grid = await stop.run(lambda: _grid(self._settings, snapshot))
            layout = await stop.run(lambda: self._layout(grid.rows()))
        return tuple(filter(None, layout.columns))

    async def read(
        self,
        cursor: str | None,  # noqa: ARG002
        *,
        full: bool = False,  # noqa: ARG002
        known: Known = NOTHING_KNOWN,  # noqa: ARG002
    ) -> AsyncIterator[Page]:
        """Yield the whole table; a cursor means nothing to a file, so there never is one."""
        with Stop() as stop:
            snapshot = await self._take(stop)
            grid = await stop.run(lambda: _grid(self._settings, snapshot))
            layout, found = await stop.run(lambda: self._survey(grid, stop))
            rows = records(layout, found, behind_header(grid, self._settings.header_row), self._settings.kind)
            batch = await stop.run(lambda: _next_batch(rows))
            while following := await stop.run(lambda: _next_batch(rows)):
                yield Page(records=batch)
                batch = following
            absent = self._absent(layout)
            notes: tuple[Problem, ...] = (*grid.notes, *((absent,) if absent else ()), *found.told())
            yield Page(records=batch, completeness=proof(layout, found, file_detail=snapshot.detail), notes=notes)

    async def check(self) -> AsyncIterator[Verdict]:
        """Try the file, its format, its header and its rows, one verdict each."""
        step = "file"
        with Stop() as stop:
            try:
                snapshot = await self._take(stop)
                yield Verdict(name=step, standing=Standing.OK, seen=f"{self._path.name}: {snapshot.detail}")
                step = "format"
                grid = await stop.run(lambda: _grid(self._settings, snapshot))
                standing = Standing.WARNING if grid.notes else Standing.OK
                yield Verdict(name=step, standing=standing, seen=grid.seen, problem=next(iter(grid.notes), None))
                step = "rows"
                layout, found = await stop.run(lambda: self._survey(grid, stop))
                seen = f"{len(layout.columns)} columns, key “{layout.key}”"
                absent = self._absent(layout)
                yield Verdict(
                    name="header", standing=Standing.WARNING if absent else Standing.OK, seen=seen, problem=absent
                )
                yield _rows_verdict(found)
            except (NeedsHuman, TryAgain) as error:
                yield Verdict(name=step, standing=Standing.FAILED, seen=error.problem.what, problem=error.problem)

    async def _take(self, stop: Stop) -> Snapshot:
        return await take(stop, self._path, now=self._room.now(), settle=self._settings.settle_seconds)

    def _absent(self, layout: Layout) -> Problem | None:
        """Return which columns the rules read in vain."""
        return missing(layout, (self._room.wanted or {}).get(self._settings.kind, ()))

    def _layout(self, rows: Iterator[Row]) -> Layout:
        settings = self._settings
        return read_layout(str(self._path), rows, header_row=settings.header_row, key=settings.key)

    def _survey(self, grid: Grid, stop: Stop) -> tuple[Layout, Survey]:
        rows = grid.rows()
        layout = self._layout(rows)
        return layout, survey(layout, rows, exact_width=grid.exact_width, go_on=stop.check)


def _grid(settings: TableSettings, snapshot: Snapshot) -> Grid:
    if snapshot.content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        # openpyxl takes a quarter of a second to import: only for workbooks.
        from syncd_table.workbook import open_workbook

        return open_workbook(snapshot.path, snapshot.content, sheet=settings.sheet)
    from syncd_table.text_file import TextFile

    return TextFile(
        snapshot.path,
        snapshot.content,
        encoding=settings.encoding,
        delimiter=settings.delimiter,
        key=settings.key,
    )


def _next_batch(rows: Iterator[SourceRecord]) -> tuple[SourceRecord, ...]:
    return tuple(islice(rows, _PAGE))


def _rows_verdict(found: Survey) -> Verdict:
    notes = found.told()
    good = len(found.lines) - len(found.repeated)
    seen = f"{found.rows} rows, {good} of them good"
    standing = Standing.OK if good and not notes else Standing.WARNING
    if not good:
        standing = Standing.FAILED
    return Verdict(name="rows", standing=standing, seen=seen, problem=next(iter(notes), None))
