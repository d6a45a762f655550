"""Events arrive as CloudEvents' own library sends them, in all three modes; what a signature covers cannot be passed
off."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent as Foreign
from hypothesis import given
from hypothesis import strategies as st

from support.web import AT, EVENT
from syncd.core.cloudevents import CloudEvent, NotAnEvent
from syncd.core.model import SourceName
from syncd.core.wakes import WakeReason
from syncd.web.events import Mode, events_of, mode_of, signed_content, wake_of

HR = SourceName("hr")
printable = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40).filter(
    str.strip
)


def lowered(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def foreign(subject: str = "E1001") -> Foreign:
    attributes = {"id": "e-1", "source": "https://hr.example.com", "type": "changed", "subject": subject, "time": AT}
    return Foreign(attributes={**attributes, "specversion": "1.0"}, data={"anything": ["at", "all"]})


@given(subject=printable)
def test_an_event_of_the_foreign_library_is_understood_in_both_modes(subject: str) -> None:
    for made, mode in (
        (to_structured_event(foreign(subject)), Mode.STRUCTURED),
        (to_binary_event(foreign(subject)), Mode.BINARY),
    ):
        headers = lowered(dict(made.headers))
        body = made.body if isinstance(made.body, bytes) else str(made.body).encode()
        assert mode_of(headers) is mode
        (event,) = events_of(mode, headers, body)
        assert event == CloudEvent(id="e-1", source="https://hr.example.com", type="changed", subject=subject, at=AT)


def test_a_batch_is_taken_whole_or_not_at_all() -> None:
    batch = [{**EVENT, "id": "1"}, {**EVENT, "id": "2"}]
    assert [one.id for one in events_of(Mode.BATCH, {}, json.dumps(batch).encode())] == ["1", "2"]
    for wrong in ([], EVENT, [EVENT, {}], [EVENT] * 1_001, [[EVENT]]):
        with pytest.raises(NotAnEvent):
            events_of(Mode.BATCH, {}, json.dumps(wrong).encode())


@pytest.mark.parametrize(
    "changed",
    [
        {"specversion": "0.3"},
        {"specversion": None},
        {"id": ""},
        {"id": 17},
        {"id": "a\u0000b"},
        {"source": "\ud800"},
        {"source": None},
        {"type": " "},
        {"subject": ["E1001"]},
        {"subject": "x" * 1_025},
        {"subject": "E1\n"},
        {"time": "yesterday"},
        {"time": "2026-11-22T08:00:00"},
        {"time": "0001-01-01T00:00:00+14:00"},
    ],
    ids=str,
)
def test_what_is_no_event_says_why_without_what_it_says(changed: dict[str, Any]) -> None:
    with pytest.raises(NotAnEvent) as told:
        events_of(Mode.STRUCTURED, {}, json.dumps({**EVENT, **changed}).encode())
    assert "E1001" not in str(told.value)
    assert "E1\n" not in str(told.value)


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b'"e"', b"\xff", b"[" * 60_000, b'{"a":' * 9_000])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(NotAnEvent):
        events_of(Mode.STRUCTURED, {}, body)


def test_null_is_as_good_as_absent_and_what_we_do_not_know_is_passed_over() -> None:
    event = {**EVENT, "subject": None, "time": None, "data": {"deep": [[1]]}, "traceparent": 5}
    (found,) = events_of(Mode.STRUCTURED, {}, json.dumps(event).encode())
    assert (found.subject, found.at) == ("", None)


@pytest.mark.parametrize(
    ("headers", "mode"),
    [
        ({"content-type": "application/cloudevents+json; charset=utf-8"}, Mode.STRUCTURED),
        ({"content-type": "Application/CloudEvents-Batch+JSON"}, Mode.BATCH),
        ({"content-type": "application/json", "ce-specversion": "1.0"}, Mode.BINARY),
        ({"ce-specversion": "1.0"}, Mode.BINARY),
        ({"content-type": "application/cloudevents+avro", "ce-specversion": "1.0"}, None),
        ({"content-type": "application/json"}, None),
        ({}, None),
    ],
)
def test_the_mode_is_told_by_type_and_headers(headers: dict[str, str], mode: Mode | None) -> None:
    assert mode_of(headers) is mode


def test_of_a_binary_event_every_attribute_is_signed() -> None:
    headers = {"ce-id": "1", "ce-subject": "E1001", "host": "x", "content-type": "text/plain"}
    content = signed_content(Mode.BINARY, headers, b"body")
    assert content == b"ce-id:1\nce-subject:E1001\n\nbody"
    assert signed_content(Mode.BINARY, {**headers, "host": "y"}, b"body") == content
    for changed in ({"ce-id": "2"}, {"ce-subject": "E1002"}, {"ce-time": "2026-11-22T08:00:00Z"}):
        assert signed_content(Mode.BINARY, {**headers, **changed}, b"body") != content


@given(
    headers=st.dictionaries(st.sampled_from(["ce-id", "ce-a", "ce-b"]), st.text('ab:"{[ ', max_size=9)),
    body=st.binary(max_size=20),
)
def test_what_was_signed_as_a_binary_event_is_never_json(headers: dict[str, str], body: bytes) -> None:
    content = signed_content(Mode.BINARY, {"ce-specversion": "1.0", **headers}, body)
    with pytest.raises(NotAnEvent):
        events_of(Mode.STRUCTURED, {}, content)


def test_a_wake_says_who_and_when_and_a_time_to_come_is_now() -> None:
    event = CloudEvent(id="1", source="s", type="t", subject="E1001", at=AT - timedelta(seconds=3))
    wake = wake_of(event, sender="hr", source=HR, now=AT)
    assert (wake.source, wake.reason, wake.event_at, wake.who) == (
        HR,
        WakeReason.WEBHOOK,
        AT - timedelta(seconds=3),
        ("E1001",),
    )
    ahead = CloudEvent(id="1", source="s", type="t", at=datetime(2027, 1, 1, tzinfo=UTC))
    assert wake_of(ahead, sender="hr", source=HR, now=AT).event_at == AT
    assert wake_of(ahead, sender="hr", source=HR, now=AT).who == ()


def test_two_events_have_one_key_only_if_sender_source_and_id_are_the_same() -> None:
    def key(sender: str, source: str, id: str) -> str:
        return wake_of(CloudEvent(id=id, source=source, type="t"), sender=sender, source=HR, now=AT).key

    assert key("hr", "/a", "1") == key("hr", "/a", "1")
    assert len({key("hr", "/a", "1"), key("hr", "/a", "2"), key("hr", "/b", "1"), key("badges", "/a", "1")}) == 4


def test_a_long_id_still_makes_a_key_of_its_own() -> None:
    keys = {
        wake_of(CloudEvent(id="x" * 600 + end, source="s", type="t"), sender="hr", source=HR, now=AT).key
        for end in "ab"
    }
    assert len(keys) == 2
    assert all(len(key) <= 255 for key in keys)
