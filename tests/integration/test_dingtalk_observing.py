"""Seeing the whole organization in the sandbox, or knowing that one does not; and the checks before one starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from servers.dingtalk import NOW, Company, Open, companies, person
from syncd.config.secrets import Secret
from syncd.core.errors import NeedsHuman
from syncd.core.model import Kind, TargetId
from syncd.core.outcome import Deferred, Outcome
from syncd.core.ports import Room, Standing
from syncd_dingtalk import DingTalk
from syncd_dingtalk.settings import DingTalkSettings

CREATE, UPDATE, DELETE = "/topapi/v2/user/create", "/topapi/v2/user/update", "/topapi/v2/user/delete"
UNIT_CREATE, UNIT_UPDATE, UNIT_DELETE = (f"/topapi/v2/department/{word}" for word in ("create", "update", "delete"))


@pytest.fixture
def opened() -> Iterator[Open]:
    """A way to open companies with settings of one's own."""
    with companies() as opening:
        yield opening


@pytest.fixture
def company(opened: Open) -> Company:
    return opened()


# --- seeing everything, or knowing that one does not ----------------------------------------------------------------


def test_people_in_several_departments_and_in_the_root_are_seen_once_each(company: Company) -> None:
    first, second = company.unit(1), company.unit(2)
    company.person(1, first, second)
    company.person(2, TargetId("1"))
    seen = [each.target_id for each in company.everything() if each.kind is Kind.PERSON]
    assert seen == ["example-1", "example-2", "manager0001"]
    assert company.target.observed().proven


def test_more_than_a_page_of_members_is_seen(company: Company) -> None:
    place = company.unit()
    for number in range(1, 206):
        company.person(number, place)
    assert sum(each.kind is Kind.PERSON for each in company.everything()) == 206
    assert company.target.observed().proven


def test_a_partial_scope_is_seen_but_never_certified(company: Company) -> None:
    first, second = company.unit(1), company.unit(2)
    company.person(1, first)
    company.person(2, second)
    app = next(iter(company.tenant.apps.values()))
    assert not company.target.observed().proven
    company.everything()
    assert company.target.observed().proven
    company.tenant.apps[app.app_key] = replace(app, departments=(int(first),), users=())
    with pytest.raises(NeedsHuman) as told:
        company.everything()
    assert told.value.problem.code == "DNG-071"
    assert not company.target.observed().proven


def test_what_lists_hide_is_found_missing(company: Company) -> None:
    """Lists lag behind; `listid` and `count` may not. The doubt is named, and nothing is taken for gone."""
    place = company.unit()
    company.everything()
    company.set(list_lag_seconds=3600)
    company.person(1, place)
    seen = company.everything()
    certificate = company.target.observed()
    assert "example-1" not in [each.target_id for each in seen]
    assert not certificate.proven
    assert {fact.name for fact in certificate.doubts} & {"count", "people"}


def test_the_home_school_tree_is_not_ours(company: Company) -> None:
    company.set(home_school=True)
    place = company.unit()
    assert [each.target_id for each in company.everything() if each.kind is Kind.UNIT] == [place]
    assert company.target.observed().proven


def test_hidden_fields_are_unreadable_and_not_empty(company: Company) -> None:
    company.person(1, company.unit())
    app = next(iter(company.tenant.apps.values()))
    shown = frozenset(name for name in app.permissions if name not in ("fieldMobile", "fieldEmail"))
    company.tenant.apps[app.app_key] = replace(app, permissions=shown)
    seen = next(each for each in company.everything() if each.target_id == "example-1")
    assert seen.unreadable == {"mobile", "email", "work_place", "remark", "extension"}
    assert not seen.unreadable & seen.fields.keys()


def test_every_check_is_well_on_a_well_set_up_sandbox(company: Company) -> None:
    async def verdicts() -> dict[str, Standing]:
        return {verdict.name: verdict.standing async for verdict in company.target.check()}

    told = company.run(verdicts())
    assert {name for name, standing in told.items() if standing is not Standing.OK} <= {"permission to write", "clock"}
    assert {"reachability", "credentials", "scope", "rate plan", "qyapi_get_member"} <= told.keys()


def test_wrong_credentials_are_told_as_such(company: Company) -> None:
    assert company.target.sandbox is not None
    url = company.target.sandbox.url
    settings = DingTalkSettings(
        app_key="dingwrong",
        app_secret=Secret.literal("wrong"),
        base_url=url,
        new_base_url=url,
        qps=None,
        address_calls=None,
    )
    target = DingTalk(settings, Room(name="dingtalk", now=lambda: NOW, base=Path()))

    async def work() -> dict[str, str]:
        async with target:
            return {verdict.name: verdict.problem.code async for verdict in target.check() if verdict.problem}

    assert company.run(work()) == {"credentials": "DNG-012"}


def test_an_unreachable_platform_is_told_and_deferred(company: Company) -> None:
    nowhere = "http://127.0.0.1:1"
    settings = DingTalkSettings(
        app_key="k",
        app_secret=Secret.literal("s"),
        base_url=nowhere,
        new_base_url=nowhere,
        qps=None,
        address_calls=None,
    )
    target = DingTalk(settings, Room(name="dingtalk", now=lambda: NOW, base=Path()))

    async def work() -> tuple[Outcome, list[str]]:
        async with target:
            outcome = await target.apply(person(1, TargetId("1")), key="k")
            return outcome, [verdict.name async for verdict in target.check()]

    outcome, names = company.run(work())
    assert isinstance(outcome, Deferred)
    assert outcome.whole_target
    assert not outcome.read_back
    assert names == ["reachability"]
