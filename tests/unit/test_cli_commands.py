"""init, check, plugins, schema and sandbox, run as their users run them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from syncd.cli import main
from syncd.cli.exit_codes import ExitCode

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SYNCD_CONFIG", "SYNCD_DEBUG", "DINGTALK_APP_SECRET", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)


def document(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


# --- init ---


@pytest.mark.parametrize("sources", [["table"], ["active_directory"], ["ldap"], ["active_directory", "table"]])
def test_a_new_configuration_checks_clean_but_for_what_is_to_be_filled_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sources: list[str]
) -> None:
    options = [word for name in sources for word in ("--source", name)]

    assert main(["init", str(tmp_path), *options, "--json"]) == 0
    written = document(capsys)
    assert main(["check", "--config", str(tmp_path / "syncd.yaml"), "--json"]) == 0

    verdicts = document(capsys)["verdicts"]
    codes = [verdict["problem"]["code"] for verdict in verdicts if verdict["problem"]]
    assert codes.count("CLI-005") == written["placeholders"] > 0
    assert set(codes) == {"CLI-005", "ENV-002"}
    assert {verdict["standing"] for verdict in verdicts} == {"ok", "warning"}


@pytest.mark.parametrize(
    ("source", "unfilled"),
    [("active_directory", ["joiners.ahead", "joiners.tell", "leavers.hand_over"]), ("table", ["leavers.hand_over"])],
)
def test_settings_of_joiners_and_leavers_that_lack_a_rule_are_named(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    unfilled: list[str],
) -> None:
    main(["init", str(tmp_path), "--source", source, "--quiet"])
    monkeypatch.setenv("SYNCD_JOINERS__AHEAD", "7d")
    monkeypatch.setenv("SYNCD_JOINERS__TELL", "3d")
    monkeypatch.setenv("SYNCD_LEAVERS__HAND_OVER", "deputy")

    capsys.readouterr()
    assert main(["check", "--config", str(tmp_path / "syncd.yaml"), "--json"]) == 0

    told = [(one["name"], one["problem"]) for one in document(capsys)["verdicts"] if one["problem"]]
    assert [name for name, problem in told if problem["code"] == "CLI-235"] == unfilled


def test_a_new_configuration_brings_the_rules_of_its_connectors_and_their_schemas(tmp_path: Path) -> None:
    main(["init", str(tmp_path), "--source", "table", "--quiet"])

    there = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert {"syncd.yaml", "mappings/table.yaml", "mappings/dingtalk.yaml", ".schema/syncd.schema.json"} <= there
    assert [name for name in there if "active_directory" in name] == []
    for path in tmp_path.rglob("*.yaml"):
        modeline, *_ = path.read_text(encoding="utf-8").splitlines()
        if "$schema=" in modeline:
            assert (path.parent / modeline.partition("$schema=")[2]).is_file(), path


def test_what_is_there_is_not_replaced_unless_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "syncd.yaml").write_text("mine", encoding="utf-8")

    assert main(["init", str(tmp_path)]) == ExitCode.CONFIGURATION
    assert "CLI-003" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["syncd.yaml"]
    assert main(["init", str(tmp_path), "--force"]) == 0
    assert (tmp_path / "syncd.yaml").read_text(encoding="utf-8").startswith("# yaml-language-server")


def test_a_source_that_nobody_installed_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path), "--source", "active-directory"]) == ExitCode.CONFIGURATION
    assert "Did you mean 'active_directory'?" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()

    assert main(["init", str(tmp_path / "file" / "folder")]) == ExitCode.CONFIGURATION
    assert "CLI-004" in capsys.readouterr().err


# --- check ---


def shipped_elsewhere(folder: Path, *, old: str = "", new: str = "") -> Path:
    """Return a copy of the shipped configuration with its rules and its example, in which `old` is `new`."""
    text = (ROOT / "syncd.yaml").read_text(encoding="utf-8")
    assert not old or text.count(old) == 1
    (folder / "mappings").symlink_to(ROOT / "mappings")
    (folder / "examples").symlink_to(ROOT / "examples")
    (folder / "syncd.yaml").write_text(text.replace(old, new) if old else text, encoding="utf-8")
    return folder / "syncd.yaml"


def test_the_shipped_configuration_is_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = shipped_elsewhere(tmp_path)

    assert main(["check", "-c", str(path), "--json"]) == 0
    assert {verdict["standing"] for verdict in document(capsys)["verdicts"]} == {"ok"}


def test_the_shipped_configuration_is_right_online(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = shipped_elsewhere(tmp_path)

    assert main(["check", "--online", "-c", str(path), "--json"]) == 0
    names = [verdict["name"] for verdict in document(capsys)["verdicts"]]
    assert [name for name in names if name.startswith("company: ")] != []
    assert [name for name in names if name.startswith("dingtalk: ")] != []


def test_a_source_that_fails_online_decides_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = shipped_elsewhere(tmp_path, old="examples/company.csv", new="examples/nobody.csv")

    assert main(["check", "-c", str(path)]) == 0
    capsys.readouterr()
    assert main(["check", "--online", "-c", str(path)]) == ExitCode.SOURCE
    shown = capsys.readouterr().out
    assert "failed   company: file" in shown
    assert "1 failed" in shown


def test_a_broker_and_an_issuer_that_are_away_and_traces_that_cannot_be_made_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broker = "triggers: {people: {type: redis, wakes: company, host: 127.0.0.1, port: 1, stream: people}}"
    traces = "tracing: {endpoint: 'https://collector.example.com/v1/traces', ca_file: missing.pem}"
    issuer = "{issuer: https://id.example.com, audience: syncd, scope: push, keys: nowhere.json}"
    web = f"web: {{scim: {{issuers: {{company: {issuer}}}}}}}"
    path = shipped_elsewhere(tmp_path)
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{broker}\n{traces}\n{web}\n", encoding="utf-8")

    assert main(["check", "--online", "-c", str(path), "--json"]) == ExitCode.CONFIGURATION
    failed = [one for one in document(capsys)["verdicts"] if one["standing"] == "failed"]
    assert [(one["name"], one["problem"]["code"]) for one in failed] == [
        ("traces", "TRC-002"),
        ("people: connection", "BRK-003"),
        ("issuer of company", "WEB-038"),
    ]


def test_mistakes_of_all_rule_files_are_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = shipped_elsewhere(tmp_path)
    (tmp_path / "mappings").unlink()
    (tmp_path / "mappings").mkdir()
    for name in ("table", "dingtalk"):
        (tmp_path / "mappings" / f"{name}.yaml").write_text("a: 1\na: 2\n", encoding="utf-8")

    assert main(["check", "-c", str(path)]) == ExitCode.CONFIGURATION
    shown = capsys.readouterr().err
    assert f"{tmp_path}/mappings/table.yaml:2:1" in shown
    assert f"{tmp_path}/mappings/dingtalk.yaml:2:1" in shown


def test_secrets_are_tried_and_unwise_ones_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = "  sandbox:\n    state: var/sandbox.json\n"
    literal = shipped_elsewhere(tmp_path, old=sandbox, new="  app_key: k\n  app_secret: swordfish\n")
    assert main(["check", "-c", str(literal), "--json"]) == 0
    first = capsys.readouterr().out
    literal.write_text(literal.read_text(encoding="utf-8").replace("swordfish", "{env: DINGTALK_APP_SECRET}"))
    monkeypatch.setenv("DINGTALK_APP_SECRET", "swordfish")
    assert main(["check", "-c", str(literal), "--json"]) == 0
    second = capsys.readouterr().out

    found = next(each for each in json.loads(first)["verdicts"] if each["name"].startswith("secret"))
    assert (found["standing"], found["problem"]["code"]) == ("warning", "ENV-007")
    found = next(each for each in json.loads(second)["verdicts"] if each["name"].startswith("secret"))
    assert (found["standing"], found["seen"]) == ("ok", "env DINGTALK_APP_SECRET")
    assert "swordfish" not in first + second


def test_without_a_configuration_one_is_told_where_it_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("syncd.config.loading.SYSTEM_WIDE", tmp_path / "nowhere.yaml")

    assert main(["check"]) == ExitCode.CONFIGURATION
    assert "syncd init DIR" in capsys.readouterr().err


# --- plugins and schema ---


def test_plugins_are_listed_with_their_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins"]) == 0
    assert "syncd_table:Table" in capsys.readouterr().out


def test_all_plugins_of_syncd_can_be_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "--load", "--json"]) == 0
    assert [row for row in document(capsys) if row["problem"]] == []


def test_the_schema_knows_the_settings_of_every_connector_and_their_texts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0

    schema = document(capsys)
    entries = {each["title"]: each for each in schema["$defs"]["SourceEntry"]["oneOf"]}
    assert {"active_directory", "table"} <= set(entries)
    table = entries["table"]
    assert {"type", "rules", "path", "key"} <= set(table["required"])
    assert table["properties"]["key"]["description"].startswith("The column with each row's stable id")
    assert table["additionalProperties"] is False
    assert schema["properties"]["guard"]["$ref"] == "#/$defs/GuardSettings"


def test_every_reference_inside_the_schema_leads_somewhere(capsys: pytest.CaptureFixture[str]) -> None:
    main(["schema"])
    text = capsys.readouterr().out
    defined = {f"#/$defs/{name}" for name in json.loads(text)["$defs"]}

    used = {part.split('"')[0] for part in text.split('"$ref": "')[1:]}
    assert used - defined == set()


def test_both_schemas_can_be_written_to_a_folder(tmp_path: Path) -> None:
    assert main(["schema", "--write", str(tmp_path / "new"), "-q"]) == 0
    rules = json.loads((tmp_path / "new" / "rules.schema.json").read_text(encoding="utf-8"))
    assert rules["title"] == "syncd mapping rules"


# --- sandbox ---


def test_the_sandbox_serves_until_it_is_stopped() -> None:
    program = "import sys; from syncd.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "sandbox", "--json", "--set", "qps=5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(5)]
        child.terminate()
        _, noise = child.communicate(timeout=20)

    shown = json.loads("".join(lines))
    assert shown["url"].startswith("http://127.0.0.1:")
    assert (child.returncode, noise) == (0, "")


@pytest.mark.parametrize("setting", ["qsp=5", "qps=fast"])
def test_a_setting_that_the_sandbox_has_not_is_refused(setting: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sandbox", "--set", setting]) == ExitCode.USAGE
    shown = capsys.readouterr().err
    assert "CLI-001" in shown
    assert "list_lag_seconds" in shown


def test_a_port_that_is_taken_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["sandbox", "--port", str(port)]) == ExitCode.CONFIGURATION

    assert "CLI-002" in capsys.readouterr().err


def test_a_target_without_a_sandbox_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sandbox", "--target", "dingtlak"]) == ExitCode.CONFIGURATION
    assert "There is no sandbox of type 'dingtlak'. Did you mean 'dingtalk'?" in capsys.readouterr().err
