"""Webhooks against the real server, from foreign clients, the hostile ones included: what is answered 202 is kept, the
rest is not."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from cloudevents.core.bindings.http import to_binary_event
from cloudevents.core.v1.event import CloudEvent as Foreign
from structlog.testing import capture_logs

from support.web import AT, CLIENT, EVENT, OTHER_SECRET, Door, request, settings, stamped
from syncd.core.errors import NeedsHuman, TryAgain, message
from syncd.core.wakes import Wake, WakeReason
from syncd.web.bodies import BODY_LIMIT
from syncd.web.connections import REQUEST_BYTES

NOT_WELL = message("XXX-870", what="The disk is full.", do="Make room.", example="a test")


@pytest.fixture(scope="module")
def running() -> Iterator[Door]:
    with Door(settings(rate=10_000)) as door:
        yield door


@pytest.fixture
def door(running: Door) -> Iterator[Door]:
    running.wakes.clear()
    yield running
    running.keep = running.wakes.append


def post(door: Door, body: bytes, headers: dict[str, str], *, to: str = "/v1/wake/company") -> httpx.Response:
    return CLIENT.post(door.url + to, content=body, headers=headers)


def code(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == answer.status_code
    return answer.status_code, told["code"]


# --- what is right --------------------------------------------------------------------------------------------------


def test_a_right_event_wakes_its_source_and_says_who_and_when(door: Door) -> None:
    answer = post(door, *request())
    assert (answer.status_code, answer.json()) == (202, {"events": 1})
    (wake,) = door.wakes
    assert (wake.source, wake.reason, wake.who) == ("company", WakeReason.WEBHOOK, ("E1001",))
    assert wake.event_at == AT - timedelta(seconds=2)


def test_curl_sends_an_event(door: Door, tmp_path: Path) -> None:
    body, headers = request()
    (tmp_path / "event.json").write_bytes(body)
    given = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    sent = ["curl", "-sS", "--fail-with-body", *given, "--data-binary", "@event.json", f"{door.url}/v1/wake/company"]
    ran = subprocess.run(sent, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(ran.stdout) == {"events": 1}
    assert len(door.wakes) == 1


def test_a_batch_wakes_once_for_each_of_its_events(door: Door) -> None:
    batch = [{**EVENT, "id": str(number), "subject": f"E{number}"} for number in range(100)]
    assert post(door, *request(batch)).json() == {"events": 100}
    assert {wake.who[0] for wake in door.wakes} == {f"E{number}" for number in range(100)}
    assert len({wake.key for wake in door.wakes}) == 100


def test_a_binary_event_of_the_foreign_library_is_taken_and_its_headers_cannot_be_changed(door: Door) -> None:
    made = to_binary_event(
        Foreign(
            attributes={**{k: v for k, v in EVENT.items() if k != "time"}, "time": AT, "subject": "李"}, data=b"\x00"
        )
    )
    named = {name.lower(): value for name, value in made.headers.items()}
    body = bytes(made.body)
    lines = "".join(f"{name}:{value}\n" for name, value in sorted(named.items()) if name.startswith("ce-"))
    headers = {**named, **stamped(f"{lines}\n".encode() + body)}

    assert post(door, body, headers).status_code == 202
    assert door.wakes[0].who == ("李",)
    assert code(post(door, body, {**headers, "ce-subject": "E1"})) == (401, "WEB-013")
    assert code(post(door, body, {**headers, "ce-added": "E1"})) == (401, "WEB-013")
    assert len(door.wakes) == 1


def test_an_event_that_comes_twice_or_is_played_back_has_one_key(door: Door) -> None:
    for _ in range(2):
        assert post(door, *request()).status_code == 202
    again, headers = request(id="another-message", at=AT + timedelta(minutes=1))
    assert post(door, again, headers).status_code == 202
    assert len({(wake.source, wake.key) for wake in door.wakes}) == 1


def test_bodies_in_chunks_are_taken(door: Door) -> None:
    body, headers = request()
    answer = CLIENT.post(f"{door.url}/v1/wake/company", content=iter([body[:7], body[7:]]), headers=headers)
    assert answer.status_code == 202


# --- what is wrong --------------------------------------------------------------------------------------------------


def test_a_changed_body_a_wrong_secret_and_anothers_signature_do_not_fit(door: Door) -> None:
    body, headers = request()
    assert code(post(door, body + b" ", headers)) == (401, "WEB-013")
    assert code(post(door, *request(secret=b"guessed"))) == (401, "WEB-013")
    assert code(post(door, body, {**headers, "webhook-id": "msg-2"})) == (401, "WEB-013")
    assert code(post(door, body, {**headers, "webhook-timestamp": str(int(AT.timestamp()) + 1)})) == (401, "WEB-013")
    assert not door.wakes


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_without_one_of_the_headers_nothing_is_taken(door: Door, missing: str) -> None:
    body, headers = request()
    assert code(post(door, body, {name: value for name, value in headers.items() if name != missing})) == (
        401,
        "WEB-010",
    )


@pytest.mark.parametrize("away", [timedelta(minutes=6), timedelta(minutes=-6), timedelta(days=3650)])
def test_what_was_signed_long_ago_or_for_later_is_refused(door: Door, away: timedelta) -> None:
    assert code(post(door, *request(at=AT + away))) == (401, "WEB-012")
    assert not door.wakes


def test_a_sender_wakes_its_own_sources_only(door: Door) -> None:
    assert code(post(door, *request(secret=OTHER_SECRET.encode()))) == (403, "WEB-014")
    assert post(door, *request(secret=OTHER_SECRET.encode()), to="/v1/wake/doors").status_code == 202
    assert code(post(door, *request(), to="/v1/wake/nowhere")) == (403, "WEB-014")
    assert [wake.source for wake in door.wakes] == ["doors"]


def test_who_is_not_known_is_not_told_which_sources_there_are(door: Door) -> None:
    answers = [post(door, *request(secret=b"guessed"), to=f"/v1/wake/{source}") for source in ("company", "nowhere")]
    assert answers[0].content == answers[1].content


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1]",
        b"null",
        b"\xff\xfe",
        b'{"specversion": "1.0"}',
        b'{"specversion":"1.0","id":1}',
        b"[" * 60_000,
    ],
)
def test_a_signed_body_that_is_no_event_is_told_so(door: Door, body: bytes) -> None:
    headers = {"content-type": "application/cloudevents+json", **stamped(body)}
    assert code(post(door, body, headers)) == (400, "WEB-018")
    assert not door.wakes


def test_other_types_and_compressed_bodies_are_not_understood(door: Door) -> None:
    body, headers = request()
    assert code(post(door, body, {**headers, "content-type": "text/xml"})) == (415, "WEB-015")
    assert code(post(door, body, {**headers, "content-type": "application/cloudevents+avro"})) == (415, "WEB-015")
    assert code(post(door, body, {**headers, "content-encoding": "gzip"})) == (415, "WEB-026")


def test_a_header_that_is_there_twice_is_refused(door: Door) -> None:
    body, headers = request()
    twice = [*headers.items(), ("webhook-id", "msg-1")]
    answer = CLIENT.post(f"{door.url}/v1/wake/company", content=body, headers=twice)
    assert code(answer) == (400, "WEB-010")


def test_other_methods_and_paths_are_problems_too(door: Door) -> None:
    answer = CLIENT.get(f"{door.url}/v1/wake/company")
    assert code(answer) == (405, "WEB-024")
    assert answer.headers["allow"] == "POST"
    assert code(CLIENT.get(f"{door.url}/v1/wake/")) == (404, "WEB-023")
    assert code(CLIENT.get(f"{door.url}/../../etc/passwd")) == (404, "WEB-023")


def test_neither_logs_nor_answers_say_what_a_body_says(door: Door) -> None:
    event = {**EVENT, "subject": "E4711-secret-person", "data": {"name": "E4711-secret-person"}}
    with capture_logs() as logs:
        answers = [
            post(door, *request(event)),
            post(door, *request({**event, "id": 5})),
            post(door, *request([event, 1])),
        ]
    assert [answer.status_code for answer in answers] == [202, 400, 400]
    assert "E4711" not in str(logs) + "".join(answer.text for answer in answers)
    assert any(line["event"] == "webhook.taken" for line in logs)


# --- what cannot be kept --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "after"),
    [
        (TryAgain(NOT_WELL.at(), after=timedelta(seconds=42)), "42"),
        (NeedsHuman(NOT_WELL.at()), "5"),
        (OSError("No space left on device"), "5"),
    ],
)
def test_what_cannot_be_made_durable_is_not_accepted_and_comes_again(door: Door, error: Exception, after: str) -> None:
    def full(_: Wake) -> None:
        raise error

    door.keep = full
    answer = post(door, *request())
    assert code(answer) == (503, "WEB-022")
    assert answer.headers["retry-after"] == after
    assert "disk" not in answer.text
    door.keep = door.wakes.append
    assert post(door, *request()).status_code == 202


def test_of_a_batch_all_is_kept_or_all_comes_again(door: Door) -> None:
    def third_fails(wake: Wake) -> None:
        if wake.who == ("E3",):
            raise TryAgain(NOT_WELL.at())
        door.wakes.append(wake)

    door.keep = third_fails
    batch = [{**EVENT, "id": str(number), "subject": f"E{number}"} for number in range(5)]
    assert code(post(door, *request(batch))) == (503, "WEB-022")


def test_it_is_answered_only_after_the_wake_is_kept(door: Door) -> None:
    order: list[str] = []

    async def slowly(wake: Wake) -> None:
        await asyncio.sleep(0.2)
        order.append("kept")

    door.keep = slowly
    assert post(door, *request()).status_code == 202
    order.append("answered")
    assert order == ["kept", "answered"]


# --- too much -------------------------------------------------------------------------------------------------------


def chunked(size: int) -> Iterator[bytes]:
    for _ in range(size // 1_000):
        yield b"x" * 1_000


def test_a_large_body_is_refused_while_it_comes_whether_or_not_it_says_so(door: Door) -> None:
    _, headers = request()
    assert code(post(door, b"x" * (BODY_LIMIT + 1), headers)) == (413, "WEB-016")
    answer = CLIENT.post(f"{door.url}/v1/wake/company", content=chunked(3 * BODY_LIMIT), headers=headers)
    assert code(answer) == (413, "WEB-016")
    exactly = json.dumps({**EVENT, "data": ""}).encode()
    exactly = exactly[:-2] + b"x" * (BODY_LIMIT - len(exactly)) + b'"}'
    assert post(door, exactly, {"content-type": headers["content-type"], **stamped(exactly)}).status_code == 202


def exchange(door: Door, sent: bytes, *, more: bytes = b"", limit: int = 0) -> bytes:
    """Send bytes as they are, then `more` for as long as it is taken, at most `limit` bytes; return what came back to
    the end."""
    host, port = door.url.removeprefix("http://").rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=60) as line:
        try:
            line.sendall(sent)
            for _ in range(0, limit, len(more) or 1):
                line.sendall(more)
        except (ConnectionError, TimeoutError):
            return b"cut off"
        came = b""
        try:
            while part := line.recv(65_536):
                came += part
        except ConnectionError:
            return came or b"cut off"
        return came


def test_endless_heads_bodies_and_trailers_are_cut_off(door: Door) -> None:
    head = b"POST /v1/wake/company HTTP/1.1\r\nHost: x\r\n"
    many = exchange(door, head, more=b"A: " + b"b" * 1_000 + b"\r\n", limit=8 * REQUEST_BYTES)
    one = exchange(door, head + b"A: ", more=b"b" * 1_000, limit=8 * REQUEST_BYTES)
    assert all(each == b"cut off" or each.startswith(b"HTTP/1.1 431 ") for each in (many, one))
    body = head + b"Transfer-Encoding: chunked\r\n\r\n"
    assert exchange(door, body, more=b"3e8\r\n" + b"x" * 1_000 + b"\r\n", limit=8 * REQUEST_BYTES) in (b"cut off",)
    assert exchange(door, body + b"0\r\nA: ", more=b"b" * 1_000, limit=8 * REQUEST_BYTES) == b"cut off"
    assert CLIENT.get(f"{door.url}/healthz").status_code == 200


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/9.9\r\n\r\n", b"\0" * 100])
def test_what_is_no_http_is_answered_400_or_nothing(door: Door, garbage: bytes) -> None:
    assert exchange(door, garbage)[:12] in (b"HTTP/1.1 400", b"")


def test_two_lengths_cannot_smuggle_a_second_request(door: Door) -> None:
    first = (
        b"POST /v1/wake/company HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    )
    both = first + b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    assert b"syncd_ready" not in exchange(door, both)


def test_a_slow_body_is_not_waited_for() -> None:
    with Door(body_seconds=0.3) as door:
        head = b"POST /v1/wake/company HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
        came = exchange(door, head)
        assert came.startswith(b"HTTP/1.1 408 ")
        assert b"WEB-017" in came
        assert not door.wakes


def test_a_client_that_asks_too_often_waits_and_others_do_not() -> None:
    with Door(settings(rate=5, proxies=["127.0.0.1"]), clock=lambda: 0.0) as door:

        def ask(client: str) -> httpx.Response:
            return CLIENT.get(f"{door.url}/healthz", headers={"x-forwarded-for": client})

        answers = [ask("192.0.2.1") for _ in range(11)]
        assert [answer.status_code for answer in answers] == [200] * 10 + [429]
        assert code(answers[-1]) == (429, "WEB-021")
        assert answers[-1].headers["retry-after"] == "1"
        assert ask("192.0.2.2").status_code == 200


def test_who_is_no_proxy_cannot_say_who_it_is() -> None:
    with Door(settings(rate=5), clock=lambda: 0.0) as door:
        answers = [CLIENT.get(f"{door.url}/healthz", headers={"x-forwarded-for": f"192.0.2.{n}"}) for n in range(11)]
        assert [answer.status_code for answer in answers] == [200] * 10 + [429]


def test_of_a_thousand_at_once_each_is_kept_or_told_to_come_again_and_the_service_lives_on() -> None:
    with Door(settings(rate=400)) as door:
        answers = asyncio.run(_flood(door, 1_000))
        assert answers[202] == len(door.wakes)
        assert answers[202] > 0
        assert set(answers) <= {202, 429, 503, 0}
        assert sum(answers.values()) == 1_000
        assert CLIENT.get(f"{door.url}/healthz").status_code in (200, 429)


async def _flood(door: Door, number: int) -> Counter[int]:
    """Send so many events on so many connections at once; return how many were answered how, 0: not at all."""
    host, port = door.url.removeprefix("http://").rsplit(":", 1)

    async def one(place: int) -> int:
        body, headers = request({**EVENT, "id": str(place)}, id=f"msg-{place}")
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"POST /v1/wake/company HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n{lines}\r\n"
        try:
            reader, writer = await asyncio.open_connection(host, int(port))
        except OSError:
            return 0
        try:
            writer.write(head.encode() + body)
            answer = await reader.read()
            return int(answer[9:12] or 0)
        except OSError:
            return 0
        finally:
            writer.close()

    async with asyncio.timeout(120):
        return Counter(await asyncio.gather(*(one(place) for place in range(number))))
