"""The table keeps the contract of a source, as CSV and as a workbook."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from openpyxl import Workbook

from syncd.core.model import Kind, NativeId
from syncd.core.ports import Room, Source
from syncd.testing.source import Rig, SourceContract
from syncd_table import Table

_HEADER = ("id", "name", "city")


class TableRig(Rig):
    size = 1201

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows = {f"{number:04}": (f"Contoh {number}", "Jakarta") for number in range(1, self.size + 1)}
        self.write()

    @property
    def path(self) -> Path:
        return self.folder / "people.csv"

    def write(self) -> None:
        lines = [_HEADER, *((key, *rest) for key, rest in self.rows.items())]
        self.path.write_text("".join(",".join(line) + "\n" for line in lines), encoding="utf-8")

    def open(self) -> Source:
        settings = Table.settings(path=Path(self.path.name), key="id", settle_seconds=0)
        return Table(settings, Room(name="hr", now=lambda: datetime(2026, 1, 1, tzinfo=UTC), base=self.folder))

    def present(self) -> frozenset[tuple[Kind, NativeId]]:
        return frozenset((Kind.PERSON, NativeId(key)) for key in self.rows)

    def change(self) -> NativeId:
        self.rows["0007"] = (self.rows["0007"][0], "Bandung")
        self.write()
        return NativeId("0007")

    def move(self) -> NativeId:
        self.rows = {
            **{key: value for key, value in self.rows.items() if key != "0003"},
            "0003": ("Contoh Baru", "Medan"),
        }
        self.write()
        return NativeId("0003")

    def remove(self) -> NativeId:
        del self.rows["0009"]
        self.write()
        return NativeId("0009")

    def empty(self) -> None:
        self.rows = {}
        self.write()

    def cut(self) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write('1202,"Contoh 12')


class WorkbookRig(TableRig):
    size = 501

    @property
    def path(self) -> Path:
        return self.folder / "people.xlsx"

    def write(self) -> None:
        book = Workbook(write_only=True)
        sheet = book.create_sheet("People")
        sheet.append(_HEADER)
        for key, rest in self.rows.items():
            sheet.append((key, *rest))
        book.save(self.path)

    def cut(self) -> None:
        self.path.write_bytes(self.path.read_bytes()[:-500])


class TestCsv(SourceContract):
    @pytest.fixture
    def rig(self, tmp_path: Path) -> Rig:
        return TableRig(tmp_path)


class TestWorkbook(SourceContract):
    @pytest.fixture
    def rig(self, tmp_path: Path) -> Rig:
        return WorkbookRig(tmp_path)
