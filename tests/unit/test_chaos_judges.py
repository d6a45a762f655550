"""Who judges a chaos journey can find something: each of them is shown what is wrong, and what is not."""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace
from typing import Any, cast

import pytest

from support import chaos_judges as judges
from support.chaos_directory import TRACKED, Company

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


def company(*, titles: list[str] | None = None, absences: list[float] | None = None) -> Company:
    history: defaultdict[str, dict[str, list[str]]] = defaultdict(lambda: {name: [""] for name in TRACKED})
    history["7"]["title"] = titles or [""]
    return cast("Company", SimpleNamespace(history=history, absences={"7": absences or []}))


def modified(before: str, after: str) -> Any:
    told = {"userid": "7", "prev": {"title": before}, "curr": {"title": after}}
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


@pytest.mark.parametrize(("highest", "exceeded", "wrong"), [(20, 0, 0), (21, 0, 1), (20, 1, 1)])
def test_a_call_too_many_is_found(highest: int, exceeded: int, wrong: int) -> None:
    window = {"interface": UPDATE, "limit": 20, "highest": highest, "exceeded": exceeded}
    assert len(judges.excesses([window])) == wrong


def test_pictures_of_tenants_with_other_ids_are_the_same_and_another_place_is_not() -> None:
    def state(unit: int, title: str = "Buyer") -> Any:
        units = [
            {"dept_id": 1, "name": "Company", "managers": []},
            {"dept_id": unit, "parent_id": 1, "name": "Sales", "managers": ["7"]},
        ]
        return {"departments": units, "users": [{"userid": "7", "title": title, "memberships": [{"dept_id": unit}]}]}

    assert judges.differences(judges.picture(state(5)), judges.picture(state(9))) == []
    assert judges.differences(judges.picture(state(5)), judges.picture(state(5, "Clerk"))) == [
        "person 7: title is 'Buyer' instead of 'Clerk'"
    ]
