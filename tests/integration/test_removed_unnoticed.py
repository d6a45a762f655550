"""Changes of which nobody heard what came of them, and that the source takes back. DingTalk's sandbox is the target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from support.unheard import Unheard
from syncd.core.model import Op
from syncd.engine.world import DriftRule, DriftTerms, LeaverTerms
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Unheard]:
    with SandboxServer(SandboxSettings(qps=None)) as server:
        world = Unheard(tmp_path, server)
        world.lost = Op.REMOVE
        world.world = replace(world.world, leavers=LeaverTerms(hold=False))
        world.unit("top")
        for key in "123":
            world.person(key, "top", mail=f"example{key}@example.com")
        world.sync()
        yield world
        world.store.close()


def come_back(company: Unheard, **fields: str) -> None:
    """Somebody leaves, which nobody hears of, and is back."""
    before = dict(company.source.records)
    company.leave("1")
    company.sync()
    assert ("e1" in company.held("name")) is not company.arrives
    company.source.records.update(before)
    company.edit("1", **fields)


def test_whoever_comes_back_after_an_unnoticed_removal_gets_an_account_again(company: Unheard) -> None:
    come_back(company, title="Buyer")

    company.settle()

    assert company.held("title") == {"e1": "Buyer", "e2": "", "e3": ""}


def test_whoever_comes_back_as_before_gets_an_account_again_though_nothing_seems_to_differ(company: Unheard) -> None:
    come_back(company)

    company.settle()

    assert company.held("email") == {f"e{key}": f"example{key}@example.com" for key in "123"}


def test_whoever_comes_back_and_was_not_removed_after_all_is_looked_at_and_left_as_they_are(company: Unheard) -> None:
    company.arrives = False
    come_back(company)
    company.arrives = True
    calls = company.server.sandbox.gateway.calls
    calls.clear()

    company.settle()

    assert company.held("email") == {f"e{key}": f"example{key}@example.com" for key in "123"}
    assert len(calls.since(0, "/topapi/v2/user/get")) == 1
    assert not any(call.applied for call in calls.since() if call.interface.startswith("/topapi"))


def test_an_unnoticed_title_that_the_source_has_taken_back_is_taken_back(company: Unheard) -> None:
    company.lost = Op.UPDATE
    company.edit("1", title="Buyer")
    company.sync()
    assert company.held("title")["e1"] == "Buyer"
    company.edit("1", title=None)

    company.settle()

    assert company.held("title") == {"e1": "", "e2": "", "e3": ""}


def test_an_unnoticed_title_that_the_source_has_taken_back_for_another_change_is_taken_back(company: Unheard) -> None:
    company.lost = Op.UPDATE
    company.edit("1", title="Buyer")
    company.sync()
    company.edit("1", title=None, mail="other@example.com")

    company.settle()

    assert company.held("title") == {"e1": "", "e2": "", "e3": ""}
    assert company.held("email")["e1"] == "other@example.com"


@pytest.mark.parametrize(("rule", "there"), [(DriftRule.REVERT, True), (DriftRule.REPORT, False)])
def test_an_account_that_a_change_finds_removed_by_hand_is_what_the_rules_say_of_that(
    company: Unheard, rule: DriftRule, there: bool
) -> None:
    company.world = replace(company.world, drift=DriftTerms(deleted=rule))
    del company.server.tenant.live.users["e1"]
    company.edit("1", title="Buyer")

    company.settle()

    assert ("e1" in company.held("title")) is there
    with company.store.reading() as tx:
        assert [one.field for one in tx.drifts.all("dingtalk")] == ([] if there else [""])


def test_who_waits_for_what_an_account_held_that_is_gone_unnoticed_gets_it(company: Unheard) -> None:
    come_back(company)
    for key, other in zip("123", "231", strict=True):
        company.edit(key, mail=f"example{other}@example.com")

    company.settle()

    assert company.held("email") == {
        "e1": "example2@example.com",
        "e2": "example3@example.com",
        "e3": "example1@example.com",
    }
