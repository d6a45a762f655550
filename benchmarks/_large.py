"""An installation with a large directory, whose tenant holds everybody already: the shipped rules, an OpenLDAP, a database.

Writing 100,000 people through DingTalk's limits takes hours, so the tenant is a target that confirms each change at once and
keeps nothing; what syncd remembers of it (links, objects, queue, audit log) is stored as ever, by a cycle as ever. Commands that
find nothing to write never call the target, so its address answers nobody.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks import _openldap as openldap
from benchmarks._installation import ROOT, Usage, compiled, used

SECRETS: Final = {"BENCHMARK_DIRECTORY": "", "BENCHMARK_TARGET": "nobody-asks"}
"""The variables in which the configuration looks for passwords; the directory's is set when there is one."""
_CONFIG: Final = """\
sources:
  directory:
    type: ldap
    rules: mappings/ldap.yaml
    servers: {address}
    user: {user}
    password: {{env: BENCHMARK_DIRECTORY}}
    plain_text_password_allowed: true
    base: {suffix}
    page_size: 1000
target:
  type: dingtalk
  rules: mappings/dingtalk.yaml
  app_key: dingbenchmark
  app_secret: {{env: BENCHMARK_TARGET}}
  # Nobody answers here, and nobody is asked.
  base_url: http://127.0.0.1:9
  new_base_url: http://127.0.0.1:9
state:
  url: sqlite:///var/syncd.db
schedule:
  full_every: 30d
  observe_every: 30d
"""


def install(folder: Path, directory: openldap.Directory) -> None:
    """Make the folder of an installation that reads `directory`."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(ROOT / "mappings", folder / "mappings", dirs_exist_ok=True)
    text = _CONFIG.format(address=directory.address, user=directory.user, suffix=directory.suffix)
    (folder / "syncd.yaml").write_text(text, encoding="utf-8")
    os.environ |= SECRETS | {"BENCHMARK_DIRECTORY": directory.password}


@contextmanager
def seeded(people: int, folder: Path | None = None) -> Iterator[tuple[openldap.Directory, Path]]:
    """Yield a directory with so many people, and an installation in step with it. Without `folder`, in a temporary one."""
    with openldap.directory(people) as directory, tempfile.TemporaryDirectory(prefix="syncd-large-") as name:
        home = folder or Path(name)
        install(home, directory)
        seed(home)
        yield directory, home


@contextmanager
def stored(people: int) -> Iterator[tuple[openldap.Directory, Path]]:
    """Yield a directory with so many people, and an installation that has read them and takes all of them for agreed."""
    with openldap.directory(people) as directory, tempfile.TemporaryDirectory(prefix="syncd-large-") as name:
        install(Path(name), directory)
        worker(Path(name), "store")
        yield directory, Path(name)


def seed(folder: Path) -> None:
    """Let the tenant hold everybody, until a cycle finds nothing to do. Raises `RuntimeError` if that does not come about."""
    command = [sys.executable, "-m", "benchmarks._large_worker", "seed", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=compiled(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"seeding failed: {done.stderr[-2000:]}")


def worker(folder: Path, *words: str) -> Usage:
    """Run a part of the engine in a process of its own, and return what it used. Raises if it fails."""
    usage = used((sys.executable, "-m", "benchmarks._large_worker", words[0], str(folder), *words[1:]), ROOT)
    assert usage.exit_code == 0, f"{words} ended with {usage.exit_code}"
    return usage
