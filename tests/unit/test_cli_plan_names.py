"""What plans look like where names repeat and lines are long."""

from __future__ import annotations

import io

import pytest

from syncd.cli.plan_view import names_of
from syncd.cli.render import Output
from syncd.core.model import ROOT_UNIT, Desired, Kind, SubjectId


def unit(name: str, parent: str, label: str) -> tuple[SubjectId, Desired]:
    subject = SubjectId(f"unit:{name}")
    fields = {"name": label, "parent": parent}
    return subject, Desired(subject=subject, kind=Kind.UNIT, label=label, fields=fields)


def test_departments_of_one_name_are_told_apart_by_their_paths_and_others_keep_theirs() -> None:
    desired = dict(
        [
            unit("a", ROOT_UNIT, "Indonesia"),
            unit("b", ROOT_UNIT, "中国"),
            unit("c", "unit:a", "Sales"),
            unit("d", "unit:b", "Sales"),
        ]
    )

    names = names_of(desired, (), holding="Leavers")

    assert [names[f"unit:{one}"] for one in "abcd"] == ["Indonesia", "中国", "Indonesia/Sales", "中国/Sales"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("lead", ["  ! ", "      "])
def test_a_line_that_is_too_long_goes_on_below_its_words(lead: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setenv("TERM", "xterm")
    screen = Terminal()

    Output(json=False, quiet=False, stdout=screen, stderr=screen).say(f"{lead}Example: the reason is somewhat longer")

    first, *others = [line.rstrip() for line in screen.getvalue().splitlines()]
    assert first.startswith(f"{lead}Example:")
    assert others
    assert all(line.startswith(" " * len(lead)) and line[len(lead)] != " " for line in others)
