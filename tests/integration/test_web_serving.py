"""The HTTP side as the service runs it: health, readiness and metrics for those who may look, TLS, sockets, and a clean
end."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from support.web import AT, CLIENT, Door, request, settings, well
from syncd.config.web import address
from syncd.core.errors import Misconfigured
from syncd.core.health import Health
from syncd.core.wakes import Wake
from syncd.web import certificate as certificates
from syncd.web import connections, serving
from syncd.web.app import Served


@pytest.fixture(scope="module")
def running() -> Iterator[Door]:
    ticks = iter(range(10**9))
    with Door(settings(rate=10_000), clock=lambda: float(next(ticks))) as door:  # each look is a new one
        yield door


@pytest.fixture
def door(running: Door) -> Iterator[Door]:
    yield running
    running.health = well


def get(door: Door, path: str, **headers: str) -> httpx.Response:
    return CLIENT.get(door.urls[-1] + path, headers=headers)


def until(condition: Callable[[], Any]) -> None:
    """Wait for a condition, generously."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def broken() -> Health:
    raise RuntimeError("the database is damaged")


# --- those who watch ------------------------------------------------------------------------------------------------


def test_healthz_answers_whatever_the_data_are_like(door: Door) -> None:
    door.health = broken
    answer = get(door, "/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")
    assert CLIENT.head(f"{door.url}/healthz").status_code == 200


def test_readyz_is_503_with_the_reasons_when_data_are_stale(door: Door) -> None:
    assert get(door, "/readyz").json() == {"ready": True, "reasons": []}
    door.health = lambda: well(run_at=AT - timedelta(days=1))
    answer = get(door, "/readyz")
    assert answer.status_code == 503
    assert not answer.json()["ready"]
    (told,) = answer.json()["reasons"]
    assert told["code"] == "WEB-030"
    assert told["do"]


def test_when_nobody_can_look_it_is_not_ready_and_there_are_no_metrics_of_yesterday(door: Door) -> None:
    get(door, "/metrics")
    door.health = broken
    assert [each["code"] for each in get(door, "/readyz").json()["reasons"]] == ["WEB-037"]
    assert get(door, "/metrics").status_code == 503


def test_promtool_finds_no_fault_with_the_metrics(door: Door) -> None:
    door.health = lambda: well(
        confirmed={"create person": 1}, alerts={"critical": 1}, delays=(timedelta(seconds=3),), disk_free=1
    )
    page = get(door, "/metrics")
    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    promtool = shutil.which("promtool")
    assert promtool, "tests/servers/install.sh installs it"
    ran = subprocess.run([promtool, "check", "metrics"], input=page.text, capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")


def test_who_asks_often_costs_one_look() -> None:
    looks: list[Health] = []

    def counted() -> Health:
        looks.append(well())
        return looks[-1]

    with Door(settings(rate=10_000), clock=lambda: 0.0) as door:
        door.health = counted
        for _ in range(30):
            assert get(door, "/metrics").status_code == 200
            assert get(door, "/readyz").status_code == 200
        assert len(looks) == 1


def test_with_a_token_only_its_owner_sees_metrics_and_reasons() -> None:
    with Door(settings(monitoring={"token": "a token of an example"})) as door:
        door.health = lambda: well(run_at=None)
        assert get(door, "/healthz").status_code == 200
        for headers in ({}, {"authorization": "Bearer guessed"}, {"authorization": "Basic a token of an example"}):
            refused = get(door, "/metrics", **headers)
            assert (refused.status_code, refused.json()["code"]) == (401, "WEB-025")
            assert refused.headers["www-authenticate"] == "Bearer"
            hidden = get(door, "/readyz", **headers)
            assert (hidden.status_code, hidden.json()) == (503, {"ready": False})
        known = {"authorization": "Bearer a token of an example"}
        assert "syncd_ready 0.0" in get(door, "/metrics", **known).text
        assert get(door, "/readyz", **known).json()["reasons"]


def test_monitoring_can_have_an_address_of_its_own() -> None:
    with Door(settings(monitoring={"listen": "127.0.0.1:0"})) as door:
        found = {
            url: (CLIENT.get(f"{url}/metrics").status_code, CLIENT.get(f"{url}/v1/wake/company").status_code)
            for url in door.urls
        }
        assert sorted(found.values()) == [(200, 404), (404, 405)]


def test_without_webhooks_nobody_can_wake_anybody() -> None:
    with Door(settings(webhooks={})) as door:
        body, headers = request()
        assert CLIENT.post(f"{door.url}/v1/wake/company", content=body, headers=headers).status_code == 404


# --- where it listens -----------------------------------------------------------------------------------------------


def prepared(**web: Any) -> serving.Prepared:
    async def never(_: Wake) -> None:
        raise AssertionError

    async def look() -> Health:
        return well()

    return serving.prepare(settings(**web), Served(wake=never, look=look, now=lambda: AT))


def test_nothing_listens_where_nothing_shall() -> None:
    async def served() -> None:
        async with asyncio.timeout(60):
            await serving.serve(prepared(listen=None), ready=pytest.fail)

    asyncio.run(served())


def test_other_settings_are_served_after_the_old_ones_and_nothing_is_left_behind() -> None:
    async def served(using: serving.Prepared) -> str:
        urls: asyncio.Queue[str] = asyncio.Queue()
        task = asyncio.create_task(serving.serve(using, ready=urls.put_nowait))
        url = await urls.get()
        answer = await asyncio.to_thread(CLIENT.get, f"{url}/healthz")
        task.cancel()
        await asyncio.wait([task])
        assert len(asyncio.all_tasks()) == 1
        assert answer.status_code == 200
        return url

    async def both() -> tuple[str, str]:
        async with asyncio.timeout(60):
            first = await served(prepared())
            return first, await served(prepared(listen=first.removeprefix("http://")))

    first, second = asyncio.run(both())
    assert first == second
    with pytest.raises(httpx.ConnectError):
        CLIENT.get(f"{first}/healthz")


def test_a_client_is_never_refused_while_other_settings_are_taken_over() -> None:
    """The connection that it holds goes on, and one that is new finds the same socket."""
    seen: list[int] = []

    def ask(url: str, until: threading.Event) -> None:
        with httpx.Client(base_url=url, timeout=60) as kept:
            while not until.is_set():
                seen.append(kept.get("/healthz").status_code)
                seen.append(httpx.get(f"{url}/healthz", timeout=60).status_code)

    def more(than: int) -> bool:
        return len(seen) > than

    async def swapped() -> tuple[str, str]:
        doors, urls, over = serving.Doors(), asyncio.Queue[str](), threading.Event()
        task = asyncio.create_task(doors.serve(prepared(rate=10_000), ready=urls.put_nowait))
        first = last = await urls.get()
        asking = asyncio.create_task(asyncio.to_thread(ask, first, over))
        for _ in range(20):
            task.cancel()
            await asyncio.wait([task])
            await asyncio.to_thread(until, partial(more, len(seen)))
            task = asyncio.create_task(doors.serve(prepared(rate=10_000), ready=urls.put_nowait))
            last = await urls.get()
        over.set()
        await asking
        task.cancel()
        await doors.close()
        return first, last

    first, last = asyncio.run(swapped())
    assert first == last
    assert set(seen) == {200}
    with pytest.raises(httpx.ConnectError):
        CLIENT.get(f"{last}/healthz")


def test_another_application_answers_as_soon_as_it_is_taken_over_and_another_address_is_listened_on_alone() -> None:
    async def status(url: str, path: str) -> int:
        return (await asyncio.to_thread(httpx.get, url + path, timeout=60)).status_code

    async def served() -> None:
        doors, urls = serving.Doors(), asyncio.Queue[str]()
        one = asyncio.create_task(doors.serve(prepared(monitoring={"listen": "127.0.0.1:0"}), ready=urls.put_nowait))
        found = {await urls.get(), await urls.get()}
        one.cancel()
        two = asyncio.create_task(doors.serve(prepared(webhooks={}), ready=urls.put_nowait))
        url = await urls.get()
        (gone,) = found - {url}
        assert await status(url, "/healthz") == 200
        assert await status(url, "/v1/wake/company") == 404
        with pytest.raises(httpx.ConnectError):
            await status(gone, "/healthz")
        two.cancel()
        await doors.close()

    asyncio.run(served())


def test_settings_that_cannot_be_served_are_refused_before_anything_listens() -> None:
    with pytest.raises(Misconfigured) as told:
        prepared(webhooks={"hr": {"sources": ["company"], "secrets": ["too short"]}})
    assert [problem.code for problem in told.value.problems] == ["WEB-002"]


def test_curl_reaches_a_socket_in_the_file_system_which_is_gone_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    with Door(settings(listen=f"unix:{path}")) as door:
        assert door.urls == [f"unix:{path}"]
        assert path.stat().st_mode & 0o777 == 0o660
        sent = ["curl", "-sS", "--fail-with-body", "--unix-socket", str(path), "http://syncd/readyz"]
        assert '"ready":true' in subprocess.run(sent, capture_output=True, text=True, check=True, timeout=60).stdout
    assert not path.exists()


def test_a_taken_port_is_told_and_taken_over_when_it_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "AGAIN_SECONDS", 0.05)
    holder = socket.create_server(("127.0.0.1", 0))
    port = holder.getsockname()[1]
    door = Door(settings(listen=f"127.0.0.1:{port}"))
    with capture_logs() as logs:
        entering = threading.Thread(target=door.__enter__)
        entering.start()
        until(lambda: [line for line in logs if line["event"] == "web.not_listening"])
        holder.close()
        entering.join(60)
    try:
        assert door.urls == [f"http://127.0.0.1:{port}"]
        assert get(door, "/healthz").status_code == 200
        assert logs[0]["code"] == "WEB-001"
    finally:
        door.stop()


def test_no_answer_waits_for_an_acknowledgement() -> None:
    with serving._opened(address("127.0.0.1:0")) as listening, socket.socket(listening.family) as client:
        client.connect(listening.getsockname())
        taken, _ = listening.accept()
        with taken:
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_socket_that_somebody_listens_on_is_not_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    with socket.socket(socket.AF_UNIX) as holder:
        holder.bind(str(path))
        holder.listen()
        with pytest.raises(OSError, match="exists"):
            serving._in_file_system(path)
    assert path.exists()


# --- TLS ------------------------------------------------------------------------------------------------------------


def certificate(folder: Path, name: str) -> None:
    """Write a certificate of its own for 127.0.0.1, in place of the one before."""
    made = folder / "new"
    made.mkdir()
    said = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    files = ["-keyout", str(made / "web.key"), "-out", str(made / "web.pem")]
    elliptic = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    subprocess.run(["openssl", "req", "-x509", *elliptic, *files, *said], check=True, capture_output=True, timeout=60)
    for file in made.iterdir():
        file.replace(folder / file.name)
    made.rmdir()


def shown(door: Door) -> str:
    """Return the certificate that the service shows now."""
    host, port = door.url.removeprefix("https://").rsplit(":", 1)
    return ssl.get_server_certificate((host, int(port)), timeout=60)


def test_with_a_certificate_only_https_is_spoken_and_a_new_one_is_used_without_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificates, "LOOK_SECONDS", 0.05)
    certificate(tmp_path, "first")
    with Door(settings(certificate=tmp_path / "web.pem", key=tmp_path / "web.key")) as door:
        trusted = ["curl", "-sS", "--fail-with-body", "--cacert", str(tmp_path / "web.pem")]
        subprocess.run([*trusted, f"{door.url}/healthz"], check=True, capture_output=True, timeout=60)
        plain = subprocess.run(["curl", "-sS", door.url.replace("https", "http")], capture_output=True, timeout=60)
        assert plain.returncode != 0
        first = shown(door)
        certificate(tmp_path, "second")
        until(lambda: shown(door) != first)
        assert shown(door) == (tmp_path / "web.pem").read_text()
        second = shown(door)
        with capture_logs() as logs:
            (tmp_path / "web.pem").write_text("garbage")
            until(lambda: [line for line in logs if line.get("code") == "WEB-003"])
        assert shown(door) == second


def test_files_that_do_not_belong_together_are_refused_before_anything_listens(tmp_path: Path) -> None:
    certificate(tmp_path, "one")
    shutil.copy(tmp_path / "web.pem", tmp_path / "old.pem")
    certificate(tmp_path, "two")
    for pem in (tmp_path / "old.pem", tmp_path / "missing.pem"):
        with pytest.raises(Misconfigured) as told, Door(settings(certificate=pem, key=tmp_path / "web.key")):
            pytest.fail("it listens")
        assert [problem.code for problem in told.value.problems] == ["WEB-003"]


def test_to_listen_for_others_without_tls_is_remarked() -> None:
    with capture_logs() as logs, Door(settings(listen="0.0.0.0:0")):
        pass
    assert [line["code"] for line in logs if line["event"] == "web.no_tls"] == ["WEB-004"]


# --- its end --------------------------------------------------------------------------------------------------------


def test_what_is_under_way_when_the_service_stops_is_kept_and_answered_and_nothing_listens_then() -> None:
    started, go_on = threading.Event(), threading.Event()
    with Door() as door:

        async def slowly(wake: Wake) -> None:
            started.set()
            await asyncio.to_thread(go_on.wait)
            door.wakes.append(wake)

        door.keep = slowly
        body, headers = request()
        answers: list[int] = []
        asking = threading.Thread(
            target=lambda: answers.append(
                CLIENT.post(f"{door.url}/v1/wake/company", content=body, headers=headers).status_code
            )
        )
        asking.start()
        assert started.wait(60)
        stopping = threading.Thread(target=door.stop)
        stopping.start()
        until(lambda: refuses(door))
        go_on.set()
        asking.join(60)
        stopping.join(60)
        assert answers == [202]
        assert len(door.wakes) == 1


def refuses(door: Door) -> bool:
    host, port = door.url.removeprefix("http://").rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=60).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("HEAD_SECONDS", b""),
        ("HEAD_SECONDS", b"GET /healthz HTTP/1.1\r\n"),
        ("IDLE_SECONDS", b"GET /healthz HTTP/1.1\r\n\r\n"),
    ],
)
def test_who_says_nothing_or_half_of_it_is_cut_off(monkeypatch: pytest.MonkeyPatch, name: str, said: bytes) -> None:
    monkeypatch.setattr(connections, name, 0.2)
    with Door() as door:
        host, port = door.url.removeprefix("http://").rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=60) as line:
            line.sendall(said)
            with contextlib.suppress(ConnectionResetError):
                while line.recv(65_536):
                    pass  # it comes to an end, or the time limit of the socket ends the test


def test_more_connections_than_there_are_places_are_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS", 2)
    with Door() as door:
        host, port = door.url.removeprefix("http://").rsplit(":", 1)
        with contextlib.ExitStack() as held:
            lines = [held.enter_context(socket.create_connection((host, int(port)), timeout=60)) for _ in range(3)]
            assert lines[2].recv(65_536).startswith(b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n")
        until(lambda: httpx.get(f"{door.url}/healthz").status_code == 200)


def test_a_client_that_says_nothing_does_not_keep_the_service_from_stopping() -> None:
    with Door() as door:
        host, port = door.url.removeprefix("http://").rsplit(":", 1)
        with socket.create_connection((host, int(port))), socket.create_connection((host, int(port))) as half:
            half.sendall(b"GET /healthz HTTP/1.1\r\n")
            assert get(door, "/healthz").status_code == 200
            door.stop()
