"""The sandbox's limits: the sliding second of each app and interface, and the ban of an address."""

from __future__ import annotations

import json

import pytest

from desks.sandbox import Desk
from syncd_dingtalk.sandbox import gateway
from syncd_dingtalk.sandbox.limits import Addresses, Window


class Monotonic:
    """A clock for the gateway's windows that tests move."""

    def __init__(self) -> None:
        self.at = 1000.0

    def monotonic(self) -> float:
        return self.at


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Monotonic:
    clock = Monotonic()
    monkeypatch.setattr(gateway, "time", clock)
    return clock


def test_the_twenty_first_call_within_any_second_is_90018_and_changes_nothing(time: Monotonic) -> None:
    desk = Desk(qps=20)
    for n in range(20):
        time.at += 0.03125
        desk.department(f"D{n}")
    before = desk.control("GET", "state")
    answer = desk.old("/topapi/v2/department/create", name="one too many", parent_id=1)
    assert (answer["errcode"], answer["sub_code"]) == (88, "90018")
    assert desk.control("GET", "state") == before
    time.at += 13 / 32  # the first of the twenty is now exactly one second old, the others are not
    assert desk.code("/topapi/v2/department/create", name="again", parent_id=1) == 0
    assert desk.code("/topapi/v2/department/create", name="too early", parent_id=1) == 88


def test_each_interface_and_each_app_has_a_window_of_its_own(time: Monotonic) -> None:
    desk = Desk(qps=2)
    assert [desk.code("/topapi/user/listadmin") for _ in range(3)] == [0, 0, 88]
    assert desk.code("/topapi/v2/department/listsub") == 0
    desk.control("POST", "admin/app", {"app_key": "other", "app_secret": "other-secret"})
    desk.token = desk.fresh_token("other", "other-secret")
    assert desk.code("/topapi/user/listadmin") == 0


def test_the_new_api_answers_403_with_a_code_of_its_own(time: Monotonic) -> None:
    desk = Desk(qps=1)
    desk.new("POST", "/v1.0/contact/users/search", queryWord="x")
    status, answer = desk.new("POST", "/v1.0/contact/users/search", queryWord="x")
    assert (status, answer["code"]) == (403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi")


def test_windows_tell_the_busiest_second_and_what_was_refused(time: Monotonic) -> None:
    desk = Desk(qps=3)
    for gap in (0.0, 0.9, 0.0, 0.0, 0.2, 5.0):
        time.at += gap
        desk.old("/topapi/user/listadmin")
    report = {window["interface"]: window for window in desk.control("GET", "windows")}
    seen = report["/topapi/user/listadmin"]
    assert (seen["calls"], seen["highest"], seen["limit"], seen["exceeded"]) == (6, 4, 3, 1)
    desk.control("DELETE", "windows")
    assert desk.control("GET", "windows") == []


def test_without_a_limit_the_busiest_second_is_still_told(time: Monotonic) -> None:
    desk = Desk(qps=None)
    for _ in range(50):
        desk.old("/topapi/user/listadmin")
    seen = next(window for window in desk.control("GET", "windows") if window["interface"] == "/topapi/user/listadmin")
    assert (seen["highest"], seen["limit"], seen["exceeded"]) == (50, None, 0)


def test_a_refused_call_does_not_push_the_window_on() -> None:
    window = Window()
    assert [window.let(at, 1) for at in (0.0, 0.5, 0.99, 1.0)] == [True, False, False, True]


def test_an_address_that_calls_too_much_is_banned_for_five_minutes_with_a_web_page(time: Monotonic) -> None:
    desk = Desk(qps=1000, ip_calls=10)
    for _ in range(9):  # the token was the first call
        desk.old("/topapi/user/listadmin")
    answer = desk.reply("POST", "/topapi/user/listadmin", query={"access_token": desk.token}).answer
    assert answer.content_type.startswith(b"text/html")
    assert b'"status":1111' in answer.body
    assert b'"punish":"deny"' in answer.body
    time.at += 299
    assert b"1111" in desk.reply("GET", "/auth/scopes").answer.body
    time.at += 2
    assert desk.code("/topapi/user/listadmin") == 0


def test_a_ban_can_be_json_and_can_be_pardoned(time: Monotonic) -> None:
    desk = Desk(qps=1000, ip_calls=1, ban_as_json=True)
    answer = json.loads(desk.reply("GET", "/auth/scopes").answer.body)
    assert (answer["status"], answer["punish"]) == (1111, "deny")
    desk.control("PUT", "settings", {"ip_calls": 1000})
    desk.control("POST", "addresses/pardon")
    assert desk.code("/topapi/user/listadmin") == 0


def test_other_addresses_are_not_banned() -> None:
    addresses = Addresses()
    assert [addresses.banned("192.0.2.1", 0.0, 1) for _ in range(2)] == [False, True]
    assert not addresses.banned("192.0.2.2", 0.0, 1)
    assert not addresses.banned("192.0.2.1", 301.0, 1)
