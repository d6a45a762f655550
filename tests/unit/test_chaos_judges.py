"""Who judges a chaos journey can find something: each of them is shown what is wrong, and what is not."""

from __future__ import annotations

from collections import defaultdict
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest

from support import chaos_judges as judges
from support.chaos_directory import TRACKED, Company
from support.chaos_exchange import Exchanges

UPDATE = "/topapi/v2/user/update"
DELETE = "/topapi/v2/user/delete"
CREATE = "/topapi/v2/user/create"


def call(interface: str, *, applied: bool = True, errcode: str = "0", at: float = 10.0, who: str = "7") -> Any:
    return {
        "sequence": 1,
        "interface": interface,
        "ids": {"userid": who},
        "digest": f"{interface} {who}",
        "applied": applied,
        "errcode": errcode,
        "at_monotonic": at,
    }


def company(
    *, titles: list[str] | None = None, mails: list[str] | None = None, absences: list[float] | None = None
) -> Company:
    history: defaultdict[str, dict[str, list[str]]] = defaultdict(lambda: {name: [""] for name in TRACKED})
    history["7"] |= {"title": titles or [""], "mail": mails or [""]}
    exchanges = Exchanges(Random(1))
    return cast("Company", SimpleNamespace(history=history, absences={"7": absences or []}, exchanges=exchanges))


def modified(before: str, after: str, field: str = "title") -> Any:
    told = {"userid": "7", "prev": {field: before}, "curr": {field: after}}
    return {"type": "user_modify_org", "data": {"diffInfo": told}}


@pytest.mark.parametrize(
    ("calls", "wrong"),
    [
        ([call(CREATE), call(UPDATE), call(DELETE), call(CREATE)], 0),
        ([call(CREATE), call(CREATE)], 1),
        ([call(UPDATE), call(UPDATE, applied=False)], 1),
        ([call(UPDATE, who="8"), call(UPDATE, applied=False)], 0),
        ([call(UPDATE, applied=False, errcode="-1")], 0),
        ([call("/topapi/v2/department/create"), call("/topapi/v2/department/create")], 1),
    ],
)
def test_what_was_done_twice_is_found(calls: list[Any], wrong: int) -> None:
    assert len(judges.repetitions(calls)) == wrong


@pytest.mark.parametrize(
    ("absences", "deletions", "wrong"),
    [
        ([], [10.0], 1),
        ([5.0], [10.0], 0),
        ([11.0], [10.0], 1),
        ([5.0], [10.0, 12.0], 1),
        ([5.0, 11.0], [10.0, 12.0], 0),
    ],
)
def test_who_was_removed_while_in_the_directory_is_found(
    absences: list[float], deletions: list[float], wrong: int
) -> None:
    assert len(judges.removals([call(DELETE, at=at) for at in deletions], company(absences=absences))) == wrong


@pytest.mark.parametrize(
    ("seen", "wrong"),
    [
        ([("a", "b"), ("b", "c")], 0),
        ([("a", "c")], 0),
        ([("a", "c"), ("c", "b")], 1),
        ([("a", "d")], 1),
    ],
)
def test_values_in_another_order_than_the_directorys_are_found(seen: list[tuple[str, str]], wrong: int) -> None:
    assert len(judges.disorder([modified(*pair) for pair in seen], company(titles=["a", "b", "c"]))) == wrong


def test_only_who_passes_an_address_on_may_be_without_one_for_a_moment() -> None:
    seen = [modified("a", "", "email"), modified("", "b", "email")]
    theirs = company(mails=["a", "b"])
    assert len(judges.disorder(seen, theirs)) == 1
    theirs.exchanges.parties.add(("7", "mail"))
    assert judges.disorder(seen, theirs) == []


@pytest.mark.parametrize("seed", range(8))
def test_after_every_exchange_each_has_another_value_and_no_two_have_the_same(seed: int) -> None:
    exchanges = Exchanges(Random(seed))
    held = {"7": "a", "8": "b", "9": "c", "10": ""}
    given = exchanges.begin("mail", list(held.items()))
    owed = {one.number for one in exchanges.owed}
    again = exchanges.begin("mail", list(held.items()))
    assert owed.isdisjoint(one.number for one in again), "who is owed an address is left alone"
    assert exchanges.begin("mail", [("10", ""), ("7", "a")]) == []
    exchanges.owed = [one for one in exchanges.owed if one.number in owed]
    while (gift := exchanges.go_on()) is not None:
        given.append(gift)
    after = held | {one.number: one.value for one in given}
    assert len(given) in (2, 3)
    assert sorted(after.values()) == sorted(held.values())
    assert all(after[one.number] != held[one.number] for one in given)


@pytest.mark.parametrize(("highest", "exceeded", "wrong"), [(20, 0, 0), (21, 1, 0), (22, 1, 1), (21, 2, 1)])
def test_calls_too_many_are_found_and_one_that_was_a_moment_early_is_forgiven(
    highest: int, exceeded: int, wrong: int
) -> None:
    window = {"interface": UPDATE, "limit": 20, "highest": highest, "exceeded": exceeded, "calls": 900}
    assert len(judges.excesses([window])) == wrong


def test_pictures_of_tenants_with_other_ids_are_the_same_and_another_place_is_not() -> None:
    def state(unit: int, title: str = "Buyer", called: str = "Example") -> Any:
        units = [
            {"dept_id": 1, "name": "Company", "managers": []},
            {"dept_id": unit, "parent_id": 1, "name": "Sales", "managers": ["7"]},
        ]
        user = {"userid": "7", "title": title, "memberships": [{"dept_id": unit}]}
        contact = {"userid": f"contact {unit}", "mobile": "13800000001", "follower_user_id": "7", "name": called}
        return {"departments": units, "users": [user], "contacts": [contact]}

    assert judges.differences(judges.picture(state(5)), judges.picture(state(9))) == []
    assert judges.differences(judges.picture(state(5)), judges.picture(state(5, "Clerk"))) == [
        "person 7: title is 'Buyer' instead of 'Clerk'"
    ]
    assert judges.differences(judges.picture(state(5)), judges.picture(state(5, called="Other"))) == [
        "contact 13800000001: name is 'Example' instead of 'Other'"
    ]
