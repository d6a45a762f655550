"""Digests by which records are compared tell equal contents from different ones."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from syncd.core.values import Value, content_digest, is_empty

NAMES = ("a", "b", "c", "d")
SCALARS = st.none() | st.booleans() | st.integers(-2, 2) | st.integers() | st.sampled_from(["", "a", "ab", "李", "1"])
VALUES: st.SearchStrategy[Value] = SCALARS | st.lists(SCALARS, max_size=3).map(tuple)
RECORDS = st.dictionaries(st.sampled_from(NAMES), VALUES)


def content(record: dict[str, Value]) -> str:
    """Return what a record says as a text that knows true from 1."""
    return json.dumps([record.get(name) for name in NAMES])


@given(RECORDS, RECORDS)
def test_contents_are_equal_if_and_only_if_their_digests_are(one: dict[str, Value], other: dict[str, Value]) -> None:
    assert (content_digest(one, NAMES) == content_digest(other, NAMES)) == (content(one) == content(other))


@given(RECORDS)
def test_it_does_not_matter_who_made_a_record_in_which_order_and_from_shared_texts(one: dict[str, Value]) -> None:
    again = json.loads(json.dumps(dict(reversed(one.items()))))
    copied = {name: tuple(value) if isinstance(value, list) else value for name, value in again.items()}
    assert content_digest(copied, NAMES) == content_digest(one, NAMES)


@given(RECORDS, VALUES)
def test_what_is_not_named_does_not_count(one: dict[str, Value], stamp: Value) -> None:
    assert content_digest({**one, "whenChanged": stamp}, NAMES) == content_digest(one, NAMES)


def test_a_texts_place_counts() -> None:
    assert content_digest({"a": "x"}, NAMES) != content_digest({"b": "x"}, NAMES)


@given(st.text(alphabet=" \t\u3000\x1f\u200bx"))
def test_a_text_is_empty_where_nothing_is_left_between_its_blanks(text: str) -> None:
    assert is_empty(text) == (text.strip() == "")
