"""Arguments are checked when rules are loaded: every mistake of an item at once, each with its next step."""

from __future__ import annotations

import subprocess
import sys

import pytest

from syncd.core.fields import FieldSpec, FieldType
from syncd.core.values import Value
from syncd.mapping.functions import (
    FUNCTIONS,
    Function,
    FunctionError,
    Surroundings,
    Unfit,
    bind,
    find,
    numbered,
    prepare,
    wrong_type,
)

AROUND = Surroundings()


def codes(function: str, given: Value, piped: str = "any", around: Surroundings = AROUND) -> list[str]:
    with pytest.raises(FunctionError) as refused:
        prepare(FUNCTIONS[function], given, around, piped=piped)
    return [problem.code for problem in refused.value.problems]


def run(function: str, given: Value, value: Value, piped: str = "any", around: Surroundings = AROUND) -> Value:
    return prepare(FUNCTIONS[function], given, around, piped=piped)[0](value)


def test_an_unknown_function_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(FunctionError, match='Did you mean "truncate"'):
        find(FUNCTIONS, "trunkate")


def test_a_name_like_no_other_is_refused_without_a_guess() -> None:
    with pytest.raises(FunctionError) as refused:
        find(FUNCTIONS, "qqqq")
    assert "Did you mean" not in str(refused.value)


def test_all_mistakes_of_an_item_are_told_at_once() -> None:
    assert sorted(codes("truncate", {"lenght": 3, "ending": 7})) == ["FUN-002", "FUN-003", "FUN-004"]


@pytest.mark.parametrize(
    ("function", "given"),
    [
        ("truncate", "20"),
        ("truncate", True),
        ("truncate", 2.5),
        ("truncate", {"length": None}),
        ("pad_left", 1001),
        ("e164", {"mobile": "yes"}),
        ("without", "HR"),
        ("without", []),
        ("without", [1]),
        ("map_values", {"values": {"a": {"b": "c"}}}),
        ("lookup", {"table": "t", "otherwise": "ignore"}),
        ("default", [1]),
    ],
)
def test_an_argument_of_the_wrong_kind_is_refused(function: str, given: Value) -> None:
    assert codes(function, given) == ["FUN-004"]


def test_arguments_for_a_function_that_takes_none_are_refused() -> None:
    assert codes("trim", 3) == ["FUN-006"]


def test_the_first_parameter_needs_no_name() -> None:
    assert bind(FUNCTIONS["truncate"], 20) == {"length": 20, "ending": ""}


def test_a_mapping_parameter_may_be_given_directly() -> None:
    assert run("map_values", {"P": "permanent", "7": "seven"}, 7) == "seven"


def test_a_step_that_gets_the_wrong_type_from_the_one_before_is_refused() -> None:
    assert codes("email", None, piped="number") == ["FUN-005"]
    assert codes("nth", 1, piped="text") == ["FUN-005"]
    assert codes("split", ",", piped="texts") == ["FUN-005"], "a list of lists is no value of the language"


def test_a_function_on_a_text_does_each_text_of_a_list_and_drops_the_absent() -> None:
    call, gives = prepare(FUNCTIONS["absent_if"], {"values": ["-"]}, AROUND, piped="texts")
    assert (call(["a", "-", None, "b"]), gives) == (("a", "b"), "texts")


def test_types_flow_through_the_steps() -> None:
    assert prepare(FUNCTIONS["default"], "x", AROUND, piped="date")[1] == "date"
    assert prepare(FUNCTIONS["trim"], None, AROUND, piped="instant")[1] == "text"
    assert FUNCTIONS["join"].result("number") == "text"


def test_a_value_of_another_type_is_a_type_error_that_can_be_told_without_the_value() -> None:
    with pytest.raises(TypeError):
        run("lower", None, ["secret"])
    told = wrong_type(FUNCTIONS["lower"], ["secret"])
    assert told.code == "FUN-102"
    assert "texts" in told.what
    assert "secret" not in str(told)


@pytest.mark.parametrize(
    ("function", "given", "value"),
    [
        ("e164", None, "555-secret"),
        ("email", None, "secret@"),
        ("parse_date", None, "secret"),
        ("to_number", None, "secret"),
        ("to_flag", None, "secret"),
        ("map_values", {"a": "b"}, "secret"),
        ("dn_ous", None, "secret"),
        ("regex_extract", "x", "secret"),
    ],
)
def test_messages_never_repeat_the_persons_value(function: str, given: Value, value: Value) -> None:
    with pytest.raises(Unfit) as refused:
        run(function, given, value)
    assert "secret" not in str(refused.value)


def test_a_lookup_names_an_unknown_key_only_where_the_rule_says_so() -> None:
    around = Surroundings(tables={"grades": {"M1": "Manager"}})
    with pytest.raises(Unfit, match='"M9"'):
        run("lookup", {"table": "grades", "show_key": True}, "M9", around=around)


def test_a_bad_pattern_is_refused_with_its_position() -> None:
    with pytest.raises(FunctionError, match="at character 5"):
        prepare(FUNCTIONS["matches"], "abc[z-a]", AROUND)


def test_a_pattern_that_is_too_big_is_refused() -> None:
    assert codes("matches", "(a?){900}(a?){900}") == ["FUN-011"]


@pytest.mark.parametrize("template", [r"\3", r"\g<nobody>"])
def test_a_replacement_with_a_group_that_is_not_there_is_refused(template: str) -> None:
    assert codes("regex_replace", {"pattern": "(a)", "with": template}) == ["FUN-012"]


def test_named_groups_and_backslashes_work_in_replacements() -> None:
    assert run("regex_replace", {"pattern": "(?P<one>李)", "with": r"\g<one>\\伟\0"}, "李") == "李\\伟李"


@pytest.mark.parametrize("zone", ["Jakarta", "../etc/passwd", "Asia", "/etc/localtime", "\0"])
def test_what_is_no_time_zone_is_refused(zone: str) -> None:
    assert codes("start_of_day", zone) == ["FUN-017"]


@pytest.mark.parametrize("form", ["dd.mm", "%d/%m/%Y %d", "%Q", "yyyy-mm-dd at noon", "%d %b %m %Y", ""])
def test_what_is_no_form_of_a_date_is_refused(form: str) -> None:
    assert codes("parse_date", {"formats": [form]}) == ["FUN-018"]


def test_the_rule_files_own_region_and_zone_hold_where_a_rule_names_none() -> None:
    around = Surroundings(default_region="ID", timezone="Asia/Makassar")
    assert run("e164", None, "0812 3456 7890", around=around) == "+6281234567890"
    assert run("start_of_day", None, "2026-11-22", around=around) == "2026-11-21T16:00:00Z"


@pytest.mark.parametrize(
    ("value", "n", "limit", "expected"),
    [
        ("li.wei", 1, None, "li.wei"),
        ("li.wei", 12, None, "li.wei12"),
        ("li.wei", 2, 5, "li.w2"),
        ("li.wei", 2, 4, "li2"),
        ("li.wei@example.com", 2, 17, "li.w2@example.com"),
        ("李伟", 3, 2, "李3"),
        ("e\u0301e\u0301", 2, 4, "e\u03012"),
    ],
)
def test_candidates_carry_their_number_within_the_limit(value: str, n: int, limit: int | None, expected: str) -> None:
    assert numbered(value, n, limit) == expected


@pytest.mark.parametrize("function", ["hash", "bucket", "matches", "regex_replace"])
def test_half_a_character_is_refused_as_such(function: str) -> None:
    given: Value = {"hash": 8, "bucket": 10, "matches": "a", "regex_replace": {"pattern": "a", "with": "b"}}[function]  # type: ignore[assignment]
    with pytest.raises(Unfit) as refused:
        run(function, given, "a\ud83d")
    assert refused.value.problem.code == "FUN-104"


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Drs. H. Ahmad, M.Si", "Ahmad"),
        ("Prof. Dr. Ir. Siti, S.Kom., M.T., Ph.D.", "Siti"),
        ("Budi Santoso, SE, MM", "Budi Santoso"),
        ("Siti Aminah, S.Pd.I", "Siti Aminah"),
        ("Siti, A.Md", "Siti"),
        ("Santoso, Budi", "Santoso, Budi"),
        ("LI, WEI", "LI, WEI"),
        ("Dr.", "Dr."),
        ("欧阳教授", "欧阳"),
        ("王先生", "王先生"),
        (",", ","),
    ],
)
def test_titles_go_and_names_stay(written: str, name: str) -> None:
    assert run("strip_titles", None, written) == name


@pytest.mark.parametrize(
    ("name", "pinyin"),
    [
        ("单于飞", "Chanyu Fei"),
        ("欧阳", "Ou Yang"),
        ("仇 英", "Qiu Ying"),
        ("区志", "Ou Zhi"),
        ("吕不韦", "Lyu Buwei"),
        ("乐乐", "Yue Le"),
        ("曾", "Zeng"),
        (" ", ""),
        ("Budi", "Budi"),
    ],
)
def test_surnames_are_read_as_surnames(name: str, pinyin: str) -> None:
    assert run("pinyin", None, name) == pinyin


def test_a_week_date_is_no_date_of_ours_but_can_be_read() -> None:
    assert run("parse_date", None, "2026-W47-7") == "2026-11-22"
    with pytest.raises(Unfit):
        run("add_days", 1, "2026-W47-7")


def test_the_numbered_function_respects_the_field_that_is_filled() -> None:
    around = Surroundings(target=FieldSpec(type=FieldType.TEXT, max_length=6))
    assert run("numbered", 10, "suharti", around=around) == "suha10"


def test_two_functions_never_share_a_name() -> None:
    assert all(isinstance(function, Function) and function.name == name for name, function in FUNCTIONS.items())


def test_the_library_is_cheap_to_import() -> None:
    heavy = "{'re2', 'phonenumbers', 'pypinyin', 'anyascii', 'pydantic', 'sqlalchemy', 'httpx', 'zoneinfo._tzdata'}"
    code = f"import sys, syncd.mapping.functions; print(sorted({heavy} & set(sys.modules)))"
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert seen.stdout.strip() == "[]"
