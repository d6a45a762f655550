"""Whatever bytes a file holds, the table source reads them rightly or refuses them in its own words."""

from __future__ import annotations

import asyncio
import csv
import io
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from syncd.core.errors import NeedsHuman, TryAgain
from syncd.core.model import Page
from syncd.core.ports import Room
from syncd_table import Table

_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff"), max_size=12)
_VALUE = _TEXT.filter(lambda text: text.strip() and not text.startswith("#"))


def read(content: bytes, **changed: str) -> list[Page]:
    async def pages(folder: Path) -> list[Page]:
        (folder / "f").write_bytes(content)
        values = Table.settings.model_validate({"path": "f", "key": "id", "settle_seconds": 0, **changed})
        source = Table(values, Room(name="t", now=lambda: datetime(2026, 1, 1, tzinfo=UTC), base=folder))
        return [page async for page in source.read(None)]

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(pages(Path(folder)))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(_VALUE, _VALUE), min_size=1, max_size=5),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
def test_what_is_written_as_csv_is_read_back_whatever_the_delimiter_and_the_encoding(
    rows: list[tuple[str, str]], delimiter: str, encoding: str
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(("id", "名", "more"))
    writer.writerows((number, *row) for number, row in enumerate(rows))
    pages = read(text.getvalue().encode(encoding))
    assert [(r.attributes["名"], r.attributes["more"]) for page in pages for r in page.records] == rows
    assert pages[-1].completeness is not None
    assert pages[-1].completeness.proven
    assert pages[-1].notes == ()


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.binary(max_size=80).map(lambda tail: b"id,name\n1,a\n" + tail)))
@example(b"PK\x03\x04")
@example(b"\xff\xfe")
@example(b"\xff\xfe\x00\x00")
@example(b"\x00")
@example(b"id\n1\n\xff")
@example(b"\xef\xbb\xbfid,name\r1,a\r")
def test_no_bytes_make_the_source_fail_otherwise_than_in_its_own_words(content: bytes) -> None:
    try:
        pages = read(content)
    except (NeedsHuman, TryAgain) as refusal:
        assert refusal.problem.do  # noqa: PT017
        return
    keys = [record.native_id for page in pages for record in page.records]
    assert len(keys) == len(set(keys))
    assert pages[-1].completeness is not None


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_every_line_ending_is_one(ending: bytes) -> None:
    pages = read(ending.join([b"id,name", b"1,a", b"2,b", b""]))
    assert [record.native_id for record in pages[-1].records] == ["1", "2"]
