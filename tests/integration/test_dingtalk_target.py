"""The DingTalk target against the sandbox when things go wrong: every fault at every step ends in the same company."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from syncd.core.errors import NeedsHuman
from syncd.core.model import (
    Applied,
    Change,
    Deferred,
    Effect,
    FieldChange,
    Kind,
    Lane,
    Observed,
    Op,
    Outcome,
    Pending,
    Rejected,
    SubjectId,
    TargetId,
)
from syncd.core.ports import Room, Standing
from syncd.core.values import Value
from syncd_dingtalk import DingTalk
from syncd_dingtalk.sandbox.faults import Fault, FaultKind
from syncd_dingtalk.sandbox.tenant import Tenant
from syncd_dingtalk.settings import DingTalkSettings, SandboxEntry

NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
CREATE, UPDATE, DELETE = "/topapi/v2/user/create", "/topapi/v2/user/update", "/topapi/v2/user/delete"
UNIT_CREATE, UNIT_UPDATE, UNIT_DELETE = (f"/topapi/v2/department/{word}" for word in ("create", "update", "delete"))


@dataclass(frozen=True, kw_only=True)
class Company:
    """A target on its own sandbox, and what tests do with it."""

    target: DingTalk
    run: Callable[[Coroutine[Any, Any, Any]], Any]

    @property
    def tenant(self) -> Tenant:
        assert self.target.sandbox is not None
        return self.target.sandbox.tenant

    def set(self, **settings: object) -> None:
        """Change the sandbox's settings."""
        self.tenant.settings = replace(self.tenant.settings, **settings)  # type: ignore[arg-type]
        self.tenant.follow_lag()

    def fail(self, *faults: Fault) -> None:
        """Put faults into force."""
        assert self.target.sandbox is not None
        self.target.sandbox.sandbox.gateway.faults.set(faults)

    def calls(self, interface: str) -> int:
        """Return how often an interface took effect."""
        assert self.target.sandbox is not None
        return sum(record.applied for record in self.target.sandbox.sandbox.gateway.calls.since(0, interface))

    def apply(self, change: Change, *, again: bool = False) -> Outcome:
        outcome: Outcome = self.run(self.target.apply(change, key="k", again=again))
        return outcome

    def settle(self, change: Change) -> Outcome:
        """Apply as the engine does: once more while the outcome asks for it, reading back first where it must."""
        outcome = self.apply(change)
        for _ in range(3):
            if not isinstance(outcome, Deferred):
                break
            outcome = self.apply(change, again=outcome.read_back)
        return outcome

    def everything(self) -> list[Observed]:
        async def walk() -> list[Observed]:
            return [seen async for seen in self.target.observe()]

        found: list[Observed] = self.run(walk())
        return found

    def unit(self, number: int = 1, parent: TargetId | None = None) -> TargetId:
        outcome = self.apply(unit(number, parent))
        assert isinstance(outcome, Applied), outcome
        return outcome.target_id

    def person(self, number: int, *units: TargetId) -> TargetId:
        outcome = self.apply(person(number, *units))
        assert isinstance(outcome, Applied), outcome
        return outcome.target_id


def change(op: Op, kind: Kind, subject: str, target_id: TargetId | None = None, /, **fields: Value) -> Change:
    return Change(
        op=op,
        subject=SubjectId(subject),
        kind=kind,
        label=f"Label of {subject}",
        reason="test",
        effects=(Effect.UPDATE,),
        lane=Lane.REST,
        rank=0,
        target_id=target_id,
        fields=tuple(FieldChange(name=name, before=None, after=value) for name, value in fields.items()),
    )


def picture(company: Company) -> list[tuple[object, ...]]:
    """Return everything that can be compared between two tenants: ids and what comes from them differ."""
    seen = company.everything()
    names = {each.target_id: each.label for each in seen} | {"1": "root"}
    return sorted(
        (
            each.kind,
            each.label,
            each.mark,
            *(f"{name}={each.fields.get(name)}" for name in ("userid", "mobile", "title", "remark", "brief", "code")),
            names.get(str(each.fields.get("parent")), ""),
            *(names[str(place["unit"])] for place in each.fields.get("departments") or ()),  # type: ignore
        )
        for each in seen
    )


def unit(number: int, parent: TargetId | None = None) -> Change:
    fields: dict[str, Value] = {"name": f"Unit {number}", "parent": parent or "1", "code": f"C{number}"}
    return change(Op.CREATE, Kind.UNIT, f"unit:{number}", **fields)


def person(number: int, *units: TargetId) -> Change:
    departments = tuple({"unit": each} for each in units)
    fields: dict[str, Value] = {
        "userid": f"example-{number}",
        "name": f"Example {number}",
        "mobile": f"1380000{number:04}",
        "departments": departments,
        "title": "Buyer",
    }
    return change(Op.CREATE, Kind.PERSON, f"person:{number}", **fields)


Open = Callable[..., Company]


@pytest.fixture
def opened() -> Iterator[Open]:
    """A way to open companies with settings of one's own; all of them are closed in the end."""
    with asyncio.Runner() as runner:
        targets: list[DingTalk] = []

        def opening(**settings: Any) -> Company:
            chosen = {"sandbox": SandboxEntry(qps=None), "timeout": 0.5, **settings}
            target = DingTalk(DingTalkSettings(**chosen), Room(name="dingtalk", now=lambda: NOW, base=Path()))
            runner.run(target.__aenter__())
            targets.append(target)
            return Company(target=target, run=runner.run)

        try:
            yield opening
        finally:
            for target in targets:
                runner.run(target.__aexit__(None, None, None))


@pytest.fixture
def company(opened: Open) -> Company:
    return opened()


# --- every fault at every write -------------------------------------------------------------------------------------

FAULTS = [
    *(
        Fault(kind=kind, applied=applied, nth=1)
        for kind in (
            FaultKind.TIMEOUT,
            FaultKind.RESET,
            FaultKind.HTTP_500,
            FaultKind.HTTP_503,
            FaultKind.BUSY,
            FaultKind.HTML,
        )
        for applied in (False, True)
    ),
    Fault(kind=FaultKind.MALFORMED, applied=True, nth=1),
    Fault(kind=FaultKind.SLOW, applied=True, nth=1, seconds=0.1),
    Fault(kind=FaultKind.THROTTLE, nth=1),
    Fault(kind=FaultKind.GLOBAL_THROTTLE, nth=1),
    Fault(kind=FaultKind.HTTP_429, nth=1),
    Fault(kind=FaultKind.EXPIRED_TOKEN, nth=1),
]


def _create(company: Company) -> Change:
    return person(1, company.unit())


def _update(company: Company) -> Change:
    who = company.person(1, company.unit())
    return change(Op.UPDATE, Kind.PERSON, "person:1", who, title="Chief Buyer", remark="moved")


def _remove(company: Company) -> Change:
    return change(Op.REMOVE, Kind.PERSON, "person:1", company.person(1, company.unit()))


def _create_unit(_: Company) -> Change:
    return unit(1)


def _update_unit(company: Company) -> Change:
    return change(Op.UPDATE, Kind.UNIT, "unit:1", company.unit(), name="Renamed", brief="text")


def _remove_unit(company: Company) -> Change:
    return change(Op.REMOVE, Kind.UNIT, "unit:1", company.unit())


WRITES = [
    (CREATE, _create),
    (UPDATE, _update),
    (DELETE, _remove),
    (UNIT_CREATE, _create_unit),
    (UNIT_UPDATE, _update_unit),
    (UNIT_DELETE, _remove_unit),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
@pytest.mark.parametrize(("interface", "prepare"), WRITES, ids=[path.removeprefix("/topapi/v2/") for path, _ in WRITES])
def test_a_fault_at_a_write_changes_nothing_about_the_end(
    company: Company, opened: Open, interface: str, prepare: Callable[[Company], Change], fault: Fault
) -> None:
    untroubled = opened()
    assert isinstance(untroubled.apply(prepare(untroubled)), Applied)
    expected = picture(untroubled)

    wanted = prepare(company)
    before = company.calls(interface)
    company.fail(replace(fault, interface=interface))
    outcome = company.settle(wanted)

    assert isinstance(outcome, Applied), outcome
    assert picture(company) == expected
    if fault.applied:
        # Done once before the fault, found by reading back, and not done again. (A department has a second call for its code.)
        assert company.calls(interface) - before == 1


def test_when_nothing_answers_the_outcome_says_to_read_back_and_the_next_attempt_finds_it(company: Company) -> None:
    wanted = person(1, company.unit())
    company.fail(
        Fault(kind=FaultKind.RESET, interface=CREATE, nth=1, applied=True),
        Fault(kind=FaultKind.RESET, interface="/topapi/v2/user/get"),
    )
    outcome = company.apply(wanted)
    assert isinstance(outcome, Deferred)
    assert outcome.read_back
    assert outcome.whole_target
    company.fail()
    assert isinstance(company.apply(wanted, again=True), Applied)
    assert company.calls(CREATE) == 1


def test_a_member_cap_is_tried_three_times_and_then_left_to_the_queue(company: Company) -> None:
    """-1 on create is busy, or a limit of members that no call tells apart."""
    wanted = person(1, company.unit())
    company.fail(Fault(kind=FaultKind.BUSY, interface=CREATE))
    outcome = company.apply(wanted)
    assert isinstance(outcome, Deferred)
    assert outcome.read_back
    assert company.tenant.live.users.keys() == {"manager0001"}


def test_a_ban_is_not_argued_with(company: Company) -> None:
    wanted = person(1, company.unit())
    company.fail(Fault(kind=FaultKind.IP_BAN, interface=CREATE, nth=1))
    outcome = company.apply(wanted)
    assert isinstance(outcome, Deferred)
    assert outcome.whole_target
    assert outcome.retry_at >= NOW + timedelta(minutes=4)
    made = company.tenant.live.users.keys()
    assert made == {"manager0001"}


def test_a_used_up_quota_concerns_the_whole_target(company: Company) -> None:
    wanted = person(1, company.unit())
    company.fail(Fault(kind=FaultKind.QUOTA, interface=CREATE))
    outcome = company.apply(wanted)
    assert isinstance(outcome, Deferred)
    assert outcome.whole_target
    assert outcome.problem.code == "DNG-005"


def test_the_other_side_never_sees_more_calls_in_a_second_than_it_permits(opened: Open) -> None:
    company = opened(sandbox=SandboxEntry(qps=20))
    place = TargetId("1")

    async def work() -> list[Outcome]:
        return await asyncio.gather(*(company.target.apply(person(n, place), key=str(n)) for n in range(1, 66)))

    outcomes = company.run(work())
    assert company.target.sandbox is not None
    windows = company.target.sandbox.sandbox.gateway.windows.report(20)
    assert all(isinstance(outcome, Applied) for outcome in outcomes)
    assert max(window.highest for window in windows) <= 20
    assert sum(window.exceeded for window in windows) == 0


def test_a_reading_survives_faults_and_proves_the_same(company: Company) -> None:
    first = company.unit(1)
    second = company.unit(2, first)
    for number in range(1, 12):
        company.person(number, first, *([second] if number % 2 else []))
    expected = sorted(map(repr, company.everything()))
    company.fail(
        Fault(kind=FaultKind.HTTP_500, probability=0.1, times=2),
        Fault(kind=FaultKind.RESET, probability=0.1, times=2),
        Fault(kind=FaultKind.MALFORMED, probability=0.1, times=2, applied=True),
        Fault(kind=FaultKind.EXPIRED_TOKEN, probability=0.1, times=2),
    )
    assert sorted(map(repr, company.everything())) == expected
    assert company.target.observed().proven


# --- what the platform insists on -----------------------------------------------------------------------------------


def test_a_mobile_number_is_not_changed_unless_the_settings_allow_it(company: Company) -> None:
    who = company.person(1, company.unit())
    outcome = company.apply(change(Op.UPDATE, Kind.PERSON, "person:1", who, mobile="13800009999", title="New"))
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "DNG-024"
    assert company.tenant.live.users[who].title == "Buyer"


RECREATE_FAULTS = [
    [],
    [Fault(kind=FaultKind.RESET, interface=CREATE, nth=1, applied=True)],
    [Fault(kind=FaultKind.RESET, interface=CREATE, nth=1)],
    [Fault(kind=FaultKind.RESET, interface=DELETE, nth=1, applied=True)],
    [Fault(kind=FaultKind.RESET, interface=DELETE, nth=1)],
    [Fault(kind=FaultKind.THROTTLE, interface=DELETE, nth=1)],
    # After the account is gone nothing answers for a while: the next attempt of the queue finishes it.
    [Fault(kind=FaultKind.RESET, interface=CREATE, times=4)],
    [Fault(kind=FaultKind.QUOTA, interface=CREATE, nth=1)],
]


@pytest.mark.parametrize(
    "faults", RECREATE_FAULTS, ids=lambda faults: " ".join(fault.name for fault in faults) or "none"
)
def test_recreating_changes_the_number_and_keeps_what_can_be_kept(opened: Open, faults: list[Fault]) -> None:
    company = opened(mobile_change="recreate")
    place = company.unit()
    who = company.person(1, place)
    company.fail(*faults)
    outcome = company.settle(change(Op.UPDATE, Kind.PERSON, "person:1", who, mobile="13800009999"))
    seen = company.run(company.target.look(Kind.PERSON, who))
    assert isinstance(outcome, Applied), outcome
    assert (seen.fields["mobile"], seen.fields["title"]) == ("13800009999", "Buyer")
    assert seen.fields["departments"][0]["unit"] == place


def test_recreating_does_not_begin_where_the_number_is_taken(opened: Open) -> None:
    company = opened(mobile_change="recreate")
    place = company.unit()
    who = company.person(1, place)
    company.person(2, place)
    outcome = company.apply(change(Op.UPDATE, Kind.PERSON, "person:1", who, mobile="13800000002"))
    still_there = who in company.tenant.live.users
    assert isinstance(outcome, Rejected)
    assert still_there


def test_somebody_who_must_agree_first_is_pending_for_a_day(company: Company) -> None:
    place = company.unit()
    company.set(invite_all=True)
    outcome = company.apply(person(1, place))
    assert isinstance(outcome, Pending)
    assert outcome.target_id == "example-1"
    assert outcome.review_at == NOW + timedelta(hours=24)


def test_a_department_of_the_same_name_that_is_not_ours_is_named_and_left(company: Company) -> None:
    mine = company.unit(1)
    other = change(Op.CREATE, Kind.UNIT, "unit:99", name="Unit 1", parent="1")
    outcome = company.apply(other)
    assert isinstance(outcome, Rejected)
    assert mine in outcome.problem.what


def test_a_userid_that_somebody_else_has_is_rejected(company: Company) -> None:
    place = company.unit()
    company.person(1, place)
    clash = change(
        Op.CREATE,
        Kind.PERSON,
        "person:2",
        userid="example-1",
        name="X",
        mobile="13800000002",
        departments=({"unit": place},),
    )
    outcome = company.apply(clash, again=True)
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "DNG-021"


def test_a_number_that_somebody_has_is_told_with_its_account_and_without_the_number(company: Company) -> None:
    place = company.unit()
    company.person(1, place)
    clash = change(
        Op.CREATE,
        Kind.PERSON,
        "person:2",
        userid="example-2",
        name="X",
        mobile="13800000001",
        departments=({"unit": place},),
    )
    outcome = company.apply(clash)
    assert isinstance(outcome, Rejected)
    assert "example-1" in outcome.problem.what
    assert "13800000001" not in str(outcome.problem)


def test_a_department_that_is_not_there_yet_is_waited_for_shortly(company: Company) -> None:
    outcome = company.apply(person(1, TargetId("424242")))
    assert isinstance(outcome, Deferred)
    assert outcome.retry_at <= NOW + timedelta(seconds=10)
    assert not outcome.whole_target


def test_who_is_no_member_cannot_lead_yet(company: Company) -> None:
    first, second = company.unit(1), company.unit(2)
    boss = company.person(1, second)
    outcome = company.apply(change(Op.LINK, Kind.UNIT, "unit:1", first, managers=(boss,)))
    assert isinstance(outcome, Deferred)
    assert outcome.problem.code == "DNG-043"


def test_only_departments_that_we_made_are_removed(company: Company) -> None:
    from syncd_dingtalk import api

    made = company.run(company.target.api.call(api.DEPARTMENT_CREATE, name="By hand", parent_id=1))
    outcome = company.apply(change(Op.REMOVE, Kind.UNIT, "unit:1", TargetId(str(made.dept_id))))
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "DNG-051"


def test_a_department_with_departments_below_is_kept_even_where_dingtalk_would_remove_them(company: Company) -> None:
    above = company.unit(1)
    company.unit(2, above)
    company.set(cascade_department_delete=True)
    outcome = company.apply(change(Op.REMOVE, Kind.UNIT, "unit:1", above))
    assert isinstance(outcome, Rejected)
    assert len(company.tenant.live.departments) == 3


def test_the_root_is_never_written(company: Company) -> None:
    for op in (Op.UPDATE, Op.REMOVE):
        outcome = company.apply(change(op, Kind.UNIT, "unit:root", TargetId("1"), name="Mine"))
        assert isinstance(outcome, Rejected)


def test_administrators_are_protected_and_not_removed(company: Company) -> None:
    outcome = company.apply(change(Op.REMOVE, Kind.PERSON, "person:1", TargetId("manager0001")))
    assert isinstance(outcome, Rejected)
    assert [seen.protected for seen in company.everything() if seen.target_id == "manager0001"] == [True]


def test_a_leaver_who_is_gone_already_counts_as_done(company: Company) -> None:
    gone = TargetId("nobody")
    for op in (Op.REMOVE, Op.OFFBOARD):
        assert isinstance(company.apply(change(op, Kind.PERSON, "person:9", gone, title="x")), Applied)
    assert isinstance(company.apply(change(Op.UPDATE, Kind.PERSON, "person:9", gone, title="x")), Rejected)


def test_orders_within_a_department_are_turned_around_on_the_way(company: Company) -> None:
    place = company.unit()
    for number in (1, 2):
        wanted = person(number, place)
        fields = {item.name: item.after for item in wanted.fields} | {
            "departments": ({"unit": place, "order": number},)
        }
        company.apply(change(Op.CREATE, Kind.PERSON, f"person:{number}", **fields))
    assert company.tenant.live.ranked(int(place)) == ["example-1", "example-2"]
    seen = company.run(company.target.look(Kind.PERSON, TargetId("example-2")))
    assert seen.fields["departments"][0]["order"] == 2


def test_extension_keys_of_others_survive(company: Company) -> None:
    who = company.person(1, company.unit())
    company.apply(change(Op.UPDATE, Kind.PERSON, "person:1", who, extension={"theirs": "1", "ours": "2"}))
    company.apply(change(Op.UPDATE, Kind.PERSON, "person:1", who, extension={"ours": "3"}))
    seen = company.run(company.target.look(Kind.PERSON, who))
    assert seen.fields["extension"] == {"theirs": "1", "ours": "3"}


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
    from syncd.config.secrets import Secret

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
    from syncd.config.secrets import Secret

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
