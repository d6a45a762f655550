"""`syncd scim token`: given once, listed without it, taken back; and what is opened by what was given."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from syncd.cli import main
from syncd.cli.exit_codes import ExitCode
from syncd.cli.serving import pushed
from syncd.cli.session import Session
from syncd.core.errors import NeedsHuman

ROOT = Path(__file__).parents[2]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in ("SYNCD_CONFIG", "SYNCD_DEBUG", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SECRET", "x")
    path = tmp_path / "syncd.yaml"
    path.write_text(
        "sources:\n"
        f"  entra: {{type: scim_push, rules: {ROOT / 'mappings' / 'scim_push.yaml'}}}\n"
        f"target: {{type: dingtalk, rules: {ROOT / 'mappings' / 'dingtalk.yaml'}, app_key: k, app_secret: {{env: SECRET}}}}\n"
        f'state: {{url: "sqlite:///{tmp_path / "syncd.db"}"}}\n',
        encoding="utf-8",
    )
    return str(path)


@pytest.fixture
def say(config: str, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run `syncd scim token …` and return what it says, decoded."""

    def said(*words: str) -> Any:
        assert main(["scim", "token", *words, "--config", config, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return said


def test_a_token_is_shown_once_and_kept_as_a_digest(say: Any, tmp_path: Path) -> None:
    assert say("list") == []
    made = say("add", "entra", "--note", "Entra ID, example", "--days", "365")
    shown = made["token"]
    assert shown.startswith("syncd_")
    assert len(shown) > 40
    assert (made["source"], made["path"]) == ("entra", "/scim/v2/entra")
    (row,) = say("list")
    assert (row["id"], row["source"], row["state"], row["note"]) == (made["id"], "entra", "valid", "Entra ID, example")
    assert int(row["until"][:4]) == int(row["since"][:4]) + 1
    kept = b"".join(one.read_bytes() for one in tmp_path.iterdir() if one.name.startswith("syncd.db"))
    assert shown.encode() not in kept
    assert hashlib.sha256(shown.encode()).digest() in kept


def test_one_of_several_is_taken_back_and_only_once(say: Any, config: str, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = say("add", "entra"), say("add", "entra", "--note", "new")
    assert old["token"] != new["token"]
    assert say("revoke", old["id"]) == {"revoked": old["id"]}
    assert {row["id"]: row["state"] for row in say("list")} == {old["id"]: "revoked", new["id"]: "valid"}
    for id_ in (old["id"], new["token"], "nobody"):
        assert main(["scim", "token", "revoke", id_, "--config", config]) != ExitCode.DONE
        assert "CLI-291" in capsys.readouterr().err


def test_nobody_gets_a_token_for_a_source_that_is_not_pushed_to(
    config: str, capsys: pytest.CaptureFixture[str], say: Any
) -> None:
    assert main(["scim", "token", "add", "hr", "--config", config]) != ExitCode.DONE
    told = capsys.readouterr().err
    assert "CLI-290" in told
    assert "entra" in told
    assert say("list") == []


def test_an_issuer_opens_only_a_source_that_is_there(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    issuer = "{issuer: https://id.example.com, audience: syncd, keys: https://id.example.com/keys, scope: push}"
    with Path(config).open("a", encoding="utf-8") as file:
        file.write(f"web: {{scim: {{issuers: {{entra: {issuer}}}}}}}\n")
    assert main(["scim", "token", "list", "--config", config]) == 0
    capsys.readouterr()
    path = Path(config)
    table = f"  hr: {{type: table, rules: {ROOT / 'mappings' / 'table.yaml'}, path: hr.csv, key: Employee Number}}\n"
    text = path.read_text(encoding="utf-8").replace("{entra: {issuer", "{hr: {issuer")
    path.write_text(text.replace("sources:\n", f"sources:\n{table}"), encoding="utf-8")
    with Session(config=path, level="error") as session, pytest.raises(NeedsHuman, match="hr"):
        pushed(session)
    path.write_text(text, encoding="utf-8")
    assert main(["scim", "token", "list", "--config", config]) == ExitCode.CONFIGURATION
    assert "hr" in capsys.readouterr().err


def test_what_a_person_sees_names_the_address_and_never_a_token_again(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scim", "token", "list", "--config", config]) == 0
    assert "There are no tokens." in capsys.readouterr().out
    assert main(["scim", "token", "add", "entra", "--config", config]) == 0
    first = capsys.readouterr().out
    assert "shown this once" in first
    assert "/scim/v2/entra" in first
    (shown,) = [word for word in first.split() if word.startswith("syncd_")]
    assert main(["scim", "token", "list", "--config", config]) == 0
    listed = capsys.readouterr().out
    assert "valid" in listed
    assert shown not in listed
