"""A stranger's package: installed beside syncd, found by its entry point, listed, configured, and told what was confirmed."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.installation import REPOSITORY
from support.journey import Journey
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings

pytestmark = pytest.mark.slow
EXAMPLE = REPOSITORY / "examples" / "consumer"


def install(into: Path) -> None:
    """Put the example where an installer would put it: its module, and the metadata that its pyproject.toml asks for."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    home = into / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    home.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (home / "METADATA").write_text(metadata, encoding="utf-8")
    groups = [
        f"[{group}]\n" + "".join(f"{name} = {where}\n" for name, where in points.items())
        for group, points in project["entry-points"].items()
    ]
    (home / "entry_points.txt").write_text("\n".join(groups), encoding="utf-8")
    shutil.copy(EXAMPLE / "syncd_notebook.py", into)


@pytest.fixture
def one(tmp_path: Path, migrated_file: Path) -> Iterator[Journey]:
    with SandboxServer(SandboxSettings(qps=None, seed=9)) as server:
        made = Journey(tmp_path / "one", server.url, migrated=migrated_file)
        install(tmp_path / "site")
        made.environment["PYTHONPATH"] += f":{tmp_path / 'site'}"
        made.add("consumers:\n  who_is_here: {type: notebook, file: who.json}\n")
        yield made


def test_a_strangers_consumer_is_found_listed_and_told(one: Journey) -> None:
    rows = json.loads(one.run("plugins", "--load", "--json"))
    found = [row for row in rows if row["kind"] == "consumer"]
    assert [(row["name"], row["distribution"], row["problem"]) for row in found] == [
        ("notebook", "syncd-notebook", None)
    ]

    first = one.json("sync")
    assert [(told["name"], told["introduced"], told["behind"]) for told in first["consumers"]] == [
        ("who_is_here", True, 0)
    ]
    book = one.folder / "who.json"
    people = [who for who in json.loads(book.read_text(encoding="utf-8"))["members"] if who["kind"] == "person"]
    assert sorted(who["label"] for who in people) == sorted(row["Name"] for row in one.people)

    bosses = {row["Manager Number"] for row in one.people}
    gone = next(row for row in one.people if row["Employee Number"] not in bosses)
    one.people.remove(gone)
    one.write()
    assert "Told who_is_here: " in one.run("sync")
    assert gone["Name"] not in {who["label"] for who in json.loads(book.read_text(encoding="utf-8"))["members"]}

    one.people[-1]["Job Title"] = "Changed"
    one.write()
    (one.folder / "who.json.new").mkdir()  # nobody can write its next page
    failed = one.json("sync")
    assert failed["result"] == "done"
    assert (failed["consumers"][0]["behind"], failed["consumers"][0]["problem"]["code"]) == (1, "NBK-001")
    assert "Not told: who_is_here, which is behind by 1 fact" in one.run("sync")
    status = one.json("status", codes=(4,))
    assert status["consumers"] == {"who_is_here": 1}
