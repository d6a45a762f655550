"""`syncd sources`: one that is taken out of syncd.yaml, or renamed there, changes nobody until a person says which it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from support.office import Office, Opened
from support.small_world import HR, SmallWorld
from support.two_sources import AD, Directory
from syncd.cli.commands.check import _former
from syncd.core.errors import TryAgain
from syncd.core.model import Kind, SourceName
from syncd.engine.world import Seat
from syncd.mapping import load_inbound
from syncd.testing.memory import refusal

DIRECTORY = SourceName("directory")


def company(world: SmallWorld) -> None:
    world.company(4)


@pytest.fixture
def office(opened: Opened) -> Office:
    """Four people of HR; the directory knows one of them, and one more."""
    one = opened(prepare=company)
    directory = Directory(one.world)
    directory.account("2", number="e2", title="By AD")
    directory.account("9", number="e9", title="By AD")
    one.world.sync()
    return one


def configured(office: Office, *names: SourceName) -> None:
    """Have only these sources in the configuration; `DIRECTORY` is the directory under another name."""
    world, seats = office.world, dict(office.world.world.seats)
    rules = load_inbound(world.folder / "ad.yaml", source=DIRECTORY, attributes=None, now=world.now)
    seats[DIRECTORY] = Seat(name=DIRECTORY, make=seats[AD].make, rules=rules)
    chosen = {name: seats[name] for name in names}
    refers = {name: seat.rules.refers for name, seat in chosen.items()}
    join = replace(world.world.join, sources=names, refers=refers)
    world.world = replace(world.world, seats=chosen, join=join, config_digest=repr(names).encode())
    office.settings.sources = {str(name): office.settings.sources["hr"] for name in names}


def left(office: Office) -> list[str]:
    held = office.world.tenant().items()
    return sorted(name for name, one in held if one.get("departments") == ({"unit": "Leavers"},))


def test_a_source_that_was_taken_out_is_named_and_nobody_leaves_or_changes(office: Office) -> None:
    configured(office, HR)
    tenant = office.world.tenant()
    done = office.world.sync()

    assert (done.reconciliation.plan.changes, office.world.tenant()) == ((), tenant)
    ran = office.run("sources", "list")
    assert ran.code == 4
    assert "CLI-234" in ran.out + ran.err
    found = {one["name"]: one for one in office.run("sources", "list", "--json").json["sources"]}
    assert (found["ad"]["configured"], found["ad"]["records"]) == (False, {"person": 2})
    asides = [aside.why for aside in done.reconciliation.plan.aside]
    assert all("syncd sources forget ad" in why for why in asides)
    assert len(asides) == 2


def test_forgetting_it_is_shown_first_and_then_whom_nobody_else_knows_leaves(office: Office) -> None:
    configured(office, HR)
    shown = office.run("sources", "forget", "ad")
    assert (shown.code, "Example 9" in shown.out, "Nothing was done" in shown.out) == (0, True, True)
    office.world.sync()
    assert left(office) == []

    done = office.run("sources", "forget", "ad", "--reason", "replaced")
    office.world.sync()

    assert done.code == 0
    assert left(office) == ["person:Example 9"]
    assert office.world.tenant()["person:Example 2"].get("title") is None
    assert [entry["facts"]["source"] for entry in office.audited()] == ["ad"]
    assert office.run("sources", "list").code == 0


@pytest.mark.parametrize("read_before", [False, True])
def test_a_source_that_was_renamed_makes_nobody_twice_and_goes_on_under_its_new_name(
    office: Office, read_before: bool
) -> None:
    configured(office, HR, DIRECTORY)
    if read_before:
        office.world.sync()
    tenant = office.world.tenant()
    assert left(office) == []

    ran = office.run("sources", "rename", "ad", "directory", "--reason", "clearer")
    assert (ran.code, "go on as directory" in ran.out) == (0, True)
    done = office.world.sync()

    assert done.reconciliation.plan.changes == ()
    assert office.world.tenant() == tenant
    source = office.world.world.seats[DIRECTORY].make()
    source.records[Kind.PERSON, "9"]["title"] = "New"  # type: ignore[attr-defined]
    del source.records[Kind.PERSON, "2"]  # type: ignore[attr-defined]
    office.world.sync()
    assert office.world.tenant()["person:Example 9"]["title"] == "New"
    assert len(office.world.tenant()) == len(tenant)
    assert office.run("sources", "list").code == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["forget", "hr"], "LNK-020"),
        (["forget", "nobody"], "LNK-021"),
        (["rename", "hr", "ad", "--reason", "x"], "LNK-020"),
        (["rename", "nobody", "hr", "--reason", "x"], "LNK-021"),
        (["rename", "ad", "nobody", "--reason", "x"], "LNK-022"),
    ],
)
def test_what_makes_no_sense_is_refused(office: Office, words: list[str], code: str) -> None:
    configured(office, HR)
    ran = office.run("sources", *words)
    assert (ran.code, code in ran.err) == (3, True)
    assert office.audited() == []


def test_status_and_check_name_it(office: Office) -> None:
    configured(office, HR)
    office.world.sync()
    state = SimpleNamespace(url=f"sqlite:///{office.world.folder / 'syncd.db'}")
    settings = SimpleNamespace(state=state, sources={"hr": None})

    assert "CLI-234" in office.run("status").out
    (verdict,) = _former(SimpleNamespace(settings=settings))  # type: ignore[arg-type]
    assert verdict.problem is not None
    assert (verdict.name, verdict.problem.code) == ("ad", "CLI-234")


def test_explain_marks_what_a_source_that_is_down_or_gone_said_last(office: Office) -> None:
    assert "stale" not in office.run("explain", "e2").out
    office.world.time += timedelta(hours=3)
    office.world.world.seats[AD].make().error = TryAgain(refusal("down"))  # type: ignore[attr-defined]
    office.world.sync()

    assert office.world.tenant()["person:Example 2"]["title"] == "By AD"
    assert "stale: last read 3 h ago" in " ".join(office.run("explain", "e2").out.split())
    configured(office, HR)
    assert list(office.run("explain", "e2", "--json").json["stale"]) == ["ad"]
