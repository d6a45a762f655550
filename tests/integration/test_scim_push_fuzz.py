"""The endpoint under requests that nobody in their right mind sends: never a 5xx, never a trace, never anybody else's people.

Over HTTP, to a process whose memory is looked at. `SCIM_FUZZ=50000` makes it long (`make fuzz`), `SCIM_FUZZ_SEED` another one; in
the gate it is short, and always the same.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

from servers.scim_push import endpoint_process
from support.scim_monkey import Monkey, Wire
from support.scim_push import GROUP, USER

REQUESTS: Final = int(os.environ.get("SCIM_FUZZ", "1000"))
SEED: Final = int(os.environ.get("SCIM_FUZZ_SEED", "1"))
GROWTH: Final = 24 * 1024 * 1024
"""Bytes by which the process may be larger at the end than after a third: caches fill, answers of a megabyte come and go."""
ERROR: Final = ["urn:ietf:params:scim:api:messages:2.0:Error"]


class Line:
    """A connection that is opened again whenever the other side has closed it."""

    def __init__(self, url: str) -> None:
        self._where = (str(urlsplit(url).hostname), int(urlsplit(url).port or 0))
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()

    def ask(self, wire: Wire) -> tuple[int, dict[str, str], bytes] | None:
        """Return what is answered; None where the other side says nothing and hangs up."""
        kept = self._socket is not None
        opened = self._socket or socket.create_connection(self._where, timeout=60)
        self._socket = opened
        try:
            opened.sendall(wire.sent)
            if not wire.whole:
                with suppress(OSError):  # the other side may be gone already
                    opened.shutdown(socket.SHUT_WR)
            answer = self._read(opened, without_body=wire.head)
        except (BrokenPipeError, ConnectionResetError):
            answer = None
        if answer is None or not wire.whole or "close" in answer[1].get("connection", ""):
            self.hang_up()
        # A connection that was kept may have been closed meanwhile, as any client has to expect.
        return self.ask(wire) if answer is None and kept and wire.whole else answer

    def hang_up(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _read(self, opened: socket.socket, *, without_body: bool) -> tuple[int, dict[str, str], bytes] | None:
        came = b""
        while b"\r\n\r\n" not in came:
            more = opened.recv(65_536)
            if not more:
                return None
            came += more
        head, _, body = came.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        left = 0 if without_body else int(headers.get("content-length", "0")) - len(body)
        while left > 0:
            more = opened.recv(65_536)
            if not more:
                return None
            body += more
            left -= len(more)
        return int(first.split()[1]), headers, body


def _plain(token: str, method: str, path: str, document: Any = None) -> Wire:
    body = b"" if document is None else json.dumps(document).encode()
    head = (
        f"{method} {path} HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {token}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return Wire(sent=head.encode() + body)


def _made(line: Line, token: str, place: str, document: Any) -> str:
    answer = line.ask(_plain(token, "POST", place, document))
    assert answer is not None
    assert answer[0] == 201, answer
    return str(json.loads(answer[2])["id"])


def _everybody(line: Line, token: str, source: str) -> bytes:
    found = b""
    for place in ("Users", "Groups"):
        answer = line.ask(_plain(token, "GET", f"/scim/v2/{source}/{place}?count=1000"))
        assert answer is not None
        assert answer[0] == 200
        found += answer[2]
    return found


def _judged(wire: Wire, answer: tuple[int, dict[str, str], bytes] | None) -> int:
    """Return the status, after everything was checked that holds for each answer."""
    if answer is None:
        assert not wire.whole, wire.sent[:2000]
        return 0
    status, _, body = answer
    assert status < 500 or status == 501, (wire.sent[:2000], answer)
    assert b"Traceback" not in body
    assert b'File "' not in body
    if status >= 400 and wire.whole and not wire.head and status != 431:
        if body.startswith(b"Invalid HTTP"):
            return status
        told = json.loads(body)
        assert (told["schemas"], told["status"]) == (ERROR, str(status)), (wire.sent[:2000], answer)
    return status


def test_whatever_is_sent_is_answered_and_shows_nobody_of_another_provider(tmp_path: Path) -> None:
    mark, token, other = secrets.token_hex(12), secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    said: Counter[int] = Counter()
    with endpoint_process(tmp_path, {"entra": token, "partners": other}) as process, Line(process.url) as line:
        theirs = [
            _made(line, other, "/scim/v2/partners/Users", {"schemas": [USER], "userName": f"{mark}-{n}", "title": mark})
            for n in range(5)
        ]
        group = {"schemas": [GROUP], "displayName": mark, "members": [{"value": one} for one in theirs[:3]]}
        theirs.append(_made(line, other, "/scim/v2/partners/Groups", group))
        before = _everybody(line, other, "partners")
        mine = [_made(line, token, "/scim/v2/entra/Users", {"userName": f"mine{n}"}) for n in range(8)]
        mine.append(_made(line, token, "/scim/v2/entra/Groups", {"displayName": "mine"}))
        monkey, warm = Monkey(SEED, token=token, other=other, ids=[*mine, *mine, *theirs]), 0
        for number in range(REQUESTS):
            wire = monkey.request()
            answer = line.ask(wire)
            said[_judged(wire, answer)] += 1
            assert answer is None or mark.encode() not in answer[2], (number, wire.sent[:2000])
            if answer is not None and answer[0] == 201:
                monkey.learn(json.loads(answer[2])["id"])
            if number == REQUESTS // 3:
                warm = process.memory
        grown = process.memory - warm
        assert _everybody(line, other, "partners") == before
        assert mark.encode() not in _everybody(line, token, "entra")
        log = process.log.read_text(encoding="utf-8")
    print(f"{REQUESTS} requests: {dict(sorted(said.items()))}; {warm >> 10} KiB after a third, {grown >> 10} KiB more")
    assert "Traceback" not in log
    assert mark not in log
    assert min(said[200], said[201], said[204], said[400], said[401], said[404]) > 0, said
    assert grown < GROWTH
