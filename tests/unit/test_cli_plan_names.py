"""What plans look like where names repeat and lines are long."""

from __future__ import annotations

import io

import pytest

from syncd.cli.names import paths
from syncd.cli.render import Output
from syncd.core.model import Entity, Kind, SubjectId
from syncd.core.orgtree import OrgTree


def unit(name: str, parent: str | None, label: str) -> tuple[SubjectId, Entity]:
    subject = SubjectId(f"unit:{name}")
    facts = {"displayName": label, **({"parent": parent} if parent else {})}
    return subject, Entity(subject=subject, kind=Kind.UNIT, facts=facts)


def test_departments_of_one_name_are_told_apart_by_their_paths_and_others_keep_theirs() -> None:
    entities = dict(
        [
            unit("a", None, "Indonesia"),
            unit("b", None, "中国"),
            unit("c", "unit:a", "Sales"),
            unit("d", "unit:b", "Sales"),
        ]
    )

    assert paths(OrgTree(entities=entities)) == {"unit:c": "Indonesia/Sales", "unit:d": "中国/Sales"}


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
