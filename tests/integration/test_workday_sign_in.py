"""Signing in to Workday in each way that a door has: a password, a refresh token, an assertion signed by a key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from support.workday_rows import CLIENT, by_query, by_report
from support.workday_tenant import read, refusal, tenant
from syncd.config.secrets import Secret
from syncd_workday.sandbox import Sandbox

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def workday() -> Iterator[Sandbox]:
    with tenant(3) as sandbox:
        sandbox.client_key = KEY.public_key()
        yield sandbox


def by_key(**more: str) -> dict[str, Any]:
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {"jwt": {"client_id": "example", "user": "ISU_example", "key": Secret.literal(pem), **more}}


def through(door: str, sign_in: dict[str, Any]) -> dict[str, Any]:
    match door:
        case "raas":
            return by_report(**sign_in)
        case "wql":
            return {**by_query(), "oauth": None, **sign_in}
    return sign_in


@pytest.mark.parametrize("door", ["soap", "raas", "wql"])
@pytest.mark.parametrize("way", ["refresh token", "signed assertion"])
def test_an_api_client_opens_every_door_and_a_token_that_has_ended_is_renewed(
    workday: Sandbox, door: str, way: str
) -> None:
    sign_in = {"oauth": CLIENT} if way == "refresh token" else by_key()

    def forget(task: str, _: int) -> None:
        if len(workday.tokens) == 1:
            workday.tokens = {"example-used"}

    workday.quirks.meanwhile = forget
    found = read(workday, **through(door, sign_in))
    assert found.proof.proven, found.doubts
    assert len(workday.tokens) == 2, "the first was forgotten, another one asked for"
    assert len(workday.assertions) == (2 if way == "signed assertion" else 0)


@pytest.mark.parametrize("door", ["soap", "raas", "wql"])
def test_whoever_is_not_let_in_is_told_so_and_what_was_sent_is_not_shown(workday: Sandbox, door: str) -> None:
    for wrong in (
        {"oauth": {**CLIENT, "refresh_token": Secret.literal("example-old")}},
        by_key(user="ISU_else"),
        by_key(client_id="another"),
    ):
        problem = refusal(workday, **through(door, wrong))
        assert problem.code == "WDY-009"
        assert "example-old" not in str(problem)


def test_an_assertion_that_another_key_has_signed_gives_no_token(workday: Sandbox) -> None:
    workday.client_key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    assert refusal(workday, **by_key()).code == "WDY-009"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_token_service_that_is_busy_is_asked_again_and_is_no_wrong_secret(workday: Sandbox, status: int) -> None:
    workday.token_status = status
    assert refusal(workday, oauth=CLIENT).code == "WDY-007"
