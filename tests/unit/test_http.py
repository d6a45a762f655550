"""A call has an answer, or certainly nothing happened, or something may have: told apart against real sockets."""

from __future__ import annotations

import asyncio
import gzip
import subprocess
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from syncd.core.errors import NeedsHuman
from syncd.http import AnswerLost, HttpSettings, NotSent, Unsent, open_client

SECRET = "token-that-nobody-may-see"
Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(talk: Conversation) -> AsyncIterator[int]:
    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    async with await asyncio.start_server(guarded, "127.0.0.1", 0) as listening:
        yield listening.sockets[0].getsockname()[1]


async def request_of(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line), 0)
    return head, await reader.readexactly(length)


def run(work: Awaitable[None]) -> None:
    async def inner() -> None:
        await work

    asyncio.run(inner())


def test_json_is_sent_as_raw_utf8_and_the_answer_comes_back_whole() -> None:
    seen: list[tuple[bytes, bytes]] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await request_of(reader))
        writer.write(b"HTTP/1.1 403 Forbidden\r\nDate: Sun, 22 Nov 2026 01:00:00 GMT\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()

    async def work() -> None:
        async with server(talk) as port, open_client(HttpSettings()) as client:
            answer = await client.send(
                "POST", f"http://127.0.0.1:{port}/x?access_token={SECRET}", json={"name": "王小明"}
            )
            assert (answer.status, answer.content) == (403, b"{}")
            assert answer.headers["date"].endswith("GMT")

    run(work())
    head, body = seen[0]
    assert body == '{"name":"王小明"}'.encode()
    assert b"content-type: application/json; charset=utf-8" in head.lower()
    assert b"cookie" not in head.lower()


def test_a_packed_answer_is_unpacked() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        body = gzip.compress(b'{"errcode":0}')
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    async def work() -> None:
        async with server(talk) as port, open_client(HttpSettings()) as client:
            answer = await client.send("POST", f"http://127.0.0.1:{port}/", json={})
        assert answer.content == b'{"errcode":0}'

    run(work())


def test_a_success_is_handed_over_in_pieces_and_an_error_comes_whole() -> None:
    answers = [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        b"HTTP/1.1 500 Broken\r\nContent-Length: 4\r\n\r\nwhy?",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut",
    ]

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(answers.pop(0))
        await writer.drain()

    async def work() -> None:
        taken = bytearray()

        async def take(piece: bytes) -> None:
            taken.extend(piece)

        async with server(talk) as port, open_client(HttpSettings()) as client:
            url = f"http://127.0.0.1:{port}/"
            whole = await client.send("GET", url, taking=take)
            assert (whole.status, whole.content, bytes(taken)) == (200, b"", b"abcde")
            wrong = await client.send("GET", url, taking=take)
            assert (wrong.status, wrong.content, bytes(taken)) == (500, b"why?", b"abcde")
            with pytest.raises(AnswerLost):
                await client.send("GET", url, taking=take)

    run(work())


def test_a_form_is_sent_as_a_form() -> None:
    seen: list[tuple[bytes, bytes]] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await request_of(reader))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async def work() -> None:
        async with server(talk) as port, open_client(HttpSettings()) as client:
            await client.send("POST", f"http://127.0.0.1:{port}/", form={"a": "1 2"})

    run(work())
    assert seen[0][1] == b"a=1+2"


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)


async def _say_half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()


async def _say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    await reader.read()


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.transport.abort()


async def _babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.write(b"this is not HTTP at all\r\n\r\n")
    await writer.drain()


@pytest.mark.parametrize("talk", [_hang_up, _say_half, _say_nothing, _reset, _babble])
def test_whatever_goes_wrong_after_sending_may_have_happened(talk: Conversation) -> None:
    async def work() -> None:
        async with server(talk) as port, open_client(HttpSettings()) as client:
            url = f"http://127.0.0.1:{port}/x?access_token={SECRET}"
            with pytest.raises(AnswerLost) as lost:
                await client.send("POST", url, json={}, timeout=timedelta(seconds=0.3))
            assert lost.value.problem.code == "HTP-005"
            assert SECRET not in str(lost.value)

    run(work())


async def _not_sent(url: str, settings: HttpSettings | None = None) -> NotSent:
    async with open_client(settings or HttpSettings()) as client:
        with pytest.raises(NotSent) as unsent:
            await client.send("POST", f"{url}?access_token={SECRET}", json={})
    assert SECRET not in str(unsent.value)
    return unsent.value


def test_a_refused_connection_has_sent_nothing() -> None:
    async def work() -> None:
        unsent = await _not_sent("http://127.0.0.1:1/")
        assert (unsent.step, unsent.problem.code) == (Unsent.CONNECTION, "HTP-002")

    run(work())


def test_an_unknown_name_has_sent_nothing() -> None:
    async def work() -> None:
        unsent = await _not_sent("http://nobody.invalid/")
        assert (unsent.step, unsent.problem.code) == (Unsent.NAME, "HTP-001")

    run(work())


def test_a_server_without_tls_has_been_sent_nothing() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async def work() -> None:
        async with server(talk) as port:
            unsent = await _not_sent(f"https://127.0.0.1:{port}/")
        assert (unsent.step, unsent.problem.code) == (Unsent.TLS, "HTP-003")

    run(work())


def test_a_proxy_that_is_not_there_has_been_sent_nothing_and_its_password_is_not_told() -> None:
    async def work() -> None:
        settings = HttpSettings(proxy=SecretStr("http://somebody:hush-hush@127.0.0.1:1"))
        unsent = await _not_sent("https://dingtalk.invalid/", settings)
        assert (unsent.step, unsent.problem.code) == (Unsent.PROXY, "HTP-004")
        assert "hush-hush" not in f"{unsent} {settings!r}"

    run(work())


def test_a_proxy_is_told_its_password_and_the_far_side_is_reached_through_it() -> None:
    seen: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await request_of(reader))[0])
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async def work() -> None:
        async with server(talk) as port:
            settings = HttpSettings(proxy=SecretStr(f"http://somebody:hush-hush@127.0.0.1:{port}"))
            unsent = await _not_sent("https://dingtalk.invalid/", settings)
        assert unsent.step is Unsent.PROXY

    run(work())
    assert seen[0].startswith(b"CONNECT dingtalk.invalid:443")
    assert b64encode(b"somebody:hush-hush") in seen[0]


def test_a_missing_certificate_file_is_for_a_person_to_mend(tmp_path: Path) -> None:
    async def work() -> None:
        with pytest.raises(NeedsHuman) as told:
            open_client(HttpSettings(ca_file=tmp_path / "none.pem"))
        assert told.value.problem.code == "HTP-006"

    run(work())


def test_checking_a_configuration_does_not_import_httpx() -> None:
    code = "import sys, syncd.http; print([name for name in ('httpx', 'aiohttp') if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
