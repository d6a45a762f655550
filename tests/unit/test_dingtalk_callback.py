"""HTTP callbacks: the published test vector, and what is refused. The content is looked at only after the signature fits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from syncd.core.model import Kind
from syncd_dingtalk.callback import Callback, Refused
from syncd_dingtalk.callback_crypto import Cipher, Unreadable
from syncd_dingtalk.mobiles import Region

# The vector of DingTalk's page on event subscription; it says "success".
VECTOR = Cipher(token="123456", aes_key="1234567890123456789012345678901234567890123", owner="dingsnotzck6pm5veliw")
ENCRYPTED = "YvkvaGe4hQxd3VxRmEty0dVlnCOAqwf56xwTRHDHoOURqhalbmBJQk5FNcRk42Gl5T0YQXZNwpwWSm1xAFJ5ZA=="
TIMESTAMP, NONCE = "1614767836", "A7Co0cJLMzIDtMMI"
SIGNATURE = "9a95a004dd16f5c307e849b994173f76aa26e5eb"

NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
KEY = Cipher(token="example-token", aes_key="x" * 43, owner="dingexample")


def receiver(cipher: Cipher = KEY) -> Callback:
    return Callback(cipher, region=Region.MAINLAND, now=lambda: NOW)


def sent(
    message: object, *, by: Cipher = KEY, at: datetime = NOW, name: str = "msg_signature"
) -> tuple[dict[str, str], bytes]:
    """Return what DingTalk would send: query and body."""
    encrypted = by.seal(msgspec.json.encode(message))
    timestamp = str(int(at.timestamp() * 1000))
    query = {name: by.sign(timestamp, "nonce", encrypted), "timestamp": timestamp, "nonce": "nonce"}
    return query, msgspec.json.encode({"encrypt": encrypted})


def test_the_published_vector_is_opened_and_signed_alike() -> None:
    assert VECTOR.open(ENCRYPTED) == b"success"
    assert VECTOR.sign(TIMESTAMP, NONCE, ENCRYPTED) == SIGNATURE
    assert VECTOR.signed(["0" * 40, SIGNATURE], timestamp=TIMESTAMP, nonce=NONCE, encrypted=ENCRYPTED)


@pytest.mark.parametrize("length", [0, 1, 11, 12, 31, 32, 33, 1000])
def test_what_is_sealed_is_opened_whatever_its_length(length: int) -> None:
    assert KEY.open(KEY.seal(b"m" * length)) == b"m" * length


def test_the_answer_says_success_and_is_signed() -> None:
    answer = msgspec.json.decode(receiver().answer())

    assert set(answer) == {"msg_signature", "timeStamp", "nonce", "encrypt"}
    assert answer["msg_signature"] == KEY.sign(answer["timeStamp"], answer["nonce"], answer["encrypt"])
    assert KEY.open(answer["encrypt"]) == b"success"


@pytest.mark.parametrize("name", ["msg_signature", "signature"])
def test_an_event_says_who_was_touched(name: str) -> None:
    message = {"EventType": "user_leave_org", "EventTime": 1795311000000, "CorpId": "ding1", "UserId": ["u1", "u2"]}

    received = receiver().receive(*sent(message, name=name))

    assert [(one.kind, one.target_id, one.gone) for one in received.touched] == [
        (Kind.PERSON, "u1", True),
        (Kind.PERSON, "u2", True),
    ]
    assert received.touched[0].at == datetime(2026, 11, 22, 1, 30, tzinfo=UTC)


def test_saving_the_address_in_the_console_touches_nobody() -> None:
    assert receiver().receive(*sent({"EventType": "check_url"})).touched == ()


def test_a_false_signature_an_old_request_and_somebody_elses_message_are_refused() -> None:
    other_key = Cipher(token="example-token", aes_key="y" * 43, owner="dingexample")
    other_app = Cipher(token="example-token", aes_key="x" * 43, owner="dingother")
    query, body = sent({"EventType": "check_url"})
    wrong = [
        ({**query, "msg_signature": "0" * 40}, body),
        ({**query, "nonce": "another"}, body),
        ({"timestamp": query["timestamp"], "nonce": "nonce"}, body),
        (query, b"not JSON"),
        (query, b'{"encrypt": "AAAA"}'),
        sent({"EventType": "check_url"}, at=NOW - timedelta(hours=2)),
        sent({"EventType": "check_url"}, at=NOW + timedelta(hours=2)),
        sent({"EventType": "check_url"}, by=other_key),
        sent({"EventType": "check_url"}, by=other_app),
        sent(["not", "an", "object"]),
    ]
    for query, body in wrong:
        with pytest.raises(Refused) as refusal:
            receiver().receive(query, body)
        assert "DNG-080" in str(refusal.value)
        assert "example-token" not in str(refusal.value)


@pytest.mark.parametrize("key", ["", "short", "!" * 43, "x" * 44])
def test_an_impossible_key_is_refused_and_never_shown(key: str) -> None:
    with pytest.raises(Unreadable, match="43 letters"):
        Cipher(token="t", aes_key=key, owner="o")
    assert "x" * 43 not in repr(KEY)


@pytest.mark.parametrize("garbage", ["AAAA", "", "not base64!", "A" * 64])
def test_garbage_is_unreadable_and_no_crash(garbage: str) -> None:
    with pytest.raises(Unreadable):
        KEY.open(garbage)
