"""Exports, what people read, and the verifier that knows nothing of syncd."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from support.audited import ADA, append, edited, entry, resealed, rows, written
from support.stores import NOON, after
from syncd.audit.entries import EntryType
from syncd.audit.export import Selection, json_lines, readable
from syncd.audit.standalone import main as verify_file
from syncd.core.model import RunId, SubjectId
from syncd.store import Store

# --- exports, and the verifier that knows nothing of syncd ---


def export(tmp_path: Path, lines: Sequence[str]) -> str:
    file = tmp_path / "audit.jsonl"
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(file)


def test_a_full_export_is_proven_without_syncd(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = written(store)
    file = export(tmp_path, list(json_lines(found, full=True)))

    assert verify_file([file, "--head", f"6:{found[-1].hash.hex()}"]) == 0
    assert capsys.readouterr().out == f"Sound: 6 records, head 6:{found[-1].hash.hex()}\n"


def test_a_masked_export_hides_values_and_keeps_the_chain(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = list(json_lines(written(store)))

    assert "13800" not in "".join(lines)
    assert "Ada Example" in lines[1]
    assert verify_file([export(tmp_path, lines)]) == 0
    assert "5 of them are masked" in capsys.readouterr().out
    assert verify_file([export(tmp_path, [*lines[:2], *lines[3:]])]) == 1


def test_a_selection_is_proven_record_by_record(store: Store, tmp_path: Path) -> None:
    lines = list(json_lines(written(store), Selection(change="r1.2"), full=True))

    assert len(lines) == 2
    assert verify_file([export(tmp_path, lines)]) == 1
    assert verify_file([export(tmp_path, lines), "--part"]) == 0
    assert verify_file([export(tmp_path, [lines[0], lines[1].replace("Ada", "Eve")]), "--part"]) == 1
    assert verify_file([export(tmp_path, [lines[1], lines[0]]), "--part"]) == 1


@pytest.mark.parametrize(
    ("tamper", "told"),
    [
        (lambda r: [*r[:2], r[2].replace("Ada", "Eve"), *r[3:]], "record 3 was edited"),
        (lambda r: [*r[:2], *r[3:]], "record 3 is missing"),
        (lambda r: [*r[:2], r[3], r[2], *r[4:]], "record 3 is missing"),
        (lambda r: [*r[:3], r[2], *r[3:]], "record 3 is out of order"),
        (lambda r: [*r[:2], r[2].replace('"seq":3', '"seq":4', 1), *r[3:]], "record 4 is out of order"),
        (lambda r: r[:4], "it has 4 records, and record 6 was remembered"),
        (lambda r: [*r[:5], r[5], "{}"], "line 7 is not a record"),
    ],
)
def test_the_stand_alone_verifier_names_each_tampering(
    new_store: Callable[[], Store],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    tamper: Callable[[list[str]], list[str]],
    told: str,
) -> None:
    found = written(new_store())
    file = export(tmp_path, tamper(list(json_lines(found, full=True))))

    assert verify_file([file, "--head", f"6:{found[-1].hash.hex()}"]) == 1
    assert told in capsys.readouterr().out


def test_a_log_that_was_written_anew_is_found_by_the_head_alone(new_store: Callable[[], Store], tmp_path: Path) -> None:
    found = written(new_store())
    anew = export(tmp_path, list(json_lines(resealed([*found[:2], edited(found[2]), *found[3:]], 2), full=True)))

    assert verify_file([anew]) == 0
    assert verify_file([anew, "--head", f"6:{found[-1].hash.hex()}"]) == 1


def test_a_file_that_is_not_there_is_another_matter_than_a_fault(tmp_path: Path) -> None:
    assert verify_file([str(tmp_path / "nothing.jsonl")]) == 2


def test_the_stand_alone_verifier_imports_nothing_of_ours() -> None:
    import syncd.audit.standalone as module

    assert "syncd" not in {name.partition(".")[0] for name in vars(module)}
    source = Path(module.__file__).read_text(encoding="utf-8")
    imports = [line for line in source.splitlines() if line.startswith(("import ", "from "))]
    assert [line.split()[1] for line in imports] == ["argparse", "hashlib", "json", "sys", "typing"]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), [1, 2, 3, 4, 5, 6]),
        (Selection(subject="person:ada", types=(EntryType.CONFIRMED, EntryType.DEFERRED)), [3, 5]),
        (Selection(run="r2"), []),
        (Selection(since=NOON, until=after(seconds=1)), [1, 2, 3, 4, 5, 6]),
        (Selection(since=after(seconds=1)), []),
        (Selection(until=NOON), []),
    ],
)
def test_a_selection_takes_what_is_asked_for(
    new_store: Callable[[], Store], selection: Selection, expected: list[int]
) -> None:
    lines = json_lines(written(new_store()), selection)

    assert [json.loads(line)["seq"] for line in lines] == expected
    assert selection.everything == (selection == Selection())


def test_people_read_who_did_what_and_why(new_store: Callable[[], Store]) -> None:
    store = new_store()
    append(store, entry(facts={"attempt": 1}))

    assert list(readable(rows(store), Selection(subject=ADA))) == [
        "2026-03-02T12:00:00Z  #2  change.intended  update  Ada Example (person:ada)  phoneNumbers.mobile changed"
        "  [daemon, syncd@hr1.example.com, process 42]",
        '    mobile: "+•••" → nothing  (mappings/dingtalk.yaml:7:3)',
        '    departments: [{"order": "•••", "unit": "unit:1"}] → [{"unit": "unit:2"}]',
        "    attempt = 1",
    ]
    assert '    mobile: "+8613800000000" → nothing  (mappings/dingtalk.yaml:7:3)' in readable(rows(store), full=True)


def test_a_subjects_and_a_runs_records_are_found_through_an_index(store: Store) -> None:
    from syncd.store.audit import AuditTable

    written(store)
    append(store, entry(subject=SubjectId("person:ben"), run=RunId("r2")))
    table = AuditTable()
    with store.reading() as tx:
        assert [row.sequence for row in table.about(tx, "person:ben")] == [7]
        assert [row.sequence for row in table.during(tx, "r2")] == [7]
        assert [row.sequence for row in table.about(tx, ADA, after=4)] == [5, 6]
