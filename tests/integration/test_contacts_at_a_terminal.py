"""What `syncd links`, `explain` and `rights` tell of external contacts, from DingTalk's sandbox."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from support.partner_world import PartnerWorld
from syncd.cli import main
from syncd.cli.call import Call
from syncd.cli.session import Session
from syncd.engine.world import World
from syncd.testing.memory import MemorySource
from syncd_dingtalk import DingTalk
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def company(migrated_file: Path, tmp_path: Path) -> Iterator[PartnerWorld]:
    """A leader, a colleague, a team of two; and two partners whom the colleague follows, one of them shared with the team."""
    (tmp_path / "syncd.db").write_bytes(migrated_file.read_bytes())
    with SandboxServer(SandboxSettings(qps=None)) as server:
        world = PartnerWorld(tmp_path, server)
        world.unit("top", leader="e1")
        world.unit("team", "top")
        world.person("1", "top")
        world.person("2", "top", manager="e1")
        world.person("3", "team", manager="e1")
        world.person("4", "team", manager="e1")
        world.partner("7", "e2", seen_by_units="team")
        world.partner("8", "e2")
        world.sync()
        yield world
        world.store.close()


@pytest.fixture
def run(company: PartnerWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Type a command; the session's parts are the company's, and are not closed with it."""

    class Own(Session):
        settings: Any = SimpleNamespace(
            base=company.folder,
            target=SimpleNamespace(type="dingtalk", plugin=DingTalk),
            sources={"hr": SimpleNamespace(type="memory", delivers=MemorySource.attributes)},
            guard=SimpleNamespace(approvers=[]),
        )
        store: Any = company.store
        now: Any = company.now

        def world(self, service: str) -> World:
            return company.world

        def target(self) -> Any:
            return company.dingtalk()

    monkeypatch.setattr(Call, "session", lambda _call, **_: Own())

    def typed(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        code = main([*words])
        return code, capsys.readouterr().out

    return typed


def test_links_of_contacts_are_listed_by_themselves_and_shown_with_what_they_hold(
    company: PartnerWorld, run: Run
) -> None:
    key = company.contacts()["Example 7"].userid

    listed = json.loads(run("links", "list", "--kind", "contact", "--json")[1])["links"]
    _, shown = run("links", "show", key)

    assert {one["label"]: one["link"]["kind"] for one in listed} == {"Example 7": "contact", "Example 8": "contact"}
    assert f"linked: contact {key}, by syncd" in shown
    assert "Example Partners Ltd" in shown


def test_a_contact_that_nobody_is_linked_to_is_bound_by_its_id_to_whom_somebody_says(
    company: PartnerWorld, run: Run
) -> None:
    made = replace(company.contacts()["Example 7"], userid="byhand1", name="By Hand", mobile="13900000001")
    company.server.tenant.put("contacts", "byhand1", made)
    company.partner("9", mobile="13900000009")
    company.edit("9", manager=None)
    company.sync(fresh=True)

    unlinked = json.loads(run("links", "list", "--unlinked", "--kind", "contact", "--json")[1])
    code, said = run("links", "bind", "Example 9", "byhand1", "--reason", "the same partner, asked sales")

    assert [one["target_id"] for one in unlinked["objects"]] == ["byhand1"]
    assert [label for _, _, label in unlinked["subjects"]] == ["Example 9"]
    assert (code, "Example 9 is now contact byhand1" in said) == (0, True)


def test_explain_says_that_somebody_is_a_contact_and_by_which_rules(company: PartnerWorld, run: Run) -> None:
    _, said = run("explain", "Example 7")

    assert f"linked to external contact {company.contacts()['Example 7'].userid}, made by syncd" in said
    assert "becomes an external contact and no account" in said
    assert "share_depts" in said
    assert "Unit team" in said
    assert "Nothing would be written." in said


def test_explain_tells_of_a_partner_who_is_hired_that_the_account_takes_the_place_of_the_contact(
    company: PartnerWorld, run: Run
) -> None:
    company.edit("7", kind="staff", unit="top")
    company.sync(write=False)

    _, said = run("explain", "Example 7")

    assert "create: was an external contact, which goes when the account stands" in said
    assert "no account" not in said


def test_rights_say_who_sees_a_contact_and_what_the_plan_changes_about_it(company: PartnerWorld, run: Run) -> None:
    told = json.loads(run("rights", "Example 7", "--json")[1])
    assert (told["now"]["follower"], told["now"]["units"], told["now"]["seen_by"]) == ("Example 2", ["Unit team"], 3)
    assert told["viewers"] == ["Example 2", "Example 3", "Example 4"]
    assert "External contacts that they see: Example 7, Example 8" in run("rights", "Example 2")[1]
    assert "2 external contacts" in run("rights")[1]
    assert run("rights", "--exit-code")[0] == 0

    company.edit("7", seen_by_units=None, seen_by="e1")
    company.sync(write=False)

    code, said = run("rights", "Example 7", "--exit-code")
    assert code == 10
    assert "With the plan also by: Example 1" in said
    assert "With the plan no more by: Example 3, Example 4" in said
    assert "With the plan they see these external contacts no more: Example 7" in run("rights", "Example 3")[1]
    assert [line.split()[:3] for line in run("rights")[1].splitlines() if "Example 7" in line] == [
        ["-", "Example", "7"],
        ["+", "Example", "7"],
    ]

    assert "share_depts: Unit team → —" in run("explain", "Example 7")[1]

    company.sync()

    after = json.loads(run("rights", "Example 7", "--json")[1])
    assert (after["viewers"], after["now"] == after["then"]) == (["Example 1", "Example 2"], True)


def test_rights_tell_of_a_partner_who_is_hired_as_of_the_colleague_that_they_will_be(
    company: PartnerWorld, run: Run
) -> None:
    company.edit("7", kind="staff", unit="top")
    company.sync(write=False)

    told = json.loads(run("rights", "Example 7", "--json")[1])

    assert (told["now"], told["then"]["sees"]) == (None, 4)
    assert "With the plan they see these external contacts no more: Example 7" in run("rights", "Example 3")[1]
