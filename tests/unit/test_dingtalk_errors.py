"""What DingTalk's refusals mean: the order of the questions, and that each can be told to a person."""

from __future__ import annotations

import pytest

from syncd.core.errors import MESSAGES
from syncd_dingtalk import errors, messages
from syncd_dingtalk.errors import Meaning, new_refusal, old_refusal


@pytest.mark.parametrize(
    ("code", "sub_code", "meaning"),
    [
        (-1, "", Meaning.AGAIN),
        (400001, "", Meaning.AGAIN),
        (88, "90018", Meaning.SLOWER),
        (88, "90002", Meaning.SLOWER),
        (90005, "", Meaning.SLOWER),
        (88, "90020", Meaning.QUOTA),
        (88, "40014", Meaning.TOKEN),
        (88, "40000", Meaning.TOKEN),
        (40000, "", Meaning.OBJECT),
        (42001, "", Meaning.TOKEN),
        (88, "60011", Meaning.CONFIGURATION),
        (88, "60020", Meaning.CONFIGURATION),
        (22, "", Meaning.CONFIGURATION),
        (40096, "", Meaning.CONFIGURATION),
        (50002, "", Meaning.SCOPE),
        (60121, "", Meaning.GONE),
        (33012, "", Meaning.GONE),
        (60003, "", Meaning.GONE),
        (60102, "", Meaning.TAKEN),
        (60104, "", Meaning.TAKEN),
        (60021, "", Meaning.TAKEN),
        (60008, "", Meaning.TAKEN),
        (40103, "", Meaning.INVITED),
        (60004, "", Meaning.EARLY),
        (60128, "", Meaning.EARLY),
        (60068, "", Meaning.EARLY),
        (40022, "", Meaning.OBJECT),
        (60005, "", Meaning.OBJECT),
        (987654, "", Meaning.OBJECT),
    ],
)
def test_an_old_code_has_one_meaning(code: int, sub_code: str, meaning: Meaning) -> None:
    assert old_refusal(code, sub_code, "words", "r1").meaning is meaning


@pytest.mark.parametrize(
    ("status", "code", "meaning"),
    [
        (403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", Meaning.SLOWER),
        (403, "Forbidden.AccessDenied.QpsLimitForApi", Meaning.SLOWER),
        (403, "Forbidden.AccessDenied.QpmLimitForAppkeyAndApi", Meaning.SLOWER),
        (429, "system.busy", Meaning.SLOWER),
        (403, "Forbidden.AccessDenied.ApiCountLimitForOrg", Meaning.QUOTA),
        (400, "InvalidAuthentication", Meaning.TOKEN),
        (401, "", Meaning.TOKEN),
        (400, "invalidClientIdOrSecret", Meaning.CONFIGURATION),
        (403, "Forbidden.AccessDenied.IpNotInWhiteList", Meaning.CONFIGURATION),
        (403, "Forbidden.AccessDenied.AccessTokenPermissionDenied", Meaning.CONFIGURATION),
        (500, "unknownError", Meaning.AGAIN),
        (503, "", Meaning.AGAIN),
        (400, "invalidParameter.name", Meaning.OBJECT),
    ],
)
def test_a_new_code_has_one_meaning_and_limits_come_before_forbidden(status: int, code: str, meaning: Meaning) -> None:
    assert new_refusal(status, code, "words", "r1").meaning is meaning


@pytest.mark.parametrize("code", sorted(errors._CODES))
def test_every_code_can_be_told_with_a_next_step(code: str) -> None:
    bare, _, wrapped = code.partition(".")
    refusal = old_refusal(88, bare, "words", "r1") if wrapped else old_refusal(int(bare), "", "words", "r1")
    problem = refusal.problem(label="Example Person")
    assert problem.code.startswith("DNG-")
    assert problem.what
    assert problem.do
    assert "{" not in problem.what + problem.do


def test_words_that_may_name_a_person_are_not_shown() -> None:
    told = old_refusal(60104, "", "手机号 13800000001 已存在 userid:zhangsan", "r1").problem(label="Example Person")
    assert "13800000001" not in str(told)
    assert "zhangsan" not in str(told)


def test_words_about_permissions_are_shown() -> None:
    told = old_refusal(88, "60011", "应用尚未开通所需的权限：[qyapi_get_member]", "r1").problem()
    assert "qyapi_get_member" in told.what


def test_every_message_of_the_connector_can_be_told() -> None:
    names = (
        "label",
        "code",
        "request",
        "text",
        "holder",
        "why",
        "until",
        "interface",
        "seconds",
        "fields",
        "department",
    )
    words = dict.fromkeys(names, "word")
    ours = [message for message in vars(messages).values() if type(message).__name__ == "Message"]
    assert len(ours) > 50
    for message in ours:
        assert MESSAGES[message.code] is message
        problem = message.at(**words)
        assert problem.what.endswith(".") or problem.what.endswith("word")
        assert problem.do.endswith(".")
        assert message.example
