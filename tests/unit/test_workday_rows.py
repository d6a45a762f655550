"""Rows of Workday by themselves: one answer without pages cut into its rows, and what stands in a column."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd_workday.columns import indexed, plain, texts
from syncd_workday.cursor import packed, strangers
from syncd_workday.streamed import RowsIn, RowTooLong

values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='a"\\{}[]:,é ', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='R"\\[', max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
objects = st.dictionaries(st.text(alphabet='R"\\[', max_size=3), values, max_size=3)


def cut(body: bytes, *, size: int) -> tuple[list[bytes], RowsIn]:
    reader = RowsIn("Report_Entry")
    found = [row for at in range(0, len(body), size) for row in reader.feed(body[at : at + size])]
    return found, reader


@given(
    before=values, entries=st.lists(objects, max_size=4), after=values, size=st.integers(1, 40), indent=st.booleans()
)
def test_rows_are_what_a_parser_of_the_whole_finds_wherever_the_pieces_end(
    before: object, entries: list[object], after: object, size: int, indent: bool
) -> None:
    body = json.dumps({"a": before, "Report_Entry": entries, "z": after}, indent=2 if indent else None).encode()
    found, reader = cut(body, size=size)
    assert [json.loads(row) for row in found] == entries
    assert (reader.found, reader.whole) == (True, True)


@given(entries=st.lists(objects, min_size=1, max_size=3), size=st.integers(1, 40), data=st.data())
def test_a_report_that_ends_early_is_never_whole(entries: list[object], size: int, data: st.DataObject) -> None:
    body = json.dumps({"Report_Entry": entries}).encode()
    end = data.draw(st.integers(0, len(body) - 1))
    assert not cut(body[:end], size=size)[1].whole


def test_one_object_instead_of_a_list_is_one_row_and_a_text_of_the_same_name_is_none() -> None:
    found, reader = cut(b'{"x": "Report_Entry", "y": [{"n": 1}], "Report_Entry": {"n": {"m": 2}}}', size=7)
    assert [json.loads(row) for row in found] == [{"n": {"m": 2}}]
    assert reader.whole
    assert not cut(b'{"other": [{"n": 1}]}', size=7)[1].found
    assert not cut(b'{"Report_Entry": []} {"error": "too long"', size=7)[1].whole


def test_a_row_without_an_end_is_not_gathered_for_ever() -> None:
    with pytest.raises(RowTooLong):
        cut(b'{"Report_Entry": [{"n": "' + b"x" * 10_000_000, size=1_000_000)


@pytest.mark.parametrize(
    ("row", "path", "expected"),
    [
        ({"Worker_ID": " 007 "}, "WorkerID", ["007"]),
        ({"Worker ID": "7"}, "worker_id", ["7"]),
        ({"CF_-_Cost_Center": "K1"}, "CF - Cost Center", ["K1"]),
        ({"n": 7, "b": True}, "b", ["true"]),
        ({"n": 7}, "n", ["7"]),
        ({"n": ""}, "n", []),
        ({"n": None}, "n", []),
        ({}, "n", []),
        ({"o": {"Descriptor": "Gudang", "ID": "x1"}}, "o", ["Gudang"]),
        ({"o": {"descriptor": "", "id": "x1"}}, "o", ["x1"]),
        ({"o": {"descriptor": "Gudang", "id": "x1"}}, "o/id", ["x1"]),
        ({"g": [{"Mail": "a"}, {"Mail": "b"}, {}]}, "g/Mail", ["a", "b"]),
        ({"m": {"ID": [{"type": "WID", "$": "w"}, {"type": "Employee_ID", "$": "7"}]}}, "m/ID[Employee_ID]", ["7"]),
        ({"m": {"ID": [{"type": "WID", "$": "w"}]}}, "m/ID[Employee_ID]", []),
        ({"m": "a text"}, "m/ID[WID]", []),
    ],
)
def test_a_column_says_the_same_in_whatever_shape_it_comes(
    row: dict[str, object], path: str, expected: list[str]
) -> None:
    assert texts(indexed(row), path) == expected


def test_names_differ_in_letters_and_digits_only() -> None:
    assert plain("Worker's Manager") == plain("Worker_s_Manager") == "workersmanager"


@given(known=st.sets(st.text(max_size=4), max_size=8), new=st.sets(st.text(max_size=4), max_size=8))
def test_a_packed_set_tells_who_is_new(known: set[str], new: set[str]) -> None:
    assert strangers(new, packed(known)) == len(new - known)
    assert strangers(known | new, packed(new, before=packed(known))) == 0
