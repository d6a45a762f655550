"""What an ear makes of what a server sends: bells, positions, refusals, silence, and garbage."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from servers import ldap_standin_ber as ber
from syncd.core.errors import TryAgain
from syncd_active_directory.ear import Ear, Refused
from syncd_active_directory.wire import Wire

SEARCH = 7
STATE = "1.3.6.1.4.1.4203.1.9.1.2"
AT = datetime(2026, 11, 22, 1, 30, 0, 250_000, tzinfo=UTC)
LATER = AT + timedelta(seconds=1)
Scene = Callable[[Ear, "Server"], Awaitable[None]]


class Server:
    """The other end of a wire: it says what a test wants, and counts what it is asked."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.address = "ldaps://dc1.corp.example.com"
        self.asked = 100
        self.asked_often = asyncio.Event()
        self.mute = False

    @property
    def line(self) -> socket.socket:
        return self.ours

    def begin(self, **_: Any) -> int:
        """Take the question for a sign of life, and give one."""
        self.asked += 1
        if self.asked == 105:
            self.asked_often.set()
        if not self.mute:
            self.say(ber.framed_answer(self.asked, ber.entry(b"", [])), done(self.asked))
        return self.asked

    def say(self, *messages: bytes) -> None:
        self.theirs.sendall(b"".join(messages))

    def close(self) -> None:
        self.ours.close()


def done(number: int = SEARCH, code: int = 0) -> bytes:
    return ber.framed_answer(number, ber.result(ber.DONE, code))


def changed(
    at: datetime | None = None, *, number: int = SEARCH, name: bytes = b"uid=contoh,dc=example,dc=com"
) -> bytes:
    controls = [ber.Control(oid=STATE, value=f"rid=000,csn={stamp(at)}".encode())] if at else []
    return ber.framed_answer(number, ber.entry(name, []), controls)


def stamp(at: datetime) -> str:
    return f"{at:%Y%m%d%H%M%S.%f}Z#000000#000#000000"


def informed(value: bytes, number: int = SEARCH) -> bytes:
    body = ber.tlv(0x80, b"1.3.6.1.4.1.4203.1.9.1.4") + ber.tlv(0x81, value)
    return ber.framed_answer(number, ber.tlv(0x79, body))


CAUGHT_UP = informed(ber.tlv(0xA1, b""))
COOKIE = informed(ber.tlv(0x80, b"rid=000,csn=20261122013000.000000Z#000000#000#000000"))
GONE = informed(ber.tlv(0xA3, ber.tlv(ber.BOOLEAN, b"\xff") + ber.tlv(ber.SET, ber.octets(bytes(16)))))
GOODBYE = ber.framed_answer(0, ber.tlv(ber.EXTENDED_DONE, ber.integer(52, ber.ENUMERATED) + ber.octets("") * 2))


def play(scene: Scene, *, begun: Mapping[int, bool] | None = None, **times: timedelta) -> None:
    async def run() -> None:
        with served() as server:
            ear = Ear(cast(Wire, server), begun=begun or {SEARCH: False}, **times)
            try:
                await scene(ear, server)
            finally:
                ear.close()

    asyncio.run(run())


@contextmanager
def served() -> Iterator[Server]:
    server = Server()
    try:
        yield server
    finally:
        server.theirs.close()
        server.ours.close()


def test_a_change_is_heard_with_its_time_and_several_are_heard_as_one() -> None:
    async def scene(ear: Ear, server: Server) -> None:
        server.say(changed(LATER), changed(AT), changed())
        heard = await ear.heard(None)
        assert heard is not None
        assert heard.at == AT, "delay is measured from the first of them"
        assert await ear.heard(0) is None, "it was heard once"

    play(scene)


@pytest.mark.parametrize("size", [1, 3, 40])
def test_a_message_may_come_in_pieces(size: int) -> None:
    async def scene(ear: Ear, server: Server) -> None:
        whole = changed(AT)
        for at in range(0, len(whole), size):
            assert await ear.heard(0) is None
            server.say(whole[at : at + size])
        heard = await ear.heard(None)
        assert heard is not None
        assert heard.at == AT

    play(scene)


@pytest.mark.parametrize(
    "cookie",
    [
        f"rid=000,csn={stamp(AT)};{stamp(LATER)}",
        "rid=000,csn=20269922013000.000000Z#000000#000#000000",
        "no cookie",
    ],
    ids=["the position of several servers", "no time", "something else"],
)
def test_a_time_is_told_only_if_it_is_one(cookie: str) -> None:
    async def scene(ear: Ear, server: Server) -> None:
        controls = [ber.Control(oid=STATE, value=cookie.encode())]
        server.say(ber.framed_answer(SEARCH, ber.entry(b"uid=contoh", []), controls))
        heard = await ear.heard(None)
        assert heard is not None
        assert heard.at is None

    play(scene)


def test_a_name_that_looks_like_a_time_is_none() -> None:
    async def scene(ear: Ear, server: Server) -> None:
        server.say(changed(name=f"cn=csn={stamp(AT)}".encode()))
        heard = await ear.heard(None)
        assert heard is not None
        assert heard.at is None

    play(scene)


def test_it_is_ready_when_the_server_answers_and_has_caught_up() -> None:
    async def scene(ear: Ear, server: Server) -> None:
        ready = asyncio.ensure_future(ear.ready())
        server.say(changed(), COOKIE)
        await asyncio.sleep(0)
        assert await ear.heard(None), "what happened since the position is heard"
        assert not ready.done()
        server.say(CAUGHT_UP)
        await ready
        assert await ear.heard(0) is None, "having caught up is no change"

    play(scene, begun={SEARCH: True})


def test_a_new_position_alone_is_no_change_and_a_list_of_the_deleted_is_one() -> None:
    async def scene(ear: Ear, server: Server) -> None:
        await ear.ready()
        server.say(COOKIE)
        assert await ear.heard(0) is None
        server.say(GONE)
        assert await ear.heard(None)

    play(scene)


@pytest.mark.parametrize("code", [0, 11, 12, 50, 53])
def test_a_search_that_the_server_will_not_have_is_refused(code: int) -> None:
    async def scene(ear: Ear, server: Server) -> None:
        server.say(done(code=code))
        with pytest.raises(Refused, match=str(code)):
            await ear.ready()

    play(scene)


@pytest.mark.parametrize(
    "said",
    [[done(code=51)], [done(code=4096)], [GOODBYE], [b"\x30\x03\x02\x01"[:4] + b"\x07"], [b"\xff" * 8]],
    ids=["busy", "to be begun again", "good-bye", "a message without an operation", "garbage"],
)
def test_what_ends_a_connection_is_said_after_what_was_heard(said: Sequence[bytes]) -> None:
    async def scene(ear: Ear, server: Server) -> None:
        server.say(changed(), *said)
        assert await ear.heard(None)
        with pytest.raises(TryAgain):
            await ear.heard(None)
        with pytest.raises(TryAgain):
            await ear.heard(None)

    play(scene)


def test_a_server_that_hangs_up_is_noticed() -> None:
    async def scene(ear: Ear, server: Server) -> None:
        server.theirs.close()
        with pytest.raises(TryAgain, match="hung up"):
            await ear.heard(None)

    play(scene)


def test_a_server_that_gives_no_sign_of_life_is_gone() -> None:
    async def scene(ear: Ear, server: Server) -> None:
        server.mute = True
        with pytest.raises(TryAgain, match="no sign of life"):
            await ear.heard(None)
        assert server.asked == 101, "it was asked once"

    play(scene, idle=timedelta(milliseconds=1), patience=timedelta(milliseconds=50))


def test_a_quiet_server_that_answers_is_not_given_up() -> None:
    async def scene(ear: Ear, server: Server) -> None:
        hearing = asyncio.ensure_future(ear.heard(None))
        await server.asked_often.wait()
        server.say(changed())
        assert await hearing

    play(scene, idle=timedelta(milliseconds=1))


def test_a_server_that_does_not_even_answer_at_first_is_not_listened_to() -> None:
    async def scene(ear: Ear, server: Server) -> None:
        server.mute = True
        with pytest.raises(TryAgain, match="no answer"):
            await ear.ready()

    play(scene, patience=timedelta(milliseconds=1))


def test_what_comes_while_nobody_waits_is_kept() -> None:
    async def scene(ear: Ear, server: Server) -> None:
        for _ in range(20):
            server.say(*[changed(AT)] * 20)
            await asyncio.sleep(0)
        assert await ear.heard(0)
        server.say(done(code=51))
        with pytest.raises(TryAgain):
            await ear.heard(None)

    play(scene)
