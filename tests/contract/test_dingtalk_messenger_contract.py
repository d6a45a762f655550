"""DingTalk tells people by to-dos, and keeps every rule of messengers by it, against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest

from servers.dingtalk import connected
from syncd.core.errors import NeedsHuman
from syncd.core.model import TargetId
from syncd.core.ports import Room
from syncd.core.reaching import Reaching
from syncd.testing.messenger import Letter, MessengerContract, Post, send
from syncd_dingtalk import DingTalk
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings
from syncd_dingtalk.sandbox.faults import Fault, FaultKind
from syncd_dingtalk.sandbox.records import App, Membership, User

TODOS = "/v1.0/todo/users/{unionId}/tasks"


class DingTalkPost(Post):
    """The sandbox, with two members."""

    secrets: ClassVar[tuple[str, ...]] = (SandboxSettings().app_secret,)

    def __init__(self, server: SandboxServer) -> None:
        self.server = server
        for number, person in enumerate(self.people):
            user = User(
                userid=person,
                unionid=f"union-{person}",
                name=f"Example {person}",
                mobile=f"1380000000{number}",
                state_code="86",
                memberships=(Membership(dept_id=1, order=1),),
                created_at=0,
                modified_at=0,
            )
            server.tenant.put("users", person, user)

    def open(self) -> DingTalk:
        room = Room(name="dingtalk", now=lambda: datetime.now(UTC), base=Path())
        return connected(self.server, room)

    def got(self, person: TargetId) -> list[Letter]:
        todos = self.server.tenant.todos.values()
        return [(one.subject, one.description) for one in todos if one.executor_ids == (f"union-{person}",)]

    def fail(self, kind: FaultKind, *, applied: bool = False, code: int = -1, interface: str = TODOS) -> None:
        fault = Fault(kind=kind, interface=interface, applied=applied, code=code)
        self.server.sandbox.gateway.faults.set([fault])

    def trouble(self) -> None:
        self.fail(FaultKind.BUSY)

    def lose_the_answer(self) -> bool:
        self.fail(FaultKind.RESET, applied=True)
        return True

    def heal(self) -> None:
        self.server.sandbox.gateway.faults.set([])


@pytest.fixture
def post() -> Iterator[DingTalkPost]:
    with SandboxServer(SandboxSettings(qps=None)) as server:
        yield DingTalkPost(server)


class TestDingTalkKeepsTheContract(MessengerContract):
    @pytest.fixture
    def post(self) -> Iterator[DingTalkPost]:
        with SandboxServer(SandboxSettings(qps=None)) as server:
            yield DingTalkPost(server)


def test_dingtalk_is_a_target_that_reaches_its_people(post: DingTalkPost) -> None:
    assert isinstance(post.open(), Reaching)


def test_a_todo_opens_the_page_of_the_settings_and_is_seen_by_its_reader_only(post: DingTalkPost) -> None:
    send(post, "k1", post.people)

    todos = list(post.server.tenant.todos.values())
    assert [one.creator_id for one in todos] == [one.executor_ids[0] for one in todos] == ["union-ada", "union-budi"]
    assert len({one.source_id for one in todos}) == 2


def test_a_refusal_for_good_is_told_with_its_code_and_what_to_do(post: DingTalkPost) -> None:
    ada, _ = post.people
    post.fail(FaultKind.ERRCODE, code=40035)

    with pytest.raises(NeedsHuman) as caught:
        send(post, "k1", [ada])

    assert (caught.value.problem.code, "todo_link" in caught.value.problem.do) == ("DNG-089", True)
    assert post.got(ada) == []


@pytest.mark.parametrize("right", ["Todo.Todo.Write", "Todo.Todo.Read"])
def test_a_right_that_is_missing_is_named_and_what_is_there_is_not_made_twice(post: DingTalkPost, right: str) -> None:
    ada, _ = post.people
    tenant, key = post.server.tenant, post.server.settings.app_key
    whole = tenant.apps[key]
    send(post, "k1", [ada])
    limited = App(app_key=key, app_secret=whole.app_secret, permissions=whole.permissions - {right})
    tenant.put("apps", key, limited)

    with pytest.raises(NeedsHuman) as caught:
        send(post, "k1", [ada])

    assert right in str(caught.value)
    tenant.put("apps", key, whole)
    assert send(post, "k1", [ada]) == frozenset()
    assert len(post.got(ada)) == 1
