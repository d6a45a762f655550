"""The sandbox's faults: which call they strike, whether the call was applied, and what the caller and the call log see."""

from __future__ import annotations

import json
from typing import Any

import pytest

from desks.sandbox import Desk
from syncd_dingtalk.sandbox.faults import Fault, FaultKind, Faults, UnknownFault, fault_of

CREATE = "/topapi/v2/department/create"


@pytest.fixture
def desk() -> Desk:
    return Desk()


def create(desk: Desk, name: str = "A") -> Any:
    body = json.dumps({"name": name, "parent_id": 1}).encode()
    return desk.reply("POST", CREATE, query={"access_token": desk.token}, body=body)


def names(desk: Desk) -> list[str]:
    return [department["name"] for department in desk.control("GET", "state")["departments"]][1:]


@pytest.mark.parametrize(
    ("kind", "sub_code"),
    [("throttle", "90018"), ("global_throttle", "90002"), ("quota", "90020"), ("expired_token", "40014")],
)
def test_the_gateways_refusals_come_on_demand_and_apply_nothing(desk: Desk, kind: str, sub_code: str) -> None:
    desk.control("POST", "faults", {"kind": kind, "interface": CREATE, "nth": 1})
    answer = json.loads(create(desk).answer.body)
    assert (answer["errcode"], answer["sub_code"]) == (88, sub_code)
    assert names(desk) == []


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("throttle", "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"),
        ("global_throttle", "Forbidden.AccessDenied.QpsLimitForApi"),
        ("quota", "Forbidden.AccessDenied.ApiCountLimitForOrg"),
        ("busy", "system.error"),
        ("http_429", "system.busy"),
        ("http_503", "system.error"),
    ],
)
def test_the_new_api_has_its_own_words_for_them(desk: Desk, kind: str, code: str) -> None:
    desk.control("POST", "faults", {"kind": kind, "nth": 1})
    status, answer = desk.new("POST", "/v1.0/contact/users/search", queryWord="x")
    assert answer["code"] == code
    assert status == {"system.busy": 429, "system.error": 503 if kind == "http_503" else 500}.get(code, 403)


def test_an_expired_token_stays_invalid(desk: Desk) -> None:
    desk.control("POST", "faults", {"kind": "expired_token", "nth": 1})
    create(desk)
    assert desk.old("/topapi/user/listadmin")["sub_code"] == "40014"
    desk.token = desk.fresh_token()
    assert desk.code("/topapi/user/listadmin") == 0


@pytest.mark.parametrize("kind", ["timeout", "reset", "busy", "http_500", "http_503", "html"])
@pytest.mark.parametrize("applied", [True, False])
def test_a_call_goes_wrong_before_or_after_it_is_applied(desk: Desk, kind: str, applied: bool) -> None:
    name = f"{kind}_{'after' if applied else 'before'}"
    desk.control("POST", "faults", {"kind": name, "interface": CREATE, "nth": 1})
    reply = create(desk)
    assert reply.fault is not None
    assert reply.fault.kind == kind
    assert names(desk) == (["A"] if applied else [])
    call = desk.control("GET", "calls", interface=CREATE)["calls"][0]
    assert (call["fault"], call["applied"]) == (name, applied)
    if kind == "busy":
        assert json.loads(reply.answer.body)["errcode"] == -1
    if kind.startswith("http"):
        assert reply.answer.status == int(kind[5:])
    if kind == "html":
        assert reply.answer.content_type.startswith(b"text/html")
    assert create(desk, "B").fault is None


def test_a_malformed_answer_belongs_to_an_applied_call(desk: Desk) -> None:
    desk.control("POST", "faults", {"kind": "malformed", "interface": CREATE, "nth": 1})
    body = create(desk).answer.body
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)
    assert names(desk) == ["A"]


def test_any_documented_code_can_be_asked_for(desk: Desk) -> None:
    desk.control("POST", "faults", {"kind": "errcode", "code": 40019, "nth": 1, "interface": CREATE})
    answer = json.loads(create(desk).answer.body)
    assert (answer["errcode"], names(desk)) == (40019, [])


def test_an_address_is_banned_on_demand(desk: Desk) -> None:
    desk.control("POST", "faults", {"kind": "ip_ban", "interface": CREATE, "nth": 1})
    assert b'"status":1111' in create(desk).answer.body
    assert b'"status":1111' in create(desk).answer.body, "the ban goes on after the call"
    desk.control("POST", "addresses/pardon")
    assert create(desk).answer.errcode == "0"


def test_a_script_strikes_the_nth_call_of_each_interface_after_it_was_set(desk: Desk) -> None:
    script = [
        {"interface": CREATE, "nth": 2, "kind": "busy_before"},
        {"interface": "/topapi/v2/department/*", "nth": 4, "kind": "busy_after"},
    ]
    desk.control("PUT", "faults", {"script": script})
    struck = [create(desk, name).fault is not None for name in "ABCDE"]
    assert struck == [False, True, False, True, False]
    assert names(desk).sort() is None
    assert sorted(names(desk)) == ["A", "C", "D", "E"]
    report = desk.control("GET", "faults")
    assert [(rule["seen"], rule["struck"]) for rule in report] == [(5, 1), (5, 1)]


def test_chances_are_the_same_for_the_same_seed() -> None:
    def drawn(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.add([Fault(kind=FaultKind.BUSY, probability=0.3)])
        return [faults.next("/x") is not None for _ in range(200)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert 30 < sum(drawn(1)) < 90


def test_a_rule_can_strike_a_limited_number_of_times_and_rules_can_be_removed(desk: Desk) -> None:
    desk.control("POST", "faults", {"kind": "busy", "interface": CREATE, "times": 2})
    assert [create(desk, name).answer.errcode for name in "ABC"] == ["-1", "-1", "0"]
    desk.control("POST", "faults", {"kind": "busy"})
    desk.control("DELETE", "faults")
    assert desk.control("GET", "faults") == []
    assert create(desk, "D").answer.errcode == "0"


def test_a_lost_answer_of_a_refused_call_is_still_a_refused_call(desk: Desk) -> None:
    desk.control("POST", "faults", {"kind": "timeout_after", "interface": CREATE, "nth": 1})
    body = json.dumps({"name": "a-b", "parent_id": 1}).encode()
    reply = desk.reply("POST", CREATE, query={"access_token": desk.token}, body=body)
    assert (reply.answer.errcode, names(desk)) == ("60009", [])


@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "tiemout"},
        {},
        {"kind": "busy", "when": 1},
        {"kind": "throttle_after"},
        {"kind": "busy", "nth": "second"},
        {"kind": "busy", "probability": None},
    ],
)
def test_what_is_no_fault_is_refused_with_a_reason(desk: Desk, spec: dict[str, Any]) -> None:
    with pytest.raises(UnknownFault):
        fault_of(spec)
    status, answer = desk.try_control("POST", "faults", [spec])
    if spec:
        assert (status, answer["error"]["code"]) == (400, "SBX-004")
