"""Rules may name what a source delivers: the attributes of its class, and those that its settings ask for besides."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from support.installation import REPOSITORY
from syncd.cli.session import Session
from syncd.core.errors import Misconfigured
from syncd.core.model import Kind
from syncd.core.ports import Room

CONFIG = """\
sources:
  ad:
    type: active_directory
    rules: mappings/active_directory.yaml
    servers: ldaps://dc1.corp.example.com
    user: svc-syncd@corp.example.com
    password: {env: AD_PASSWORD}
    base: OU=Company,DC=corp,DC=example,DC=com
target: {type: dingtalk, rules: mappings/dingtalk.yaml, app_key: dingkey, app_secret: {env: DING_SECRET}}
"""
ASKED = "    attributes: {msDS-cloudExtensionAttribute1: text}\n"


class Watched(Session):
    """A session that remembers what it told a source."""

    wanted: Mapping[Kind, frozenset[str]] | None

    def room(
        self,
        name: str,
        *,
        wanted: Mapping[Kind, frozenset[str]] | None = None,
        returned: frozenset[str] = frozenset(),
    ) -> Room:
        self.wanted = wanted
        return super().room(name, wanted=wanted, returned=returned)


def session(folder: Path, config: str) -> Watched:
    shutil.copytree(REPOSITORY / "mappings", folder / "mappings")
    rules = folder / "mappings" / "active_directory.yaml"
    text = rules.read_text(encoding="utf-8")
    rules.write_text(
        text.replace("    title: {", "    costCenter: msDS-cloudExtensionAttribute1\n    title: {"), encoding="utf-8"
    )
    (folder / "syncd.yaml").write_text(config, encoding="utf-8")
    return Watched(config=folder / "syncd.yaml", level="error")


def test_an_attribute_that_the_settings_ask_for_can_be_named(tmp_path: Path) -> None:
    with session(tmp_path, CONFIG.replace("target:", f"{ASKED}target:")) as one:
        assert "msDS-cloudExtensionAttribute1" in one.rules.inbound["ad"].reads[Kind.PERSON]


def test_a_source_is_told_what_its_rules_read(tmp_path: Path) -> None:
    with session(tmp_path, CONFIG.replace("target:", f"{ASKED}target:")) as one:
        one.source("ad")
    wanted = one.wanted
    assert wanted is not None
    assert {"msDS-cloudExtensionAttribute1", "sAMAccountName"} < wanted[Kind.PERSON]
    assert "info" not in wanted[Kind.PERSON]
    assert "member" in wanted[Kind.GROUP]


def test_a_source_can_be_tried_while_its_rules_are_wrong(tmp_path: Path) -> None:
    with session(tmp_path, CONFIG) as one:
        one.source("ad")
    assert one.wanted is None


def test_an_attribute_that_nobody_asks_for_is_a_mistake_with_its_place(tmp_path: Path) -> None:
    with session(tmp_path, CONFIG) as one, pytest.raises(Misconfigured) as failure:
        _ = one.rules
    (problem,) = failure.value.problems
    assert "msDS-cloudExtensionAttribute1" in problem.what
    assert problem.place.line > 1
