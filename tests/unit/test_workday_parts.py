"""Parts of the Workday source by themselves: dates, sign-in, settings, what is no message."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import ValidationError

from syncd.config.secrets import Secret
from syncd.core.errors import Misconfigured, NeedsHuman, TryAgain
from syncd.http import Answer
from syncd.mapping import InboundRules, load_inbound
from syncd.mapping.cases import run_cases
from syncd_workday.answers import understood
from syncd_workday.envelope import IDS_ONLY, WHOLE, AsOf, workers
from syncd_workday.paths import ATTRIBUTES
from syncd_workday.people import Shape
from syncd_workday.sandbox import rendering
from syncd_workday.settings import JwtSettings, WorkdaySettings
from syncd_workday.signing import assertion
from syncd_workday.standing import Standing, civil, standing

JAKARTA = ZoneInfo("Asia/Jakarta")
MAPPINGS = Path(__file__).parents[2] / "mappings"


def on(day: str, *, ahead: int = 0, zone: ZoneInfo = JAKARTA, at: str = "12:00", **said: str) -> Standing:
    now = datetime.fromisoformat(f"{day}T{at}").replace(tzinfo=JAKARTA)
    return standing(said, now=now, zone=zone, read_on=date.fromisoformat(day), ahead=ahead)


@pytest.mark.parametrize("text", ["1960-01-01-07:00", "1960-01-01", " 1960-01-01Z", "1960-01-01T00:00:00.000-08:00"])
def test_a_date_with_an_offset_is_the_civil_date_that_it_begins_with(text: str) -> None:
    assert civil(text) == date(1960, 1, 1)


def test_a_rehire_who_still_carries_the_end_of_the_employment_before_works_here() -> None:
    how = on(
        "2026-03-02", Active="1", Hire_Date="2025-01-01", Termination_Date="2023-12-31", Resignation_Date="2023-11-01"
    )
    assert (how.active, how.end) == (True, None)


def test_the_last_day_is_a_working_day_although_the_flag_has_turned() -> None:
    how = on(
        "2026-03-31", at="23:59", Active="0", Terminated="1", Hire_Date="2020-01-01", Termination_Date="2026-03-31"
    )
    assert (how.active, how.end) == (True, date(2026, 3, 31))
    assert how.review_at == datetime(2026, 3, 31, 17, tzinfo=UTC)
    assert on("2026-04-01", at="00:00", Active="1", Termination_Date="2026-03-31").active is False


def test_a_future_hire_is_inactive_until_the_first_day_where_they_work() -> None:
    how = on("2026-03-31", Active="0", Hire_Date="2026-04-01")
    assert (how.active, how.review_at) == (False, datetime(2026, 3, 31, 17, tzinfo=UTC))
    assert on("2026-03-31", ahead=1, Active="0", Hire_Date="2026-04-01").early


def test_where_the_sun_rises_earlier_the_first_day_has_begun() -> None:
    how = on("2026-03-31", at="20:00", zone=ZoneInfo("Pacific/Auckland"), Active="0", Hire_Date="2026-04-01")
    assert how.active
    assert how.early


def test_a_rescinded_hire_is_no_leaver_with_a_date() -> None:
    how = on("2026-03-02", Hire_Rescinded="true", Active="0", Hire_Date="2026-04-01")
    assert (how.active, how.end) == (False, None)


def test_a_record_that_does_not_say_whether_it_is_active_says_nothing() -> None:
    assert on("2026-03-02").active is None


def test_an_assertion_is_signed_and_names_client_user_and_end() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    jwt = JwtSettings(client_id="example-client", user="ISU_example", key=Secret.literal(pem))
    text = assertion(jwt, now=datetime(2026, 3, 2, tzinfo=UTC))
    signed, _, signature = text.rpartition(".")
    key.public_key().verify(_decoded(signature), signed.encode(), PKCS1v15(), SHA256())
    claims = json.loads(_decoded(signed.partition(".")[2]))
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("example-client", "ISU_example", "wd")
    with pytest.raises(NeedsHuman, match="WDY-013"):
        assertion(
            JwtSettings(client_id="x", user="y", key=Secret.literal("no key")), now=datetime(2026, 3, 2, tzinfo=UTC)
        )


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({}, "WDY-001"),
        (
            {"user": "a", "password": {"env": "P"}, "jwt": {"client_id": "a", "user": "b", "key": {"env": "K"}}},
            "WDY-001",
        ),
        ({"user": "a", "password": {"env": "P"}, "timezone": "China Standard Time"}, "WDY-015"),
        ({"user": "a", "password": {"env": "P"}, "attributes": {"Badge": "Custom_ID"}}, "WDY-002"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(more: dict[str, object], code: str) -> None:
    with pytest.raises(ValidationError, match=code):
        WorkdaySettings.model_validate({"url": "https://wd3.example.com", "tenant": "example", **more})


def test_an_xpath_that_cannot_be_compiled_is_named() -> None:
    said = {"user": "a", "password": {"env": "P"}, "attributes": {"Badge": "wd:Worker/wd:Custom_ID["}}
    settings = WorkdaySettings.model_validate({"url": "https://wd3.example.com", "tenant": "example", **said})
    with pytest.raises(Misconfigured, match="WDY-002"):
        Shape(settings, now=lambda: datetime(2026, 3, 2, tzinfo=UTC))


@pytest.mark.parametrize(
    ("status", "body", "error", "code"),
    [
        (500, rendering.fault("SOAP-ENV:Server", "internal error"), TryAgain, "WDY-007"),
        (
            500,
            rendering.fault("SOAP-ENV:Client.authenticationError", "invalid username or password"),
            NeedsHuman,
            "WDY-004",
        ),
        (
            500,
            rendering.fault("SOAP-ENV:Client.validationError", "x", detail="Wrong. 'A-1' is it."),
            NeedsHuman,
            "WDY-006",
        ),
        (500, rendering.fault("SOAP-ENV:Server.x", "The task submitted is not authorized."), NeedsHuman, "WDY-005"),
        (429, b"", TryAgain, "WDY-007"),
        (503, b"<html>Maintenance</html>", TryAgain, "WDY-007"),
        (200, b"<!DOCTYPE html><html>Maintenance</html>", TryAgain, "WDY-008"),
        (200, rendering.enveloped("<a/>")[:-20], TryAgain, "WDY-008"),
        (404, b"nothing", NeedsHuman, "WDY-008"),
        (401, b"", NeedsHuman, "WDY-004"),
    ],
)
def test_what_is_no_response_is_told_apart_by_its_content(
    status: int, body: bytes, error: type[Exception], code: str
) -> None:
    with pytest.raises(error, match=code) as caught:
        understood(Answer(status=status, headers={}, content=body), host="example", task="Get_Workers")
    assert "A-1" not in str(caught.value), "what stands in quotes may be somebody's id"


def test_a_request_always_says_what_it_wants_to_be_told() -> None:
    as_of = AsOf(entered=datetime(2026, 3, 2, tzinfo=UTC), effective=date(2026, 3, 2))
    for group in (IDS_ONLY, WHOLE):
        request = workers(as_of=as_of, page=2, count=100, group=group)
        assert "<wd:Response_Group><wd:Include_Reference>1<" in request, "absent, it means a set of Workday's choice"
        assert "<wd:As_Of_Effective_Date>2026-03-02<" in request
        assert "<wd:As_Of_Entry_DateTime>2026-03-02T00:00:00.000+00:00<" in request


def test_an_answer_with_entities_of_its_own_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("example-secret")
    body = f'<!DOCTYPE a [<!ENTITY e SYSTEM "file://{secret}">]>'.encode() + rendering.enveloped("<a>&e;</a>")[38:]
    with pytest.raises((TryAgain, NeedsHuman)) as caught:
        understood(Answer(status=200, headers={}, content=body), host="example", task="Get_Workers")
    assert "example-secret" not in str(caught.value)


def test_the_shipped_rules_for_workday_pass_their_cases() -> None:
    rules = load_inbound(
        MAPPINGS / "workday.yaml", source="workday", attributes=ATTRIBUTES, now=lambda: datetime(2026, 3, 2, tzinfo=UTC)
    )
    assert isinstance(rules, InboundRules)
    results = run_cases(rules, MAPPINGS / "cases" / "workday.yaml")
    assert len(results) == 3
    assert not [str(each) for each in results if not each.passed]
