"""`syncd webhook`: what it signs the service takes, also through curl; what the service refuses is explained."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.web import EVENT, OTHER_SECRET, ROOT, SECRET, WEBHOOKS, Door
from syncd.cli import main
from syncd.core.errors import TryAgain, message

NOT_WELL = message("XXX-871", what="The disk is full.", do="Make room.", example="a test")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def running() -> Iterator[Door]:
    with Door() as door:
        door.now = lambda: datetime.now(UTC)
        yield door


@pytest.fixture
def door(running: Door) -> Door:
    running.wakes.clear()
    running.keep = running.wakes.append
    return running


@pytest.fixture
def run(door: Door, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(ROOT)
    sources = {
        "hr": {"sources": ["company"], "secrets": [SECRET]},
        "badges": {**WEBHOOKS["badges"], "sources": ["company"]},
    }
    monkeypatch.setenv("SYNCD_WEB__WEBHOOKS", json.dumps(sources))
    monkeypatch.setenv("SYNCD_WEB__LISTEN", door.url.removeprefix("http://"))

    def ran(*words: str) -> tuple[int, str, str]:
        code = main(["webhook", *words])
        out, err = capsys.readouterr()
        assert SECRET not in out + err
        assert OTHER_SECRET not in out + err
        return code, out, err

    return ran


def test_send_tells_the_running_service_who_changed(door: Door, run: Run) -> None:
    assert run("send", "company", "--who", "E1001", "--sender", "hr") == (0, "Kept (202).\n", "")
    assert [wake.who for wake in door.wakes] == [("E1001",)]


def test_several_people_are_one_batch(door: Door, run: Run) -> None:
    assert run("send", "company", "--who", "E1", "--who", "E2", "--sender", "hr")[0] == 0
    assert sorted(wake.who for wake in door.wakes) == [("E1",), ("E2",)]
    assert len({wake.key for wake in door.wakes}) == 2


def test_what_sign_prints_a_shell_can_run(door: Door, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "event.json"
    file.write_text(json.dumps({**EVENT, "subject": "O'Neil $HOME"}) + "\n")
    _, line, _ = run("sign", "company", "--file", str(file), "--sender", "hr")
    ran = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(ran.stdout) == {"events": 1}
    assert [wake.who for wake in door.wakes] == [("O'Neil $HOME",)]


def test_sign_gives_another_program_url_headers_and_body(door: Door, run: Run) -> None:
    code, out, _ = run("sign", "company", "--url", "https://syncd.example.com/", "--sender", "hr", "--json")
    found: dict[str, Any] = json.loads(out)
    assert (code, found["url"]) == (0, "https://syncd.example.com/v1/wake/company")
    assert set(found["headers"]) == {"content-type", "webhook-id", "webhook-timestamp", "webhook-signature"}
    assert "subject" not in json.loads(found["body"])
    assert not door.wakes


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("company",), "CLI-200"),  # two senders may
        (("nowhere",), "CLI-200"),
        (("company", "--sender", "nobody"), "CLI-200"),
        (("company", "--sender", "badges"), "CLI-202"),  # the service does not let it
    ],
)
def test_what_cannot_be_sent_is_explained(door: Door, run: Run, words: tuple[str, ...], code: str) -> None:
    ended, _, err = run("send", *words)
    assert ended == 3
    assert code in err
    assert not door.wakes


def test_a_service_that_cannot_keep_it_or_is_not_there_is_asked_again_later(door: Door, run: Run) -> None:
    def full(_: object) -> None:
        raise TryAgain(NOT_WELL.at(), after=timedelta(seconds=42))

    door.keep = full
    ended, _, err = run("send", "company", "--sender", "hr")
    assert ended == 9
    assert "in 42 seconds" in err
    assert run("send", "company", "--sender", "hr", "--url", "http://127.0.0.1:1")[0] == 9


def test_without_an_address_one_has_to_be_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for listen in ("unix:/run/syncd/web.sock", "127.0.0.1:0", "null"):
        monkeypatch.setenv("SYNCD_WEB__LISTEN", listen)
        ended, _, err = run("send", "company", "--sender", "hr")
        assert (ended, "CLI-201" in err) == (3, True)
