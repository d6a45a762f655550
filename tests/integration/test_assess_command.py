"""`syncd assess` over the shipped configuration: the example company is ready, and a spoiled one is not."""

from __future__ import annotations

import csv
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(_ROOT / "syncd.yaml", tmp_path)
    for name in ("mappings", "examples"):
        shutil.copytree(_ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(_ROOT), str(_ROOT / "connectors")])}
    code = "import sys; sys.argv[0] = 'syncd'; from syncd.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "assess", *words]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def spoil(folder: Path) -> None:
    path = folder / "examples" / "company.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows: list[dict[str, Any]] = list(csv.DictReader(file))
    rows[10]["Mobile"] = ""
    rows[20]["Mobile"] = rows[21]["Mobile"]
    rows[30]["Manager Number"] = "999999"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def test_the_example_company_is_ready(folder: Path) -> None:
    done = run(folder, "--strict", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report["score"] == 100
    assert report["population"]["person"] == 300
    assert report["sources"][0]["complete"] == "proven"


def test_a_spoiled_company_is_told_as_text_as_json_and_as_a_page_that_only_its_owner_reads(folder: Path) -> None:
    spoil(folder)
    done = run(folder, "--strict", "--html", "report.html")
    assert done.returncode == 4
    assert "296 of 300 people are ready" in done.stdout
    page = folder / "report.html"
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert "296 of 300 people are ready" in page.read_text(encoding="utf-8")
    codes = {finding["code"] for finding in json.loads(run(folder, "--json").stdout)["findings"]}
    assert {"MAP-002", "ASS-061", "ASS-041"} <= codes


def test_a_source_that_cannot_be_read_is_told_with_the_exit_code_of_sources(folder: Path) -> None:
    (folder / "examples" / "company.csv").unlink()
    done = run(folder)
    assert done.returncode == 6
    assert "ASS-001" in done.stdout
