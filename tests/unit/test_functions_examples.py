"""Every example of the reference page is true. The page and this test read the same values."""

from __future__ import annotations

import pytest

from syncd.core.errors import MESSAGES, Problem
from syncd.core.values import Value, canonical
from syncd.mapping.functions import FUNCTIONS, UNSET, Example, Function, FunctionError, Surroundings, Unfit, prepare

CASES = [
    pytest.param(function, example, id=f"{function.name}-{number}")
    for function in FUNCTIONS.values()
    for number, example in enumerate(function.examples, start=1)
]


def outcome(function: Function, example: Example) -> Value:
    around = Surroundings(tables=example.tables, target=example.target)
    call, _ = prepare(function, example.args or None, around)
    return call(example.value)


def refusal(function: Function, example: Example) -> Problem | None:
    try:
        outcome(function, example)
    except (FunctionError, Unfit) as refused:
        return refused.problem
    return None


@pytest.mark.parametrize(("function", "example"), CASES)
def test_the_example_holds(function: Function, example: Example) -> None:
    if not example.fails:
        assert example.gives is not UNSET
        assert canonical(outcome(function, example)) == canonical(example.gives)
        return
    problem = refusal(function, example)
    assert problem is not None
    assert problem.code == example.fails
    assert problem.what
    assert problem.do


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda function: function.name)
def test_a_function_is_documented_with_at_least_two_examples(function: Function) -> None:
    assert len(function.examples) >= 2
    assert function.doc[0].isupper()
    assert function.doc.endswith(".")
    assert all(param.doc.endswith(".") for param in function.params)
    assert all((example.gives is UNSET) == bool(example.fails) for example in function.examples)


def test_every_code_that_an_example_names_is_registered() -> None:
    named = {example.fails for function in FUNCTIONS.values() for example in function.examples if example.fails}
    assert named <= set(MESSAGES)
