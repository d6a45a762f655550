"""What docs/how-to/webhooks.md shows works as it stands there: only address and secret are put in."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from ruamel.yaml import YAML

from support.web import ROOT, Door, settings

PAGE: Final = (ROOT / "docs" / "how-to" / "webhooks.md").read_text(encoding="utf-8")


def shown(language: str) -> str:
    """Return the one block of the page in a language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


SECRET: Final = re.search(r"^secret=(\S+)$", shown("sh"), re.MULTILINE)[1]  # type: ignore[index]


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    part = YAML(typ="safe").load(shown("yaml"))["web"]
    part["webhooks"]["hr"]["secrets"] = [SECRET]
    with Door(settings(**{**part, "listen": "127.0.0.1:0"})) as door:
        door.now = lambda: datetime.now(UTC)
        yield door


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_curl_and_openssl_send_the_event_of_the_page(door: Door, tmp_path: Path, shell: str) -> None:
    (tmp_path / "event.json").write_text(shown("json"))
    script = shown("sh").replace("http://127.0.0.1:8470", door.url)
    ran = subprocess.run([shell, "-eu"], input=script, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, '{"events":1}\n', "")
    assert door.wakes.pop().who == ("E1001",)


def test_python_and_the_standards_library_send_one(door: Door) -> None:
    env = {**os.environ, "URL": f"{door.url}/v1/wake/company", "SECRET": SECRET}
    ran = subprocess.run(
        [sys.executable, "-"], input=shown("python"), env=env, capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert door.wakes.pop().who == ("E1001",)


def test_a_secret_is_made_as_the_page_says() -> None:
    line = re.search(r"^\$ (echo .*)$", shown("console"), re.MULTILINE)
    assert line is not None
    made = subprocess.run(["sh", "-c", line[1]], capture_output=True, text=True, check=True, timeout=60).stdout.strip()
    with Door(settings(webhooks={"hr": {"sources": ["company"], "secrets": [made]}})):
        pass
