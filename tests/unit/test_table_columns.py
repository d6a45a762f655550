"""Columns that the rules read and the file does not have: said where the administrator looks, before anybody loses a value."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from syncd.core.model import Kind
from syncd.core.ports import Room, Standing, Verdict
from syncd_table import Table

HEADER = "Number,Name,Job Title\n1,Budi,Staf\n"


def table(folder: Path, *wanted: str) -> Table:
    (folder / "people.csv").write_text(HEADER)
    reads = {Kind.PERSON: frozenset(wanted)}
    room = Room(name="hr", now=lambda: datetime(2026, 1, 1, tzinfo=UTC), base=folder, wanted=reads)
    return Table(Table.settings(path=Path("people.csv"), key="Number", settle_seconds=0), room)


def header_of(source: Table) -> Verdict:
    async def check() -> Verdict:
        return next(iter([verdict async for verdict in source.check() if verdict.name == "header"]))

    return asyncio.run(check())


def test_a_column_that_is_misspelt_in_the_rules_is_named_with_the_one_that_is_meant(tmp_path: Path) -> None:
    verdict = header_of(table(tmp_path, "Number", "Job Titel", "Badge"))

    assert verdict.standing is Standing.WARNING
    assert verdict.problem is not None
    assert verdict.problem.code == "TAB-014"
    assert "“Badge”, “Job Titel” (is it “Job Title”?)" in verdict.problem.what


def test_a_read_says_so_too_and_reads_all_the_same(tmp_path: Path) -> None:
    async def read() -> tuple[list[str], int]:
        pages = [page async for page in table(tmp_path, "Job Titel").read(None)]
        return [note.code for page in pages for note in page.notes], sum(len(page.records) for page in pages)

    assert asyncio.run(read()) == (["TAB-014"], 1)


def test_where_all_columns_are_there_nothing_is_said(tmp_path: Path) -> None:
    verdict = header_of(table(tmp_path, "Number", "Name", "Job Title"))

    assert (verdict.standing, verdict.problem) == (Standing.OK, None)
