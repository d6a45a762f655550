"""The shipped rules of Prometheus: valid, tested one by one, and about metrics that there are."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from support.web import ROOT, well
from syncd.web.metrics import Counts, Metrics

RULES: Final = sorted((ROOT / "packaging" / "prometheus").glob("*.yml"))
TESTS: Final = ROOT / "tests" / "prometheus" / "syncd.test.yml"


def promtool(*words: str | Path) -> subprocess.CompletedProcess[str]:
    found = shutil.which("promtool")
    assert found, "tests/servers/install.sh installs it"
    return subprocess.run([found, *words], capture_output=True, text=True, timeout=300)


def rules() -> list[dict[str, Any]]:
    groups = [group for file in RULES for group in YAML(typ="safe").load(file)["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def test_promtool_finds_the_rules_valid() -> None:
    assert len(RULES) == 2
    ran = promtool("check", "rules", "--lint=all", "--lint-fatal", *RULES)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_an_installation_that_is_well_is_left_alone_and_one_where_all_is_wrong_is_not() -> None:
    ran = promtool("test", "rules", TESTS)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_no_alert_is_without_a_test_that_sees_it_fire() -> None:
    tested = set(re.findall(r'alertname="(\w+)"\}\', value: 1', TESTS.read_text(encoding="utf-8")))
    assert {rule["alert"] for rule in rules() if "alert" in rule} == tested


def test_rules_speak_of_metrics_that_there_are() -> None:
    page, _ = Metrics(Counts()).render(well(), ready=True)
    there = set(re.findall(r"^# TYPE (\w+) ", page.decode(), re.MULTILINE))
    asked = {name for rule in rules() for name in re.findall(r"\bsyncd_\w+", rule["expr"])}
    assert {name.removesuffix("_bucket") for name in asked} <= there


@pytest.mark.parametrize("rule", [rule for rule in rules() if "alert" in rule], ids=lambda rule: rule["alert"])
def test_each_alert_says_what_is_wrong_what_to_do_and_how_much_it_matters(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert set(rule["annotations"]) == {"summary", "description"}
