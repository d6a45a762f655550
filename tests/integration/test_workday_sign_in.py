"""Signing in to Workday in each way that a door has: a password, a refresh token, an assertion signed by a key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import CertificateBuilder, Name, NameAttribute
from cryptography.x509.oid import NameOID
from lxml import etree
from pydantic import ValidationError
from signxml.verifier import VerifyResult, XMLVerifier

from support.workday_rows import CLIENT, by_query, by_report
from support.workday_tenant import START, read, refusal, tenant
from syncd.config.secrets import Secret
from syncd_workday.sandbox import Sandbox
from syncd_workday.sandbox.seals import sealed_by

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


# --- signed messages (X.509) ------------------------------------------------------------------------------------------


def certificate(folder: Path, key: rsa.RSAPrivateKey = KEY, *, days: int = 365) -> Path:
    """Write a certificate that the key has signed itself, and return its file."""
    name = Name([NameAttribute(NameOID.COMMON_NAME, "syncd, an example"), NameAttribute(NameOID.COUNTRY_NAME, "ID")])
    made = CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    dated = made.not_valid_before(START).not_valid_after(START + timedelta(days=days)).serial_number(1)
    file = folder / "example.pem"
    file.write_bytes(dated.sign(key, SHA256()).public_bytes(Encoding.PEM))
    return file


def by_seal(folder: Path, key: rsa.RSAPrivateKey = KEY, **more: Any) -> dict[str, Any]:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {
        "x509": {
            "user": "ISU_example",
            "key": Secret.literal(pem),
            "certificate": certificate(folder, key, **more),
        }
    }


def test_an_integration_user_without_a_password_signs_every_message(workday: Sandbox, tmp_path: Path) -> None:
    """And somebody else's implementation of XML Signature agrees, that of `signxml`."""
    workday.account_key = KEY.public_key()
    found = read(workday, **by_seal(tmp_path))
    assert found.proof.proven, found.doubts
    assert len(found.people) == 3
    assert len(workday.sealed) == len(workday.asked)
    pem = (tmp_path / "example.pem").read_text()
    for message in workday.sealed:
        verified = XMLVerifier().verify(message, x509_cert=pem, ignore_ambiguous_key_info=True)
        assert isinstance(verified, VerifyResult)
        assert verified.signed_xml is not None
        assert verified.signed_xml.find("{*}Body/*") is not None, "the request itself is signed"
        assert b"Password" not in message


def test_a_message_that_was_changed_on_its_way_or_signed_by_another_key_is_refused(
    workday: Sandbox, tmp_path: Path
) -> None:
    workday.account_key = KEY.public_key()
    read(workday, **by_seal(tmp_path))
    message = workday.sealed[-1]
    for old, new in (
        (b"ISU_example@", b"ISU_exampl3@"),
        (b"<wd:Count>", b"<wd:Count>1"),
        (b'URI=""', b'URI="#else"'),
        (b"xmlenc#sha256", b"xmlenc#sha512"),
    ):
        assert old in message
        assert not sealed_by(etree.fromstring(message.replace(old, new)), KEY.public_key())
    assert sealed_by(etree.fromstring(message), KEY.public_key())
    workday.account_key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    assert refusal(workday, **by_seal(tmp_path)).code == "WDY-004"


def test_a_certificate_that_cannot_be_used_is_named_before_anything_is_sent(workday: Sandbox, tmp_path: Path) -> None:
    workday.account_key = KEY.public_key()
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    foreign = {**by_seal(tmp_path)["x509"], "certificate": certificate(tmp_path, other)}
    told = {"another key": refusal(workday, x509=foreign)}
    told["ended"] = refusal(workday, **by_seal(tmp_path, days=1))
    (tmp_path / "none.pem").write_text("no certificate")
    told["ValueError"] = refusal(workday, x509={**foreign, "certificate": tmp_path / "none.pem"})
    told["FileNotFoundError"] = refusal(workday, x509={**foreign, "certificate": tmp_path / "nowhere.pem"})
    for why, problem in told.items():
        assert problem.code == "WDY-024"
        assert why in problem.what
    assert workday.asked == []


def test_reports_and_queries_cannot_be_signed(workday: Sandbox, tmp_path: Path) -> None:
    for door in ("raas", "wql"):
        with pytest.raises(ValidationError, match="only messages can be signed"):
            read(workday, **through(door, {**by_seal(tmp_path), "oauth": None}))
