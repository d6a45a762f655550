"""YAML as people write it: values that are not misread, places that are right, mistakes that are told all at once."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from syncd.config.yaml import MAX_BYTES, did_you_mean, parse, read
from syncd.core.errors import Misconfigured

FILE = Path("rules.yaml")


def told(text: str) -> list[str]:
    """Return code and place of each problem of a text."""
    with pytest.raises(Misconfigured) as caught:
        parse(text, FILE)
    return [f"{problem.code} {problem.place}" for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("NO", "NO"),
        ("on", "on"),
        ("y", "y"),
        ("0123", "0123"),
        ("-007", "-007"),
        ("007.50", "007.50"),
        ("12e4", "12e4"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2026-11-22", "2026-11-22"),
        ("2026-11-22T01:30:00Z", "2026-11-22T01:30:00Z"),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ("12", 12),
        ("-12", -12),
        ("0", 0),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.5e3", 1500.0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("9" * 33, "9" * 33),
    ],
)
def test_an_unquoted_word_means_what_it_looks_like(written: str, meant: object) -> None:
    value = parse(f"a: {written}\n", FILE).root["a"]

    assert (value, type(value)) == (meant, type(meant))


def test_keys_are_text_as_they_are_written() -> None:
    document = parse("1: a\nNO: b\n0123: c\ntrue: d\n'x y': e\n", FILE)

    assert list(document.root) == ["1", "NO", "0123", "true", "x y"]


def test_a_byte_order_mark_and_windows_line_ends_are_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes("\N{BYTE ORDER MARK}a: 1\r\nb: 李\r\n".encode())

    assert read(path).root == {"a": 1, "b": "李"}


def test_places_are_those_of_the_value_the_key_and_the_text() -> None:
    document = parse(
        "people:\n"
        "  - name: 'Ann'\n"
        "    expr: |\n"
        "\n"
        "      a == b\n"
        "    plain: text\n"
        "    folded: >-\n"
        "      one\n"
        "      two\n",
        FILE,
    )

    assert str(document.place("people")) == "rules.yaml:2:3"
    assert str(document.place("people", of="key")) == "rules.yaml:1:1"
    assert str(document.place("people", 0)) == "rules.yaml:2:5"
    assert str(document.place("people", 0, "name")) == "rules.yaml:2:11"
    assert str(document.place("people", 0, "name", of="key")) == "rules.yaml:2:5"
    assert str(document.place("people", 0, "name", of="text")) == "rules.yaml:2:12"
    assert str(document.place("people", 0, "plain", of="text")) == "rules.yaml:6:12"
    assert str(document.place("people", 0, "folded", of="text")) == "rules.yaml:8:7"


def test_the_text_of_a_block_begins_on_its_first_line_that_is_not_blank() -> None:
    document = parse("expr: |\n\n\n    a == b\n", FILE)

    assert document.root["expr"] == "\n\na == b\n"
    assert str(document.place("expr", of="text")) == "rules.yaml:2:5"


def test_what_is_missing_has_the_place_of_its_nearest_ancestor_and_tags_of_unions_are_skipped() -> None:
    document = parse("sources:\n  hq:\n    page_size: 0\n", FILE)

    assert str(document.place("sources", "hq", "password")) == "rules.yaml:3:5"
    assert str(document.place("sources", "hq", "ad", "page_size")) == "rules.yaml:3:16"
    assert str(document.place("target")) == "rules.yaml:1:1"
    assert document.has("sources", "hq", "page_size")
    assert not document.has("sources", "hq", "password")
    assert not document.has("target", "type")


def test_an_alias_gives_the_value_of_its_anchor() -> None:
    assert parse("a: &x [1, 2]\nb: *x\n", FILE).root == {"a": [1, 2], "b": [1, 2]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:\n\t- b\n", "CFG-006 rules.yaml:2:1"),
        ("a: b: c\n", "CFG-005 rules.yaml:1:5"),
        ("a: [1,\n  2\n", "CFG-005 rules.yaml:3:1"),
        ("a: @b\n", "CFG-005 rules.yaml:1:4"),
        ("a: *nobody\n", "CFG-005 rules.yaml:1:4"),
        ("a: 1\nb: x\x01y\n", "CFG-007 rules.yaml:2:5"),
        ("a: 1\n---\nb: 2\n", "CFG-008 rules.yaml:2:1"),
        ("", "CFG-009 rules.yaml:1:1"),
        ("# nothing\n", "CFG-009 rules.yaml:1:1"),
        ("- a\n- b\n", "CFG-010 rules.yaml:1:1"),
        ("just words\n", "CFG-010 rules.yaml:1:1"),
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "CFG-011 rules.yaml:4:3"),
        ("? [a]\n: 1\n", "CFG-012 rules.yaml:1:3"),
        ("a: &a {x: 1}\nb: {<<: *a}\n", "CFG-013 rules.yaml:2:5"),
        ("a: !vault abc\n", "CFG-014 rules.yaml:1:4"),
        ("a: !!int 'x'\n", "CFG-014 rules.yaml:1:4"),
        ("a: !!set {x}\n", "CFG-014 rules.yaml:1:4"),
        ("a: &a [1, *a]\n", "CFG-015 rules.yaml:1:4"),
        ("[" * 600, "CFG-017 rules.yaml"),
        ('a: "\\ud83d"\n', "CFG-018 rules.yaml:1:4"),
    ],
)
def test_each_mistake_is_told_with_its_place(text: str, expected: str) -> None:
    assert told(text) == [expected]


def test_every_mistake_that_can_be_found_is_told_at_once() -> None:
    text = "a: 1\na: 2\nb: !x 1\n<<: {}\n1: x\n'1': y\n"

    assert told(text) == [
        "CFG-011 rules.yaml:2:1",
        "CFG-014 rules.yaml:3:4",
        "CFG-013 rules.yaml:4:1",
        "CFG-011 rules.yaml:6:1",
    ]


def test_a_billion_laughs_end_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncd.config.yaml.MAX_NODES", 1000)
    names = "abcdefgh"
    layers = "\n".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]" for a, b in pairwise(names))

    assert told(f"a: &a [{', '.join('x' * 10)}]\n{layers}\n")[0].startswith("CFG-016")


def test_a_file_that_is_not_there_suggests_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "syncd.yaml").touch()

    with pytest.raises(Misconfigured, match=r"Did you mean 'syncd\.yaml'\?.*CFG-001"):
        read(tmp_path / "sincd.yaml")


def test_a_folder_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="CFG-002"):
        read(tmp_path)


def test_bytes_that_are_not_utf8_are_found_at_their_place(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"a: 1\nb: \xe6\x9d\x8e \xff\n")

    with pytest.raises(Misconfigured) as caught:
        read(path)

    problem = caught.value.problems[0]
    assert (problem.code, problem.place.line, problem.place.column) == ("CFG-003", 2, 6)


def test_a_file_that_is_too_large_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))

    with pytest.raises(Misconfigured, match="CFG-004"):
        read(path)


def test_a_value_never_occurs_in_an_error() -> None:
    with pytest.raises(Misconfigured) as caught:
        parse("a: !secret swordfish\nb: !!float 'swordfish'\n", FILE)

    assert "swordfish" not in str(caught.value)


@pytest.mark.parametrize(
    ("word", "hint"),
    [("Sorces", " Did you mean 'sources'?"), ("TARGET", " Did you mean 'target'?"), ("xyz", "")],
)
def test_the_word_that_was_meant_is_suggested(word: str, hint: str) -> None:
    assert did_you_mean(word, ["sources", "target"]) == hint
