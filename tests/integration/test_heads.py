"""`heads: add`: whoever leads a department, or takes it over, is a member of it, and nobody for longer than they lead it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from support.incidents import guarded, homes, settled
from support.outer_world import SHIPPED, OuterWorld
from support.serving import served, until
from support.small_world import INBOUND, OUTBOUND, SmallWorld, run
from syncd.cli import main
from syncd.cli.call import Call
from syncd.cli.session import Session
from syncd.core.errors import Misconfigured
from syncd.core.model import Effect, Kind, TargetId
from syncd.core.policy import Limit
from syncd.engine import offboarding
from syncd.engine.preview import impact
from syncd.engine.world import LeaverTerms, World
from syncd.mapping import load_outbound
from syncd.testing.memory import FIELDS
from syncd_dingtalk.fields import FIELDS as DINGTALK
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings

ADD = OUTBOUND.replace("unit:\n  adopt", "unit:\n  heads: add\n  adopt")
TEAM = "Unit team"


class LedWorld(SmallWorld):
    """1 leads everything and manages 2 and 5; 2 manages 3 and leads a team in which 3 and 4 are, and 2 is not."""

    def __init__(self, folder: Path, *, rules: str = ADD) -> None:
        super().__init__(folder)
        (folder / "out.yaml").write_text(rules)
        self.world = replace(self.world, outbound=load_outbound(folder / "out.yaml", fields=FIELDS, now=self.now))
        self.unit("top", leader="e1")
        self.unit("team", "top", leader="e2")
        self.person("1", "top")
        self.person("2", "top", manager="e1")
        self.person("3", "team", manager="e2")
        self.person("4", "team", manager="e2")
        self.person("5", "top", manager="e1")

    def heads(self, unit: str = TEAM) -> object:
        return self.tenant()[f"unit:{unit}"].get("managers", ())

    def warned(self) -> set[str]:
        return {one.message.code for one in self.sync().reconciliation.plan.warnings}


@pytest.fixture
def company(migrated_file: Path, tmp_path: Path) -> Iterator[LedWorld]:
    (tmp_path / "syncd.db").write_bytes(migrated_file.read_bytes())
    world = LedWorld(tmp_path)
    yield world
    world.store.close()


def test_a_head_from_elsewhere_stands_in_the_department_besides_their_own(company: LedWorld) -> None:
    done = company.sync()

    assert company.heads() == ("Example 2",)
    assert homes(company, "Example 2") == ("Unit top", TEAM)
    assert not done.reconciliation.plan.warnings
    settled(company)


def test_what_changes_about_a_head_leaves_them_in_the_department_that_they_lead(company: LedWorld) -> None:
    company.sync()
    company.edit("2", title="Another Title")
    company.unit("side", "top")
    company.sync()
    assert homes(company, "Example 2") == ("Unit top", TEAM)

    company.edit("2", unit="side")
    company.sync()

    assert (homes(company, "Example 2"), company.heads()) == (("Unit side", TEAM), ("Example 2",))
    settled(company)


def test_when_somebody_else_leads_it_the_old_head_goes_back_to_their_own_and_the_new_one_comes(
    company: LedWorld,
) -> None:
    company.sync()
    company.unit("team", "top", leader="e5")

    company.sync()

    assert (homes(company, "Example 5"), homes(company, "Example 2")) == (("Unit top", TEAM), ("Unit top",))
    assert company.heads() == ("Example 5",)
    settled(company)


def test_when_nobody_leads_it_any_more_the_old_head_goes_back_to_their_own(company: LedWorld) -> None:
    company.sync()
    company.unit("team", "top", leader="e3")

    company.sync()

    assert (homes(company, "Example 2"), company.heads()) == (("Unit top",), ("Example 3",))
    settled(company)


def test_who_takes_over_from_a_head_who_leaves_comes_into_the_department_and_goes_when_they_come_back(
    company: LedWorld,
) -> None:
    company.sync()
    company.edit("2", state="left")

    company.sync()

    assert homes(company, "Example 2") == ("Leavers",)
    assert (homes(company, "Example 1"), company.heads()) == (("Unit top", TEAM), ("Example 1",))
    settled(company)

    company.edit("2", state="here")
    company.sync()

    assert (homes(company, "Example 2"), company.heads()) == (("Unit top", TEAM), ("Example 2",))
    assert homes(company, "Example 1") == ("Unit top",)
    settled(company)


def test_a_head_who_is_gone_from_the_source_hands_over_too_and_nobody_is_left_without_one(company: LedWorld) -> None:
    company.sync()
    company.leave("2")

    company.sync()

    assert company.heads() == ("Example 1",)
    settled(company)


def test_a_deputy_takes_over_before_the_next_one_above(migrated_file: Path, tmp_path: Path) -> None:
    (tmp_path / "syncd.db").write_bytes(migrated_file.read_bytes())
    company = LedWorld(tmp_path)
    with_deputies(company)
    company.edit("2", deputy="e5")
    company.sync()
    company.edit("2", state="left")

    company.sync()

    assert (homes(company, "Example 5"), company.heads()) == (("Unit top", TEAM), ("Example 5",))
    settled(company)
    company.store.close()


def with_deputies(company: SmallWorld) -> None:
    from support.small_world import HR
    from syncd.core.correlation import JoinRules
    from syncd.engine.world import Seat
    from syncd.mapping import load_inbound

    text = INBOUND.replace("    active:", "    deputy: {from: deputy, by: employeeNumber}\n    active:")
    (company.folder / "in.yaml").write_text(text)
    rules = load_inbound(company.folder / "in.yaml", source=HR, attributes=None, now=company.now)
    company.world = replace(
        company.world,
        seats={HR: Seat(name=HR, make=lambda: company.source, rules=rules)},
        join=JoinRules(sources=(HR,), refers={HR: rules.refers}),
        leavers=LeaverTerms(deputies=True),
    )


def test_a_department_that_goes_lets_its_head_go_back_to_their_own(company: LedWorld) -> None:
    company.sync()
    del company.source.records[Kind.UNIT, "team"]
    for key in ("3", "4"):
        company.edit(key, unit="top")

    company.sync()
    company.sync()

    assert homes(company, "Example 2") == ("Unit top",)
    assert f"unit:{TEAM}" not in company.tenant()
    settled(company)


def test_a_head_whom_somebody_took_out_by_hand_is_put_back(company: LedWorld) -> None:
    company.sync()
    held = company.target.objects[Kind.PERSON, TargetId("e2")]
    held["departments"] = held["departments"][:1]  # type: ignore[index]
    for (kind, _), unit in company.target.objects.items():
        if kind is Kind.UNIT and unit.get("name") == TEAM:
            unit.pop("managers")

    company.sync(fresh=True)

    assert (homes(company, "Example 2"), company.heads()) == (("Unit top", TEAM), ("Example 2",))
    settled(company)


def test_who_is_a_member_for_no_reason_any_more_is_none_after_a_look_at_everybody(company: LedWorld) -> None:
    company.sync()
    team = next(target_id for (_, target_id), held in company.target.objects.items() if held.get("name") == TEAM)
    held = company.target.objects[Kind.PERSON, TargetId("e5")]
    held["departments"] = (*held["departments"], {"unit": team})  # type: ignore[misc]

    company.sync(fresh=True)

    assert homes(company, "Example 5") == ("Unit top",)
    assert homes(company, "Example 2") == ("Unit top", TEAM)


def test_a_head_who_may_not_be_moved_yet_is_waited_for(company: LedWorld) -> None:
    company.unit("team", "top")
    company.sync()
    company.world = replace(company.world, guard=guarded(move=Limit(count=1)))
    company.unit("team", "top", leader="e2")

    done = company.sync()

    assert [one.effect for one in done.reconciliation.judgement.holds] == [Effect.MOVE]
    assert (homes(company, "Example 2"), company.heads()) == (("Unit top",), ())


def test_as_shipped_nobody_is_added_and_the_department_without_a_head_is_named(
    migrated_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "syncd.db").write_bytes(migrated_file.read_bytes())
    company = LedWorld(tmp_path, rules=OUTBOUND)

    done = company.sync()

    assert (homes(company, "Example 2"), company.heads()) == (("Unit top",), ())
    assert [one.message.code for one in done.reconciliation.plan.warnings] == ["PLN-006"]
    assert company.warned() == {"PLN-006"}
    company.store.close()


def test_a_service_finds_a_head_within_the_round_in_which_the_old_one_leaves(company: LedWorld) -> None:
    def offboard(undo: bool) -> None:
        with company.store.transaction() as tx:
            subject, found = offboarding.who_is(tx, "memory", "Example 2")
            if undo:
                offboarding.undo(tx, company.world, subject, found.label, at=company.now())
            else:
                offboarding.offboard(tx, company.world, subject, found.label, by="ops", reason="x", at=company.now())

    async def story() -> None:
        async with served(company.world):
            offboard(undo=False)
            await until(lambda: company.heads() == ("Example 1",), "the next one above")
            offboard(undo=True)
            await until(lambda: company.heads() == ("Example 2",), "the head")
            await until(lambda: homes(company, "Example 1") == ("Unit top",), "the old place")

    company.sync()
    run(story())

    settled(company)


def test_explain_says_that_somebody_is_a_member_for_leading(
    company: LedWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Own(Session):
        settings: Any = SimpleNamespace(base=company.folder)
        store: Any = company.store
        now: Any = company.now

        def world(self, service: str) -> World:
            return company.world

        def target(self) -> Any:
            return company.target

    monkeypatch.setattr(Call, "session", lambda _call, **_: Own())
    company.sync()
    capsys.readouterr()

    assert main(["explain", "Example 2"]) == 0
    assert "a member of Unit team for leading it, by `heads: add`" in capsys.readouterr().out
    assert main(["explain", "Example 3"]) == 0
    assert "for leading it" not in capsys.readouterr().out


def test_before_it_is_switched_on_it_is_shown_whom_it_makes_a_member(company: LedWorld) -> None:
    company.sync(write=False)
    (company.folder / "was.yaml").write_text(OUTBOUND)
    was = load_outbound(company.folder / "was.yaml", fields=FIELDS, now=company.now)

    with company.store.reading() as tx:
        found = impact(tx, replace(company.world, outbound=was), company.target, outbound=company.world.outbound)

    assert [(one.label, [item.name for item in one.fields]) for one in found.shifts] == [("Example 2", ["departments"])]


# --- as DingTalk has it -----------------------------------------------------------------------------------------------


@pytest.fixture
def tenant(migrated_file: Path, tmp_path: Path) -> Iterator[OuterWorld]:
    """The shipped rules with `heads: add`; 1 leads all, 2 a team and the partners, and stands in neither."""
    (tmp_path / "syncd.db").write_bytes(migrated_file.read_bytes())
    with SandboxServer(SandboxSettings(qps=None)) as server:
        world = OuterWorld(tmp_path, server)
        rules = SHIPPED.read_text().replace("unit:\n  adopt", "unit:\n  heads: add\n  adopt")
        (tmp_path / "out.yaml").write_text(rules)
        outbound = load_outbound(tmp_path / "out.yaml", fields=DINGTALK, now=world.now)
        world.world = replace(world.world, outbound=outbound)
        world.unit("top", leader="e1")
        world.unit("team", "top", leader="e2")
        world.unit("partners", "top", leader="e2")
        world.says("partners", outer="yes")
        world.person("1", "top")
        world.person("2", "top", manager="e1")
        world.person("3", "team", manager="e2")
        world.person("7", "partners", kind="partner", manager="e2")
        yield world
        world.store.close()


def test_dingtalk_accepts_a_head_from_elsewhere_and_no_insider_comes_among_outsiders(tenant: OuterWorld) -> None:
    done = tenant.sync()

    assert tenant.places("e2") == {"Unit top", TEAM}
    assert tenant.department(TEAM).managers == ("e2",)
    assert tenant.department("Unit partners").managers == ()
    assert [one.message.code for one in done.reconciliation.plan.warnings] == ["PLN-006"]
    assert tenant.sync(fresh=True).reconciliation.plan.changes == ()


def test_in_dingtalk_a_department_is_never_without_a_head_while_somebody_is_above(tenant: OuterWorld) -> None:
    tenant.sync()
    tenant.edit("2", state="left")

    tenant.sync()

    assert (tenant.department(TEAM).managers, tenant.places("e1")) == (("e1",), {"Unit top", TEAM})

    tenant.edit("2", state="here")
    tenant.sync()

    assert (tenant.department(TEAM).managers, tenant.places("e1")) == (("e2",), {"Unit top"})
    assert tenant.sync(fresh=True).reconciliation.plan.changes == ()


def test_adding_heads_where_no_rule_says_who_leads_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out.yaml").write_text(ADD.replace("    managers: managers\n", ""))

    with pytest.raises(Misconfigured) as caught:
        load_outbound(tmp_path / "out.yaml", fields=FIELDS, now=lambda: pytest.fail("no time is needed"))

    assert [one.code for one in caught.value.problems] == ["RUL-037"]
