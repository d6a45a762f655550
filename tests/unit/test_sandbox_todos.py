"""The sandbox's to-dos: one for each key of an app, within the limits of the platform."""

from __future__ import annotations

from typing import Any

import pytest

from desks.sandbox import Desk

LINK = {"appUrl": "https://example.com/", "pcUrl": "https://example.com/"}


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made.user("ann", "1")
    return made


def ann(desk: Desk) -> str:
    return desk.tenant.live.users["ann"].unionid


def make(desk: Desk, **changes: Any) -> tuple[int, Any]:
    one = ann(desk)
    todo = {"sourceId": "k1", "subject": "Read", "executorIds": [one], "creatorId": one, "detailUrl": LINK, **changes}
    return desk.new("POST", f"/v1.0/todo/users/{one}/tasks", **todo)


def test_a_todo_is_found_by_its_key_and_made_once(desk: Desk) -> None:
    status, made = make(desk)
    assert (status, made["subject"], made["executorIds"]) == (200, "Read", [ann(desk)])

    status, refused = make(desk, subject="Another")
    assert (status, refused["message"]) == (400, "task exist")

    status, found = desk.new("GET", f"/v1.0/todo/users/{ann(desk)}/tasks/sources/k1")
    assert (status, found["id"], len(desk.tenant.todos)) == (200, made["id"], 1)
    assert desk.new("GET", f"/v1.0/todo/users/{ann(desk)}/tasks/sources/k2")[0] == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": ""},
        {"subject": "例" * 1_025},
        {"description": "例" * 4_097},
        {"detailUrl": None},
        {"detailUrl": {"appUrl": "https://example.com/" + "a" * 1_024, "pcUrl": "https://example.com/"}},
        {"executorIds": ["nobody"]},
        {"executorIds": ["nobody"] * 101},
    ],
)
def test_what_the_platform_does_not_take_is_refused(desk: Desk, changes: dict[str, Any]) -> None:
    status, answer = make(desk, **changes)

    assert (status, answer["code"], desk.tenant.todos) == (400, "todo.taskCreate.paramError", {})


def test_todos_of_another_app_have_keys_of_their_own(desk: Desk) -> None:
    make(desk)
    desk.control("POST", "admin/app", {"app_key": "other", "app_secret": "other-secret"})
    desk.token = desk.fresh_token("other", "other-secret")

    assert make(desk)[0] == 200
