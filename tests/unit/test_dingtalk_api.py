"""One way to call: what is repeated within seconds, what never is, and what nobody gets to see."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import msgspec
import pytest

from syncd.config.secrets import Secret
from syncd.core.errors import NeedsHuman, OutcomeUnknown, TryAgain
from syncd.http import LOST, UNREACHED, Answer, AnswerLost, Client, NotSent, Unsent
from syncd_dingtalk import api as a
from syncd_dingtalk.api import Api, Refused
from syncd_dingtalk.rate import RatePlan

Said = bytes | Exception
YES = b'{"errcode":0,"errmsg":"ok","result":{"userid":"u1","name":"Example"},"request_id":"r1"}'
TOKEN_REFUSED = b'{"errcode":88,"sub_code":"40014","sub_msg":"bad","request_id":"r2"}'
BUSY = b'{"errcode":-1,"errmsg":"busy"}'
NOBODY = b'{"errcode":60121,"errmsg":"nobody","request_id":"r3"}'
PAGE = b"<html>no</html>"
HALF = YES[:30]


def lost() -> AnswerLost:
    return AnswerLost(LOST.at(host="oapi", why="reset"))


def unsent() -> NotSent:
    return NotSent(UNREACHED.at(host="oapi", why="refused"), Unsent.CONNECTION)


class Line:
    """A client that says what it was told to say, and remembers what it was asked."""

    def __init__(self, *said: Said) -> None:
        self.said = list(said)
        self.asked: list[tuple[str, str, object]] = []
        self.tokens = 0
        self.headers: Mapping[str, str] = {}

    async def send(
        self, method: str, url: str, *, json: object = msgspec.UNSET, headers: Mapping[str, str] | None = None
    ) -> Answer:
        self.headers = headers or {}
        if url.endswith(a.TOKEN_PATH):
            self.tokens += 1
            assert isinstance(json, Mapping)
            assert json["appSecret"] == "hush-hush"
            return _answer(msgspec.json.encode({"accessToken": f"token-{self.tokens}", "expireIn": 7200}))
        self.asked.append((method, url, json))
        said = self.said.pop(0) if len(self.said) > 1 else self.said[0]
        if isinstance(said, Exception):
            raise said
        return _answer(said)


def _answer(content: bytes, status: int = 200) -> Answer:
    return Answer(status=status, headers={}, content=content)


def talk(line: Line, work: Callable[[Api], Awaitable[Any]]) -> Any:
    """Run `work` with an interface on that line."""

    async def inner() -> Any:
        api = Api(
            cast("Client", line),
            RatePlan(qps=None, address_calls=None),
            base_url="https://oapi.example/",
            new_base_url="https://api.example",
            credentials=lambda: ("key", Secret.literal("hush-hush")),
        )
        return await work(api)

    return asyncio.run(inner())


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """tenacity sleeps between repetitions; how long is not what is tested here."""
    sleep = asyncio.sleep

    async def short(seconds: float) -> None:
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", short)


def test_a_call_carries_the_token_and_gives_the_typed_answer() -> None:
    line = Line(YES)
    person = talk(line, lambda api: api.call(a.USER_GET, userid="u1"))
    assert person.name == "Example"
    assert line.asked == [("POST", "https://oapi.example/topapi/v2/user/get?access_token=token-1", {"userid": "u1"})]


def test_a_refused_token_is_fetched_again_once() -> None:
    line = Line(TOKEN_REFUSED, YES)
    talk(line, lambda api: api.call(a.USER_UPDATE, userid="u1"))
    assert [url[-7:] for _, url, _ in line.asked] == ["token-1", "token-2"]


def test_a_token_refused_twice_is_for_a_person_to_look_at() -> None:
    line = Line(TOKEN_REFUSED)
    with pytest.raises(NeedsHuman) as told:
        talk(line, lambda api: api.call(a.USER_GET, userid="u1"))
    assert told.value.problem.code == "DNG-006"
    assert len(line.asked) == 2
    assert "token-" not in str(told.value)


def test_tokens_refused_twice_after_one_was_accepted_are_the_platforms_disorder_and_tried_again() -> None:
    line = Line(YES, TOKEN_REFUSED)

    async def work(api: Api) -> None:
        await api.call(a.USER_GET, userid="u1")
        with pytest.raises(TryAgain) as told:
            await api.call(a.USER_GET, userid="u2")
        assert told.value.problem.code == "DNG-006"

    talk(line, work)
    assert len(line.asked) == 3


def test_a_token_that_others_could_use_until_it_was_refused_is_fetched_again() -> None:
    """While many call at once, and tokens are taken away one after the other, nobody has to look at anything."""
    line = Line(TOKEN_REFUSED, YES, TOKEN_REFUSED, YES)
    answered, others = line.send, ["u2"]

    async def work(api: Api) -> Any:
        async def send(method: str, url: str, **words: Any) -> Answer:
            if url.endswith("token-2") and others:
                await api.call(a.USER_GET, userid=others.pop())
            return await answered(method, url, **words)

        line.send = send  # type: ignore[method-assign]
        return await api.call(a.USER_UPDATE, userid="u1")

    talk(line, work)
    assert [url[-7:] for _, url, _ in line.asked] == ["token-1", "token-2", "token-2", "token-3"]


@pytest.mark.parametrize("said", [lost(), BUSY, HALF, PAGE, b"", b"[]", b'{"errcode":0,"result":{"nothing":1}}'])
def test_a_write_that_may_have_happened_is_never_repeated(said: Said) -> None:
    line = Line(said)
    with pytest.raises(OutcomeUnknown):
        talk(line, lambda api: api.call(a.USER_CREATE, userid="u1"))
    assert len(line.asked) == 1


@pytest.mark.parametrize("said", [lost(), unsent(), BUSY, HALF, PAGE])
def test_a_read_is_repeated_within_seconds(said: Said) -> None:
    line = Line(said, said, YES)
    assert talk(line, lambda api: api.call(a.USER_GET, userid="u1")).userid == "u1"


def test_a_write_that_was_not_sent_is_repeated() -> None:
    line = Line(unsent(), unsent(), YES)
    assert talk(line, lambda api: api.call(a.USER_CREATE, userid="u1")).userid == "u1"


@pytest.mark.parametrize(("said", "code"), [(BUSY, "DNG-001"), (unsent(), "HTP-002"), (lost(), "HTP-005")])
def test_busy_is_repeated_three_times_and_then_left_to_the_queue(said: Said, code: str) -> None:
    line = Line(said)
    with pytest.raises(TryAgain) as told:
        talk(line, lambda api: api.call(a.USER_GET, userid="u1"))
    assert told.value.problem.code == code
    assert len(line.asked) == 4


def test_an_answer_about_a_person_is_refused_with_its_meaning() -> None:
    line = Line(NOBODY)
    with pytest.raises(Refused) as told:
        talk(line, lambda api: api.call(a.USER_DELETE, userid="u1"))
    assert (told.value.refusal.code, told.value.refusal.request) == ("60121", "r3")


def test_pages_in_a_row_are_a_ban_and_one_page_is_not() -> None:
    line = Line(PAGE)

    async def work(api: Api) -> None:
        with pytest.raises(TryAgain) as told:
            await api.call(a.USER_GET, userid="u1")
        assert told.value.problem.code == "DNG-008"
        assert told.value.after.total_seconds() > 290

    talk(line, work)
    assert len(line.asked) == 3


def test_a_ban_said_in_json_stops_at_once() -> None:
    line = Line(b'{"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":"x"}')

    async def work(api: Api) -> None:
        for code in ("DNG-004", "DNG-008"):
            with pytest.raises(TryAgain) as told:
                await api.call(a.USER_CREATE, userid="u1")
            assert told.value.problem.code == code

    talk(line, work)
    assert len(line.asked) == 1


def test_a_missing_permission_needs_a_person_and_says_which() -> None:
    line = Line('{"errcode":88,"sub_code":"60011","sub_msg":"需要 [qyapi_get_member]"}'.encode())
    with pytest.raises(NeedsHuman, match="qyapi_get_member"):
        talk(line, lambda api: api.call(a.USER_GET, userid="u1"))


def test_answers_in_the_samples_spelling_are_understood() -> None:
    line = Line(b'{"errcode":"0","errmsg":"ok","result":{"dept_id":"432825033"}}')
    assert talk(line, lambda api: api.call(a.DEPARTMENT_CREATE, name="Sales")).dept_id == 432825033


def test_scopes_stand_beside_the_code_and_are_asked_without_a_body() -> None:
    line = Line(b'{"errcode":0,"auth_org_scopes":{"authed_user":[],"authed_dept":[1]}}')
    assert talk(line, lambda api: api.call(a.SCOPES)).auth_org_scopes.authed_dept == [1]
    assert line.asked[0][0] == "GET"
    assert line.asked[0][2] is msgspec.UNSET


def test_a_new_interface_is_asked_at_its_own_host_with_the_token_in_a_header() -> None:
    line = Line(b'{"records":[{"userId":"u1","leaveTime":"2026-11-22T01:00:00Z","leaveReason":"oapi","mobile":"1"}]}')

    answer = talk(line, lambda api: api.call(a.LEAVE_RECORDS, nextToken="0", maxResults=50))

    assert line.asked == [
        ("GET", "https://api.example/v1.0/contact/empLeaveRecords?nextToken=0&maxResults=50", msgspec.UNSET)
    ]
    assert line.headers == {"x-acs-dingtalk-access-token": "token-1"}
    assert [(one.user_id, one.leave_reason) for one in answer.records] == [("u1", "oapi")]
