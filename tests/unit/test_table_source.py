"""What the table source makes of files as people really save them."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from pydantic import ValidationError

from syncd.core.errors import NeedsHuman, Problem, TryAgain
from syncd.core.model import Completeness, Kind, Page, SourceRecord
from syncd.core.ports import Room, Standing, Verdict
from syncd.core.values import Value
from syncd_table import Table


def table(path: Path, **settings: Any) -> Table:
    values = {"path": path.name, "key": "id", "settle_seconds": 0, **settings}
    room = Room(name="hr", now=lambda: datetime(2026, 1, 1, tzinfo=UTC), base=path.parent)
    return Table(Table.settings.model_validate(values), room)


def pages_of(path: Path, **settings: Any) -> list[Page]:
    async def read() -> list[Page]:
        return [page async for page in table(path, **settings).read(None)]

    return asyncio.run(read())


def records_of(path: Path, **settings: Any) -> list[SourceRecord]:
    return [record for page in pages_of(path, **settings) for record in page.records]


def rows_of(path: Path, **settings: Any) -> list[dict[str, Value]]:
    return [dict(record.attributes) for record in records_of(path, **settings)]


def verdicts_of(path: Path, **settings: Any) -> list[Verdict]:
    async def check() -> list[Verdict]:
        return [verdict async for verdict in table(path, **settings).check()]

    return asyncio.run(check())


def proof_of(path: Path, **settings: Any) -> Completeness:
    completeness = pages_of(path, **settings)[-1].completeness
    assert completeness is not None
    return completeness


def doubts_of(path: Path, **settings: Any) -> list[str]:
    return [fact.name for fact in proof_of(path, **settings).doubts]


def notes_of(path: Path, **settings: Any) -> list[str]:
    return [f"{note.code}@{note.place.line}:{note.place.column}" for note in pages_of(path, **settings)[-1].notes]


def csv_file(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "people.csv"
    path.write_bytes(text.encode(encoding))
    return path


def workbook(folder: Path, *rows: tuple[Any, ...], formats: dict[str, str] | None = None) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    for cell, pattern in (formats or {}).items():
        sheet[cell].number_format = pattern
    path = folder / "people.xlsx"
    book.save(path)
    return path


def refusal_of(path: Path, **settings: Any) -> Problem:
    with pytest.raises((NeedsHuman, TryAgain)) as failure:
        pages_of(path, **settings)
    assert isinstance(failure.value, NeedsHuman | TryAgain)
    return failure.value.problem


# --- encodings ------------------------------------------------------------------------------------------------------

CHINESE = "id,姓名,部门\n" + "".join(f"{n},王小明,市场营销部 {n}\n" for n in range(1, 20))
INDONESIAN = "id,name\n1,Siti Nurhaliza\n2,Renée Müller\n3,Señor Peña\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030", "gbk"]
)
def test_chinese_text_is_read_in_whatever_encoding_it_was_saved(tmp_path: Path, encoding: str) -> None:
    rows = rows_of(csv_file(tmp_path, CHINESE, encoding))
    assert rows[0] == {"id": "1", "姓名": "王小明", "部门": "市场营销部 1"}
    assert len(rows) == 19


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_western_accents_are_read_in_whatever_encoding_they_were_saved(tmp_path: Path, encoding: str) -> None:
    assert [row["name"] for row in rows_of(csv_file(tmp_path, INDONESIAN, encoding))] == [
        "Siti Nurhaliza",
        "Renée Müller",
        "Señor Peña",
    ]


def test_a_guessed_encoding_is_said_with_how_sure_it_is(tmp_path: Path) -> None:
    (note,) = pages_of(csv_file(tmp_path, CHINESE, "gb18030"))[-1].notes
    assert note.code == "TAB-005"
    assert "gb18030" in note.what
    assert "%" in note.what


def test_a_proven_encoding_is_not_worth_a_note(tmp_path: Path) -> None:
    assert notes_of(csv_file(tmp_path, CHINESE, "utf-8-sig")) == []


def test_a_named_encoding_is_believed_and_refused_with_the_place_where_it_fails(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "id,name\n1,Budi\n2,Renée\n", "cp1252")
    problem = refusal_of(path, encoding="utf-8")
    assert (problem.code, problem.place.line, problem.place.column) == ("TAB-006", 3, 6)


def test_text_that_stops_being_utf8_in_a_later_row_is_found_wherever_it_is(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    filler = "".join(f"{n},{'x' * 1000}\n" for n in range(2100)).encode()
    path.write_bytes("id,姓名\n".encode() + filler + b"9999,\xff\xfe\xfd\n")
    assert refusal_of(path, encoding="utf-8").place.line == 2102


# --- delimiters and quoting -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    path = csv_file(
        tmp_path, f"id{delimiter}name\n1{delimiter}Budi, S.Kom; MM\n".replace("Budi,", '"Budi,').replace("MM", 'MM"')
    )
    assert rows_of(path) == [{"id": "1", "name": "Budi, S.Kom; MM"}]


def test_commas_inside_values_do_not_win_over_the_real_delimiter(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "id;name;degree\n" + "".join(f"{n};Budi, Ani, Eko;S.Kom, MM\n" for n in range(9)))
    assert len(rows_of(path)[0]) == 3


def test_a_delimiter_that_can_be_named_is_taken_as_named(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "id~name\n1~Budi,Ani\n")
    assert rows_of(path, delimiter="~") == [{"id": "1", "name": "Budi,Ani"}]


def test_a_table_of_one_column_is_a_table(tmp_path: Path) -> None:
    assert rows_of(csv_file(tmp_path, "id\n1\n2\n")) == [{"id": "1"}, {"id": "2"}]


def test_line_breaks_inside_quotes_belong_to_the_value_and_places_stay_right(tmp_path: Path) -> None:
    path = csv_file(tmp_path, 'id,address\r\n1,"Jl. Contoh 1\r\nJakarta"\r\n,nobody\r\n')
    assert rows_of(path) == [{"id": "1", "address": "Jl. Contoh 1\r\nJakarta"}]
    assert notes_of(path) == ["TAB-020@4:1"]


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ('id,name\n1,"Ani "Anna" Wijaya"\n', "TAB-008", 2),
        ('id,name\n1,Budi\n2,"Siti\n3,Eko\n', "TAB-009", 3),
        ('id,name\n1,"' + "x" * 140_000 + '"\n', "TAB-010", 2),
        ("\n\n", "TAB-011", 1),
        ("id,name,name\n1,a,b\n", "TAB-012", 1),
        ("ids,name\n1,a\n", "TAB-013", 1),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_place(tmp_path: Path, text: str, code: str, line: int) -> None:
    problem = refusal_of(csv_file(tmp_path, text))
    assert (problem.code, problem.place.line) == (code, line)
    assert problem.what
    assert problem.do


def test_a_missing_key_column_names_the_one_that_is_meant(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "employee_id,name\n1,a\n")
    assert "Did you mean “employee_id”?" in refusal_of(path, key="employe_id").what


# --- rows -----------------------------------------------------------------------------------------------------------


def test_a_record_is_its_row_with_the_key_as_id_and_alias(tmp_path: Path) -> None:
    (record,) = records_of(csv_file(tmp_path, " id , name ,city\n 007 ,Budi,\n"))
    assert (record.native_id, record.kind, record.aliases) == ("007", Kind.PERSON, ("007",))
    assert dict(record.attributes) == {"id": " 007 ", "name": "Budi"}


def test_a_table_can_hold_units_or_groups(tmp_path: Path) -> None:
    (record,) = records_of(csv_file(tmp_path, "id,name\nD1,Finance\n"), kind="unit")
    assert record.kind is Kind.UNIT


def test_an_empty_cell_is_an_absent_attribute(tmp_path: Path) -> None:
    assert rows_of(csv_file(tmp_path, "id,name,city\n1,,  \n")) == [{"id": "1"}]


def test_two_rows_with_one_key_are_both_left_out_named_and_prove_nobody_gone(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "id,name\n1,Budi\n2,Siti\n1,Eko\n1,Ani\n")
    assert [row["id"] for row in rows_of(path)] == ["2"]
    assert notes_of(path) == ["TAB-021@2:1", "TAB-021@4:1", "TAB-021@5:1"]
    assert doubts_of(path) == ["no key twice"]


def test_a_row_without_a_key_is_left_out_named_and_takes_the_proof_away(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "name,id\nBudi,1\nSiti,\n")
    assert [row["id"] for row in rows_of(path)] == ["1"]
    assert notes_of(path) == ["TAB-020@3:2"]
    assert doubts_of(path) == ["every row has a key"]


@pytest.mark.parametrize("row", ["2,Siti", "2,Siti,Jakarta,more"])
def test_a_ragged_row_is_left_out_named_and_takes_the_proof_away(tmp_path: Path, row: str) -> None:
    path = csv_file(tmp_path, f"id,name,city\n1,Budi,Medan\n{row}\n")
    assert [r["id"] for r in rows_of(path)] == ["1"]
    assert notes_of(path) == ["TAB-022@3:0"]
    assert doubts_of(path) == ["rows as wide as the header"]


def test_blank_rows_and_trailing_delimiters_of_spreadsheets_do_no_harm(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "id,name,,\n1,Budi,,\n,,,\n\n2,Siti,,\n")
    assert [row["id"] for row in rows_of(path)] == ["1", "2"]
    assert proof_of(path).proven


def test_a_header_without_rows_proves_nobody_gone(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "id,name\n")
    assert rows_of(path) == []
    assert doubts_of(path) == ["not empty"]


def test_a_column_with_values_and_no_name_is_said_and_not_read(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "id,,name\n1,x,Budi\n")
    assert rows_of(path) == [{"id": "1", "name": "Budi"}]
    assert notes_of(path) == ["TAB-026@1:2"]


def test_a_header_below_a_title_is_found_where_it_is_said_to_be(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "Contoh Nusantara: people,\n,\nid,name\n1,Budi\n")
    assert rows_of(path, header_row=3) == [{"id": "1", "name": "Budi"}]


def test_what_a_spreadsheet_shows_instead_of_a_value_is_not_taken_for_one(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "id,name,city\n1,#N/A,Jakarta\n#REF!,Siti,Medan\n")
    assert rows_of(path) == [{"id": "1", "city": "Jakarta"}]
    assert notes_of(path) == ["TAB-023@2:2", "TAB-020@3:1", "TAB-023@3:1"]


def test_of_thousands_of_problems_two_hundred_are_told_and_the_rest_is_counted(tmp_path: Path) -> None:
    notes = pages_of(csv_file(tmp_path, "id,name\n" + ",Budi\n" * 1000))[-1].notes
    assert len(notes) == 201
    assert notes[-1].code == "TAB-029"
    assert "800" in notes[-1].what


def test_no_problem_tells_the_content_of_a_cell(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "id,name\nS3CRET,Budi\nS3CRET,Siti\n,Rahasia\n5,Rahasia,Rahasia\n")
    assert not [note for note in pages_of(path)[-1].notes if "S3CRET" in str(note) or "Rahasia" in str(note)]


# --- the file -------------------------------------------------------------------------------------------------------


def test_a_missing_and_an_empty_file_are_tried_again_and_prove_nothing(tmp_path: Path) -> None:
    for name, code in (("absent.csv", "TAB-001"), ("empty.csv", "TAB-003")):
        (tmp_path / "empty.csv").touch()
        with pytest.raises(TryAgain) as failure:
            pages_of(tmp_path / name)
        assert failure.value.problem.code == code


def test_a_folder_instead_of_a_file_needs_somebody(tmp_path: Path) -> None:
    with pytest.raises(NeedsHuman, match="TAB-002"):
        pages_of(tmp_path)


def test_a_file_that_grows_while_it_is_read_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = csv_file(tmp_path, "id,name\n1,Budi\n")
    whole = Path.read_bytes

    def growing(self: Path) -> bytes:
        content = whole(self)
        with self.open("ab") as file:
            file.write(b"2,Siti\n")
        return content

    monkeypatch.setattr(Path, "read_bytes", growing)
    with pytest.raises(TryAgain, match="TAB-004"):
        pages_of(path)


def test_a_file_that_was_just_written_is_looked_at_again_before_it_is_read(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "id,name\n1,Budi\n")
    os.utime(path, (1_767_225_599.8, 1_767_225_599.8))  # 0.2 s before the room's clock

    async def read() -> list[Page]:
        source = table(path, settle_seconds=0.4)
        asyncio.get_running_loop().call_later(0.05, path.write_bytes, b"id,name\n1,Budi\n2,Siti\n")
        return [page async for page in source.read(None)]

    assert sum(len(page.records) for page in asyncio.run(read())) == 2


# --- workbooks ------------------------------------------------------------------------------------------------------


def test_cells_are_read_as_a_person_sees_them(tmp_path: Path) -> None:
    path = workbook(
        tmp_path,
        ("id", "text", "whole", "part", "day", "moment", "clock", "flag", "padded", "empty"),
        (
            7,
            "007",
            42.0,
            1.5,
            date(2026, 1, 2),
            datetime.fromisoformat("2026-01-02T08:30"),
            time(8, 30),
            True,
            42,
            None,
        ),
        formats={"I2": "000000"},
    )
    assert rows_of(path) == [
        {
            "id": "7",
            "text": "007",
            "whole": "42",
            "part": "1.5",
            "day": "2026-01-02",
            "moment": "2026-01-02T08:30:00",
            "clock": "08:30:00",
            "flag": True,
            "padded": "000042",
        }
    ]


def test_errors_lost_digits_and_formulas_without_a_result_are_not_taken_for_values(tmp_path: Path) -> None:
    path = workbook(
        tmp_path,
        ("id", "a", "b", "c", "d"),
        (1, "#N/A", 320_101_199_001_010_001, "=1+1", "ok"),
        (2, None, 5, None, "ok"),
    )
    assert rows_of(path) == [{"id": "1", "d": "ok"}, {"id": "2", "b": "5", "d": "ok"}]
    assert notes_of(path) == ["TAB-023@2:2", "TAB-024@2:3", "TAB-025@2:4"]
    assert proof_of(path).proven


def test_the_sheet_is_chosen_by_name_and_a_wrong_name_lists_the_right_ones(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.create_sheet("Karyawan").append(("id",))
    book["Karyawan"].append(("1",))
    book.save(tmp_path / "people.xlsx")
    assert rows_of(tmp_path / "people.xlsx", sheet="Karyawan") == [{"id": "1"}]
    assert "Sheet, Karyawan" in refusal_of(tmp_path / "people.xlsx", sheet="Karyawa").what


@pytest.mark.parametrize(("content", "code"), [(b"\xd0\xcf\x11\xe0rest", "TAB-030"), (b"PK\x03\x04rest", "TAB-031")])
def test_workbooks_that_cannot_be_read_say_what_to_do(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "people.xlsx"
    path.write_bytes(content)
    assert refusal_of(path).code == code


def test_a_workbook_is_known_by_its_content_and_not_by_its_name(tmp_path: Path) -> None:
    path = workbook(tmp_path, ("id",), ("1",)).rename(tmp_path / "people.csv")
    assert rows_of(path) == [{"id": "1"}]


# --- check ----------------------------------------------------------------------------------------------------------


def test_check_says_what_was_found_out_about_the_file(tmp_path: Path) -> None:
    verdicts = verdicts_of(csv_file(tmp_path, CHINESE, "gb18030"))
    assert [(verdict.name, verdict.standing) for verdict in verdicts] == [
        ("file", Standing.OK),
        ("format", Standing.WARNING),
        ("header", Standing.OK),
        ("rows", Standing.OK),
    ]
    assert "gb18030" in verdicts[1].seen
    assert "19 rows" in verdicts[3].seen


def test_check_stops_at_the_first_thing_that_makes_the_rest_impossible(tmp_path: Path) -> None:
    assert [(v.name, v.standing) for v in verdicts_of(tmp_path / "absent.csv")] == [("file", Standing.FAILED)]
    assert [v.name for v in verdicts_of(csv_file(tmp_path, "a,b\n1,2\n"))] == ["file", "format", "rows"]


def test_the_columns_can_be_asked_for_without_reading_the_rows(tmp_path: Path) -> None:
    assert asyncio.run(table(csv_file(tmp_path, "id, name ,,\n")).columns()) == ("id", "name")


@pytest.mark.parametrize(
    "wrong",
    [
        {"encoding": "utf-9"},
        {"delimiter": ", "},
        {"delimiter": '"'},
        {"key": ""},
        {"header_row": 0},
        {"kind": "team"},
        {"x": 1},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Table.settings.model_validate({"path": "people.csv", "key": "id", **wrong})


def test_delimiters_have_names(tmp_path: Path) -> None:
    assert rows_of(csv_file(tmp_path, "id\tname\n1\tBudi\n"), delimiter="tab") == [{"id": "1", "name": "Budi"}]
