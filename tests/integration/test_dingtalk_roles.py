"""Roles in the sandbox, over HTTP: made, given and taken in the platform's portions, and read back where an answer is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from servers.dingtalk import NOW, Company, change, companies
from servers.dingtalk import person as example
from syncd.core.difference import units_of
from syncd.core.model import Change, FieldChange, Kind, Op, TargetId
from syncd.core.outcome import Applied, Outcome, Rejected
from syncd.core.ports import Room
from syncd_dingtalk import DingTalk
from syncd_dingtalk.roles import MOST_GIVEN, MOST_ROLES
from syncd_dingtalk.sandbox.faults import Fault, FaultKind
from syncd_dingtalk.settings import DingTalkSettings, SandboxEntry

GIVE, TAKE, ADD, GROUP = (
    "/topapi/role/addrolesforemps",
    "/topapi/role/removerolesforemps",
    "/role/add_role",
    "/role/add_role_group",
)
WANTED = {Kind.PERSON: frozenset({"roles"}), Kind.GROUP: frozenset({"name", "role_group"})}


@pytest.fixture
def company() -> Iterator[Company]:
    with companies(WANTED) as opening:
        yield opening(timeout=10)


def role(company: Company, number: int = 1, group: str = "Example Roles") -> TargetId:
    outcome = company.apply(make(number, group))
    assert isinstance(outcome, Applied), outcome
    return outcome.target_id


def make(number: int = 1, group: str = "Example Roles") -> Change:
    return change(Op.CREATE, Kind.GROUP, f"group:{number}", name=f"Role {number}", role_group=group)


def give(person: TargetId, *roles: str, taking: tuple[str, ...] = (), op: Op = Op.ROLES) -> Change:
    field = FieldChange(name="roles", before=taking, after=tuple(roles))
    return replace(change(op, Kind.PERSON, f"person:{person}", person), fields=(field,))


def holders(company: Company, role: str) -> set[str]:
    return set(company.tenant.roles[int(role)].holders)


def together(company: Company, changes: list[Change]) -> list[Outcome]:
    async def all_of_them() -> list[Outcome]:
        return await asyncio.gather(*(company.target.apply(one, key=one.subject) for one in changes))

    found: list[Outcome] = company.run(all_of_them())
    return found


def test_two_roles_of_one_new_group_make_it_once(company: Company) -> None:
    together(company, [make(1), make(2)])

    assert [group.name for group in company.tenant.role_groups.values()].count("Example Roles") == 1
    assert {one.name for one in company.tenant.roles.values() if not one.system} == {"Role 1", "Role 2"}


def test_people_who_are_given_the_same_roles_at_once_share_calls(company: Company) -> None:
    place, one = company.unit(), role(company)
    people = [company.person(number, place) for number in range(1, 31)]

    outcomes = together(company, [give(person, one) for person in people])

    assert all(isinstance(outcome, Applied) for outcome in outcomes)
    assert holders(company, one) == set(people)
    assert company.calls(GIVE) <= 1 + -(-30 // MOST_GIVEN) + 1


def test_somebody_who_is_refused_does_not_keep_the_others_from_their_roles(company: Company) -> None:
    place, one = company.unit(), role(company)
    people = [company.person(number, place) for number in range(1, 6)]

    outcomes = together(company, [give(person, one) for person in (*people, TargetId("nobody"))])

    assert [type(outcome) for outcome in outcomes] == [Applied] * 5 + [Rejected]
    assert holders(company, one) == set(people)


def test_more_roles_than_one_call_takes_are_given_in_several(company: Company) -> None:
    person = company.person(1, company.unit())
    roles = [role(company, number) for number in range(1, MOST_ROLES + 3)]

    assert isinstance(company.apply(give(person, *roles)), Applied)

    assert all(holders(company, one) == {person} for one in roles)
    assert company.calls(GIVE) == 2


def test_old_roles_go_before_new_ones_come(company: Company) -> None:
    person, old, new = company.person(1, company.unit()), role(company, 1), role(company, 2)
    company.apply(give(person, old))

    company.fail(Fault(kind=FaultKind.ERRCODE, interface=GIVE, code=43007))
    company.apply(give(person, new, taking=(old,)))

    assert holders(company, old) == set()


@pytest.mark.parametrize("path", [GIVE, ADD, GROUP])
def test_a_lost_answer_is_read_back_and_nothing_is_done_twice(company: Company, path: str) -> None:
    person = company.person(1, company.unit())

    company.fail(Fault(kind=FaultKind.RESET, interface=path, applied=True, nth=1))
    made = company.settle(make())
    assert isinstance(made, Applied)
    given = company.settle(give(person, made.target_id))

    assert isinstance(given, Applied)
    assert holders(company, made.target_id) == {person}
    assert company.calls(path) == 1


def test_a_leaver_is_put_out_of_sight_though_roles_cannot_be_taken_and_is_not_done_before_they_are(
    company: Company,
) -> None:
    place, hidden, one = company.unit(1), company.unit(2), role(company)
    person = company.person(1, place)
    company.apply(give(person, one))
    leave = give(person, taking=(one,), op=Op.OFFBOARD)
    leave = replace(
        leave, fields=(*leave.fields, FieldChange(name="departments", before=None, after=({"unit": hidden},)))
    )

    company.fail(Fault(kind=FaultKind.ERRCODE, interface=TAKE, code=43007))
    first = company.apply(leave)
    seen = company.run(company.target.look(Kind.PERSON, person))
    company.fail()

    assert not isinstance(first, Applied)
    assert seen is not None
    assert units_of(seen.fields["departments"]) == {hidden}
    assert isinstance(company.settle(leave), Applied)
    assert holders(company, one) == set()


def test_roles_of_the_platform_are_neither_seen_nor_made_nor_given(company: Company) -> None:
    person = company.person(1, company.unit())
    system = next(str(one.role_id) for one in company.tenant.roles.values() if one.system)

    seen = [each for each in company.everything() if each.kind is Kind.GROUP]
    made = company.apply(make(1, group="默认"))
    given = company.apply(give(person, system))

    assert seen == []
    assert isinstance(made, Rejected)
    assert isinstance(given, Rejected)
    assert {made.problem.code, given.problem.code} == {"DNG-058"}


def test_a_name_that_is_taken_is_told_and_what_was_there_stays(company: Company) -> None:
    role(company)

    outcome = company.apply(make())

    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "DNG-056"


def test_more_groups_and_holders_than_a_page_are_read(company: Company) -> None:
    place, one = company.unit(), role(company)
    people = [company.person(number, place) for number in range(1, 106)]
    together(company, [give(person, one) for person in people])

    seen = [each for each in company.everything() if each.kind is Kind.PERSON and each.fields.get("roles")]

    assert {each.target_id for each in seen} == set(people)
    assert company.target.observed().proven


def test_a_role_that_others_have_given_is_taken_from_them_before_it_is_removed(company: Company) -> None:
    person, one = company.person(1, company.unit()), role(company)
    company.apply(give(person, one))

    outcome = company.apply(change(Op.REMOVE, Kind.GROUP, "group:1", one))

    assert isinstance(outcome, Applied)
    assert company.calls(TAKE) == 1
    assert int(one) not in company.tenant.roles


def test_without_rules_for_roles_nobody_is_asked_for_them() -> None:
    target = DingTalk(
        DingTalkSettings(sandbox=SandboxEntry(qps=None)), Room(name="dingtalk", now=lambda: NOW, base=Path())
    )
    with asyncio.Runner() as runner:
        runner.run(target.__aenter__())
        company = Company(target=target, run=runner.run)
        company.apply(example(1, company.unit()))

        seen = company.everything()

        assert company.calls("/topapi/role/list") == 0
        assert not any("roles" in each.fields for each in seen)
        runner.run(target.__aexit__(None, None, None))
