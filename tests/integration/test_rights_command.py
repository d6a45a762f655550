"""`syncd rights` at a terminal: who sees whom in DingTalk's sandbox, and what the next plan would change about it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from support.outer_world import OuterWorld
from syncd.cli import main
from syncd.cli.call import Call
from syncd.cli.session import Session
from syncd.core.errors import NeedsHuman
from syncd.core.model import Kind
from syncd.engine.rights import Books, books
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def company(tmp_path: Path) -> Iterator[OuterWorld]:
    """Two on top, one of whom may see the hidden board with one member; a team of two; a partner who may see the first."""
    with SandboxServer(SandboxSettings(qps=None)) as server:
        world = OuterWorld(tmp_path, server)
        for unit, above in (("top", None), ("team", "top"), ("board", "top"), ("partners", "top")):
            world.unit(unit, above)
        world.says("board", hidden="yes", seen_by="e2")
        world.says("partners", outer="yes", sees="e1")
        for key, place in (("1", "top"), ("2", "top"), ("3", "board"), ("4", "team"), ("5", "team")):
            world.person(key, place)
        world.person("7", "partners", kind="partner")
        yield world
        world.store.close()


@pytest.fixture
def run(company: OuterWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Type a command; the session's parts are the company's, and are not closed with it."""

    class Own(Session):
        settings: Any = SimpleNamespace(base=company.folder)
        store: Any = company.store

        def world(self, service: str) -> Any:
            return company.world

        def target(self) -> Any:
            return company.dingtalk()

    monkeypatch.setattr(Call, "session", lambda _call, **_: Own())

    def typed(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["rights", *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return typed


def read(company: OuterWorld) -> None:
    """Read the source and plan, and write nothing."""
    company.sync(write=False)


def test_everything_that_is_hidden_or_closed_is_shown_with_how_many_see_it(company: OuterWorld, run: Run) -> None:
    company.sync()

    code, out, _ = run()

    assert code == 0
    assert "6 people in 4 departments, 1 person sees only a part" in out
    board, partners = (
        next(line for line in out.splitlines() if name in line) for name in ("Unit board", "Unit partners")
    )
    assert ("hidden" in board, "2 of 6" in board) == (True, True)
    assert ("outer" in partners, "5 of 6" in partners) == (True, True)
    assert "changes nothing" in out
    assert "Unit team" not in out
    assert run("--exit-code")[0] == 0


def test_one_person_is_told_with_whom_they_do_not_see(company: OuterWorld, run: Run) -> None:
    company.sync()

    _, partner, _ = run("Example 7")
    _, colleague, _ = run("e4", "--json")

    assert "1 of 5" in partner
    assert "Departments that they do not see: " in partner
    found = json.loads(colleague)
    assert (found["label"], found["now"]["sees"], found["now"]["unseen"]) == ("Example 4", 4, ["Unit board"])
    assert found["now"]["restricted"] is False


def test_the_plan_is_shown_before_it_is_written_and_holds_afterwards(company: OuterWorld, run: Run) -> None:
    company.sync()
    company.says("board", seen_by="e2,e4")
    company.says("team", hidden="yes")
    read(company)

    code, out, _ = run("--of", "Unit board", "--exit-code", "--json")
    told = json.loads(out)
    assert (code, told["more"], told["less"]) == (10, ["Example 4"], [])
    assert (told["now"]["seen_by"], told["then"]["seen_by"]) == (2, 3)
    _, person, _ = run("e1")
    assert "With the plan they see no more: Example 4, Example 5" in person
    assert "+" in run()[1]

    company.sync()

    after = json.loads(run("--of", "Unit board", "--json")[1])
    assert (after["now"], after["viewers"]) == (told["then"], ["Example 2", "Example 3", "Example 4"])
    assert run("--exit-code")[0] == 0


def test_what_the_first_plan_would_make_is_shown_before_anything_is_there(company: OuterWorld, run: Run) -> None:
    read(company)

    _, out, _ = run("Example 7", "--json")

    told = json.loads(out)
    assert (told["now"], told["then"]["restricted"], told["then"]["sees"]) == (None, True, 1)
    assert told["sees_more"] == ["Example 1"]


def test_what_was_foretold_is_what_a_fresh_look_finds(company: OuterWorld) -> None:
    company.sync()
    company.person("8", "board")
    company.leave("5")
    company.unit("team", "board")
    company.says("partners", sees_own="yes", sees=None, sees_units="team")
    read(company)
    foretold = _books(company).then
    company.sync()
    company.sync(fresh=True)
    found = _books(company).now

    assert {key: found.seen_by(key) for key in found.people} == {key: foretold.seen_by(key) for key in foretold.people}


def _books(company: OuterWorld) -> Books:
    with company.store.reading() as tx:
        return books(tx, company.world, company.dingtalk())


def test_nobody_is_guessed(company: OuterWorld, run: Run) -> None:
    with pytest.raises(NeedsHuman, match="OUT-004"):
        _books(company)
    company.person("8", "team", name="Example 4")
    company.sync()

    assert "OUT-006" in run("Example 4")[2]
    assert "OUT-005" in run("Nobody Like That")[2]
    assert run("e4", "--of", "Unit board")[0] == 2
    with pytest.raises(NeedsHuman, match="OUT-005"):
        _books(company).find("Unit board", Kind.PERSON)
