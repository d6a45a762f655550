"""The DingTalk target against the sandbox when things go wrong: every fault at every write ends in the same company."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from servers.dingtalk import NOW, Company, Open, change, companies, person, picture, unit
from syncd.core.model import Change, Kind, Op, TargetId
from syncd.core.outcome import Applied, Deferred, Outcome
from syncd.core.values import Value
from syncd_dingtalk.sandbox.faults import Fault, FaultKind
from syncd_dingtalk.settings import SandboxEntry

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


@pytest.mark.parametrize(
    ("fault", "alone"),
    [
        (Fault(kind=FaultKind.BUSY, interface=CREATE), True),
        (Fault(kind=FaultKind.HTTP_503, interface=CREATE), True),
        (Fault(kind=FaultKind.ERRCODE, interface=CREATE, code=60011), True),
        (Fault(kind=FaultKind.ERRCODE, interface=CREATE, code=60020), False),
        (Fault(kind=FaultKind.QUOTA, interface=CREATE), False),
        (Fault(kind=FaultKind.IP_BAN, interface=CREATE, nth=1), False),
    ],
    ids=["busy", "broken", "no permission", "address not allowed", "quota", "ban"],
)
def test_what_is_wrong_with_one_interface_is_told_from_what_is_wrong_with_all(
    company: Company, fault: Fault, alone: bool
) -> None:
    wanted = person(1, company.unit())
    company.fail(fault)
    outcome = company.apply(wanted)
    assert isinstance(outcome, Deferred)
    assert (outcome.whole_target, outcome.one_interface) == (True, alone)


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


STEPS = ("create", "move", "rename", "lead", "leave")


def _step(company: Company, word: str, number: int, units: list[TargetId]) -> Change | None:
    """Return a change that is possible now, None where it is not."""
    who = TargetId(f"example-{number}")
    there = who in company.tenant.live.users
    subject, place = f"person:{number}", units[number % len(units)]
    if word == "create":
        return None if there else person(number, place)
    if not there:
        return None
    fields: dict[str, dict[str, Value]] = {
        "move": {"departments": ({"unit": units[(number + 1) % len(units)]},)},
        "rename": {"name": f"Renamed {number}", "title": None},
        "lead": {"manager": "manager0001"},
    }
    if word == "leave":
        return change(Op.REMOVE, Kind.PERSON, subject, who)
    return change(Op.UPDATE, Kind.PERSON, subject, who, **fields[word])


@pytest.mark.slow
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 3)), min_size=1, max_size=8),
    kinds=st.lists(
        st.sampled_from(
            [
                (FaultKind.RESET, True),
                (FaultKind.RESET, False),
                (FaultKind.HTTP_500, True),
                (FaultKind.BUSY, False),
                (FaultKind.MALFORMED, True),
                (FaultKind.EXPIRED_TOKEN, False),
            ]
        ),
        min_size=1,
        max_size=3,
    ),
)
def test_whatever_fails_in_between_the_same_changes_lead_to_the_same_company(
    steps: list[tuple[str, int]], kinds: list[tuple[FaultKind, bool]]
) -> None:
    with companies() as opening:
        calm, stormy = opening(), opening()
        places = [[each.unit(1), each.unit(2)] for each in (calm, stormy)]
        stormy.fail(*(Fault(kind=kind, applied=applied, probability=0.25, times=4) for kind, applied in kinds))
        for word, number in steps:
            for company, units in zip((calm, stormy), places, strict=True):
                wanted = _step(company, word, number, units)
                assert wanted is None or isinstance(company.settle(wanted), Applied)
        stormy.fail()
        assert picture(stormy) == picture(calm)
        assert stormy.target.observed().proven
