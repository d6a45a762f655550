"""The part `web` of syncd.yaml: what cannot be meant is refused with its place, and secrets are checked before anything
listens."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.web import OTHER_SECRET, ROOT, SECRET, settings
from syncd.cli import main
from syncd.config.settings import Settings, load
from syncd.config.web import SenderSettings, address
from syncd.core.errors import Misconfigured
from syncd.web.checks import verdicts
from syncd.web.senders import Senders, senders_of
from syncd.web.signature import sign, stamp_of


def loaded(tmp_path: Path, part: str) -> Settings:
    """Load the shipped configuration with this part `web`."""
    text = (ROOT / "syncd.yaml").read_text(encoding="utf-8").replace("rules: mappings", f"rules: {ROOT}/mappings")
    file = tmp_path / "syncd.yaml"
    file.write_text(f"{text}\nweb:\n{part}\n", encoding="utf-8")
    return load(file, env={})


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ("  listen: '8470'", "CFG-060"),
        ("  listen: localhost:8470", "CFG-060"),
        ("  listen: 127.0.0.1:65536", "CFG-060"),
        ("  listen: '127.0.0.1:８'", "CFG-060"),
        ("  listen: 'unix:'", "CFG-060"),
        ("  monitoring: {listen: x}", "CFG-060"),
        ("  certificate: web.pem", "CFG-062"),
        ("  proxies: [proxy.example.com]", "CFG-063"),
        (f"  webhooks: {{HR-System: {{sources: [company], secrets: ['{SECRET}']}}}}", "CFG-061"),
        (f"  webhooks: {{hr: {{sources: [payroll], secrets: ['{SECRET}']}}}}", "CFG-033"),
        ("  webhooks: {hr: {sources: [company], secrets: []}}", "CFG-022"),
        ("  rate: 0", "CFG-022"),
        ("  port: 8470", "CFG-020"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(tmp_path: Path, part: str, code: str) -> None:
    with pytest.raises(Misconfigured) as told:
        loaded(tmp_path, part)
    assert [problem.code for problem in told.value.problems] == [code]
    assert told.value.problems[0].place.file == str(tmp_path / "syncd.yaml")
    assert told.value.problems[0].place.line > 0
    assert SECRET not in str(told.value)


def test_relative_paths_start_at_the_folder_of_the_file(tmp_path: Path) -> None:
    web = loaded(tmp_path, "  listen: unix:run/web.sock\n  certificate: web.pem\n  key: web.key").web
    assert web.listen == f"unix:{tmp_path}/run/web.sock"
    assert (web.certificate, web.key) == (tmp_path / "web.pem", tmp_path / "web.key")


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("127.0.0.1:8470", True),
        ("[::1]:8470", True),
        ("unix:/run/syncd/web.sock", True),
        ("0.0.0.0:0", False),
        ("[::]:8470", False),
        ("192.0.2.1:443", False),
    ],
)
def test_an_address_reads_as_it_was_written_and_knows_whether_others_reach_it(text: str, local: bool) -> None:
    assert str(address(text)) == text
    assert address(text).is_local is local


def test_nothing_but_this_machine_reaches_the_service_unless_somebody_says_so(tmp_path: Path) -> None:
    shipped = load(ROOT / "syncd.yaml", env={}).web
    assert shipped.listen is not None
    assert address(shipped.listen).is_local
    assert not shipped.webhooks
    assert loaded(tmp_path, "  listen: null").web.listen is None


def test_the_web_part_decides_no_results(tmp_path: Path) -> None:
    assert loaded(tmp_path, "  rate: 1").digest() == loaded(tmp_path, "  rate: 2").digest()


# --- secrets --------------------------------------------------------------------------------------------------------


def sender(*secrets: Any) -> dict[str, SenderSettings]:
    return {"hr": SenderSettings.model_validate({"sources": ["company"], "secrets": list(secrets)})}


def test_every_secret_that_cannot_be_used_is_told_at_once_and_none_is_shown() -> None:
    with pytest.raises(Misconfigured) as told:
        senders_of(sender("too short", {"env": "SYNCD_TEST_UNSET"}, SECRET))
    assert [problem.code for problem in told.value.problems] == ["WEB-002", "ENV-002"]
    assert "too short" not in str(told.value)
    assert SECRET not in repr(senders_of(sender(SECRET)))


def test_a_changed_secret_is_seen_without_a_restart(tmp_path: Path) -> None:
    file, at = tmp_path / "secret", [0.0]
    file.write_text(SECRET)
    known = Senders(sender({"file": str(file)}), clock=lambda: at[0])
    old = stamp_of(sign(b"a secret of an example, 32 bytes", id="1", seconds=1, content=b"x"))
    new = stamp_of(sign(OTHER_SECRET.encode(), id="1", seconds=1, content=b"x"))
    assert known.who_signed(old, b"x")
    assert known.who_signed(new, b"x") is None

    file.write_text(OTHER_SECRET + "\n")
    at[0] = 11
    assert known.who_signed(old, b"x") is None
    found = known.who_signed(new, b"x")
    assert found is not None
    assert found.name == "hr"


@pytest.mark.parametrize(
    "module", ["syncd.cli", "syncd.cli.commands.sync", "syncd.cli.commands.run", "syncd.config.web"]
)
def test_commands_that_serve_nobody_load_no_web_library(module: str) -> None:
    code = f"import sys, {module}; assert not {{'starlette', 'uvicorn', 'prometheus_client'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


# --- syncd check ----------------------------------------------------------------------------------------------------


def checked(**web: Any) -> dict[str, tuple[str, str]]:
    found = verdicts(settings(**web).web)
    return {each.name: (str(each.standing), each.problem.code if each.problem else "") for each in found}


def test_check_says_what_is_wrong_with_senders_addresses_and_the_certificate(tmp_path: Path) -> None:
    assert checked() == {"web": ("ok", ""), "webhooks of hr": ("ok", ""), "webhooks of badges": ("ok", "")}
    assert checked(listen="0.0.0.0:8470", webhooks={}) == {"web": ("warning", "WEB-004")}
    assert checked(listen=None) == {"web": ("ok", "")}
    short = {"hr": {"sources": ["company"], "secrets": [{"env": "SYNCD_TEST_UNSET"}, SECRET, "too short"]}}
    assert checked(webhooks=short)["webhooks of hr"] == ("failed", "WEB-002")
    files = {"certificate": tmp_path / "web.pem", "key": tmp_path / "web.key"}
    assert checked(webhooks={}, **files)["certificate"] == ("failed", "WEB-003")


def test_check_shows_the_part_web(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("SYNCD_WEB__LISTEN", "0.0.0.0:8470")
    assert main(["check", "--json"]) == 0
    (found,) = [each for each in json.loads(capsys.readouterr().out)["verdicts"] if each["name"] == "web"]
    assert found["standing"] == "warning"
