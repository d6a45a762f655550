"""Expressions: what they see, what they may do, and that none of them can hang or exhaust the process."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.core.errors import Place
from syncd.mapping.environment import Environment
from syncd.mapping.expression import Expression, ExpressionError, bounded, seen
from syncd.mapping.functions import FUNCTIONS, Surroundings, Unfit
from syncd.mapping.words import scan

VARIABLES = {
    "mail": "text",
    "title": "text",
    "groups": "texts",
    "n": "number",
    "on": "flag",
    "unit.name": "text",
    "x": "any",
}
SURROUNDINGS = Surroundings(tables={"grades": {"A": "Manager"}})
ENVIRONMENT = Environment(VARIABLES, SURROUNDINGS, calls=frozenset(FUNCTIONS))
HERE = Place(file="rules.yaml", line=7, column=3)


def compiled(text: str) -> Expression:
    return ENVIRONMENT.compile(text, HERE)


def result(text: str, **values: Any) -> Any:
    known = {name: seen(type_, values.get(name)) for name, type_ in VARIABLES.items()}
    return compiled(text).call(ENVIRONMENT.activation(known))


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("lower(trim(mail))", {"mail": " A@X "}, "a@x"),
        ("mail.trim().lower()", {"mail": " A@X "}, "a@x"),
        ("title == '' ? mail : title", {"mail": "m"}, "m"),
        ("groups.filter(g, g.startsWith('a')).map(g, upper(g))", {"groups": ("a1", "b")}, ("A1",)),
        ("lookup(title, 'grades')", {"title": "A"}, "Manager"),
        ("truncate(mail, 2)", {"mail": "abc"}, "ab"),
        ("substring(mail, 2, 1)", {"mail": "abc"}, "b"),
        ("join(groups, '-')", {"groups": ["a", "b"]}, "a-b"),
        ("first([title, mail])", {"mail": "m"}, "m"),
        ("n * 2 + 1", {"n": 3}, 7),
        ("on && n > 2", {"on": True, "n": 3}, True),
        ("e164(mail)", {}, ""),
        ("size(groups)", {}, 0),
        ("'名' + mail", {"mail": "字"}, "名字"),
    ],
)
def test_expressions_give(text: str, values: dict[str, Any], expected: Any) -> None:
    assert result(text, **values) == expected


@pytest.mark.parametrize(
    ("text", "gives"),
    [
        ("mail", "text"),
        ("n + 1", "number"),
        ("on", "flag"),
        ("groups", "texts"),
        ("x", "any"),
        ("{'a': 'b'}", "mapping"),
        ("[1]", "any"),
    ],
)
def test_the_type_of_an_expression_is_known_before_it_runs(text: str, gives: str) -> None:
    assert compiled(text).gives == gives


def test_an_error_is_never_taken_for_a_value() -> None:
    with pytest.raises(Unfit) as raised:
        result("string(10 / n)", n=0)
    assert "divide by zero" in str(raised.value)


def test_the_problem_of_a_function_is_told_as_it_is_and_without_the_value() -> None:
    with pytest.raises(Unfit) as raised:
        result("e164(mail)", mail="call my wife")
    assert raised.value.problem.code.startswith("FUN-")
    assert "wife" not in str(raised.value)


def test_an_unexpected_failure_tells_nothing_of_the_value() -> None:
    with pytest.raises(Unfit) as raised:
        result("groups[int(mail)]", mail="secret", groups=["a"])
    assert "secret" not in str(raised.value)
    with pytest.raises(Unfit):
        result("n + 1", n="not a number")


def test_expressions_know_what_they_read_and_need() -> None:
    expression = compiled("unit.name + (on ? mail : string(n))")
    assert set(expression.reads) == {"unit.name", "on", "mail", "n"}
    assert set(expression.needs) == {"on", "n"}
    assert expression.loops == 0
    assert compiled("groups.exists(g, g == mail)").reads == ("groups", "mail")


@pytest.mark.parametrize(
    ("text", "code", "column"),
    [
        ("mial", "RUL-041", 3),
        ("lower(mail) + unit.nam", "RUL-041", 17),
        ("lowr(mail)", "RUL-041", 3),
        ("mail +", "RUL-040", 9),
        ("n + mail", "RUL-040", 5),
        ("lookup(title, 'ranks')", "FUN-", 3),
        ("regex_replace(title, '(', '')", "FUN-", 3),
        ("truncate(title, -1)", "FUN-", 3),
        ("row[title]", "RUL-040", 3),
    ],
)
def test_what_is_wrong_is_told_when_it_is_compiled(text: str, code: str, column: int) -> None:
    with pytest.raises(ExpressionError) as raised:
        compiled(text)
    problem = raised.value.problems[0]
    assert problem.code.startswith(code)
    assert (problem.place.line, problem.place.column) == (7, column)


LIST = "[" + ",".join(["1"] * 300) + "]"


@pytest.mark.parametrize(
    ("bomb", "code"),
    [
        ("[mail]" + ".map(a, a + a)" * 30, "RUL-042"),
        ("[groups]" + ".map(a, a + a)" * 30, "RUL-042"),
        ("[mail].map(a, [a].map(b, a + b).map(c, c + c)[0] + a)", ""),
        ("[[mail]].map(a, [a, a, a, a, a, a]).map(b, [b, b, b, b, b, b])", "RUL-042"),
        ("+".join(["mail"] * 3000), "RUL-043"),
        ("+".join(["mail"] * 700), "RUL-040"),
        ("(" * 1500 + "1" + ")" * 1500, "RUL-040"),
        ("true ? " * 300 + "1" + " : 1" * 300, "RUL-040"),
        ("mail.map(a, a)", "RUL-040"),
    ],
    ids=lambda bomb: bomb[:40],
)
def test_bombs_are_refused_before_they_run(bomb: str, code: str) -> None:
    if not code:
        assert len(result(bomb, mail="x")[0]) < 100
        return
    with pytest.raises(ExpressionError) as raised:
        compiled(bomb)
    assert raised.value.problems[0].code == code


@pytest.mark.parametrize(
    "bomb",
    [
        f"{LIST}.map(a, {LIST}.map(b, {LIST}.map(c, a * b * c))).size() == 0",
        "groups.all(a, groups.all(b, groups.all(c, a + b + c != mail)))",
    ],
)
def test_loops_end_by_themselves(bomb: str) -> None:
    with pytest.raises(Unfit) as raised:
        result(bomb, mail="x", groups=["a"] * 300)
    assert "Iteration budget" in str(raised.value)


def test_a_loop_over_an_enormous_record_is_refused_and_over_an_ordinary_one_is_not() -> None:
    nested = compiled("groups.map(g, groups.filter(h, h != g && h != mail).size())")
    bounded(nested, {"groups": ["CN=Some group,OU=Groups,DC=example,DC=com"] * 60, "mail": "x" * 50})
    with pytest.raises(Unfit) as raised:
        bounded(nested, {"groups": ["x"] * 20_000})
    assert raised.value.problem.code == "MAP-012"
    copying = compiled("groups.map(g, mail + mail + mail + mail)")
    with pytest.raises(Unfit):
        bounded(copying, {"groups": ["x"] * 1000, "mail": "x" * 60_000})


def test_a_pattern_that_kills_other_engines_is_linear_here() -> None:
    assert result("mail.matches('^(a+)+$')", mail="a" * 5000 + "b") is False


def test_words_are_found_outside_of_texts_and_remarks_and_loop_variables() -> None:
    words = scan("a.b + f(\"c\", r'd', '''e''') // g\n + h.map(i, i + a.b).k(l) + row['m n'] + x.y.z(1)")
    assert set(words.paths) == {"a.b", "h", "l", "x.y"}
    assert words.columns == ("m n",)
    assert words.calls == {"f", "map", "k", "z"}
    assert (words.loops, words.growth, words.free_row) == (1, 1, False)


def test_a_loop_variable_hides_an_attribute_only_inside_its_loop() -> None:
    assert set(scan("a + b.map(a, a)").paths) == {"a", "b"}
    assert set(scan("b.map(a, a)").paths) == {"b"}
