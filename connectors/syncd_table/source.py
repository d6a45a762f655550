"""The table source: one file read whole, each time anew. It never writes, and it keeps nothing between two reads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from itertools import islice
from types import TracebackType
from typing import ClassVar, Final, TypeVar

from syncd.core.errors import NeedsHuman, Problem, TryAgain
from syncd.core.model import Kind, Page, SourceRecord
from syncd.core.ports import Room, Standing, Verdict
from syncd_table.grid import Grid
from syncd_table.layout import Layout, Survey, behind_header, proof, read_layout, records, survey
from syncd_table.settings import TableSettings
from syncd_table.snapshot import Snapshot, take

_PAGE: Final = 500
_T = TypeVar("_T")


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
        grid = await self._open(await self._take())
        layout = await asyncio.to_thread(self._layout, grid)
        return tuple(filter(None, layout.columns))

    async def read(self, cursor: str | None) -> AsyncIterator[Page]:  # noqa: ARG002
        """Yield the whole table; a cursor means nothing to a file, so there never is one."""
        snapshot = await self._take()
        with _Stop() as stop:
            grid = await self._open(snapshot)
            layout, found = await stop.run(lambda: self._survey(grid, stop.check))
            rows = records(layout, found, behind_header(grid, self._settings.header_row), self._settings.kind)
            notes: tuple[Problem, ...] = (*grid.notes, *found.told())
            batch = await stop.run(lambda: _next_batch(rows, stop.check))
            while batch:
                following = await stop.run(lambda: _next_batch(rows, stop.check))
                if following:
                    yield Page(records=batch)
                    batch = following
                    continue
                break
            yield Page(records=batch, completeness=proof(layout, found, file_detail=snapshot.detail), notes=notes)

    async def check(self) -> AsyncIterator[Verdict]:
        """Try the file, its format, its header and its rows, one verdict each."""
        try:
            snapshot = await self._take()
        except (NeedsHuman, TryAgain) as error:
            yield _failed("file", error)
            return
        yield Verdict(name="file", standing=Standing.OK, seen=f"{self._path.name}: {snapshot.detail}")
        try:
            grid = await self._open(snapshot)
        except (NeedsHuman, TryAgain) as error:
            yield _failed("format", error)
            return
        standing = Standing.WARNING if grid.notes else Standing.OK
        yield Verdict(name="format", standing=standing, seen=grid.seen, problem=next(iter(grid.notes), None))
        try:
            layout, found = await asyncio.to_thread(self._survey, grid, lambda: None)
        except (NeedsHuman, TryAgain) as error:
            yield _failed("header and rows", error)
            return
        seen = f"{len(layout.columns)} columns, key “{layout.key}”"
        yield Verdict(name="header", standing=Standing.OK, seen=seen)
        yield _rows_verdict(found)

    async def _take(self) -> Snapshot:
        return await take(self._path, now=self._room.now(), settle=self._settings.settle_seconds)

    async def _open(self, snapshot: Snapshot) -> Grid:
        return await asyncio.to_thread(_grid, self._settings, snapshot)

    def _layout(self, grid: Grid) -> Layout:
        settings = self._settings
        return read_layout(str(self._path), grid.rows(), header_row=settings.header_row, key=settings.key)

    def _survey(self, grid: Grid, go_on: Callable[[], None]) -> tuple[Layout, Survey]:
        rows = grid.rows()
        settings = self._settings
        layout = read_layout(str(self._path), rows, header_row=settings.header_row, key=settings.key)
        return layout, survey(layout, rows, exact_width=grid.exact_width, go_on=go_on)


class _Stop:
    """Ends the threads of a read that is cancelled or left: they look in between rows."""

    class Stopped(Exception):
        """Raised inside the thread only."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def __enter__(self) -> _Stop:
        return self

    def __exit__(self, *_: object) -> None:
        self._asked.set()

    def check(self) -> None:
        if self._asked.is_set():
            raise _Stop.Stopped

    async def run(self, work: Callable[[], _T]) -> _T:
        """Run `work` in a thread; if the caller is cancelled, wait until the thread has seen it."""
        task = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self._asked.set()
            await asyncio.wait([task])
            task.exception()
            raise


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


def _next_batch(rows: Iterator[SourceRecord], go_on: Callable[[], None]) -> tuple[SourceRecord, ...]:
    go_on()
    return tuple(islice(rows, _PAGE))


def _failed(name: str, error: NeedsHuman | TryAgain) -> Verdict:
    return Verdict(name=name, standing=Standing.FAILED, seen=error.problem.what, problem=error.problem)


def _rows_verdict(found: Survey) -> Verdict:
    notes = found.told()
    good = len(found.lines) - len(found.repeated)
    seen = f"{found.rows} rows, {good} of them good"
    standing = Standing.OK if good and not notes else Standing.WARNING
    if not good:
        standing = Standing.FAILED
    return Verdict(name="rows", standing=standing, seen=seen, problem=next(iter(notes), None))
