"""An installation that reads a directory, made as IT makes it: `syncd init`, and then an editor. Whatever directory it is.

What it says is typed in this process, so that a journey of many commands does not wait for as many starts of an interpreter.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from support.installation import REPOSITORY
from support.journey import Journey

BY_PASSWORD: Final[Mapping[str, str]] = {"password": "{env: DIRECTORY_PASSWORD}"}
"""The setting of who logs on with the password that is in the environment."""
_AT_ONCE: Final = """
guard: {first_run: apply}
leavers: {policy: remove}
logging: {level: warning}
"""
"""Leavers are let go at once, so that a tenant does not tell of what has been."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What one plan said."""

    fingerprint: str
    full: bool
    proven: bool
    count: int
    """How many records were looked at to make it."""
    changes: Sequence[Mapping[str, Any]]

    @property
    def words(self) -> list[str]:
        """What would be done, without to whom: `update unit`."""
        return sorted(f"{one['op']} {one['kind']}" for one in self.changes)


class Reader(Journey):
    """One folder beside one sandbox. `settings` are those of the source, as they stand in syncd.yaml."""

    def __init__(
        self,
        folder: Path,
        url: str,
        *,
        source: str,
        password: str,
        settings: Mapping[str, str],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder, self.url, self.people, self.source = folder, url, [], source
        self.environment = {
            "PATH": os.defpath,
            "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'connectors'}",
            "DIRECTORY_PASSWORD": password,
            "DINGTALK_APP_SECRET": "sandbox-secret",
            **(environment or {}),
        }
        folder.mkdir(parents=True, exist_ok=True)
        done = self.ran("init", ".", "--source", source)
        assert done.code == 0, done.err
        tenant = {"app_key": "dingsandboxkey", "app_secret": "{env: DINGTALK_APP_SECRET}", "qps": "null"}
        self.set(settings)
        self.set({**tenant, "base_url": url, "new_base_url": url, "address_calls": "null"})
        self.add(_AT_ONCE)

    def set(self, settings: Mapping[str, str]) -> None:
        """Give settings of the source or the target values, whether they are commented out or not."""
        path = self.folder / "syncd.yaml"
        text = path.read_text(encoding="utf-8")
        for name, value in settings.items():
            line = re.compile(rf"^( {{2,4}})(?:# )?{name}: .*$", re.MULTILINE)
            assert line.search(text), f"syncd init writes no {name}"
            text = line.sub(lambda found: f"{found[1]}{name}: {value}", text, count=1)  # noqa: B023
        path.write_text(text, encoding="utf-8")

    def rule(self, old: str, new: str) -> None:
        """Edit the rules of the source: a text that is there once."""
        path = self.folder / "mappings" / f"{self.source}.yaml"
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {path.name}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def told(self, *arguments: str) -> dict[str, Any]:
        """Type a command that must succeed, and return its document."""
        done = self.ran(*arguments, "--json")
        assert done.code == 0, (arguments, done.code, done.out[:3000], done.err)
        return done.json

    def planned(self, *arguments: str) -> Planned:
        """Type `syncd plan`."""
        said = self.told("plan", *arguments)
        (read,) = said["sources"]
        return Planned(
            fingerprint=said["fingerprint"],
            full=read["full"],
            proven=read["proven"],
            count=read["count"],
            changes=[_placeless(one) for one in said["changes"]],
        )


def _placeless(change: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out where the rules stand: each installation has its own folder."""
    return {**change, "fields": [{**one, "rule": None} for one in change["fields"]]}
