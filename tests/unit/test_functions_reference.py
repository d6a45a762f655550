"""The reference page of the functions is generated, current, and says rules as they can be written."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from syncd.mapping.functions import FAMILIES, FUNCTIONS, Example, Function, FunctionError, bind
from syncd.mapping.functions.reference import item, markdown

PAGE = Path(__file__).parents[2] / "docs/reference/functions.md"
CASES = [
    pytest.param(function, example, id=f"{function.name}-{number}")
    for function in FUNCTIONS.values()
    for number, example in enumerate(function.examples, start=1)
]


def test_the_page_is_what_the_generator_writes() -> None:
    current = PAGE.read_text(encoding="utf-8") == markdown()
    assert current, "write it anew: python -m syncd.mapping.functions.reference > docs/reference/functions.md"


def test_every_function_has_its_section_and_its_link() -> None:
    page = markdown()
    for name in FUNCTIONS:
        assert page.count(f"\n### {name}\n") == 1
        assert f"(#{name})" in page
    assert all(f"\n## {family}\n" in page for family in FAMILIES)


@pytest.mark.parametrize(("function", "example"), CASES)
def test_a_rule_as_the_page_writes_it_means_what_the_example_says(function: Function, example: Example) -> None:
    written = YAML(typ="safe", pure=True).load(f"via: [{item(function, example.args)}]")["via"]
    assert len(written) == 1
    name, given = (written[0], None) if isinstance(written[0], str) else next(iter(written[0].items()))
    assert name == function.name
    assert bound(function, given) == bound(function, example.args or None)


def bound(function: Function, given: object) -> object:
    try:
        return {name: list(v) if isinstance(v, tuple) else v for name, v in bind(function, given).items()}  # type: ignore[arg-type]
    except FunctionError as refused:
        return [problem.code for problem in refused.problems]
