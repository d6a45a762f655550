"""YAML for any input: it gives plain values or tells what is wrong, and nothing else ever happens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.config.yaml import parse
from syncd.config.yaml_messages import EMPTY
from syncd.core.errors import Misconfigured, Place, Problem

FILE = Path("x.yaml")

_text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | _text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_text, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=40)
@given(st.dictionaries(_text, _values, min_size=1, max_size=5))
def test_json_is_read_as_json_reads_it(value: dict[str, Any]) -> None:
    assert parse(json.dumps(value, ensure_ascii=True, indent=1), FILE).root == value


@settings(max_examples=40)
@given(st.text(alphabet=st.sampled_from("ab:-[]{}'\"|>!&*#?,%@`~ \n\t01.\x07é李"), max_size=60))
def test_any_text_gives_values_or_problems_that_have_a_place(text: str) -> None:
    problems: tuple[Problem, ...] = ()
    root: object = {}
    try:
        root = parse(text, FILE).root
    except Misconfigured as error:
        problems = error.problems or (EMPTY.at(Place(line=-1)),)

    assert isinstance(root, dict)
    assert all(0 <= problem.place.line <= text.count("\n") + 2 for problem in problems)


@settings(max_examples=40)
@given(st.dictionaries(_text.filter(bool), _text, min_size=1, max_size=5))
def test_a_place_points_at_its_key(value: dict[str, str]) -> None:
    written = json.dumps(value, ensure_ascii=True, indent=2)
    document = parse(written, FILE)
    lines = written.split("\n")

    for key in value:
        place = document.place(key, of="key")
        assert lines[place.line - 1][place.column - 1 :].startswith(json.dumps(key))
