"""What `plan` and `sync` say of each read: how much of the source, what came of it, and each fact that is missing for a proof."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from support.office import Office
from syncd.cli.plan_view import Excerpt, tell_plan
from syncd.cli.render import Output
from syncd.core.errors import TryAgain
from syncd.core.known import NOTHING_KNOWN, Known
from syncd.core.model import Change, Completeness, Effect, Kind, Lane, NativeId, Op, Page, Plan, ProofFact, SubjectId
from syncd.core.policy import Hold, Judgement
from syncd.store.packed import Packed
from syncd.testing.memory import MemorySource, refusal


@pytest.fixture
def office(
    migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Office]:
    one = Office(migrated_file, tmp_path, monkeypatch, capsys)
    one.world.company(8)
    with capture_logs():  # an office's session does not say where logs go
        yield one
    one.close()


async def _delta(
    self: MemorySource, cursor: str | None, *, full: bool = False, known: Known = NOTHING_KNOWN
) -> AsyncIterator[Page]:
    """Tell, whatever is asked for, that one person was deleted and nobody else changed."""
    facts = (ProofFact(name="server is the same", holds=True, detail="yes"),)
    yield Page(full=False, deletions=(NativeId("7"),), cursor="2", completeness=Completeness(facts=facts))


def test_a_full_read_is_called_so(office: Office) -> None:
    assert "hr: full read, 10 records, 10 changed, 0 gone, proven complete" in office.run("plan").out


def test_a_delta_is_called_so(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.world.sync()
    monkeypatch.setattr(MemorySource, "read", _delta)
    assert "hr: delta, 0 records, 0 changed, 1 gone, proven complete" in office.run("plan").out
    (source,) = office.run("plan", "--json").json["sources"]
    assert (source["full"], source["absence_may_be_inferred"]) == (False, True)
    assert source["facts"] == [{"name": "server is the same", "holds": True, "detail": "yes"}]
    assert "cursor" not in source


@pytest.mark.parametrize("command", ["plan", "sync"])
def test_each_fact_that_is_missing_is_named_with_its_reason(office: Office, command: str) -> None:
    office.world.sync()
    office.world.source.doubt = "the server stopped at its size limit"
    ran = office.run(command)
    assert ran.code == 6
    assert "hr: full read, 10 records, 0 changed, 0 gone, NOT proven complete: nobody is taken for gone" in ran.out
    assert "  ✗ memory: the server stopped at its size limit" in ran.out
    assert ran.out.count("size limit") == 1
    assert "[ENG-001]" in ran.out


def test_a_read_that_gave_no_proof_says_that(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unproven(self: MemorySource, cursor: str | None, **_: object) -> AsyncIterator[Page]:
        yield Page(cursor="2", completeness=Completeness(facts=()))

    monkeypatch.setattr(MemorySource, "read", unproven)
    ran = office.run("plan")
    assert ran.code == 6
    assert "The read of source hr is not proven complete (no proof was given)." in ran.out


def test_a_source_that_cannot_be_read_leaves_no_word_that_all_is_as_it_says(office: Office) -> None:
    office.world.sync()
    assert "Nothing to do: the target is as the sources say." in office.run("plan").out
    office.world.source.error = TryAgain(refusal("down"))
    ran = office.run("plan")
    assert ran.code == 6
    assert "hr: could not be read; what it said before stands, and nobody is taken for gone" in ran.out
    assert "Nothing to do by what is known; not every source could be read." in ran.out
    assert "as the sources say" not in ran.out


def test_programs_get_the_facts_of_each_read(office: Office) -> None:
    office.world.source.doubt = "half of it"
    for command in ("plan", "sync"):
        ran = office.run(command, "--json")
        (source,) = ran.json["sources"]
        assert ran.code == 6
        assert source["facts"] == [{"name": "memory", "holds": False, "detail": "half of it"}]
        assert (source["full"], source["proven"], source["absence_may_be_inferred"]) == (True, False, False)
        assert (source["count"], source["source"], source["gone"]) == (10, "hr", 0)


def test_it_is_said_for_how_many_a_plan_was_computed(office: Office) -> None:
    office.world.world = replace(office.world.world, guard=replace(office.world.world.guard, plan_only_first=False))
    assert office.run("sync", "--json").json["looked_at"] == "everybody"
    office.world.edit("3", title="Baker")
    assert office.run("plan", "--json").json["looked_at"] == 1
    assert office.run("plan", "--recompute", "--json").json["looked_at"] == "everybody"


def test_old_and_new_departments_and_managers_are_called_by_name_though_one_person_only_is_planned_for(
    office: Office,
) -> None:
    office.world.unit("other", name="Another Team")
    office.world.sync()
    office.world.edit("3", unit="other", manager="e2")
    ran = office.run("plan", "--where")
    assert "departments  Unit team → Another Team" in ran.out
    assert "manager      Example 1 → Example 2" in ran.out
    explained = office.run("explain", "Example 3").out
    assert "unit:" not in ran.out + explained
    assert "Unit team" in explained


def test_what_is_held_is_marked_also_in_a_plan_that_is_kept_packed() -> None:
    changes = tuple(change(number) for number in range(3))
    packed = Packed()
    packed.add(changes)
    packed.sort()
    hold = Hold(effect=Effect.LEAVE, fingerprint="", reasons=("many",), changes=(packed[1],), waiting=())
    screen = io.StringIO()
    plan, judgement = Plan(fingerprint="1" * 64, changes=packed), Judgement(allowed=packed, holds=(hold,))

    tell_plan(
        Output(json=False, quiet=False, stdout=screen, stderr=screen), Excerpt.of(plan, judgement, most=2), names={}
    )

    lines = screen.getvalue().splitlines()
    assert [line.count("held") for line in lines if line.startswith("  ") and "Example" in line] == [0, 1]
    assert "… and 1 more" in screen.getvalue()


def change(number: int) -> Change:
    return Change(
        op=Op.REMOVE,
        subject=SubjectId(f"person:{number}"),
        kind=Kind.PERSON,
        label=f"Example {number}",
        reason="gone",
        effects=(Effect.LEAVE,),
        lane=Lane.LEAVER,
        rank=1,
    )
