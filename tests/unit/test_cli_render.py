"""What commands print: plain when piped, JSON when asked, and never able to steer a terminal."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import pytest

from syncd.cli.render import Output, clean, plain
from syncd.core.errors import Message, Place
from syncd.core.ports import Standing, Verdict

TOLD = Message(code="XXX-001", what="A [bold]thing[/bold] is wrong.", do="Mend it.", example="")


def output(*, as_json: bool = False, quiet: bool = False) -> tuple[Output, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return Output(json=as_json, quiet=quiet, stdout=out, stderr=err), out, err


def test_names_cannot_steer_the_terminal() -> None:
    assert clean("Li\x1b[31m\x07 \u202egnow\u202c\nWei\t.") == "Li�[31m� gnow\nWei    ."


def test_a_piped_table_is_plain_aligned_and_never_cut() -> None:
    out, text, _ = output()

    out.table(("name", "#people"), [("李伟 [red]", 3), ("x" * 300, 12), (None, 0)], title="Units")

    lines = text.getvalue().split("\n")
    assert lines[0] == "Units"
    assert lines[1].split() == ["name", "people"]
    assert "李伟 [red]" in lines[2]
    assert ("x" * 300) in lines[3]
    assert lines[3].endswith("      12")
    assert [line for line in lines if line != line.rstrip()] == []


def test_a_long_sentence_stays_one_line_when_piped() -> None:
    out, text, _ = output()

    out.say("word " * 200 + "end")

    assert text.getvalue().count("\n") == 1


def test_a_verdict_says_what_to_do_if_it_is_not_well() -> None:
    out, text, _ = output()

    out.verdict(Verdict(name="bind", standing=Standing.OK, seen="signed in"))
    out.verdict(
        Verdict(name="rights", standing=Standing.FAILED, seen="none", problem=TOLD.at(Place(file="a.yaml", line=2)))
    )

    assert text.getvalue() == (
        "ok       bind  signed in\n"
        "failed   rights  none\n"
        "         a.yaml:2: A [bold]thing[/bold] is wrong. [XXX-001]\n"
        "           Mend it.\n"
    )


def test_with_json_only_the_document_is_printed() -> None:
    out, text, err = output(as_json=True)

    out.say("words")
    out.note("words")
    out.table(("a",), [("b",)])
    out.problem(TOLD.at())
    out.verdict(Verdict(name="bind", standing=Standing.OK, seen=""))
    out.show({"standing": Standing.OK}, lambda each: each.say("words"))

    assert (json.loads(text.getvalue()), err.getvalue()) == ({"standing": "ok"}, "")


def test_notes_go_to_standard_error_and_are_silent_with_quiet() -> None:
    out, text, err = output()
    out.note("by the way")
    quiet, quiet_text, quiet_err = output(quiet=True)
    quiet.note("by the way")
    quiet.say("result")

    assert (text.getvalue(), err.getvalue()) == ("", "by the way\n")
    assert (quiet_text.getvalue(), quiet_err.getvalue()) == ("result\n", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    name: str
    at: datetime


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Standing.FAILED, "failed"),
        (datetime(2026, 11, 22, 1, 30, tzinfo=UTC), "2026-11-22T01:30:00Z"),
        (date(2026, 11, 22), "2026-11-22"),
        (timedelta(minutes=2), 120.0),
        (b"\x01\xff", "01ff"),
        (Path("a/b"), "a/b"),
        (frozenset({"b", "a"}), ["a", "b"]),
        ((1, None, True), [1, None, True]),
        (MappingProxyType({Standing.OK: 1}), {"ok": 1}),
        (_Shape(name="x", at=datetime(2026, 1, 1, tzinfo=UTC)), {"name": "x", "at": "2026-01-01T00:00:00Z"}),
        (Place(file="a", line=1), {"file": "a", "line": 1, "column": None}),
    ],
)
def test_values_have_one_form_in_json(value: object, said: object) -> None:
    assert plain(value) == said


def test_what_has_no_form_in_json_is_refused() -> None:
    with pytest.raises(TypeError):
        plain(object())
