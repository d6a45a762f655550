"""The example company is what the demonstration, the tests and the benchmarks rely on: whole, unique and always the same."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from examples.generate import COLUMNS, company, main, write_csv
from syncd.mapping.functions import FUNCTIONS, Surroundings, prepare

ROOT = Path(__file__).parents[2]
SIZES = [1, 2, 16, 43, 300, 3_000]


def test_the_committed_file_is_what_the_generator_writes(tmp_path: Path) -> None:
    write_csv(company(300), tmp_path / "company.csv")
    assert (ROOT / "examples/company.csv").read_bytes() == (tmp_path / "company.csv").read_bytes()


@pytest.mark.parametrize("people", SIZES)
def test_there_are_as_many_people_as_asked_for_with_every_column(people: int) -> None:
    rows = company(people)
    assert len(rows) == people
    assert all(tuple(row) == COLUMNS for row in rows)


@pytest.mark.parametrize("people", SIZES)
@pytest.mark.parametrize("column", ["Employee Number", "Mobile", "Work Email"])
def test_nobody_shares_a_key(people: int, column: str) -> None:
    values = [row[column] for row in company(people)]
    assert len(set(values)) == len(values)


@pytest.mark.parametrize("people", SIZES)
def test_everybody_but_one_has_a_manager_who_stands_above(people: int) -> None:
    seen: set[str] = set()
    for row in company(people):
        assert (row["Manager Number"] in seen) if seen else row["Manager Number"] == ""
        seen.add(row["Employee Number"])


@pytest.mark.parametrize("people", [300, 3_000])
def test_a_unit_code_means_one_unit_in_one_place(people: int) -> None:
    rows = company(people)
    for level, above in [("Team", "Division"), ("Division", "Company")]:
        known = {(row[f"{level} Code"], row[level], row[f"{above} Code"]) for row in rows if row[level]}
        assert len({code for code, _, _ in known}) == len(known)
        assert len({(name, parent) for _, name, parent in known}) == len(known)
        assert all(row[above] for row in rows if row[level])


def test_unit_names_hold_nothing_that_dingtalk_forbids() -> None:
    names = {row[level] for row in company(3_000) for level in ("Company", "Division", "Team")}
    assert not [name for name in names if set(name) & set("-,，") or len(name) > 64]


def test_every_mobile_number_is_one_for_dingtalk_and_of_the_persons_country() -> None:
    call, _ = prepare(FUNCTIONS["dingtalk_mobile"], None, Surroundings())
    for row in company(300):
        written = str(call(row["Mobile"]))
        assert written.startswith("1740") if row["Country"] == "CN" else written.startswith("+62-860")


def test_chinese_names_are_spelled_as_the_pinyin_function_spells_them() -> None:
    call, _ = prepare(FUNCTIONS["pinyin"], None, Surroundings())
    chinese = [row for row in company(300) if not row["Name"].isascii()]
    assert len(chinese) > 100
    assert [row["Name"] for row in chinese if call(row["Name"]) != row["Latin Name"]] == []


def test_there_are_people_with_one_name_and_numbers_with_leading_zeros() -> None:
    rows = company(300)
    assert any(row["Given Name"] and not row["Family Name"] for row in rows)
    assert any("'" in row["Name"] for row in rows)
    assert all(row["Employee Number"].startswith("000") for row in rows)


def test_the_workbook_says_the_same_as_the_text_file(tmp_path: Path) -> None:
    from openpyxl import load_workbook

    assert main(["--people", "50", "--out", str(tmp_path / "staff.xlsx")]) == 0
    assert main(["--people", "50", "--out", str(tmp_path / "staff.csv")]) == 0
    book = load_workbook(tmp_path / "staff.xlsx", read_only=True)
    sheet = [
        ["" if cell is None else str(cell).removesuffix(" 00:00:00") for cell in row] for row in book["Staff"].values
    ]
    book.close()
    with (tmp_path / "staff.csv").open(encoding="utf-8", newline="") as file:
        assert sheet == list(csv.reader(file))


def test_a_strange_file_name_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--out", str(tmp_path / "staff.pdf")])
    assert ".csv or .xlsx" in capsys.readouterr().err
