"""`syncd db`: the state as a thing that can be lost, and put back without believing it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from support.office import Office, Opened


@pytest.fixture
def office(opened: Opened, tmp_path: Path) -> Office:
    one = opened()
    one.settings.state = SimpleNamespace(url=f"sqlite:///{tmp_path / 'syncd.db'}")
    one.world.company(8)
    one.world.sync()
    return one


def _backup(office: Office) -> Path:
    file = office.folder / "backup.db"
    ran = office.run("db", "backup", str(file))
    assert ran.code == 0, ran.err
    return file


def _restore(office: Office, file: Path, *options: str) -> int:
    """Put a backup back as an operator does: with syncd stopped."""
    office.world.store.close()
    ran = office.run("db", "restore", str(file), "--reason", "the disk died", *options)
    office.world.time += timedelta(minutes=1)
    office.world.reopen()
    return ran.code


def test_a_backup_is_one_sound_file_for_its_owner_alone(office: Office) -> None:
    file = _backup(office)
    assert file.stat().st_mode & 0o777 == 0o600
    assert not list(office.folder.glob("backup.db-*"))
    ran = office.run("db", "check", str(file))
    assert ran.code == 0
    assert "Sound" in ran.out


def test_a_backup_is_noted_and_told_by_info(office: Office) -> None:
    file = _backup(office)
    found = office.run("db", "info", "--json").json
    assert found["backup"] == str(file)
    assert found["bytes"] > 0
    assert "Last backup" in office.run("db", "info").out


def test_only_the_last_backups_of_a_folder_are_kept_and_other_files_are_left_alone(office: Office) -> None:
    folder = office.folder / "backups"
    folder.mkdir()
    (folder / "notes.db").write_text("somebody's own")
    for _ in range(4):
        assert office.run("db", "backup", "--into", str(folder), "--keep", "2").code == 0
        office.world.time += timedelta(days=1)
    assert len(list(folder.glob("syncd-*.db"))) == 2
    assert (folder / "notes.db").exists()


def test_a_backup_never_overwrites(office: Office) -> None:
    _backup(office)
    ran = office.run("db", "backup", str(office.folder / "backup.db"))
    assert ran.code == 3
    assert "STO-011" in ran.err


def test_a_backup_goes_on_to_its_end_while_somebody_writes_all_the_time(office: Office) -> None:
    """A backup in steps would begin anew with each commit of another connection."""
    with closing(sqlite3.connect(office.folder / "syncd.db", isolation_level=None)) as busy:
        busy.execute("INSERT INTO meta VALUES ('busy', '0')")
        busy.execute("BEGIN IMMEDIATE")
        busy.execute("UPDATE meta SET value = '1' WHERE key = 'busy'")
        office.world.store.backup(office.folder / "copy.db")  # with a writer in the middle of a transaction
        busy.execute("COMMIT")
    with closing(sqlite3.connect(office.folder / "copy.db")) as copy:
        assert copy.execute("SELECT value FROM meta WHERE key = 'busy'").fetchone() == ("0",)


def test_check_names_what_is_wrong_with_the_audit_log(office: Office) -> None:
    file = _backup(office)
    with closing(sqlite3.connect(file)) as copy, copy:
        for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            copy.execute(f"DROP TRIGGER {name}")
        copy.execute("UPDATE audit SET body = replace(body, 'run', 'ran') WHERE sequence = 3")
    ran = office.run("db", "check", str(file))
    assert ran.code == 3
    assert "AUD-001" in ran.err


@pytest.mark.parametrize("damage", ["truncated", "overwritten", "no database"])
def test_a_damaged_backup_is_refused_and_the_state_stays(office: Office, damage: str) -> None:
    file = _backup(office)
    raw = bytearray(file.read_bytes())
    match damage:
        case "truncated":
            del raw[len(raw) // 2 :]
        case "overwritten":
            raw[len(raw) // 3 : len(raw) // 3 + 40_000] = b"\xff" * 40_000
        case _:
            raw = bytearray(b"Dear diary, today nothing happened.\n" * 1000)
    file.write_bytes(raw)
    office.world.store.close()
    before = (office.folder / "syncd.db").read_bytes()
    assert office.run("db", "restore", str(file), "--reason", "the disk died").code == 3
    assert (office.folder / "syncd.db").read_bytes() == before
    assert not list(office.folder.glob("*restoring*"))


def test_restore_keeps_what_it_replaces_and_says_so_in_the_log(office: Office) -> None:
    file = _backup(office)
    office.world.edit("3", title="Baker")
    office.world.sync()
    assert _restore(office, file) == 0
    kept = list(office.folder.glob("syncd.db.replaced-*"))
    assert len(kept) == 1
    assert office.run("db", "check", str(kept[0])).code == 0
    (record,) = office.audited("state.restored")
    assert record["reason"] == "the disk died"
    assert record["facts"]["backup"] == "backup.db"


def test_after_a_restore_the_tenant_becomes_what_it_was_and_nothing_is_written_unasked(office: Office) -> None:
    file = _backup(office)
    world = office.world
    world.edit("3", title="Baker")
    world.person("9", "team")
    world.leave("8")
    world.sync()
    before = world.tenant()
    assert _restore(office, file) == 0
    world.sync(accept=True)
    assert world.tenant() == before
    status = office.run("status", "--json")
    assert "CLI-117" not in [problem["code"] for problem in status.json["problems"]]


def test_until_everything_was_read_again_status_says_that_the_state_was_put_back(office: Office) -> None:
    assert _restore(office, _backup(office)) == 0
    ran = office.run("status")
    assert ran.code == 5
    assert "CLI-117" in ran.out
    assert "Put back from a backup" in office.run("db", "info").out


@pytest.mark.parametrize("ending", [".lock", ".service"])
def test_restore_is_refused_while_syncd_runs(office: Office, ending: str) -> None:
    file = _backup(office)
    descriptor = os.open(office.folder / f"syncd.db{ending}", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        assert _restore(office, file) == 9
    finally:
        os.close(descriptor)


def test_a_reason_is_needed(office: Office) -> None:
    assert office.run("db", "restore", str(_backup(office)), "--reason", " ").code == 2


def test_a_state_on_a_server_is_left_to_the_server_s_tools(office: Office) -> None:
    file = _backup(office)
    office.settings.state = SimpleNamespace(url="postgresql://syncd@db.example/syncd")
    ran = office.run("db", "restore", str(file), "--reason", "x")
    assert ran.code == 3
    assert "pg_restore" in ran.err


def test_somebody_who_put_the_state_back_by_other_means_can_say_so(office: Office) -> None:
    assert office.run("db", "restored", "--reason", "a snapshot of the machine").code == 0
    assert "CLI-117" in office.run("status").out
    assert len(office.audited("state.restored")) == 1


def test_a_clock_is_believed_again_when_somebody_says_so(office: Office) -> None:
    with office.world.store.transaction() as tx:
        tx.meta.set("clock.ahead", "2026-11-22T01:30:00Z 2027-01-01T01:30:00Z")
    assert "CLI-118" in office.run("status").out
    assert office.run("db", "trust-clock", "--reason", "checked").code == 0
    assert "CLI-118" not in office.run("status").out
