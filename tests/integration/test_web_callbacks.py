"""The address that the target calls: what is kept is answered, what is not is refused, and nobody is told more than that."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from support.web import CLIENT, Door, settings
from syncd.core.callbacks import NotTheirs
from syncd.core.errors import Misconfigured, NeedsHuman, TryAgain, message
from syncd.web.bodies import BODY_LIMIT

FORGED = message("XXX-872", what="Its signature does not fit.", do="Look.", example="a test")
NOT_WELL = message("XXX-873", what="The disk is full.", do="Make room.", example="a test")
ANSWER = b'{"encrypt": "success, sealed"}'


class Target:
    """What takes calls: it remembers them, and raises what it is told to."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Mapping[str, str], bytes]] = []
        self.error: Exception | None = None

    async def take(self, target: str, query: Mapping[str, str], body: bytes) -> bytes | None:
        if self.error is not None:
            raise self.error
        if target != "dingtalk":
            return None
        self.calls.append((target, query, body))
        return ANSWER


@pytest.fixture
def target() -> Target:
    return Target()


@pytest.fixture
def door(target: Target) -> Iterator[Door]:
    with Door(settings(webhooks={}), called=target.take) as running:
        yield running


def call(door: Door, body: bytes = b"{}", *, to: str = "dingtalk") -> httpx.Response:
    return CLIENT.post(f"{door.url}/v1/dingtalk/{to}?msg_signature=5&timestamp=1&nonce=n", content=body)


def told(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()["code"]


def test_a_call_is_handed_on_with_its_query_and_answered_as_the_target_wants_it(door: Door, target: Target) -> None:
    answer = call(door, b'{"encrypt": "x"}')
    assert (answer.status_code, answer.content) == (200, ANSWER)
    assert answer.headers["content-type"] == "application/json"
    assert target.calls == [("dingtalk", {"msg_signature": "5", "timestamp": "1", "nonce": "n"}, b'{"encrypt": "x"}')]
    assert 'route="/v1/dingtalk/{target}",status="200"' in CLIENT.get(f"{door.url}/metrics").text


def test_who_is_not_the_target_is_refused_and_not_told_why(door: Door, target: Target) -> None:
    target.error = NotTheirs(FORGED.at())
    with capture_logs() as logs:
        answers = [call(door, b"a secret of somebody") for _ in range(3)]
    assert [told(answer) for answer in answers] == [(403, "WEB-028")] * 3
    assert "signature does not fit" not in "".join(answer.text for answer in answers)
    assert [line["what"] for line in logs if line["event"] == "callback.refused"] == ["Its signature does not fit."]
    assert "somebody" not in str(logs)


@pytest.mark.parametrize(
    ("error", "after"),
    [
        (TryAgain(NOT_WELL.at(), after=timedelta(seconds=42)), "42"),
        (NeedsHuman(NOT_WELL.at()), "5"),
        (Misconfigured([NOT_WELL.at()]), "5"),
        (OSError("No space left on device"), "5"),
    ],
)
def test_what_cannot_be_kept_is_not_acknowledged(door: Door, target: Target, error: Exception, after: str) -> None:
    target.error = error
    answer = call(door)
    assert told(answer) == (503, "WEB-022")
    assert answer.headers["retry-after"] == after
    assert "disk" not in answer.text
    target.error = None
    assert call(door).status_code == 200


def test_another_name_another_method_and_too_much_are_problems(door: Door, target: Target) -> None:
    assert told(call(door, to="elsewhere")) == (404, "WEB-023")
    assert told(CLIENT.get(f"{door.url}/v1/dingtalk/dingtalk")) == (405, "WEB-024")
    assert told(call(door, b"x" * (BODY_LIMIT + 1))) == (413, "WEB-016")
    assert target.calls == []


def test_it_is_answered_only_after_it_was_kept() -> None:
    order: list[str] = []

    async def slowly(*_: Any) -> bytes:
        await asyncio.sleep(0.1)
        order.append("kept")
        return ANSWER

    with Door(settings(webhooks={}), called=slowly) as door:
        assert call(door).status_code == 200
        order.append("answered")
    assert order == ["kept", "answered"]


def test_where_the_target_does_not_call_there_is_no_such_address() -> None:
    with Door(settings(webhooks={})) as door:
        assert told(call(door)) == (404, "WEB-023")
