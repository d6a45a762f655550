"""`syncd audit`: search, proof and export, as an auditor types them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from support.office import Office, Opened
from support.small_world import SmallWorld
from syncd.audit import standalone


def company(world: SmallWorld) -> None:
    world.company(4)
    world.sync()


@pytest.fixture
def office(opened: Opened) -> Office:
    return opened(prepare=company)


def test_show_tells_one_person_s_history_with_old_and_new_and_names(office: Office) -> None:
    office.world.edit("3", title="Baker")
    office.world.sync()
    ran = office.run("audit", "show", "--who", "Example 3")
    assert ran.code == 0
    assert "change.intended" in ran.out
    assert "change.confirmed" in ran.out
    assert "title: — → Baker" in ran.out
    assert "departments: — → Unit team" in ran.out
    assert "Example 4" not in ran.out


def test_show_can_hide_people_s_values(office: Office) -> None:
    assert "13800000003" in office.run("audit", "show", "--who", "Example 3").out
    assert "13800000003" not in office.run("audit", "show", "--who", "Example 3", "--mask").out


def test_show_keeps_to_a_run_a_type_and_a_time(office: Office) -> None:
    first = office.run("audit", "show", "--type", "run.started", "--json").json["records"]
    office.world.time += timedelta(hours=3)
    office.world.sync()
    assert len(office.run("audit", "show", "--type", "run.started", "--json").json["records"]) == 2
    late = office.run("audit", "show", "--since", "2h", "--json").json["records"]
    assert {record["type"] for record in late} == {"run.started", "read.done", "run.finished"}
    early = office.run("audit", "show", "--until", "2026-11-22T02:00:00", "--run", first[0]["run"], "--json").json
    assert {record["run"] for record in early["records"]} == {first[0]["run"]}


def test_show_says_how_many_older_records_it_left_out(office: Office) -> None:
    ran = office.run("audit", "show", "--who", "Example 3", "-n", "1")
    assert "… 1 older" in ran.out


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--type", "change.done"), 2, "CLI-162"),
        (("--who", "Nobody"), 3, "EXP-001"),
        (("--since", "soon"), 2, "neither a time ago"),
    ],
)
def test_what_cannot_be_searched_is_refused(office: Office, words: tuple[str, ...], code: int, message: str) -> None:
    ran = office.run("audit", "show", *words)
    assert (ran.code, message in ran.err) == (code, True)


def test_verify_proves_the_log_and_status_remembers_it(office: Office) -> None:
    head = office.run("audit", "head").out.strip()
    ran = office.run("audit", "verify", "--head", head)
    assert ran.code == 0
    assert f"head {head}" in ran.out
    assert f"verified up to {head.split(':')[0]}" in office.run("status").out


def test_verify_names_a_log_that_is_not_the_one_that_was_noted(office: Office) -> None:
    sequence, _, hash_ = office.run("audit", "head").out.strip().partition(":")
    ran = office.run("audit", "verify", "--head", f"{int(sequence) + 5}:{hash_}")
    assert (ran.code, "AUD-005" in ran.err) == (3, True)
    ran = office.run("audit", "verify", "--head", f"{sequence}:{'0' * 64}")
    assert (ran.code, "AUD-006" in ran.err) == (3, True)
    assert "never verified" in office.run("status").out


def test_verify_refuses_what_is_no_head(office: Office) -> None:
    ran = office.run("audit", "verify", "--head", "1234")
    assert (ran.code, "CLI-160" in ran.err) == (2, True)


def test_an_export_in_full_is_proven_by_us_and_by_the_stand_alone_verifier(office: Office, tmp_path: Path) -> None:
    file, head = tmp_path / "audit.jsonl", office.run("audit", "head").out.strip()
    assert office.run("audit", "export", "--full", "--out", str(file)).code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert head in office.run("audit", "verify", str(file), "--head", head).out
    program = Path(str(standalone.__file__))
    alone = subprocess.run([sys.executable, program, file, "--head", head], capture_output=True, text=True, check=True)
    assert "Sound" in alone.stdout


def test_an_export_that_was_edited_is_named(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    office.run("audit", "export", "--full", "--out", str(file))
    file.write_text(file.read_text().replace("Example 3", "Example 9", 1))
    ran = office.run("audit", "verify", str(file))
    assert (ran.code, "CLI-161" in ran.err) == (3, True)
    assert "was edited" in ran.err


def test_an_export_never_overwrites_a_file(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    file.write_text("mine")
    ran = office.run("audit", "export", "--out", str(file))
    assert (ran.code, "CLI-163" in ran.err) == (3, True)
    assert file.read_text() == "mine"


def test_an_export_hides_people_s_values_unless_it_is_asked_for_in_full(office: Office) -> None:
    masked = office.run("audit", "export", "--who", "Example 3").out
    assert "13800000003" not in masked
    assert all("hash" in json.loads(line) for line in masked.splitlines())
    assert "13800000003" in office.run("audit", "export", "--who", "Example 3", "--full").out


def test_an_export_as_text_is_for_reading(office: Office) -> None:
    said = office.run("audit", "export", "--who", "Example 3", "--format", "text").out
    assert "change.confirmed" in said
    assert not said.startswith("{")


def test_an_export_to_a_reader_who_leaves_ends_quietly(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    from syncd.cli.commands import audit

    class Left:
        def write(self, text: str) -> None:
            raise BrokenPipeError

    closed: list[str] = []

    def lines() -> Iterator[str]:
        try:
            yield "one"
            yield "two"
        finally:
            closed.append("closed")

    with pytest.raises(BrokenPipeError):
        audit._print(Left(), lines())  # type: ignore[arg-type]
    assert closed == ["closed"]


def test_the_head_of_an_empty_log_is_empty(
    migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    office = Office(migrated_file, tmp_path, monkeypatch, capsys)
    assert office.run("audit", "head", "--json").json == {"head": ""}
    assert "empty" in office.run("audit", "verify").out
    office.close()
