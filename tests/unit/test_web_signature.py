"""Signatures fit what Standard Webhooks' own library makes and checks, and nothing else."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from support.web import SECRET
from syncd.web.signature import Malformed, fits, key_of, sign, stamp_of

KEY = key_of(SECRET)
OTHER = b"some other key, not the same key"
bodies = st.text(st.characters(codec="utf-8"), max_size=200)


@given(body=bodies)
def test_what_the_standards_library_signs_fits(body: str) -> None:
    at = datetime.now(UTC)
    signature = Webhook(SECRET).sign("msg_1", at, body)
    stamp = stamp_of(
        {"webhook-id": "msg_1", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}
    )
    assert fits(stamp, body.encode(), [KEY])
    assert not fits(stamp, body.encode() + b" ", [KEY])
    assert not fits(stamp, body.encode(), [OTHER])


@given(body=bodies)
def test_what_we_sign_the_standards_library_accepts(body: str) -> None:
    headers = sign(KEY, id="msg_1", seconds=int(datetime.now(UTC).timestamp()), content=body.encode())
    Webhook(SECRET).verify(body, headers, json_parse=False)


def test_one_of_several_signatures_and_one_of_several_keys_is_enough() -> None:
    old = sign(OTHER, id="a", seconds=1, content=b"x")["webhook-signature"]
    headers = sign(KEY, id="a", seconds=1, content=b"x")
    both = stamp_of({**headers, "webhook-signature": f"{old} v1a,Zm9v {headers['webhook-signature']}"})
    assert len(both.signatures) == 2
    assert fits(both, b"x", [KEY])
    assert fits(both, b"x", [b"a key that nobody has used, ever", OTHER])
    assert not fits(both, b"x", [])


@pytest.mark.parametrize("signatures", ["v2,Zm9v", "v1,", "v1,***", "v1a,Zm9v", "v1", "v1,Zm9v"])
def test_what_is_no_signature_of_ours_fits_nothing(signatures: str) -> None:
    stamp = stamp_of({"webhook-id": "a", "webhook-timestamp": "1", "webhook-signature": signatures})
    assert not fits(stamp, b"", [KEY])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("webhook-id", ""),
        ("webhook-id", "a.b"),
        ("webhook-id", "a b"),
        ("webhook-id", "ä"),
        ("webhook-id", "a" * 256),
        ("webhook-timestamp", ""),
        ("webhook-timestamp", "-1"),
        ("webhook-timestamp", "1.5"),
        ("webhook-timestamp", "١"),
        ("webhook-timestamp", "1" * 13),
        ("webhook-signature", ""),
        ("webhook-signature", " ".join(["v1,Zm9v"] * 9)),
    ],
)
def test_a_header_that_is_not_in_its_form_is_named(name: str, value: str) -> None:
    right = {"webhook-id": "a", "webhook-timestamp": "1", "webhook-signature": "v1,Zm9v"}
    assert stamp_of(right).seconds == 1
    with pytest.raises(Malformed, match=name):
        stamp_of({**right, name: value})


def test_a_key_is_base64_after_its_prefix_with_or_without_padding_and_text_otherwise() -> None:
    assert key_of("whsec_" + base64.b64encode(bytes(32)).decode().rstrip("=")) == bytes(32)
    assert key_of("twenty-four letters, text") == b"twenty-four letters, text"


@pytest.mark.parametrize("secret", ["too short", "whsec_" + base64.b64encode(bytes(23)).decode(), "whsec_*" * 8])
def test_a_secret_that_is_short_or_garbled_is_refused_without_being_repeated(secret: str) -> None:
    with pytest.raises(ValueError) as told:
        key_of(secret)
    assert secret not in str(told.value)
